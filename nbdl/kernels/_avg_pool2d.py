r"""Average pooling of images.

.. math:: y_{ncij} = \frac{1}{K} \sum_{uv} x_{n,\,c,\,i s_h + u d_h - p_t,\,j s_w + v d_w - p_l}

x (N, C, H, W), y (N, C, P, Q); the windows are those of `_pool2d.py`. K counts the elements of x in the
window, with `count_include_pad` those of the padding too, but never what reaches beyond the padding.
Zhang et al., Dive into Deep Learning, section 7.5.
"""

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels._door import as_float, as_grad, as_out, shape4
from nbdl.kernels._pool2d import _planes, _taps, _windows


@jit
def avg_pool2d(
    x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, count_include_pad=True, out=None
):
    """The average of each window.

    Parameters
    ----------
    x, kernel, stride, padding, dilation, ceil_mode, out
        As in `max_pool2d`.
    count_include_pad : bool
        Whether padding counts, as zeros: True as in torch; ONNX has False.

    Returns
    -------
    (N, C, P, Q) array of the dtype of `x`. A sum of K elements has an error of at most K eps sum abs(x).

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `pool2d_shape` before the loop.
    """
    x = as_float("avg_pool2d: `x` (N, C, H, W)", x, 4)
    shape, size, step, pad, gap = _windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = as_out("avg_pool2d: `out`", out, shape, x)
    _avg_pool2d(_planes(x), size, step, pad, gap, bool(count_include_pad), _planes(y))
    return y


@jit
def _share(start, taps, dilation, size, before, after, count_include_pad):
    """By how many elements of this axis a window divides."""
    if count_include_pad:
        first, last = _taps(start + before, taps, dilation, size + before + after)
    else:
        first, last = _taps(start, taps, dilation, size)
    return last - first


@jit
def _avg_pool2d(x, kernel, stride, padding, dilation, count_include_pad, y):
    _, H, W = x.shape
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            top = i * stride[0] - padding[0]
            u0, u1 = _taps(top, kernel[0], dilation[0], H)
            rows = _share(top, kernel[0], dilation[0], H, padding[0], padding[1], count_include_pad)
            for j in range(y.shape[2]):
                left = j * stride[1] - padding[2]
                v0, v1 = _taps(left, kernel[1], dilation[1], W)
                columns = _share(left, kernel[1], dilation[1], W, padding[2], padding[3], count_include_pad)
                total = x.dtype.type(0)
                for u in range(u0, u1):
                    for v in range(v0, v1):
                        total += x[n, top + u * dilation[0], left + v * dilation[1]]
                y[n, i, j] = total / x.dtype.type(rows * columns)


@jit
def avg_pool2d_dx(
    dy, x_shape, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, count_include_pad=True, dx=None
):
    """Adds to each element of `dx`, shape `x_shape` (zeros if not given), its share of `dy` (N, C, P, Q)."""
    dy = as_float("avg_pool2d_dx: `dy` (N, C, P, Q)", dy, 4)
    x_shape = shape4("avg_pool2d_dx: `x_shape` (N, C, H, W)", x_shape)
    shape, size, step, pad, gap = _windows(x_shape, kernel, stride, padding, dilation, ceil_mode)
    if dy.shape != shape:
        raise ShapeError("avg_pool2d_dx: `dy` must have the shape {} of the result, got {}", shape, dy.shape)
    dx = as_grad("avg_pool2d_dx: `dx`", dx, x_shape, dy)
    _avg_pool2d_dx(_planes(dy), size, step, pad, gap, bool(count_include_pad), _planes(dx))
    return dx


@jit
def _avg_pool2d_dx(dy, kernel, stride, padding, dilation, count_include_pad, dx):
    _, H, W = dx.shape
    for n in range(dy.shape[0]):
        for i in range(dy.shape[1]):
            top = i * stride[0] - padding[0]
            u0, u1 = _taps(top, kernel[0], dilation[0], H)
            rows = _share(top, kernel[0], dilation[0], H, padding[0], padding[1], count_include_pad)
            for j in range(dy.shape[2]):
                left = j * stride[1] - padding[2]
                v0, v1 = _taps(left, kernel[1], dilation[1], W)
                columns = _share(left, kernel[1], dilation[1], W, padding[2], padding[3], count_include_pad)
                share = dy[n, i, j] / dy.dtype.type(rows * columns)
                for u in range(u0, u1):
                    for v in range(v0, v1):
                        dx[n, top + u * dilation[0], left + v * dilation[1]] += share
