"""The truth of `batch_norm_inference`."""

from nbdl.cases import Case
from nbdl.kernels.normalization.batch_norm_truth import cases, inputs, normalized


def batch_norm_inference(x, gamma, beta, mean, var, eps=1e-5):
    return normalized(x, gamma, beta, mean, var, eps)


def batch_norm_inference_cases(rng):
    images = inputs(rng, 2, 3, 4)
    return [
        *cases(rng, "mean", "var"),
        Case("one sample", (inputs(rng, 1, 3)[0], *images[1:])),
        Case("no samples", (images[0][:0], *images[1:])),
        Case("large", (images[0] * 1e30, *images[1:]), grad=False),
    ]
