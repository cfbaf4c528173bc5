"""Activations, Dropout and Flatten."""

import math

from nbdl.errors import OptionError, ShapeError
from nbdl.nn._parameter import Parameter, cast
from nbdl.nn._train import training
from nbdl.tape import apply, as_tensor

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Dropout",
    "Flatten",
    "HardSigmoid",
    "HardSwish",
    "LeakyReLU",
    "Mish",
    "PReLU",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "SwiGLU",
    "Tanh",
]


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
    """x times the probability that a normal number is below x, exactly or, with "tanh", nearly.

    See `nbdl.kernels.gelu` and `nbdl.kernels.gelu_tanh`. `approximate` is "none" or "tanh", as in torch.
    """

    def __init__(self, approximate="none"):
        if approximate not in ("none", "tanh"):
            raise OptionError('GELU: `approximate` must be "none" or "tanh", got {!r}', approximate)
        self.approximate = approximate

    def __call__(self, x, train=None):
        return apply("gelu" if self.approximate == "none" else "gelu_tanh", x)


class SiLU:
    """x sigmoid(x), also called swish. See `nbdl.kernels.silu`."""

    def __call__(self, x, train=None):
        return apply("silu", x)


class ELU:
    """x where it is positive, else alpha (exp(x) - 1). See `nbdl.kernels.elu`."""

    def __init__(self, alpha=1.0):
        self.alpha = _number("ELU: `alpha`", alpha)

    def __call__(self, x, train=None):
        return apply("elu", x, alpha=self.alpha)


class SELU:
    """ELU scaled so that mean 0 and variance 1 stay. See `nbdl.kernels.selu`."""

    def __call__(self, x, train=None):
        return apply("selu", x)


class CELU:
    """x where it is positive, else alpha (exp(x / alpha) - 1). See `nbdl.kernels.celu`."""

    def __init__(self, alpha=1.0):
        self.alpha = _number("CELU: `alpha`", alpha, above=0)

    def __call__(self, x, train=None):
        return apply("celu", x, alpha=self.alpha)


class LeakyReLU:
    """x where it is positive, else `slope` x. See `nbdl.kernels.leaky_relu`."""

    def __init__(self, slope=0.01):
        self.slope = _number("LeakyReLU: `slope`", slope)

    def __call__(self, x, train=None):
        return apply("leaky_relu", x, slope=self.slope)


class PReLU:
    """x where it is positive, else w x, with a slope w that is learned. See `nbdl.kernels.prelu`.

    Parameters
    ----------
    per_channel : bool
        Whether each channel of x (N, C, ...) has a slope; else there is one for all elements.
    init : str
        Initializer of w (C,) or (1,); "quarter" is 0.25.
    """

    def __init__(self, per_channel=False, *, init="quarter"):
        self.per_channel, self.init = bool(per_channel), init
        self.w = Parameter(init)

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if self.per_channel and x.ndim < 2:
            raise ShapeError("PReLU: `x` must have at least 2 dimensions (N, C), got shape {}", x.shape)
        if not self.w.ready:
            self.w.fill((x.shape[1] if self.per_channel else 1,))
        return apply("prelu", cast(x, self.w), self.w)


class Softplus:
    """log(1 + exp(beta x)) / beta: a smooth ReLU. See `nbdl.kernels.softplus`."""

    def __init__(self, beta=1.0):
        self.beta = _number("Softplus: `beta`", beta, above=0)

    def __call__(self, x, train=None):
        return apply("softplus", x, beta=self.beta)


class Mish:
    """x tanh(softplus(x)). See `nbdl.kernels.mish`."""

    def __call__(self, x, train=None):
        return apply("mish", x)


class Softsign:
    """x / (1 + |x|). See `nbdl.kernels.softsign`."""

    def __call__(self, x, train=None):
        return apply("softsign", x)


class HardSigmoid:
    """x / 6 + 1 / 2, at least 0 and at most 1. See `nbdl.kernels.hard_sigmoid`."""

    def __call__(self, x, train=None):
        return apply("hard_sigmoid", x)


class HardSwish:
    """x times its hard sigmoid. See `nbdl.kernels.hard_swish`."""

    def __call__(self, x, train=None):
        return apply("hard_swish", x)


class GLU:
    """The first half of x along `axis` times the sigmoid of the second. See `nbdl.kernels.glu`."""

    def __init__(self, axis=-1):
        self.axis = axis

    def __call__(self, x, train=None):
        return apply("glu", x, axis=self.axis)


class SwiGLU:
    """The SiLU of the first half of x along `axis` times the second. See `nbdl.kernels.swiglu`."""

    def __init__(self, axis=-1):
        self.axis = axis

    def __call__(self, x, train=None):
        return apply("swiglu", x, axis=self.axis)


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
        train = training(self, train)
        return apply("dropout", x, p=self.p, seed=train.seed, op=train.next_op(), step=train.step)


class Flatten:
    """(N, ...) to (N, D)."""

    def __call__(self, x, train=None):
        x = as_tensor(x)
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def _number(where, value, above=-math.inf):
    """`value` as a finite float above a bound."""
    if isinstance(value, (bool, str)) or not above < float(value) < math.inf:
        rule = "a positive number" if above == 0 else "a finite number"
        raise OptionError("{} must be {}, got {!r}", where, rule, value)
    return float(value)
