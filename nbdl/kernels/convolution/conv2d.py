r"""Two-dimensional cross-correlation with channels: what deep learning calls a convolution (no kernel flip).

.. math:: y_{noij} = b_o + \sum_{cuv} w_{ocuv}\; x_{n,\,c,\,i s_h + u d_h - p_t,\,j s_w + v d_w - p_l}

x (N, C, H, W), w (O, C / groups, KH, KW), b (O,), y (N, O, P, Q) with
``P = (H + top + bottom - ((KH - 1) * dilation + 1)) // stride + 1`` and Q alike. Padding counts zeros per
side. Zhang et al., Dive into Deep Learning, sections 7.2 to 7.4.

The same as a loop, for `x` that has its padding, without groups::

    def plain_conv2d(x, w, b, stride, dilation):
        (N, C, H, W), (O, _, KH, KW), (sh, sw), (dh, dw) = x.shape, w.shape, stride, dilation
        P, Q = (H - (KH - 1) * dh - 1) // sh + 1, (W - (KW - 1) * dw - 1) // sw + 1
        y = np.empty((N, O, P, Q))
        for n, o, i, j in np.ndindex(N, O, P, Q):
            y[n, o, i, j] = b[o]
            for c, u, v in np.ndindex(C, KH, KW):
                y[n, o, i, j] += w[o, c, u, v] * x[n, c, i * sh + u * dh, j * sw + v * dw]
        return y

The checks stand here, the work is done in `correlate.py` and, for the gradients, in `correlate_dx.py` and
`correlate_dw.py`: with one image in padded planes, each tap (c, u, v)
of the kernel is one fixed distance in memory. So all sums of a row are a product of the matrix of weights
with vectors of neighbouring pixels, read in place at these distances: no patches are copied. A stride or a
dilation splits the image into planes in which the pixels that a tap meets are neighbours again. Small images
go L samples side by side, a sample in each lane. The gradients are the same loop: dx with dy as the image,
dw with dy as the weights.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.convolution.correlate import _conv2d
from nbdl.kernels.convolution.correlate_dw import _conv2d_dw, _conv2d_dw_of_lanes
from nbdl.kernels.convolution.correlate_dx import _conv2d_dx
from nbdl.kernels.door.compact import compact
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.options import integer, pair, shape4, sides, too_large
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.door.window import LIMIT, check_window


@jit
def conv2d_shape(x_shape, w_shape, stride=1, padding=0, dilation=1, groups=1):
    """Shape (N, O, P, Q) of `conv2d`'s result; raises `ShapeError` or `OptionError` where they misfit.

    Call it once before a parallel loop over `conv2d`: Numba drops exceptions raised inside ``prange``.

    Examples
    --------
    >>> conv2d_shape((8, 3, 28, 28), (6, 3, 5, 5), padding=2)
    (8, 6, 28, 28)
    """
    if len(x_shape) != 4 or len(w_shape) != 4:
        raise ShapeError(
            "conv2d: `x` (N, C, H, W) and `w` (O, C/groups, KH, KW) must have 4 dimensions, got {} and {}",
            len(x_shape),
            len(w_shape),
        )
    x_shape, w_shape = (
        shape4("conv2d: the shape of `x`", x_shape),
        shape4("conv2d: the shape of `w`", w_shape),
    )
    stride = pair("conv2d: `stride`", stride)
    padding = sides("conv2d: `padding`", padding)
    dilation = pair("conv2d: `dilation`", dilation)
    groups = integer("conv2d: `groups`", groups)
    return _conv2d_shape(x_shape, w_shape, stride, padding, dilation, groups)


@jit
def _conv2d_shape(x_shape, w_shape, stride, padding, dilation, groups):
    compact()
    # Before all arithmetic: stride divides, and factors below 2^31 make products that fit int64.
    check_window("conv2d", stride, padding, dilation)
    if groups < 1 or x_shape[1] % groups or w_shape[0] % groups:
        raise OptionError(
            "conv2d: `groups` must divide the channels of `x` ({}) and the rows of `w` ({}), got {}",
            x_shape[1],
            w_shape[0],
            groups,
        )
    if w_shape[1] != x_shape[1] // groups:
        raise ShapeError(
            "conv2d: `w` must have {} input channels (those of `x` divided by `groups`), got {}",
            x_shape[1] // groups,
            w_shape[1],
        )
    if w_shape[2] < 1 or w_shape[3] < 1:
        raise ShapeError("conv2d: the kernel of `w` must be at least 1x1, got {}", w_shape)
    # Else the span of the kernel could wrap around, and a misfit would look like a fit.
    if w_shape[2] >= LIMIT or w_shape[3] >= LIMIT:
        raise ShapeError("conv2d: the kernel of `w` must be below 2^31 on each side, got {}", w_shape)
    p = (x_shape[2] + padding[0] + padding[1] - (w_shape[2] - 1) * dilation[0] - 1) // stride[0] + 1
    q = (x_shape[3] + padding[2] + padding[3] - (w_shape[3] - 1) * dilation[1] - 1) // stride[1] + 1
    if p < 1 or q < 1:
        raise ShapeError("conv2d: the kernel of `w` {} is larger than the padded `x` {}", w_shape, x_shape)
    if too_large((x_shape[0], w_shape[0], p, q)):
        raise ShapeError(
            "conv2d: `padding` {} makes the result larger than an array can be, {} x {}", padding, p, q
        )
    # So that every offset of a tap in the padded image fits int64.
    if too_large((w_shape[1], w_shape[2] * w_shape[3], p, q)):
        raise ShapeError(
            "conv2d: the patches of `x` are more than an array can hold, {} x {} of {}", p, q, w_shape[1:]
        )
    return x_shape[0], w_shape[0], p, q


@jit
def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, out=None):
    """Cross-correlation of images with a bank of kernels (see the formula at the head of this file).

    Parameters
    ----------
    x : (N, C, H, W) float array
    w : (O, C / groups, KH, KW) float array
    b : (O,) float array, optional
    stride, dilation : int or pair
        For rows and columns; at least 1.
    padding : int, pair or 4-tuple
        Zeros on each side: all, (rows, columns) or (top, bottom, left, right).
    groups : int
        Output channels in group g see the input channels in group g alone.
    out : (N, O, P, Q) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (N, O, P, Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `conv2d_shape` before the loop.
    """
    compact()
    given = b is not None  # asked first: `as_optional` turns None into an array without elements
    x = as_float("conv2d: `x` (N, C, H, W)", x, 4)
    w = as_like("conv2d: `w` (O, C/groups, KH, KW)", w, 4, x)
    b = as_optional("conv2d: `b` (O,)", b, 1, x)
    stride = pair("conv2d: `stride`", stride)
    padding = sides("conv2d: `padding`", padding)
    dilation = pair("conv2d: `dilation`", dilation)
    groups = integer("conv2d: `groups`", groups)
    shape = _conv2d_shape(x.shape, w.shape, stride, padding, dilation, groups)
    if given and b.size != shape[1]:
        raise ShapeError(
            "conv2d: `b` must have {} elements, one for each output channel, got {}", shape[1], b.size
        )
    y = as_out("conv2d: `out`", out, shape, x)
    _conv2d(x, w, b, stride, padding, dilation, groups, np.int64(0), y)
    return y


@jit
def conv2d_dx(dy, w, x_shape, stride=1, padding=0, dilation=1, groups=1, dx=None):
    """Adds the gradient with respect to `x` to `dx`, an array of shape `x_shape` (zeros if not given)."""
    compact()
    dy = as_float("conv2d_dx: `dy` (N, O, P, Q)", dy, 4)
    w = as_like("conv2d_dx: `w` (O, C/groups, KH, KW)", w, 4, dy)
    stride = pair("conv2d_dx: `stride`", stride)
    padding = sides("conv2d_dx: `padding`", padding)
    dilation = pair("conv2d_dx: `dilation`", dilation)
    groups = integer("conv2d_dx: `groups`", groups)
    x_shape = shape4("conv2d_dx: `x_shape`", x_shape)
    shape = _conv2d_shape(x_shape, w.shape, stride, padding, dilation, groups)
    if dy.shape != shape:
        raise ShapeError("conv2d_dx: `dy` must have shape {}, that of the result, got {}", shape, dy.shape)
    dx, add = as_grad_or_new("conv2d_dx: `dx`", dx, x_shape, dy)
    _conv2d_dx(dy, w, np.empty(0, dy.dtype), stride, padding, dilation, groups, add, dx)
    return dx


@jit
def conv2d_dw(dy, x, w_shape, stride=1, padding=0, dilation=1, groups=1, dw=None):
    """Adds the gradient with respect to `w` to `dw`, an array of shape `w_shape` (zeros if not given)."""
    compact()
    dy = as_float("conv2d_dw: `dy` (N, O, P, Q)", dy, 4)
    x = as_like("conv2d_dw: `x` (N, C, H, W)", x, 4, dy)
    stride = pair("conv2d_dw: `stride`", stride)
    padding = sides("conv2d_dw: `padding`", padding)
    dilation = pair("conv2d_dw: `dilation`", dilation)
    groups = integer("conv2d_dw: `groups`", groups)
    w_shape = shape4("conv2d_dw: `w_shape`", w_shape)
    shape = _conv2d_shape(x.shape, w_shape, stride, padding, dilation, groups)
    if dy.shape != shape:
        raise ShapeError("conv2d_dw: `dy` must have shape {}, that of the result, got {}", shape, dy.shape)
    dw = as_grad("conv2d_dw: `dw`", dw, w_shape, dy)
    # Small images go L samples at a time; the samples that do not fill L lanes go one by one.
    done = _conv2d_dw_of_lanes(dy, x, stride, padding, dilation, groups, dw)
    _conv2d_dw(dy, x, stride, padding, dilation, groups, done, dw)
    return dw


@jit
def conv2d_db(dy, db=None):
    r"""Adds :math:`db_o = \sum_{nij} dy_{noij}` to `db` (O,), which is new (zeros) if it is not given."""
    compact()
    dy = as_float("conv2d_db: `dy` (N, O, P, Q)", dy, 4)
    db = as_grad("conv2d_db: `db`", db, (dy.shape[1],), dy)
    _conv2d_db(flat(dy), dy.shape[2] * dy.shape[3], db)
    return db


@jit
def _conv2d_db(dy, size, db):
    # Planes lie one behind the other, those of channel o at k = o, o + O, ...
    # A sum of its own for each plane: rounding errors grow with its size and with N, not with their product.
    for k in range(dy.size // size if size else 0):
        s = dy.dtype.type(0)
        for i in range(k * size, (k + 1) * size):
            s += dy[i]
        db[k % db.size] += s


@jit
def conv2d_backward(dy, x, w, stride=1, padding=0, dilation=1, groups=1, dx=None, dw=None, db=None):
    """All three gradients of `conv2d`, (dx, dw, db), by the kernels above."""
    compact()
    dx = conv2d_dx(dy, w, x.shape, stride, padding, dilation, groups, dx)
    dw = conv2d_dw(dy, x, w.shape, stride, padding, dilation, groups, dw)
    return dx, dw, conv2d_db(dy, db)


conv2d_outputs = outputs(conv2d)
