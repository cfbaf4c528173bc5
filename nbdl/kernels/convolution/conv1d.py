r"""One-dimensional cross-correlation with channels: what deep learning calls a convolution of series.

.. math:: y_{noj} = b_o + \sum_{cv} w_{ocv}\; x_{n,\,c,\,j s + v d - p}

x (N, C, W), w (O, C / groups, K), b (O,), y (N, O, Q) with
``Q = (W + left + right - ((K - 1) * dilation + 1)) // stride + 1``. Zhang et al., Dive into Deep Learning,
section 16.3.

The same as a loop, for `x` that has its padding, without groups::

    def plain_conv1d(x, w, b, stride, dilation):
        (N, C, W), (O, _, K) = x.shape, w.shape
        y = np.empty((N, O, (W - (K - 1) * dilation - 1) // stride + 1))
        for n, o, j in np.ndindex(y.shape):
            y[n, o, j] = b[o]
            for c, v in np.ndindex(C, K):
                y[n, o, j] += w[o, c, v] * x[n, c, j * stride + v * dilation]
        return y

A series is an image of one row, its kernel one of one row: the cores are those of `conv2d`.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.convolution.conv2d import _conv2d_db
from nbdl.kernels.convolution.correlate import _conv2d
from nbdl.kernels.convolution.correlate_dw import _conv2d_dw, _conv2d_dw_of_lanes
from nbdl.kernels.convolution.correlate_dx import _conv2d_dx
from nbdl.kernels.door.compact import compact
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.options import integer, pair, shape3, too_large
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.door.window import check_window1d


@jit
def conv1d_shape(x_shape, w_shape, stride=1, padding=0, dilation=1, groups=1):
    """Shape (N, O, Q) of `conv1d`'s result; raises `ShapeError` or `OptionError` where they misfit.

    Call it once before a parallel loop over `conv1d`: Numba drops exceptions raised inside ``prange``.
    """
    if len(x_shape) != 3 or len(w_shape) != 3:
        raise ShapeError(
            "conv1d: `x` (N, C, W) and `w` (O, C/groups, K) must have 3 dimensions, got {} and {}",
            len(x_shape),
            len(w_shape),
        )
    x_shape, w_shape = (
        shape3("conv1d: the shape of `x`", x_shape),
        shape3("conv1d: the shape of `w`", w_shape),
    )
    stride, padding = integer("conv1d: `stride`", stride), pair("conv1d: `padding`", padding)
    dilation, groups = integer("conv1d: `dilation`", dilation), integer("conv1d: `groups`", groups)
    return _conv1d_shape(x_shape, w_shape, stride, padding, dilation, groups)


@jit
def _conv1d_shape(x_shape, w_shape, stride, padding, dilation, groups):
    compact()
    if groups < 1 or x_shape[1] % groups or w_shape[0] % groups:
        raise OptionError(
            "conv1d: `groups` must divide the channels of `x` ({}) and the rows of `w` ({}), got {}",
            x_shape[1],
            w_shape[0],
            groups,
        )
    if w_shape[1] != x_shape[1] // groups:
        raise ShapeError(
            "conv1d: `w` must have {} input channels (those of `x` divided by `groups`), got {}",
            x_shape[1] // groups,
            w_shape[1],
        )
    if w_shape[2] < 1:
        raise ShapeError("conv1d: the kernel of `w` must have at least one element, got {}", w_shape)
    check_window1d("conv1d", w_shape[2], stride, padding, dilation)
    # Kernel and dilation are below 2^31 by now: their product fits int64, and no overflow hides a misfit.
    q = (x_shape[2] + padding[0] + padding[1] - (w_shape[2] - 1) * dilation - 1) // stride + 1
    if q < 1:
        raise ShapeError("conv1d: the kernel of `w` {} is longer than the padded `x` {}", w_shape, x_shape)
    if too_large((x_shape[0], w_shape[0], q)):
        raise ShapeError("conv1d: `padding` {} makes the result larger than an array can be, {}", padding, q)
    # So that every offset of a tap in the padded series fits int64.
    if too_large((w_shape[1], w_shape[2], q)):
        raise ShapeError(
            "conv1d: the patches of `x` are more than an array can hold, {} of {}", q, w_shape[1:]
        )
    return x_shape[0], w_shape[0], q


@jit
def _images(a):
    # A view: what the core writes to the images is in the series.
    return a.reshape((a.shape[0], a.shape[1], 1, a.shape[2]))


@jit
def _options(stride, padding, dilation):
    """Those of images of one row."""
    # No literals, for which Numba would compile the cores once more.
    one, none = np.int64(1), np.int64(0)
    return (one, stride), (none, none, padding[0], padding[1]), (one, dilation)


@jit
def conv1d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, out=None):
    """Cross-correlation of series with a bank of kernels (see the formula at the head of this file).

    Parameters
    ----------
    x : (N, C, W) float array
    w : (O, C / groups, K) float array
    b : (O,) float array, optional
    stride, dilation : int
        At least 1.
    padding : int or pair
        Zeros on each side: both, or (left, right).
    groups : int
        Output channels in group g see the input channels in group g alone.
    out : (N, O, Q) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (N, O, Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `conv1d_shape` before the loop.
    """
    compact()
    given = b is not None  # asked first: `as_optional` turns None into an array without elements
    x = as_float("conv1d: `x` (N, C, W)", x, 3)
    w = as_like("conv1d: `w` (O, C/groups, K)", w, 3, x)
    b = as_optional("conv1d: `b` (O,)", b, 1, x)
    stride, padding = integer("conv1d: `stride`", stride), pair("conv1d: `padding`", padding)
    dilation, groups = integer("conv1d: `dilation`", dilation), integer("conv1d: `groups`", groups)
    shape = _conv1d_shape(x.shape, w.shape, stride, padding, dilation, groups)
    if given and b.size != shape[1]:
        raise ShapeError(
            "conv1d: `b` must have {} elements, one for each output channel, got {}", shape[1], b.size
        )
    y = as_out("conv1d: `out`", out, shape, x)
    step, sides, gap = _options(stride, padding, dilation)
    _conv2d(_images(x), _images(w), b, step, sides, gap, groups, np.int64(0), _images(y))
    return y


@jit
def conv1d_dx(dy, w, x_shape, stride=1, padding=0, dilation=1, groups=1, dx=None):
    """Adds the gradient with respect to `x` to `dx`, an array of shape `x_shape` (zeros if not given)."""
    compact()
    dy = as_float("conv1d_dx: `dy` (N, O, Q)", dy, 3)
    w = as_like("conv1d_dx: `w` (O, C/groups, K)", w, 3, dy)
    stride, padding = integer("conv1d_dx: `stride`", stride), pair("conv1d_dx: `padding`", padding)
    dilation, groups = integer("conv1d_dx: `dilation`", dilation), integer("conv1d_dx: `groups`", groups)
    x_shape = shape3("conv1d_dx: `x_shape`", x_shape)
    shape = _conv1d_shape(x_shape, w.shape, stride, padding, dilation, groups)
    if dy.shape != shape:
        raise ShapeError("conv1d_dx: `dy` must have shape {}, that of the result, got {}", shape, dy.shape)
    dx, add = as_grad_or_new("conv1d_dx: `dx`", dx, x_shape, dy)
    step, sides, gap = _options(stride, padding, dilation)
    none = np.empty(0, dy.dtype)
    _conv2d_dx(_images(dy), _images(w), none, step, sides, gap, groups, add, _images(dx))
    return dx


@jit
def conv1d_dw(dy, x, w_shape, stride=1, padding=0, dilation=1, groups=1, dw=None):
    """Adds the gradient with respect to `w` to `dw`, an array of shape `w_shape` (zeros if not given)."""
    compact()
    dy = as_float("conv1d_dw: `dy` (N, O, Q)", dy, 3)
    x = as_like("conv1d_dw: `x` (N, C, W)", x, 3, dy)
    stride, padding = integer("conv1d_dw: `stride`", stride), pair("conv1d_dw: `padding`", padding)
    dilation, groups = integer("conv1d_dw: `dilation`", dilation), integer("conv1d_dw: `groups`", groups)
    w_shape = shape3("conv1d_dw: `w_shape`", w_shape)
    shape = _conv1d_shape(x.shape, w_shape, stride, padding, dilation, groups)
    if dy.shape != shape:
        raise ShapeError("conv1d_dw: `dy` must have shape {}, that of the result, got {}", shape, dy.shape)
    dw = as_grad("conv1d_dw: `dw`", dw, w_shape, dy)
    step, sides, gap = _options(stride, padding, dilation)
    # Short series go L samples at a time; the samples that do not fill L lanes go one by one.
    done = _conv2d_dw_of_lanes(_images(dy), _images(x), step, sides, gap, groups, _images(dw))
    _conv2d_dw(_images(dy), _images(x), step, sides, gap, groups, done, _images(dw))
    return dw


@jit
def conv1d_db(dy, db=None):
    r"""Adds :math:`db_o = \sum_{nj} dy_{noj}` to `db` (O,), which is new (zeros) if it is not given."""
    compact()
    dy = as_float("conv1d_db: `dy` (N, O, Q)", dy, 3)
    db = as_grad("conv1d_db: `db`", db, (dy.shape[1],), dy)
    _conv2d_db(flat(dy), dy.shape[2], db)
    return db


conv1d_outputs = outputs(conv1d)
