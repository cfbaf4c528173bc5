"""Layers, losses, optimizers, schedules, initializers and metrics."""

from nbdl.builtin.kernels import ACTIVATIONS
from nbdl.hookspecs import hookimpl
from nbdl.records import Initializer, Layer, Loss, Metric, Optimizer, Schedule


@hookimpl
def nbdl_layers():
    for name in (
        "AvgPool2d", "Conv2d", "Dropout", "Flatten", "Linear", "MaxPool2d", "Sequential", "Softmax",
        *ACTIVATIONS.values(),
    ):  # fmt: skip
        yield Layer(name, f"nbdl.nn:{name}")


@hookimpl
def nbdl_losses():
    yield Loss("softmax_cross_entropy", "nbdl.nn:softmax_cross_entropy", metrics=("accuracy",))
    for name in ("mse", "cross_entropy", "kl_divergence", "js_divergence", "info_nce"):
        yield Loss(name, f"nbdl.nn:{name}")


@hookimpl
def nbdl_optimizers():
    moments = ("m", "v")
    for page, name, state in (
        ("sgd", "sgd", ()), ("momentum", "momentum", ("v",)),
        ("adam", "adam", moments), ("adam", "adamw", moments),
    ):  # fmt: skip
        lanes = f"nbdl.kernels.update.{page}_lanes:{name}_update"
        yield Optimizer(name, f"nbdl.kernels:{name}_update", state, per="element", lanes=lanes)


@hookimpl
def nbdl_schedules():
    for name in ("constant", "cosine", "exponential", "multi_factor", "polynomial"):
        yield Schedule(name, f"nbdl.optim:{name}")


@hookimpl
def nbdl_initializers():
    for name in (
        "zeros", "ones", "normal", "uniform", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal",
        "lecun_uniform", "orthogonal",
    ):  # fmt: skip
        yield Initializer(name, f"nbdl.nn._init:{name}")


@hookimpl
def nbdl_metrics():
    yield Metric("accuracy", "nbdl.train:accuracy")
    yield Metric("mean_absolute_error", "nbdl.train:mean_absolute_error", better="lower")
