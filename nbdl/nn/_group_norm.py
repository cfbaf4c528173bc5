"""Layers that normalize the channels of each sample."""

import math

from nbdl.errors import OptionError, ShapeError
from nbdl.nn._layer_norm import eps_of
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.tape import apply, as_tensor


class GroupNorm:
    """Brings groups of channels of a sample to mean 0 and variance 1, then scales and shifts each channel.

    x (N, C) or (N, C, ...). See `nbdl.kernels.group_norm`. Training and prediction are the same.

    Parameters
    ----------
    groups : int
        Into how many groups of neighbours the channels fall; a divisor of their number.
    eps : float
        Added to the variance; positive.
    affine : bool
        Whether there are gamma (C,), a scale that starts at 1, and beta (C,), a shift that starts at 0.

    Raises
    ------
    OptionError, ShapeError
        When called, if `groups` does not divide C, or x has another number of channels than at first.
    """

    @by_name("nbdl finds the channels itself: nn.GroupNorm(8), nn.GroupNorm(8, eps=1e-3)")
    def __init__(self, groups, *, eps=1e-5, affine=True):
        self.groups = positive("GroupNorm: `groups`", groups)
        self.eps, self.affine = eps_of(self, eps), bool(affine)
        self.gamma = Parameter("ones") if affine else None
        self.beta = Parameter("zeros") if affine else None

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if x.ndim < 2:
            raise ShapeError("GroupNorm: `x` must have at least 2 dimensions (N, C), got shape {}", x.shape)
        if x.shape[1] % self.groups:
            text = "GroupNorm: `groups` must be a divisor of the number of channels, {}, got {}"
            raise OptionError(text, x.shape[1], self.groups)
        x = _by_channels(self, x)
        return apply("group_norm", x, self.gamma, self.beta, groups=self.groups, eps=self.eps)


class InstanceNorm:
    """Brings each channel of a sample to mean 0 and variance 1, then scales and shifts it.

    x (N, C, L, ...). See `nbdl.kernels.instance_norm`. Training and prediction are the same: there are no
    running averages. Options and errors as in `GroupNorm`, without groups; `affine` is off in torch unless
    asked for, and on here, as in all norms.
    """

    @by_name("nbdl finds the channels itself: nn.InstanceNorm(), nn.InstanceNorm(affine=False)")
    def __init__(self, *, eps=1e-5, affine=True):
        self.eps, self.affine = eps_of(self, eps), bool(affine)
        self.gamma = Parameter("ones") if affine else None
        self.beta = Parameter("zeros") if affine else None

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if x.ndim < 3:
            text = "InstanceNorm: `x` must have at least 3 dimensions (N, C, L), got shape {}"
            raise ShapeError(text, x.shape)
        return apply("instance_norm", _by_channels(self, x), self.gamma, self.beta, eps=self.eps)


class LocalResponseNorm:
    """Divides each value of x (N, C, ...) by a power of the squares in `size` neighbouring channels.

    See `nbdl.kernels.local_response_norm`: alpha is divided by `size`, as in torch and ONNX.

    Parameters
    ----------
    size : int
    alpha, beta, k : float
        alpha and beta not negative, k positive.
    """

    @by_name("nbdl takes the rest by name: nn.LocalResponseNorm(5, alpha=5e-4, k=2.0)")
    def __init__(self, size, *, alpha=1e-4, beta=0.75, k=1.0):
        self.size = positive("LocalResponseNorm: `size`", size)
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not 0 <= value < math.inf:
                text = "LocalResponseNorm: `{}` must not be negative, nor infinite, got {!r}"
                raise OptionError(text, name, value)
        if not 0 < k < math.inf:
            raise OptionError("LocalResponseNorm: `k` must be positive, got {!r}", k)
        self.alpha, self.beta, self.k = float(alpha), float(beta), float(k)

    def __call__(self, x, train=None):
        options = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return apply("local_response_norm", as_tensor(x), **options)


def _by_channels(layer, x):
    """x in the dtype of the arrays of a layer, which are filled at the first call."""
    if not layer.affine:
        return x
    for array in (layer.gamma, layer.beta):
        if not array.ready:
            array.fill((x.shape[1],))
    if x.shape[1] != layer.gamma.size:
        raise ShapeError(
            "{}: `x` must have {} channels in axis 1, as at the first call, got shape {}",
            type(layer).__name__, layer.gamma.size, x.shape,
        )  # fmt: skip
    return cast(x, layer.gamma)
