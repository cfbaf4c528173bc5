r"""Max pooling of images.

.. math:: y_{ncij} = \max_{uv} x_{n,\,c,\,i s_h + u d_h - p_t,\,j s_w + v d_w - p_l}

x (N, C, H, W), y (N, C, P, Q); the windows are those of `pool2d.py`. Padding never wins a maximum. The
gradient goes to the first element that has the maximum. Zhang et al., Dive into Deep Learning, section 7.5.

The same as a loop, for `x` that needs no padding::

    def plain_max_pool2d(x, kernel, stride, dilation):
        (N, C, H, W), (KH, KW), (sh, sw), (dh, dw) = x.shape, kernel, stride, dilation
        P, Q = (H - (KH - 1) * dh - 1) // sh + 1, (W - (KW - 1) * dw - 1) // sw + 1
        y = np.empty((N, C, P, Q))
        for n, c, i, j in np.ndindex(N, C, P, Q):
            window = [x[n, c, i * sh + u * dh, j * sw + v * dw] for u, v in np.ndindex(KH, KW)]
            y[n, c, i, j] = max(window)
        return y
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import LabelError, ShapeError
from nbdl.kernels.door.inputs import as_float, as_labels
from nbdl.kernels.door.options import shape4
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.pooling.pool2d import _shared_taps, _spans, _windows
from nbdl.kernels.pooling.pool_rows import combine_each, pool_rows
from nbdl.kernels.simd.registers import load_part, maximum, pointer
from nbdl.kernels.simd.shuffle import lanes, store_rest

FILLED = 8192  # elements that are filled with zeros at a time, before some of them are added to


@jit
def max_pool2d(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, out=None):
    """The largest element of each window.

    Parameters
    ----------
    x : (N, C, H, W) float array
    kernel, stride, dilation : int or pair
        For rows and columns; at least 1. The stride is the kernel's size if not given.
    padding : int, pair or 4-tuple
        Elements on each side: all, (rows, columns) or (top, bottom, left, right).
    ceil_mode : bool
        Keep a last window that reaches beyond the end.
    out : (N, C, P, Q) array, optional
        Where the result goes; must not overlap `x`.

    Returns
    -------
    (N, C, P, Q) array of the dtype of `x`. A window with NaN gives NaN.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `pool2d_shape` before the loop.

    Examples
    --------
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    x = as_float("max_pool2d: `x` (N, C, H, W)", x, 4)
    shape, size, step, pad, gap = _windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = as_out("max_pool2d: `out`", out, shape, x)
    _max_pool2d(x, size, step, pad, gap, y)
    return y


@jit
def max_pool2d_argmax(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, out=None):
    """`max_pool2d` of `x` (N, C, H, W), and where each maximum was; arguments and errors as there.

    Returns
    -------
    y : (N, C, P, Q) array of the dtype of `x`
    index : (N, C, P, Q) int64 array
        Positions in the (H, W) planes, counted row by row as in torch. The first of equal maxima wins, the
        first NaN before all.

    Examples
    --------
    >>> y, index = max_pool2d_argmax(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    >>> index[0, 0]
    array([[ 5,  7],
           [13, 15]])
    """
    x = as_float("max_pool2d: `x` (N, C, H, W)", x, 4)
    shape, size, step, pad, gap = _windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = as_out("max_pool2d: `out`", out, shape, x)
    # Not filled: each window holds an element of x, so each has a place.
    index = np.empty(shape, np.int64)
    _max_pool2d(x, size, step, pad, gap, y)
    _first_places(x, size, step, pad, gap, y, index)
    return y, index


@jit
def _max_pool2d(x, kernel, stride, padding, dilation, y):
    pool_rows(_largest, _same, _largest_one, None, None, -np.inf, x, kernel, stride, padding, dilation, y)


@jit
def _largest(p, i, taps, step, n):
    return combine_each(_larger, p, i, taps, step, n)


@jit(inline=True)
def _larger(a, b):
    return maximum(a, b)


@jit(inline=True)
def _same(v, rows, columns, i, j):
    return v


@jit(inline=True)
def _largest_one(strips, first, taps, step, rows, columns, i, j):
    best = strips[first]
    for v in range(1, taps):
        value = strips[first + v * step]
        # A NaN is taken, and stays: nothing is larger.
        if value > best or value != value:
            best = value
    return best


@jit
def _first_places(x, kernel, stride, padding, dilation, y, index):
    """Where each maximum `y` is first: from the last tap to the first, so that the first has the last word.

    Taps are gone through one by one, each for a whole row of windows, without a branch that depends on x.
    """
    H, W = x.shape[2:]
    N, C, P, Q = y.shape
    p, q, places = x.reshape(x.size), y.reshape(y.size), index.reshape(y.size)
    offset, taps = _shared_taps(W, kernel[1], stride[1], padding[2], dilation[1], Q)
    spans = _spans(H, kernel[0], stride[0], padding[0], dilation[0], P)
    for n in range(N * C):
        for i in range(P):
            row = (n * P + i) * Q
            for u in range(spans[i, 1] - 1, -1, -1):
                line = (spans[i, 0] + u * dilation[0]) * W
                for v in range(taps - 1, -1, -1):
                    # The windows whose tap v lies in the row: the loop needs no test.
                    column = offset + v * dilation[1]
                    j0 = 0 if column >= 0 else (stride[1] - 1 - column) // stride[1]
                    j1 = Q if column + (Q - 1) * stride[1] < W else (W - 1 - column) // stride[1] + 1
                    for j in range(j0, j1):
                        place = line + column + j * stride[1]
                        # Earlier taps overwrite later ones: the first maximum, or the first NaN, is left.
                        value, before = p[n * H * W + place], places[row + j]
                        here = (value == q[row + j]) | (value != value)
                        places[row + j] = place if here else before


@jit
def max_pool2d_dx(dy, index, x_shape, dx=None):
    """Adds each element of `dy` to the element of `dx` that was the maximum; `dx` has shape `x_shape`.

    `dy` and `index` are (N, C, P, Q), `index` as from `max_pool2d_argmax`. `dx` is new (zeros) if not given.
    Raises `LabelError` if an index is not in [0, H W), before anything is written.
    """
    dy = as_float("max_pool2d_dx: `dy` (N, C, P, Q)", dy, 4)
    index = as_labels("max_pool2d_dx: `index` (N, C, P, Q)", index, 4)
    x_shape = shape4("max_pool2d_dx: `x_shape` (N, C, H, W)", x_shape)
    _check_index("max_pool2d_dx", dy.shape, index.shape, x_shape)
    dx, add = as_grad_or_new("max_pool2d_dx: `dx`", dx, x_shape, dy)
    plane, count = x_shape[2] * x_shape[3], dy.shape[2] * dy.shape[3]
    places = index.reshape(index.size)
    # After this check dx is indexed by places without a check.
    _check_places("max_pool2d_dx", places, plane)
    _max_pool2d_dx(dy.reshape(dy.size), places, plane, count, add, flat(dx))
    return dx


@jit
def _check_index(kernel, dy_shape, index_shape, x_shape):
    """What the gradients of all max poolings ask of the shapes of their arrays."""
    if index_shape != dy_shape:
        raise ShapeError("{}: `index` must have the shape {} of `dy`, got {}", kernel, dy_shape, index_shape)
    if x_shape[0] != dy_shape[0] or x_shape[1] != dy_shape[1]:
        raise ShapeError("{}: `x_shape` must fit `dy` {} in N and C, got {}", kernel, dy_shape, x_shape)


@jit
def _check_places(kernel, index, plane):
    """Raises `LabelError` unless every place lies in an image of `plane` elements."""
    # All indices first, without a branch: nothing is written if one is out of range.
    bad, limit = False, np.uint64(plane)  # a negative one is larger than all
    for i in range(index.size):
        bad |= np.uint64(index[i]) >= limit
    if bad:
        for i in range(index.size):
            if index[i] < 0 or index[i] >= plane:
                raise LabelError(
                    "{}: `index` must be from 0 to {} (the last of an image), got {} at flat position {}",
                    kernel, plane - 1, index[i], i,
                )  # fmt: skip


@jit
def _max_pool2d_dx(dy, index, plane, count, add, dx):
    """Some planes at a time, so that what is filled with zeros lies in a cache when it is added to."""
    p, q, places = pointer(dx), pointer(dy), pointer(index)
    L, nothing, planes = lanes(p), load_part(pointer(dy), 0, 0), dx.size // max(plane, 1)
    many = max(1, FILLED // max(plane, 1))
    for n0 in range(0, planes, many):
        n1 = min(planes, n0 + many)
        end = n1 * plane
        for i in range(end if add else n0 * plane, end, L):
            store_rest(p, i, nothing, end - i)
        for n in range(n0, n1):
            to = n * plane
            for i in range(n * count, (n + 1) * count):
                p[to + places[i]] += q[i]


max_pool2d_outputs = outputs(max_pool2d_argmax, np.int64)
