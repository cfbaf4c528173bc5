r"""Convolution of images with a kernel, as signal processing has it: the kernel is flipped.

.. math:: (x * w)_{ij} = \sum_{uv} w_{uv}\; x_{i - u,\, j - v}

x (..., H, W), w (KH, KW); images are taken one by one, beyond their ends are zeros. `mode` says which part of
the sum is wanted, as in scipy: "full", all of it, (H + KH - 1, W + KW - 1); "same", the middle of that, of
the size of x; "valid", where no zeros are met, (H - KH + 1, W - KW + 1). Zhang et al., Dive into Deep
Learning, section 7.1.3.

Deep learning means something else by the word: `conv2d` does not flip, which makes it a cross-correlation,
and has channels. Of one channel ``convolve2d(x, w, "valid")`` is `conv2d` with ``w[::-1, ::-1]``. In mode
"full" x and w may change places, which is not so of a correlation.

The same as a loop, for the full mode::

    def plain_convolve2d(x, w):
        (H, W), (KH, KW) = x.shape, w.shape
        y = np.zeros((H + KH - 1, W + KW - 1))
        for i, j, u, v in np.ndindex(H, W, KH, KW):
            y[i + u, j + v] += w[u, v] * x[i, j]
        return y
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.convolution.correlate import _conv2d
from nbdl.kernels.convolution.correlate_dw import _conv2d_dw, _conv2d_dw_of_lanes
from nbdl.kernels.convolution.correlate_dx import _conv2d_dx
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.compact import compact
from nbdl.kernels.door.inputs import AT_LEAST_2, as_float, as_like
from nbdl.kernels.door.options import pair, too_large
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.door.window import LIMIT

MODES = "full", "same", "valid"


@jit
def _convolve2d_sides(x_shape, w_shape, mode):
    """The zeros around x: (top, bottom, left, right); raises `ShapeError` where x and w misfit."""
    compact()
    H, W = x_shape[-2], x_shape[-1]
    if w_shape[0] < 1 or w_shape[1] < 1 or w_shape[0] >= LIMIT or w_shape[1] >= LIMIT:
        raise ShapeError("convolve2d: `w` must be from 1x1 to below 2^31 on each side, got {}", w_shape)
    if H < 1 or W < 1:
        raise ShapeError("convolve2d: the images of `x` must have at least one element, got {}", x_shape)
    h, w = w_shape[0] - 1, w_shape[1] - 1
    if mode == 2:
        if h >= H or w >= W:
            raise ShapeError(
                "convolve2d: in mode `valid` `w` {} must not be larger than `x` {}", w_shape, x_shape
            )
        return np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    # The sides of w are below 2^31: their product fits int64.
    if too_large(x_shape[:-2] + (H + h, W + w)) or too_large((w_shape[0] * w_shape[1], H + h, W + w)):
        raise ShapeError("convolve2d: `x` {} and `w` {} make more than an array can hold", x_shape, w_shape)
    # An odd number of zeros has no middle: the one too many goes to the top and the left, as in scipy.
    return (h, h, w, w) if mode == 0 else (h - h // 2, h // 2, w - w // 2, w // 2)


@jit
def convolve2d(x, w, mode="full", out=None):
    """Convolution of images with one kernel, which is flipped (see the head of this file); not `conv2d`.

    Parameters
    ----------
    x : (..., H, W) float array
    w : (KH, KW) float array
    mode : "full", "same" or "valid"
    out : (..., P, Q) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (..., P, Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.
    """
    compact()
    x = as_float("convolve2d: `x` (..., H, W)", x, AT_LEAST_2)
    w = as_like("convolve2d: `w` (KH, KW)", w, 2, x)
    sides = _convolve2d_sides(x.shape, w.shape, choice("convolve2d: `mode`", mode, MODES))
    y = as_out("convolve2d: `out`", out, x.shape[:-2] + _size(x.shape, w.shape, sides), x)
    _convolve2d(_images(x), _flipped(w), sides, _images(y))
    return y


@jit
def _size(x_shape, w_shape, sides):
    p = x_shape[-2] + sides[0] + sides[1] - w_shape[0] + 1
    return p, x_shape[-1] + sides[2] + sides[3] - w_shape[1] + 1


@jit
def _images(a):
    """Images of one channel."""
    return a.reshape((_count(a), 1, a.shape[-2], a.shape[-1]))


@jit
def _count(a):
    """How many images there are, which have elements."""
    # Images without elements are refused before, so this never divides by 0.
    return a.size // (a.shape[-2] * a.shape[-1])


@jit
def _flipped(w):
    """w as the weights (1, 1, KH, KW) of a correlation."""
    # A copy of few numbers: the cores read contiguous weights, which a reversed view is not.
    back = np.empty((1, 1, w.shape[0], w.shape[1]), w.dtype)
    to, source = flat(back), flat(w)
    # From the last element to the first: both axes are turned at once.
    for i in range(w.size):
        to[i] = source[w.size - 1 - i]
    return back


@jit
def _ones():
    """Options of a correlation: stride, dilation and groups."""
    # No literal: Numba would compile the cores once more for it.
    one = np.int64(1)
    return (one, one), (one, one), one


@jit
def _convolve2d(x, w, sides, y):
    stride, dilation, groups = _ones()
    _conv2d(x, w, np.empty(0, x.dtype), stride, sides, dilation, groups, np.int64(0), y)


@jit
def convolve2d_dx(dy, w, mode="full", dx=None):
    """Adds the gradient with respect to `x` to `dx` (zeros if not given), an array of the shape of `x`."""
    compact()
    dy = as_float("convolve2d_dx: `dy` (..., P, Q)", dy, AT_LEAST_2)
    w = as_like("convolve2d_dx: `w` (KH, KW)", w, 2, dy)
    kind = choice("convolve2d_dx: `mode`", mode, MODES)
    h, k = w.shape[0] - 1, w.shape[1] - 1
    more = -1 if kind == 0 else kind - 1  # how often w - 1 is missing in the result
    size = dy.shape[-2] + more * h, dy.shape[-1] + more * k
    if min(size) < 1:
        raise ShapeError("convolve2d_dx: `dy` {} is too small to be a result with `w` {}", dy.shape, w.shape)
    dx, add = as_grad_or_new("convolve2d_dx: `dx`", dx, dy.shape[:-2] + size, dy)
    sides = _convolve2d_sides(dx.shape, w.shape, kind)
    stride, dilation, groups = _ones()
    none = np.empty(0, dy.dtype)
    _conv2d_dx(_images(dy), _flipped(w), none, stride, sides, dilation, groups, add, _images(dx))
    return dx


@jit
def convolve2d_dw(dy, x, w_shape, mode="full", dw=None):
    """Adds the gradient with respect to `w` to `dw`, of shape `w_shape` (zeros if not given)."""
    compact()
    dy = as_float("convolve2d_dw: `dy` (..., P, Q)", dy, AT_LEAST_2)
    x = as_like("convolve2d_dw: `x` (..., H, W)", x, AT_LEAST_2, dy)
    w_shape = pair("convolve2d_dw: `w_shape`", w_shape)
    if min(w_shape) < 1 or max(w_shape) >= LIMIT:
        raise ShapeError("convolve2d_dw: `w_shape` must be from 1x1 to below 2^31, got {}", w_shape)
    sides = _convolve2d_sides(x.shape, w_shape, choice("convolve2d_dw: `mode`", mode, MODES))
    size = _size(x.shape, w_shape, sides)
    if (
        dy.shape[-2] != size[0]
        or dy.shape[-1] != size[1]
        or dy.size // max(1, size[0] * size[1]) != _count(x)
    ):
        raise ShapeError(
            "convolve2d_dw: `dy` must have {} images of shape {}, as the result, got {}",
            _count(x), size, dy.shape,
        )  # fmt: skip
    dw = as_grad("convolve2d_dw: `dw`", dw, w_shape, dy)
    stride, dilation, groups = _ones()
    # Of the flipped weights first, as the correlation has them; turned back while it is added.
    back = np.zeros((1, 1, dw.shape[0], dw.shape[1]), dw.dtype)
    done = _conv2d_dw_of_lanes(_images(dy), _images(x), stride, sides, dilation, groups, back)
    _conv2d_dw(_images(dy), _images(x), stride, sides, dilation, groups, done, back)
    _add_flipped(flat(back), flat(dw))
    return dw


@jit
def _add_flipped(back, dw):
    for i in range(dw.size):
        dw[i] += back[dw.size - 1 - i]


convolve2d_outputs = outputs(convolve2d)
