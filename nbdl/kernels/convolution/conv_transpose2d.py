r"""Transposed convolution of images: each pixel of x spreads its share over a window of a larger image y.

.. math:: y_{n,\,o,\,i s_h + u d_h - p_t,\,j s_w + v d_w - p_l} \mathrel{+}= \sum_c w_{couv}\; x_{ncij},
          \qquad \text{from } y_{noij} = b_o

x (N, C, H, W), w (C, O / groups, KH, KW), b (O,), y (N, O, P, Q) with
``P = (H - 1) * stride - top - bottom + (KH - 1) * dilation + output_padding + 1`` and Q alike. Here padding
takes away from the sides of y; output_padding adds rows and columns at its ends, since the convolution back
maps several sizes to one. Zhang et al., Dive into Deep Learning, section 14.10; Dumoulin and Visin 2016, A
guide to convolution arithmetic for deep learning, chapter 4.

The same as a loop, without padding and groups::

    def plain_conv_transpose2d(x, w, b, stride, dilation):
        (N, C, H, W), (_, O, KH, KW), (sh, sw), (dh, dw) = x.shape, w.shape, stride, dilation
        P, Q = (H - 1) * sh + (KH - 1) * dh + 1, (W - 1) * sw + (KW - 1) * dw + 1
        y = np.zeros((N, O, P, Q)) + b[:, None, None]
        for n, c, i, j in np.ndindex(N, C, H, W):
            for o, u, v in np.ndindex(O, KH, KW):
                y[n, o, i * sh + u * dh, j * sw + v * dw] += w[c, o, u, v] * x[n, c, i, j]
        return y

It is the gradient of a convolution with the names exchanged: forward is `conv2d_dx`, where y takes the place
of the image, its gradient for x is `conv2d`, that for w `conv2d_dw`. They share their cores.
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
from nbdl.kernels.door.options import integer, pair, shape4, sides, too_large
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.door.window import LIMIT, check_window


@jit
def conv_transpose2d_shape(x_shape, w_shape, stride=1, padding=0, dilation=1, groups=1, output_padding=0):
    """Shape (N, O, P, Q) of `conv_transpose2d`'s result; raises `ShapeError` or `OptionError` on a misfit.

    Call it once before a parallel loop over the kernel: Numba drops exceptions raised inside ``prange``.
    """
    if len(x_shape) != 4 or len(w_shape) != 4:
        raise ShapeError(
            "conv_transpose2d: `x` (N, C, H, W) and `w` (C, O/groups, KH, KW) must have 4 dimensions, "
            "got {} and {}",
            len(x_shape),
            len(w_shape),
        )
    x_shape = shape4("conv_transpose2d: the shape of `x`", x_shape)
    w_shape = shape4("conv_transpose2d: the shape of `w`", w_shape)
    return _conv_transpose2d_shape(
        x_shape, w_shape, *_options(stride, padding, dilation, groups, output_padding)
    )


@jit
def _options(stride, padding, dilation, groups, output_padding):
    """The options as plain integers."""
    return (
        pair("conv_transpose2d: `stride`", stride),
        sides("conv_transpose2d: `padding`", padding),
        pair("conv_transpose2d: `dilation`", dilation),
        integer("conv_transpose2d: `groups`", groups),
        pair("conv_transpose2d: `output_padding`", output_padding),
    )


@jit
def _conv_transpose2d_shape(x_shape, w_shape, stride, padding, dilation, groups, output_padding):
    compact()
    check_window("conv_transpose2d", stride, padding, dilation)
    # From the stride on y would be of the size that one pixel more of x gives.
    if min(output_padding) < 0 or output_padding[0] >= stride[0] or output_padding[1] >= stride[1]:
        raise OptionError(
            "conv_transpose2d: `output_padding` must be at least 0 and below `stride` {}, got {}",
            stride,
            output_padding,
        )
    if groups < 1 or x_shape[1] % groups:
        raise OptionError(
            "conv_transpose2d: `groups` must divide the channels of `x` ({}), got {}", x_shape[1], groups
        )
    if w_shape[0] != x_shape[1]:
        raise ShapeError(
            "conv_transpose2d: `w` must have {} rows, one for each channel of `x`, got {}",
            x_shape[1],
            w_shape[0],
        )
    if x_shape[2] < 1 or x_shape[3] < 1:
        raise ShapeError(
            "conv_transpose2d: the images of `x` must have at least one element, got {}", x_shape
        )
    if w_shape[2] < 1 or w_shape[3] < 1:
        raise ShapeError("conv_transpose2d: the kernel of `w` must be at least 1x1, got {}", w_shape)
    # Products of two factors below 2^31, so that the sizes of y fit int64.
    if w_shape[2] >= LIMIT or w_shape[3] >= LIMIT or x_shape[2] >= LIMIT or x_shape[3] >= LIMIT:
        raise ShapeError(
            "conv_transpose2d: `x` and the kernel of `w` must be below 2^31 on each side, got {} and {}",
            x_shape,
            w_shape,
        )
    p = (x_shape[2] - 1) * stride[0] + (w_shape[2] - 1) * dilation[0] + 1 + output_padding[0]
    q = (x_shape[3] - 1) * stride[1] + (w_shape[3] - 1) * dilation[1] + 1 + output_padding[1]
    p, q = p - padding[0] - padding[1], q - padding[2] - padding[3]
    if p < 1 or q < 1:
        raise OptionError(
            "conv_transpose2d: `padding` {} must leave something of the result, {} x {} are left",
            padding,
            p,
            q,
        )
    if too_large((x_shape[0], w_shape[1] * groups, p, q)):
        raise ShapeError(
            "conv_transpose2d: `stride` {} makes the result of `x` larger than an array can be", stride
        )
    # As in `conv2d`, whose cores these are: the offset of every tap has to fit int64.
    if too_large((w_shape[1], w_shape[2] * w_shape[3], x_shape[2], x_shape[3])):
        raise ShapeError(
            "conv_transpose2d: what `x` spreads is more than an array can hold, {} of {}", x_shape, w_shape
        )
    return x_shape[0], w_shape[1] * groups, p, q


@jit
def conv_transpose2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, output_padding=0, out=None):
    """Transposed convolution of images with a bank of kernels (see the formula at the head of this file).

    Parameters
    ----------
    x : (N, C, H, W) float array
    w : (C, O / groups, KH, KW) float array
        As in torch and ONNX: the weights of the convolution from y back to x.
    b : (O,) float array, optional
    stride, dilation : int or pair
        For rows and columns of the result; at least 1.
    padding : int, pair or 4-tuple
        What is taken away from the sides of the result: all, (rows, columns) or (top, bottom, left, right).
    groups : int
        Output channels in group g see the input channels in group g alone.
    output_padding : int or pair
        Rows and columns more at the bottom and at the right; below the stride.
    out : (N, O, P, Q) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (N, O, P, Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `conv_transpose2d_shape` before the loop.
    """
    compact()
    given = b is not None  # asked first: `as_optional` turns None into an array without elements
    x = as_float("conv_transpose2d: `x` (N, C, H, W)", x, 4)
    w = as_like("conv_transpose2d: `w` (C, O/groups, KH, KW)", w, 4, x)
    b = as_optional("conv_transpose2d: `b` (O,)", b, 1, x)
    stride, padding, dilation, groups, ends = _options(stride, padding, dilation, groups, output_padding)
    shape = _conv_transpose2d_shape(x.shape, w.shape, stride, padding, dilation, groups, ends)
    if given and b.size != shape[1]:
        raise ShapeError(
            "conv_transpose2d: `b` must have {} elements, one for each output channel, got {}",
            shape[1],
            b.size,
        )
    y = as_out("conv_transpose2d: `out`", out, shape, x)
    _conv2d_dx(x, w, b, stride, padding, dilation, groups, np.int64(0), y)
    return y


@jit
def conv_transpose2d_dx(dy, w, x_shape, stride=1, padding=0, dilation=1, groups=1, output_padding=0, dx=None):
    """Adds the gradient with respect to `x` to `dx`, an array of shape `x_shape` (zeros if not given)."""
    compact()
    dy = as_float("conv_transpose2d_dx: `dy` (N, O, P, Q)", dy, 4)
    w = as_like("conv_transpose2d_dx: `w` (C, O/groups, KH, KW)", w, 4, dy)
    x_shape = shape4("conv_transpose2d_dx: `x_shape`", x_shape)
    stride, padding, dilation, groups, ends = _options(stride, padding, dilation, groups, output_padding)
    shape = _conv_transpose2d_shape(x_shape, w.shape, stride, padding, dilation, groups, ends)
    if dy.shape != shape:
        raise ShapeError(
            "conv_transpose2d_dx: `dy` must have shape {}, that of the result, got {}", shape, dy.shape
        )
    dx, add = as_grad_or_new("conv_transpose2d_dx: `dx`", dx, x_shape, dy)
    _conv2d(dy, w, np.empty(0, dy.dtype), stride, padding, dilation, groups, add, dx)
    return dx


@jit
def conv_transpose2d_dw(dy, x, w_shape, stride=1, padding=0, dilation=1, groups=1, output_padding=0, dw=None):
    """Adds the gradient with respect to `w` to `dw`, an array of shape `w_shape` (zeros if not given)."""
    compact()
    dy = as_float("conv_transpose2d_dw: `dy` (N, O, P, Q)", dy, 4)
    x = as_like("conv_transpose2d_dw: `x` (N, C, H, W)", x, 4, dy)
    w_shape = shape4("conv_transpose2d_dw: `w_shape`", w_shape)
    stride, padding, dilation, groups, ends = _options(stride, padding, dilation, groups, output_padding)
    shape = _conv_transpose2d_shape(x.shape, w_shape, stride, padding, dilation, groups, ends)
    if dy.shape != shape:
        raise ShapeError(
            "conv_transpose2d_dw: `dy` must have shape {}, that of the result, got {}", shape, dy.shape
        )
    dw = as_grad("conv_transpose2d_dw: `dw`", dw, w_shape, dy)
    # x and dy exchanged: seen from y back to x, dy is the image and x the cotangent.
    done = _conv2d_dw_of_lanes(x, dy, stride, padding, dilation, groups, dw)
    _conv2d_dw(x, dy, stride, padding, dilation, groups, done, dw)
    return dw


@jit
def conv_transpose2d_db(dy, db=None):
    r"""Adds :math:`db_o = \sum_{nij} dy_{noij}` to `db` (O,), which is new (zeros) if it is not given."""
    compact()
    dy = as_float("conv_transpose2d_db: `dy` (N, O, P, Q)", dy, 4)
    db = as_grad("conv_transpose2d_db: `db`", db, (dy.shape[1],), dy)
    _conv2d_db(flat(dy), dy.shape[2] * dy.shape[3], db)
    return db


conv_transpose2d_outputs = outputs(conv_transpose2d)
