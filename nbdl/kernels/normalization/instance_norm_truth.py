"""The truth of `instance_norm`."""

from nbdl.cases import Bad
from nbdl.errors import ShapeError
from nbdl.kernels.normalization.group_norm_truth import channel_cases, group_norm
from nbdl.kernels.normalization.layer_norm_truth import features


def instance_norm(x, gamma, beta, eps=1e-5):
    return group_norm(x, gamma, beta, x.shape[1], eps)


def instance_norm_cases(rng):
    rows = rng.standard_normal((3, 6)), *features(rng, 6)
    return [*channel_cases(rng, lambda groups: {}), Bad("rows", rows, {}, ShapeError, "x")]
