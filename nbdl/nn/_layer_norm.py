"""Layers that normalize the last axes of each sample."""

import math

from nbdl.errors import OptionError, ShapeError
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.tape import apply, as_tensor


class LayerNorm:
    """Brings the features of each row of x (N, ..., D) to mean 0 and variance 1, then scales and shifts them.

    See `nbdl.kernels.layer_norm`. Training and prediction are the same.

    Parameters
    ----------
    axes : int
        How many of the last axes are a row, 1 for features, 3 for whole images (N, C, H, W); D is their
        product.
    eps : float
        Added to the variance; positive.
    affine : bool
        Whether there are gamma (D,), a scale that starts at 1, and beta (D,), a shift that starts at 0.

    Raises
    ------
    ShapeError
        When called, if x has too few dimensions, or rows of another size than at first.

    Examples
    --------
    >>> nn.LayerNorm()(np.array([[1.0, 3.0]])).data.round(3)
    array([[-1.,  1.]])
    """

    @by_name("nbdl finds the size of a row itself: nn.LayerNorm(), nn.LayerNorm(axes=3)")
    def __init__(self, *, axes=1, eps=1e-5, affine=True):
        self.axes, self.eps, self.affine = (
            positive("LayerNorm: `axes`", axes),
            eps_of(self, eps),
            bool(affine),
        )
        self.gamma = Parameter("ones") if affine else None
        self.beta = Parameter("zeros") if affine else None

    def __call__(self, x, train=None):
        x = by_rows(self, as_tensor(x), (self.gamma, self.beta))
        return apply("layer_norm", x, self.gamma, self.beta, eps=self.eps, axes=self.axes)


class RMSNorm:
    """Divides the features of each row of x (N, ..., D) by the root of their mean square, then scales them.

    See `nbdl.kernels.rms_norm`. Options and errors as in `LayerNorm`; there is no shift.
    """

    @by_name("nbdl finds the size of a row itself: nn.RMSNorm(), nn.RMSNorm(eps=1e-6)")
    def __init__(self, *, axes=1, eps=1e-5, affine=True):
        self.axes, self.eps, self.affine = positive("RMSNorm: `axes`", axes), eps_of(self, eps), bool(affine)
        self.gamma = Parameter("ones") if affine else None

    def __call__(self, x, train=None):
        x = by_rows(self, as_tensor(x), (self.gamma,))
        return apply("rms_norm", x, self.gamma, eps=self.eps, axes=self.axes)


def eps_of(layer, eps):
    if not 0 < eps < math.inf:
        raise OptionError("{}: `eps` must be positive, got {!r}", type(layer).__name__, eps)
    return float(eps)


def by_rows(layer, x, arrays):
    """x in the dtype of the arrays of a layer, which are filled at the first call."""
    name, axes = type(layer).__name__, layer.axes
    if x.ndim <= axes:
        raise ShapeError(
            "{}: `x` must have at least {} dimensions, samples first, for axes={}, got shape {}",
            name, axes + 1, axes, x.shape,
        )  # fmt: skip
    size = math.prod(x.shape[-axes:])
    if not layer.affine:
        return x
    for array in arrays:
        if not array.ready:
            array.fill((size,))
    if layer.gamma.size != size:
        raise ShapeError(
            "{}: the last {} of the axes of `x` must have {} elements, as at the first call, got shape {}",
            name, axes, layer.gamma.size, x.shape,
        )  # fmt: skip
    return cast(x, layer.gamma)
