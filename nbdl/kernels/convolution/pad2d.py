r"""Padding of images: rows and columns more on each side, of a constant or of the image itself.

.. math:: y_{ncij} = x_{n,\,c,\,r(i - top),\,r(j - left)}

x (N, C, H, W), y (N, C, H + top + bottom, W + left + right). Within the image r(i) = i; beyond its ends

- constant: the element is `value`;
- reflect: r mirrors at the first and the last element, which are not repeated; less padding than elements;
- edge: r is the first or the last element ("replicate" in torch).

The names are those of NumPy and ONNX. Paddings are (top, bottom, left, right), as in all kernels here, not
(left, right, top, bottom) as in torch.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float
from nbdl.kernels.door.options import shape4, sides, too_large
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.window import LIMIT
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest

MODES = "constant", "reflect", "edge"


@jit
def pad2d_shape(x_shape, padding, mode="constant"):
    """Shape (N, C, P, Q) of `pad2d`'s result; raises `ShapeError` or `OptionError` where arguments misfit.

    Call it once before a parallel loop over `pad2d`: Numba drops exceptions raised inside ``prange``.
    """
    if len(x_shape) != 4:
        raise ShapeError("pad2d: `x` (N, C, H, W) must have 4 dimensions, got {}", len(x_shape))
    x_shape = shape4("pad2d: the shape of `x`", x_shape)
    return _pad2d_shape(x_shape, sides("pad2d: `padding`", padding), choice("pad2d: `mode`", mode, MODES))


@jit
def _pad2d_shape(x_shape, padding, mode):
    if min(padding) < 0 or max(padding) >= LIMIT:
        raise OptionError(
            "pad2d: `padding` must be from 0 to 2^31 - 1, got {} (top, bottom, left, right)", padding
        )
    (top, bottom, left, right), (N, C, H, W) = padding, x_shape
    # What is mirrored once then lies in x. `max` lets an empty axis pass that has no padding.
    if mode == 1 and (max(top, bottom) >= max(H, 1) or max(left, right) >= max(W, 1)):
        raise OptionError(
            "pad2d: `padding` that reflects must be below the size of `x`, {} x {}, got {} (top, bottom, "
            "left, right)",
            H, W, padding,
        )  # fmt: skip
    if mode != 0 and (H < 1 or W < 1) and max(padding) > 0:
        raise ShapeError("pad2d: `x` must have elements to repeat, got {}", x_shape)
    if too_large((N, C, H + top + bottom, W + left + right)):
        raise OptionError("pad2d: `padding` {} makes the result larger than an array can be", padding)
    return N, C, H + top + bottom, W + left + right


@jit
def pad2d(x, padding, mode="constant", value=0.0, out=None):
    """Images with more rows and columns on each side (see the head of this file).

    Parameters
    ----------
    x : (N, C, H, W) float array
    padding : int, pair or 4-tuple
        Elements on each side: all, (rows, columns) or (top, bottom, left, right).
    mode : "constant", "reflect" or "edge"
    value : float
        Of a constant padding.
    out : (N, C, P, Q) array, optional
        Where the result goes; must not overlap `x`.

    Returns
    -------
    (N, C, P, Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `pad2d_shape` before the loop.
    """
    x = as_float("pad2d: `x` (N, C, H, W)", x, 4)
    padding = sides("pad2d: `padding`", padding)
    kind = choice("pad2d: `mode`", mode, MODES)
    shape = _pad2d_shape(x.shape, padding, kind)
    y = as_out("pad2d: `out`", out, shape, x)
    _pad2d(x, padding, kind, float(value), y)
    return y


@jit
def _sources(size, before, after, mode):
    """Which of `size` elements each one of the padded axis is; -1 is none of them."""
    # One table for each axis: the loops over pixels know no modes.
    sources = np.empty(before + size + after, np.int64)
    for i in range(sources.size):
        k = i - before
        if mode == 0:
            sources[i] = k if 0 <= k < size else -1
        elif mode == 1:
            sources[i] = -k if k < 0 else 2 * (size - 1) - k if k >= size else k
        else:
            sources[i] = min(max(k, 0), size - 1)
    return sources


@jit
def _pad2d(x, padding, mode, value, y):
    (N, C, H, W), (P, Q), (top, bottom, left, right) = x.shape, y.shape[2:], padding
    rows, columns = _sources(H, top, bottom, mode), _sources(W, left, right, mode)
    # Pointers check nothing: by the checks of the padding every source is in x, or is -1.
    p, q, constant = pointer(x), pointer(y), x.dtype.type(value)
    L = lanes(p)
    for n in range(N * C):
        for i in range(P):
            start, row = (n * H + rows[i]) * W, (n * P + i) * Q
            # A row of the padding: `start` is no place in x and must not be read.
            if rows[i] < 0:
                for j in range(Q):
                    q[row + j] = constant
                continue
            for j in range(left):
                q[row + j] = constant if columns[j] < 0 else p[start + columns[j]]
            # Between the paddings a row of x is copied as it lies: whole vectors, without the table.
            for j in range(0, W, L):
                store_rest(q, row + left + j, load_rest(p, start + j, W - j), W - j)
            for j in range(left + W, Q):
                q[row + j] = constant if columns[j] < 0 else p[start + columns[j]]


@jit
def pad2d_dx(dy, x_shape, padding, mode="constant", dx=None):
    """Adds to each element of `dx`, shape `x_shape` (zeros if not given), what of `dy` was made of it."""
    dy = as_float("pad2d_dx: `dy` (N, C, P, Q)", dy, 4)
    x_shape = shape4("pad2d_dx: `x_shape` (N, C, H, W)", x_shape)
    padding = sides("pad2d_dx: `padding`", padding)
    kind = choice("pad2d_dx: `mode`", mode, MODES)
    shape = _pad2d_shape(x_shape, padding, kind)
    if dy.shape != shape:
        raise ShapeError("pad2d_dx: `dy` must have the shape {} of the result, got {}", shape, dy.shape)
    dx = as_grad("pad2d_dx: `dx`", dx, x_shape, dy)
    _pad2d_dx(dy, padding, kind, dx)
    return dx


@jit
def _pad2d_dx(dy, padding, mode, dx):
    (N, C, H, W), (P, Q), (top, bottom, left, right) = dx.shape, dy.shape[2:], padding
    rows, columns = _sources(H, top, bottom, mode), _sources(W, left, right, mode)
    p, q = pointer(dx), pointer(dy)
    L = lanes(p)
    for n in range(N * C):
        for i in range(P):
            start, row = (n * H + rows[i]) * W, (n * P + i) * Q
            if rows[i] < 0:
                continue
            for j in range(0, W, L):
                total = load_rest(p, start + j, W - j) + load_rest(q, row + left + j, W - j)
                store_rest(p, start + j, total, W - j)
            # One by one: in the edge mode all of a side are one element. A constant is made of none.
            if mode != 0:
                for j in range(left):
                    p[start + columns[j]] += q[row + j]
                for j in range(left + W, Q):
                    p[start + columns[j]] += q[row + j]


pad2d_outputs = outputs(pad2d)
