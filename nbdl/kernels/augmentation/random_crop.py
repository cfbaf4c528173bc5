r"""Random crop: of each image with zeros around it a window of a given size, at a place drawn at random.

.. math:: y_{ncij} = x'_{n,\,c,\,r_n + i,\,s_n + j} \qquad r_n \in \{0, \dots, H' - P\} \quad
          s_n \in \{0, \dots, W' - Q\}

x (N, C, H, W); x' (N, C, H', W') is x with `padding` zeros on its sides; y (N, C, P, Q). All places are
equally likely, but for a part in 2^32 / H'. They depend on (seed, op, step, sample) alone: `op` tells the
random operations of a net apart, `step` the training steps. So they are the same however the minibatch is
computed, and backward needs nothing stored. A window of the image's own size is a random shift.
Krizhevsky, Sutskever, Hinton 2012, section 4.1; with padding: He et al. 2016, section 4.2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.inputs import as_float
from nbdl.kernels.door.keys import check_key
from nbdl.kernels.door.options import integer, pair, shape4, sides
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.window import LIMIT
from nbdl.kernels.simd.philox import words

_BITS = np.uint64(32)


@jit
def random_crop(x, size, padding, seed, op, step, out=None):
    """A window of each image of `x` with zeros around it, at a random place.

    Parameters
    ----------
    x : (N, C, H, W) float array
    size : int or pair
        (P, Q), rows and columns of the result: at most those of the padded images.
    padding : int, pair or 4-tuple
        Zeros on each side: all, (rows, columns) or (top, bottom, left, right).
    seed : int
        From 0 to 2^63 - 1.
    op, step : int
        From 0 to 2^32 - 1: which random operation of the net, which training step.
    out : (N, C, P, Q) array, optional
        Where the result goes; must not overlap `x`.

    Returns
    -------
    (N, C, P, Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call it once on one image before the loop.
    """
    x = as_float("random_crop: `x` (N, C, H, W)", x, 4)
    size, padding = pair("random_crop: `size`", size), sides("random_crop: `padding`", padding)
    seed, op, step = _key(seed, op, step)
    _check(x.shape, size, padding)
    y = as_out("random_crop: `out`", out, (x.shape[0], x.shape[1], size[0], size[1]), x)
    _random_crop(x, padding, seed, op, step, y)
    return y


@jit
def random_crop_dx(dy, x_shape, size, padding, seed, op, step, dx=None):
    """Adds to each element of `dx`, shape `x_shape` (zeros if not given), that of `dy` which it became."""
    dy = as_float("random_crop_dx: `dy` (N, C, P, Q)", dy, 4)
    x_shape = shape4("random_crop_dx: `x_shape` (N, C, H, W)", x_shape)
    size, padding = pair("random_crop: `size`", size), sides("random_crop: `padding`", padding)
    seed, op, step = _key(seed, op, step)
    _check(x_shape, size, padding)
    shape = x_shape[0], x_shape[1], size[0], size[1]
    if dy.shape != shape:
        raise ShapeError("random_crop_dx: `dy` must have the shape {} of the result, got {}", shape, dy.shape)
    dx = as_grad("random_crop_dx: `dx`", dx, x_shape, dy)
    _random_crop_dx(dy, padding, seed, op, step, dx)
    return dx


@jit
def _key(seed, op, step):
    seed = integer("random_crop: `seed`", seed)
    op, step = integer("random_crop: `op`", op), integer("random_crop: `step`", step)
    check_key("random_crop", seed, op, step)
    return seed, op, step


@jit
def _check(x_shape, size, padding):
    if min(padding) < 0 or max(padding) >= LIMIT:
        raise OptionError(
            "random_crop: `padding` must be from 0 to 2^31 - 1, got {} (top, bottom, left, right)", padding
        )
    rows, columns = x_shape[2] + padding[0] + padding[1], x_shape[3] + padding[2] + padding[3]
    # After this check there is at least one place, and each window lies within the padded image.
    if not (1 <= size[0] <= rows and 1 <= size[1] <= columns):
        raise OptionError(
            "random_crop: `size` must be from 1 to the {} x {} of the padded images, got {}",
            rows, columns, size,
        )  # fmt: skip


@jit(strict=True, inline=True)
def places(word, count):
    """One of `count` numbers from 0 by a random word."""
    # The upper half of a product: a remainder would need a division.
    return np.int64(word * np.uint64(count) >> _BITS)


@jit
def _place(n, x_shape, y_shape, padding, seed, op, step):
    """Which row and column of sample n of x is the first of y: negative where that begins in the padding."""
    # Row and column from one draw for all channels, which must not be moved apart.
    a, b, _, _ = words(seed, op, step, n, 0)
    row = places(a, x_shape[2] + padding[0] + padding[1] - y_shape[2] + 1) - padding[0]
    return row, places(b, x_shape[3] + padding[2] + padding[3] - y_shape[3] + 1) - padding[2]


@jit
def _random_crop(x, padding, seed, op, step, y):
    (N, C, H, W), (P, Q), zero = x.shape, y.shape[2:], x.dtype.type(0)
    for n in range(N):
        row, column = _place(n, x.shape, y.shape, padding, seed, op, step)
        for c in range(C):
            for i in range(P):
                r = row + i
                for j in range(Q):
                    s = column + j
                    y[n, c, i, j] = x[n, c, r, s] if 0 <= r < H and 0 <= s < W else zero


@jit
def _random_crop_dx(dy, padding, seed, op, step, dx):
    (N, C, H, W), (P, Q) = dx.shape, dy.shape[2:]
    for n in range(N):
        row, column = _place(n, dx.shape, dy.shape, padding, seed, op, step)
        for c in range(C):
            # The bounds leave out the padding, which has no gradient: no element needs a test.
            for i in range(max(0, -row), min(P, H - row)):
                for j in range(max(0, -column), min(Q, W - column)):
                    dx[n, c, row + i, column + j] += dy[n, c, i, j]


random_crop_outputs = outputs(random_crop)
