"""Layers without parameters that keep the shape, and Flatten."""

import math

from nbdl.errors import OptionError
from nbdl.tape import apply, as_tensor

__all__ = ["GELU", "Dropout", "Flatten", "ReLU", "Sigmoid", "Softmax", "Tanh"]


class ReLU:
    """max(x, 0). See `nbdl.kernels.relu`."""

    def __call__(self, x, train=None):
        return apply("relu", x)


class Sigmoid:
    """1 / (1 + exp(-x)). See `nbdl.kernels.sigmoid`."""

    def __call__(self, x, train=None):
        return apply("sigmoid", x)


class Tanh:
    """Hyperbolic tangent. See `nbdl.kernels.tanh`."""

    def __call__(self, x, train=None):
        return apply("tanh", x)


class GELU:
    """x times the probability that a normal number is below x, exactly. See `nbdl.kernels.gelu`."""

    def __call__(self, x, train=None):
        return apply("gelu", x)


class Softmax:
    """exp(x) / sum(exp(x)) along `axis`. See `nbdl.kernels.softmax`."""

    def __init__(self, axis=-1):
        self.axis = axis

    def __call__(self, x, train=None):
        return apply("softmax", x, axis=self.axis)


class Dropout:
    """While training, sets each number to zero with probability `p` and scales the others by 1 / (1 - p)."""

    def __init__(self, p=0.5):
        if not 0 <= p <= 1:
            raise OptionError("Dropout: `p` must lie in [0, 1], got {}", p)
        self.p = p

    def __call__(self, x, train=None):
        if train is None:
            return as_tensor(x)
        return apply("dropout", x, p=self.p, seed=train.seed, op=train.next_op(), step=train.step)


class Flatten:
    """(N, ...) to (N, D)."""

    def __call__(self, x, train=None):
        x = as_tensor(x)
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))
