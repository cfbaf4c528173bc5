r"""Max and average pooling of series: x (N, C, W) is images of one row, (N, C, 1, W), in windows of one row.

.. math:: y_{ncj} = \max_v x_{n,\,c,\,j s + v d - p} \qquad \text{or} \qquad
          y_{ncj} = \frac{1}{K} \sum_v x_{n,\,c,\,j s + v d - p}

y (N, C, Q) with ``Q = (W + left + right - ((kernel - 1) * dilation + 1)) // stride + 1``; `ceil_mode` and K
are those of `pool2d.py` and `avg_pool2d.py`, whose cores do the work. Options are single numbers; padding may
be a pair (left, right).
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.inputs import as_float, as_labels
from nbdl.kernels.door.options import integer, pair, shape3, too_large
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.door.window import check_window1d
from nbdl.kernels.pooling.avg_pool2d import _avg_pool2d, _avg_pool2d_dx
from nbdl.kernels.pooling.max_pool2d import (
    _check_index,
    _check_places,
    _first_places,
    _max_pool2d,
    _max_pool2d_dx,
)
from nbdl.kernels.pooling.pool2d import _all_see, _count


@jit
def pool1d_shape(x_shape, kernel, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Shape (N, C, Q) of a pooling's result; raises `ShapeError` or `OptionError` where arguments misfit.

    Call it once before a parallel loop over a pooling: Numba drops exceptions raised inside ``prange``.
    """
    if len(x_shape) != 3:
        raise ShapeError("pool1d: `x` (N, C, W) must have 3 dimensions, got {}", len(x_shape))
    x_shape = shape3("pool1d: the shape of `x`", x_shape)
    size = integer("pool1d: `kernel`", kernel)
    step = size if stride is None else integer("pool1d: `stride`", stride)
    pad, gap = pair("pool1d: `padding`", padding), integer("pool1d: `dilation`", dilation)
    return _windows1d("pool1d", x_shape, size, step, pad, gap, bool(ceil_mode))[0]


@jit
def _windows1d(name, x_shape, size, step, pad, gap, ceil_mode):
    """What the pooling `name` checks: the shape of its result, and the options as those of images."""
    check_window1d(name, size, step, pad, gap)
    q = _count(x_shape[2], size, step, pad[0], pad[1], gap, ceil_mode)
    if q < 1:
        raise ShapeError("{}: `kernel` {} is larger than the padded `x` {}", name, size, x_shape)
    if too_large((x_shape[0], x_shape[1], q)):
        raise ShapeError("{}: `padding` {} makes the result larger than an array can be, {}", name, pad, q)
    # A window without an element would have no maximum, and an average over 0 elements.
    if not _all_see(x_shape[2], size, step, pad[0], gap, q):
        raise OptionError(
            "{}: `padding` must leave an element of `x` in every window, got {} for kernel {} on `x` {}",
            name, pad, size, x_shape,
        )  # fmt: skip
    shape = (x_shape[0], x_shape[1], q)
    # Of 64 bits, as the options of images are: the cores are compiled for one type of them.
    one, none = np.int64(1), np.int64(0)
    return shape, (one, size), (one, step), (none, none, pad[0], pad[1]), (one, gap)


@jit
def _images(a):
    return a.reshape((a.shape[0], a.shape[1], 1, a.shape[2]))


# --- maximum ----------------------------------------------------------------------------------------------


@jit
def max_pool1d(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, out=None):
    """The largest element of each window; padding never wins, a window with NaN gives NaN.

    Parameters
    ----------
    x : (N, C, W) float array
    kernel, stride, dilation : int
        At least 1. The stride is the kernel's size if not given.
    padding : int or pair
        Elements on each side: both, or (left, right).
    ceil_mode : bool
        Keep a last window that reaches beyond the end.
    out : (N, C, Q) array, optional
        Where the result goes; must not overlap `x`.

    Returns
    -------
    (N, C, Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `pool1d_shape` before the loop.
    """
    x = as_float("max_pool1d: `x` (N, C, W)", x, 3)
    size = integer("max_pool1d: `kernel`", kernel)
    step = size if stride is None else integer("max_pool1d: `stride`", stride)
    pad, gap = pair("max_pool1d: `padding`", padding), integer("max_pool1d: `dilation`", dilation)
    shape, size, step, pad, gap = _windows1d("max_pool1d", x.shape, size, step, pad, gap, bool(ceil_mode))
    y = as_out("max_pool1d: `out`", out, shape, x)
    _max_pool2d(_images(x), size, step, pad, gap, _images(y))
    return y


@jit
def max_pool1d_argmax(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, out=None):
    """`max_pool1d` of `x` (N, C, W), and where each maximum was: (y, index), both (N, C, Q), `index` int64.

    Arguments and errors as there. The first of equal maxima wins, the first NaN before all.
    """
    x = as_float("max_pool1d: `x` (N, C, W)", x, 3)
    size = integer("max_pool1d: `kernel`", kernel)
    step = size if stride is None else integer("max_pool1d: `stride`", stride)
    pad, gap = pair("max_pool1d: `padding`", padding), integer("max_pool1d: `dilation`", dilation)
    shape, size, step, pad, gap = _windows1d("max_pool1d", x.shape, size, step, pad, gap, bool(ceil_mode))
    y = as_out("max_pool1d: `out`", out, shape, x)
    # Not filled: each window holds an element of x, so each has a place.
    index = np.empty(shape, np.int64)
    _max_pool2d(_images(x), size, step, pad, gap, _images(y))
    _first_places(_images(x), size, step, pad, gap, _images(y), _images(index))
    return y, index


@jit
def max_pool1d_dx(dy, index, x_shape, dx=None):
    """Adds each element of `dy` to the element of `dx` that was the maximum; `dx` has shape `x_shape`.

    `dy` and `index` are (N, C, Q), `index` as from `max_pool1d_argmax`. `dx` is new (zeros) if not given.
    Raises `LabelError` if an index is not in [0, W), before anything is written.
    """
    dy = as_float("max_pool1d_dx: `dy` (N, C, Q)", dy, 3)
    index = as_labels("max_pool1d_dx: `index` (N, C, Q)", index, 3)
    x_shape = shape3("max_pool1d_dx: `x_shape` (N, C, W)", x_shape)
    _check_index("max_pool1d_dx", dy.shape, index.shape, x_shape)
    dx, add = as_grad_or_new("max_pool1d_dx: `dx`", dx, x_shape, dy)
    places = index.reshape(index.size)
    # After this check dx is indexed by places without a check.
    _check_places("max_pool1d_dx", places, x_shape[2])
    _max_pool2d_dx(dy.reshape(dy.size), places, x_shape[2], dy.shape[2], add, flat(dx))
    return dx


# --- average ----------------------------------------------------------------------------------------------


@jit
def avg_pool1d(
    x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, count_include_pad=True, out=None
):
    """The average of each window.

    Parameters
    ----------
    x : (N, C, W) float array
    kernel, stride, padding, dilation, ceil_mode, out
        As in `max_pool1d`.
    count_include_pad : bool
        Whether padding counts, as zeros: True as in torch; ONNX has False.

    Returns
    -------
    (N, C, Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `pool1d_shape` before the loop.
    """
    x = as_float("avg_pool1d: `x` (N, C, W)", x, 3)
    size = integer("avg_pool1d: `kernel`", kernel)
    step = size if stride is None else integer("avg_pool1d: `stride`", stride)
    pad, gap = pair("avg_pool1d: `padding`", padding), integer("avg_pool1d: `dilation`", dilation)
    shape, size, step, pad, gap = _windows1d("avg_pool1d", x.shape, size, step, pad, gap, bool(ceil_mode))
    y = as_out("avg_pool1d: `out`", out, shape, x)
    _avg_pool2d(_images(x), size, step, pad, gap, np.int64(count_include_pad), _images(y))
    return y


@jit
def avg_pool1d_dx(
    dy, x_shape, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, count_include_pad=True, dx=None
):
    """Adds to each element of `dx`, shape `x_shape` (zeros if not given), its share of `dy` (N, C, Q)."""
    dy = as_float("avg_pool1d_dx: `dy` (N, C, Q)", dy, 3)
    x_shape = shape3("avg_pool1d_dx: `x_shape` (N, C, W)", x_shape)
    size = integer("avg_pool1d_dx: `kernel`", kernel)
    step = size if stride is None else integer("avg_pool1d_dx: `stride`", stride)
    pad, gap = pair("avg_pool1d_dx: `padding`", padding), integer("avg_pool1d_dx: `dilation`", dilation)
    shape, size, step, pad, gap = _windows1d("avg_pool1d_dx", x_shape, size, step, pad, gap, bool(ceil_mode))
    if dy.shape != shape:
        raise ShapeError("avg_pool1d_dx: `dy` must have the shape {} of the result, got {}", shape, dy.shape)
    dx = as_grad("avg_pool1d_dx: `dx`", dx, x_shape, dy)
    _avg_pool2d_dx(_images(dy), size, step, pad, gap, np.int64(count_include_pad), _images(dx))
    return dx


max_pool1d_outputs = outputs(max_pool1d_argmax, np.int64)
avg_pool1d_outputs = outputs(avg_pool1d)
