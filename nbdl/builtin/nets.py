"""Layers, losses, optimizers, schedules, initializers and metrics."""

from nbdl.builtin.kernels import ACTIVATIONS
from nbdl.hookspecs import hookimpl
from nbdl.records import Initializer, Layer, Loss, Metric, Optimizer, Schedule


@hookimpl
def nbdl_layers():
    for name in (
        "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AdditiveAttention", "AttentionGRU", "AvgPool1d",
        "AvgPool2d", "BatchNorm", "BilinearAttention", "Concat", "Conv1d", "Conv2d", "ConvTranspose2d",
        "Dropout", "Embedding", "FeedForward", "Flatten", "GLU", "GRU", "GaussianNoise",
        "GlobalAvgPool2d", "GlobalMaxPool2d", "GroupNorm", "InstanceNorm", "LSTM", "Lambda", "LayerNorm",
        "Linear", "LocalResponseNorm", "LpPool2d", "MaxPool1d", "MaxPool2d", "MultiHeadAttention",
        "OneHot", "PReLU", "Pad2d", "PatchEmbedding", "PositionalEmbedding", "PositionalEncoding",
        "RMSNorm", "RNN", "RandomCrop", "RandomFlip", "RandomShift", "Reshape", "Residual", "Sequential",
        "Softmax", "Stack", "Stateful", "SwiGLU", "TransformerDecoderBlock", "TransformerEncoderBlock",
        *dict.fromkeys(ACTIVATIONS.values()),
    ):  # fmt: skip
        yield Layer(name, f"nbdl.nn:{name}")
    for name in (
        "BahdanauDecoder", "BahdanauEncoder", "Seq2Seq", "SequenceDecoder", "SequenceEncoder",
        "TransformerDecoder", "TransformerEncoder", "VAE",
    ):  # fmt: skip
        yield Layer(name, f"nbdl.models:{name}")


@hookimpl
def nbdl_losses():
    yield Loss(
        "softmax_cross_entropy", "nbdl.nn:softmax_cross_entropy", metrics=("accuracy",),
        count="nbdl.nn._losses:weight_of_labels",
    )  # fmt: skip
    for name in ("mse", "huber", "l1", "binary_cross_entropy_with_logits", "hinge"):
        yield Loss(name, f"nbdl.nn:{name}", count="nbdl.nn._losses:elements")
    for name in ("cross_entropy", "kl_divergence", "js_divergence"):
        yield Loss(name, f"nbdl.nn:{name}", count="nbdl.nn._losses:rows")
    yield Loss("info_nce", "nbdl.nn:info_nce")
    for name, target in (("bernoulli_elbo", "own_shares"), ("gaussian_elbo", "own_inputs")):
        yield Loss(
            name, f"nbdl.nn:{name}", metrics=("elbo", "reconstruction", "kl"),
            count="nbdl.nn._variational:samples", target=f"nbdl.nn._variational:{target}",
        )  # fmt: skip


@hookimpl
def nbdl_optimizers():
    moments = ("m", "v")
    for page, name, state in (
        ("sgd", "sgd", ()), ("momentum", "momentum", ("v",)),
        ("adagrad", "adagrad", ("s",)), ("rmsprop", "rmsprop", ("s", "m", "v")),
        ("adadelta", "adadelta", ("s", "u")),
        ("adam", "adam", moments), ("adam", "adamw", moments), ("adamax", "adamax", ("m", "u")),
        ("nadam", "nadam", moments), ("yogi", "yogi", moments), ("amsgrad", "amsgrad", ("m", "v", "top")),
    ):  # fmt: skip
        lanes = f"nbdl.kernels.update.{page}_lanes:{name}_update"
        yield Optimizer(name, f"nbdl.kernels:{name}_update", state, per="element", lanes=lanes)
    for name, state in (("lars", ("v",)), ("lamb", moments)):
        lanes = f"nbdl.kernels.update.{name}_lanes:{name}_update"
        yield Optimizer(name, f"nbdl.kernels:{name}_update", state, per="tensor", lanes=lanes)


@hookimpl
def nbdl_schedules():
    for name in (
        "constant", "cosine", "exponential", "factor", "multi_factor", "one_cycle", "piecewise", "polynomial",
        "square_root",
    ):  # fmt: skip
        yield Schedule(name, f"nbdl.optim:{name}")


@hookimpl
def nbdl_initializers():
    for name in (
        "zeros", "ones", "quarter", "normal", "uniform", "xavier_uniform", "xavier_normal", "he_uniform",
        "he_normal", "lecun_uniform", "orthogonal",
    ):  # fmt: skip
        yield Initializer(name, f"nbdl.nn._init:{name}")


@hookimpl
def nbdl_metrics():
    yield Metric("accuracy", "nbdl.train:accuracy", count="nbdl.train._metrics:labels_of_classes")
    yield Metric(
        "mean_absolute_error", "nbdl.train:mean_absolute_error", better="lower",
        count="nbdl.nn._losses:elements",
    )  # fmt: skip
    yield Metric(
        "rmse", "nbdl.train._metrics:mean_squared_error", better="lower",
        count="nbdl.nn._losses:elements", finish="math:sqrt",
    )  # fmt: skip
    for name, better in (("elbo", "higher"), ("reconstruction", "lower"), ("kl", "lower")):
        yield Metric(
            name, f"nbdl.nn._variational:{name}", better=better, count="nbdl.nn._variational:samples"
        )
    for name in ("perplexity", "bits_per_character"):
        yield Metric(name, f"nbdl.train:{name}", better="lower", of="loss")
