"""Activations: functions of each element, and gates."""

import functools

import numpy as np

from nbdl import kernels
from onnx_on_nbdl.arrays import on_tape


def each(kernel, x, *options):
    """An activation of arrays of any shape, compiled for one."""
    return kernel(x.reshape(-1), *options).reshape(x.shape)


def gelu(x, *, approximate="none"):
    return each(kernels.gelu if approximate == "none" else kernels.gelu_tanh, x)


def selu(x, *, alpha=None, gamma=1.0):
    return each(kernels.selu, x) if alpha is None else x.dtype.type(gamma) * each(kernels.elu, x, alpha)


def swish(x, *, alpha=1.0):
    return each(kernels.silu, alpha * x) / x.dtype.type(alpha)


def prelu(x, slope):
    """One slope, one for each channel (C, 1, ...), or one for each element of the last axes of x."""
    if slope.size == 1 or slope.shape == (x.shape[1], *[1] * (x.ndim - 2)):
        return kernels.prelu(x, slope.reshape(-1))
    return kernels.prelu(x.reshape(-1, slope.size), slope.reshape(-1)).reshape(x.shape)


def swiglu(a, b, *, alpha=1.0):
    """swish_alpha(a) b: by the kernel of both halves, in which alpha is 1."""
    return kernels.swiglu(np.concatenate([alpha * a, b / alpha], axis=-1))


def thresholded_relu(x, *, alpha=1.0):
    return on_tape("where", on_tape("greater", x, alpha), x, 0)


def shrink(x, *, bias=0.0, lambd=0.5):
    inner = on_tape("where", on_tape("greater", x, lambd), on_tape("sub", x, bias), 0)
    return on_tape("where", on_tape("less", x, -lambd), on_tape("add", x, bias), inner)


OPERATORS = {
    "Celu": lambda x, alpha=1.0: each(kernels.celu, x, alpha),
    "Elu": lambda x, alpha=1.0: each(kernels.elu, x, alpha),
    "Gelu": gelu,
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5: each(kernels.hard_sigmoid, x, alpha, beta),
    "HardSwish": functools.partial(each, kernels.hard_swish),
    "LeakyRelu": lambda x, alpha=0.01: each(kernels.leaky_relu, x, alpha),
    "Mish": functools.partial(each, kernels.mish),
    "PRelu": prelu,
    "Relu": lambda x: kernels.relu(x),
    "Selu": selu,
    "Shrink": shrink,
    "Sigmoid": lambda x: kernels.sigmoid(x),
    "Softplus": functools.partial(each, kernels.softplus),
    "Softsign": functools.partial(each, kernels.softsign),
    "SwiGLU": swiglu,
    "Swish": swish,
    "Tanh": lambda x: kernels.tanh(x),
    "ThresholdedRelu": thresholded_relu,
}
