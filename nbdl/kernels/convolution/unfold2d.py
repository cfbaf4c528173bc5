r"""The windows of images as columns of a matrix (im2col), and images as sums of such columns (col2im).

.. math::
    y_{n,\,(c u v),\,(i j)} = x_{n,\,c,\,i s_h + u d_h - p_t,\,j s_w + v d_w - p_l} \qquad
    z_{ncrk} = \sum_{(u v i j) \to (r k)} y_{n,\,(c u v),\,(i j)}

x and z (N, C, H, W), y (N, C KH KW, P Q): a row for each channel and tap, a column for each window, as in
torch. The windows are those of `conv2d`; what lies in the padding is 0. `fold2d` adds up what the windows say
of an element, so it undoes `unfold2d` where windows do not overlap; each is the gradient of the other. A
convolution is ``w.reshape(K, -1) @ unfold2d(x)``, which `conv2d` computes without these columns.
Chellapilla et al. 2006, High Performance Convolutional Neural Networks for Document Processing, section 2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.inputs import as_float
from nbdl.kernels.door.options import pair, shape4, sides, too_large
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.window import LIMIT, check_window


@jit
def unfold2d_shape(x_shape, kernel, stride=1, padding=0, dilation=1):
    """Shape (N, C KH KW, P Q) of `unfold2d`'s result; raises `ShapeError` or `OptionError`.

    Call it once before a parallel loop over `unfold2d`: Numba drops exceptions raised inside ``prange``.

    Examples
    --------
    >>> unfold2d_shape((8, 3, 28, 28), 5)
    (8, 75, 576)
    """
    x_shape = shape4("unfold2d: the shape of `x`", x_shape)
    size, step = pair("unfold2d: `kernel`", kernel), pair("unfold2d: `stride`", stride)
    pad, gap = sides("unfold2d: `padding`", padding), pair("unfold2d: `dilation`", dilation)
    _check("unfold2d", size, step, pad, gap)
    P, Q = _counts("unfold2d", x_shape, size, step, pad, gap)
    return x_shape[0], x_shape[1] * size[0] * size[1], P * Q


@jit
def _check(name, kernel, stride, padding, dilation):
    """Raises `OptionError` for windows that there are none of."""
    if min(kernel) < 1 or max(kernel) >= LIMIT:
        raise OptionError("{}: `kernel` must be from 1 to 2^31 - 1, got {}", name, kernel)
    check_window(name, stride, padding, dilation)


@jit
def _counts(name, x_shape, kernel, stride, padding, dilation):
    """(P, Q): how many windows images of this shape have."""
    N, C, H, W = x_shape
    # Kernel and dilation are below 2^31: their product fits int64.
    P = (H + padding[0] + padding[1] - (kernel[0] - 1) * dilation[0] - 1) // stride[0] + 1
    Q = (W + padding[2] + padding[3] - (kernel[1] - 1) * dilation[1] - 1) // stride[1] + 1
    if P < 1 or Q < 1:
        raise ShapeError("{}: `kernel` {} is larger than the padded images {} x {}", name, kernel, H, W)
    # Asked before a caller multiplies P and Q, which could wrap around.
    if too_large((N, C, kernel[0], kernel[1], P, Q)):
        raise ShapeError("{}: `kernel` {} makes more than an array can hold", name, kernel)
    return P, Q


@jit
def unfold2d(x, kernel, stride=1, padding=0, dilation=1, out=None):
    """The windows of images, one in each column (see the head of this file).

    Parameters
    ----------
    x : (N, C, H, W) float array
    kernel, stride, dilation : int or pair
        For rows and columns; at least 1.
    padding : int, pair or 4-tuple
        Zeros on each side: all, (rows, columns) or (top, bottom, left, right).
    out : (N, C KH KW, P Q) array, optional
        Where the result goes; must not overlap `x`.

    Returns
    -------
    (N, C KH KW, P Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `unfold2d_shape` before the loop.

    Examples
    --------
    >>> unfold2d(np.arange(6.0).reshape(1, 1, 2, 3), 2)[0].T
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.]])
    """
    x = as_float("unfold2d: `x` (N, C, H, W)", x, 4)
    size, step = pair("unfold2d: `kernel`", kernel), pair("unfold2d: `stride`", stride)
    pad, gap = sides("unfold2d: `padding`", padding), pair("unfold2d: `dilation`", dilation)
    _check("unfold2d", size, step, pad, gap)
    P, Q = _counts("unfold2d", x.shape, size, step, pad, gap)
    y = as_out("unfold2d: `out`", out, (x.shape[0], x.shape[1] * size[0] * size[1], P * Q), x)
    _unfold2d(x, size, step, pad, gap, Q, y)
    return y


@jit
def _unfold2d(x, kernel, stride, padding, dilation, Q, y):
    # Elements in the padding are not met below: they have to be zeros before.
    flat = y.reshape(y.size)
    for i in range(flat.size):
        flat[i] = x.dtype.type(0)
    _add_windows(x, kernel, stride, padding, dilation, Q, y)


@jit
def _add_windows(x, kernel, stride, padding, dilation, Q, y):
    """y += the windows of x."""
    (H, W), (top, _, left, _) = x.shape[2:], padding
    for n, c, u, v in np.ndindex(x.shape[0], x.shape[1], kernel[0], kernel[1]):
        # Of one channel and tap the windows lie side by side: y is written in the order of memory.
        image, row = x[n, c], y[n, (c * kernel[0] + u) * kernel[1] + v]
        for i in range(row.size // Q):
            r = i * stride[0] + u * dilation[0] - top
            # Asked once for each row of windows, not for each element.
            if 0 <= r < H:
                for j in range(Q):
                    k = j * stride[1] + v * dilation[1] - left
                    if 0 <= k < W:
                        row[i * Q + j] += image[r, k]


@jit
def unfold2d_dx(dy, x_shape, kernel, stride=1, padding=0, dilation=1, dx=None):
    """Adds each element of `dy` (N, C KH KW, P Q) to that of `dx`, shape `x_shape`, which it was made of.

    `dx` is new (zeros) if not given.
    """
    dy = as_float("unfold2d_dx: `dy` (N, C KH KW, P Q)", dy, 3)
    x_shape = shape4("unfold2d_dx: `x_shape` (N, C, H, W)", x_shape)
    size, step = pair("unfold2d_dx: `kernel`", kernel), pair("unfold2d_dx: `stride`", stride)
    pad, gap = sides("unfold2d_dx: `padding`", padding), pair("unfold2d_dx: `dilation`", dilation)
    _check("unfold2d_dx", size, step, pad, gap)
    P, Q = _counts("unfold2d_dx", x_shape, size, step, pad, gap)
    shape = x_shape[0], x_shape[1] * size[0] * size[1], P * Q
    if dy.shape != shape:
        raise ShapeError("unfold2d_dx: `dy` must have the shape {} of the result, got {}", shape, dy.shape)
    dx = as_grad("unfold2d_dx: `dx`", dx, x_shape, dy)
    _unfold2d_dx(dy, size, step, pad, gap, Q, dx)
    return dx


@jit
def _unfold2d_dx(dy, kernel, stride, padding, dilation, Q, dx):
    (H, W), (top, _, left, _) = dx.shape[2:], padding
    for n, c, u, v in np.ndindex(dx.shape[0], dx.shape[1], kernel[0], kernel[1]):
        image, row = dx[n, c], dy[n, (c * kernel[0] + u) * kernel[1] + v]
        # Where windows overlap, several elements of dy are of one pixel: they are added one after the other.
        for i in range(row.size // Q):
            r = i * stride[0] + u * dilation[0] - top
            if 0 <= r < H:
                for j in range(Q):
                    k = j * stride[1] + v * dilation[1] - left
                    if 0 <= k < W:
                        image[r, k] += row[i * Q + j]


@jit
def fold2d(x, size, kernel, stride=1, padding=0, dilation=1, out=None):
    """Images of which each element is the sum of what the windows say of it.

    Parameters
    ----------
    x : (N, C KH KW, P Q) float array
        Columns as `unfold2d` makes them.
    size : int or pair
        Height and width (H, W) of the images.
    kernel, stride, padding, dilation
        As in `unfold2d`; what x says of the padding is left out.
    out : (N, C, H, W) array, optional
        Where the result goes; must not overlap `x`.

    Returns
    -------
    (N, C, H, W) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> fold2d(np.ones((1, 4, 2)), (2, 3), 2)[0, 0]
    array([[1., 2., 1.],
           [1., 2., 1.]])
    """
    x = as_float("fold2d: `x` (N, C KH KW, P Q)", x, 3)
    window, step = pair("fold2d: `kernel`", kernel), pair("fold2d: `stride`", stride)
    pad, gap = sides("fold2d: `padding`", padding), pair("fold2d: `dilation`", dilation)
    _check("fold2d", window, step, pad, gap)
    shape, Q = _images("fold2d", x.shape, pair("fold2d: `size`", size), window, step, pad, gap)
    y = as_out("fold2d: `out`", out, shape, x)
    _fold2d(x, window, step, pad, gap, Q, y)
    return y


@jit
def _images(name, shape, size, kernel, stride, padding, dilation):
    """The shape (N, C, H, W) of images with columns of this shape, and Q."""
    taps = kernel[0] * kernel[1]
    if min(size) < 0 or max(size) >= LIMIT:
        raise OptionError("{}: `size` must be from 0 to 2^31 - 1, got {}", name, size)
    # There is at least one tap, and sides below 2^31 cannot make their product 0 by wrapping around.
    if shape[1] % taps != 0:
        raise ShapeError("{}: the rows of `x` must be a multiple of {}, got shape {}", name, taps, shape)
    images = shape[0], shape[1] // taps, size[0], size[1]
    P, Q = _counts(name, images, kernel, stride, padding, dilation)
    if shape[2] != P * Q:
        raise ShapeError(
            "{}: `x` must have {} columns, for {} x {} windows over images {} x {} (`size`), got shape {}",
            name, P * Q, P, Q, size[0], size[1], shape,
        )  # fmt: skip
    return images, Q


@jit
def _fold2d(x, kernel, stride, padding, dilation, Q, y):
    flat = y.reshape(y.size)
    for i in range(flat.size):
        flat[i] = x.dtype.type(0)
    _unfold2d_dx(x, kernel, stride, padding, dilation, Q, y)


@jit
def fold2d_dx(dy, kernel, stride=1, padding=0, dilation=1, dx=None):
    """Adds the windows of `dy` (N, C, H, W) to `dx` (N, C KH KW, P Q), which is new (zeros) if not given."""
    dy = as_float("fold2d_dx: `dy` (N, C, H, W)", dy, 4)
    window, step = pair("fold2d_dx: `kernel`", kernel), pair("fold2d_dx: `stride`", stride)
    pad, gap = sides("fold2d_dx: `padding`", padding), pair("fold2d_dx: `dilation`", dilation)
    _check("fold2d_dx", window, step, pad, gap)
    P, Q = _counts("fold2d_dx", dy.shape, window, step, pad, gap)
    dx = as_grad("fold2d_dx: `dx`", dx, (dy.shape[0], dy.shape[1] * window[0] * window[1], P * Q), dy)
    _add_windows(dy, window, step, pad, gap, Q, dx)
    return dx


unfold2d_outputs, fold2d_outputs = outputs(unfold2d), outputs(fold2d)
