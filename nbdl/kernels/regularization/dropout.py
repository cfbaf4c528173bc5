r"""Dropout, inverted: elements are set to 0 with probability p, the others are divided by 1 - p.

.. math:: y_i = \frac{k_i\, x_i}{1 - p} \qquad k_i = [u_i \ge p] \qquad u_i \sim U[0, 1)

x (N, ...): axis 0 is the sample. The uniform numbers depend on (seed, op, step, sample, element) alone: `op`
tells the dropout layers of a net apart, `step` the training steps; the element is the flat position within
the sample. So the mask is the same however the minibatch is computed, and backward needs no stored mask.
p = 0 is the identity, p = 1 gives zeros; a dropped element is 0 also where x is infinite or NaN.
Zhang et al., Dive into Deep Learning, section 5.6.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.inputs import ANY, as_float, as_mask
from nbdl.kernels.door.keys import check_key, samples_and_elements
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.philox import fill

_WORDS = 4294967296.0  # 2^32, the number of random words
_DRAWN = 1024  # words drawn at a time, which stay in the nearest cache; a multiple of 4


@jit
def dropout(x, p, seed, op, step, out=None):
    """Set elements of `x` to 0 with probability `p` and divide the others by 1 - p.

    Parameters
    ----------
    x : (N, ...) float array
        Of any number of dimensions.
    p : float
        From 0 to 1.
    seed : int
        From 0 to 2^63 - 1.
    op, step : int
        From 0 to 2^32 - 1: which dropout of the net, which training step.
    out : array of the same shape, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once on one sample before the loop.
    """
    x = as_float("dropout: `x` (N, ...)", x, ANY)
    p, seed, op, step = _options(p, seed, op, step)
    view = samples_and_elements(x.shape, x.size)
    y = as_out("dropout: `out`", out, x.shape, x)
    _dropout(x.reshape(view), p, seed, op, step, y.reshape(view))
    return y


@jit
def dropout_dx(dy, p, seed, op, step, dx=None):
    """Adds `dy` / (1 - p) to `dx` (zeros if not given) where `dropout` with these options kept it."""
    dy = as_float("dropout_dx: `dy` (N, ...)", dy, ANY)
    p, seed, op, step = _options(p, seed, op, step)
    view = samples_and_elements(dy.shape, dy.size)
    dx = as_grad("dropout_dx: `dx`", dx, dy.shape, dy)
    _dropout_dx(dy.reshape(view), p, seed, op, step, dx.reshape(view))
    return dx


@jit
def dropout_mask(x, p, seed, op, step):
    """Which elements `dropout` with these options keeps: a new bool array of the shape of `x`."""
    x = as_float("dropout_mask: `x` (N, ...)", x, ANY)
    p, seed, op, step = _options(p, seed, op, step)
    view = samples_and_elements(x.shape, x.size)
    mask = np.empty(x.shape, np.bool_)
    _dropout_mask(p, seed, op, step, mask.reshape(view))
    return mask


@jit
def _options(p, seed, op, step):
    p, seed = np.float64(p), integer("dropout: `seed`", seed)
    op, step = integer("dropout: `op`", op), integer("dropout: `step`", step)
    _check_p("dropout", p)
    check_key("dropout", seed, op, step)
    return p, seed, op, step


@jit
def _check_p(kernel, p):
    if not (p >= 0 and p <= 1):
        raise OptionError("{}: `p` must be from 0 to 1, got {}", kernel, p)


@jit
def _scale(p):
    return 1 / (1 - p) if p < 1 else 0.0  # with p = 1 nothing is kept


@jit
def _floor(p):
    """A word from this on keeps its element: word / 2^32 >= p."""
    # An integer of 64 bits: with p = 1 it is 2^32, which no word reaches.
    return np.int64(np.ceil(p * _WORDS))


@jit
def _dropout(x, p, seed, op, step, y):
    zero, scale, floor = x.dtype.type(0), x.dtype.type(_scale(p)), _floor(p)
    r = np.empty(_DRAWN, np.uint32)
    for n in range(x.shape[0]):
        for i0 in range(0, x.shape[1], _DRAWN):
            count = min(_DRAWN, x.shape[1] - i0)
            # Numbered by sample and place, four words each: however the work is cut, the mask is the same.
            fill(seed, op, step, n, i0 // 4, r[: (count + 3) // 4 * 4])
            for i in range(count):
                # Chosen, not multiplied by 0 or 1: 0 times infinity would be NaN.
                y[n, i0 + i] = x[n, i0 + i] * scale if r[i] >= floor else zero


@jit
def _dropout_dx(dy, p, seed, op, step, dx):
    zero, scale, floor = dy.dtype.type(0), dy.dtype.type(_scale(p)), _floor(p)
    r = np.empty(_DRAWN, np.uint32)
    for n in range(dy.shape[0]):
        for i0 in range(0, dy.shape[1], _DRAWN):
            count = min(_DRAWN, dy.shape[1] - i0)
            fill(seed, op, step, n, i0 // 4, r[: (count + 3) // 4 * 4])
            for i in range(count):
                kept = dy[n, i0 + i] * scale
                dx[n, i0 + i] += kept if r[i] >= floor else zero


@jit
def _dropout_mask(p, seed, op, step, mask):
    floor = _floor(p)
    r = np.empty(_DRAWN, np.uint32)
    for n in range(mask.shape[0]):
        for i0 in range(0, mask.shape[1], _DRAWN):
            count = min(_DRAWN, mask.shape[1] - i0)
            fill(seed, op, step, n, i0 // 4, r[: (count + 3) // 4 * 4])
            for i in range(count):
                mask[n, i0 + i] = r[i] >= floor


# --- masks made elsewhere ---------------------------------------------------------------------------------


@jit
def masked_scale(x, mask, p, out=None):
    """`x` / (1 - p) where `mask`, a bool array of the shape of `x`, is true, 0 elsewhere; `out` may be `x`.

    This is `dropout` with a given mask. p = 1 gives zeros. Raises `ShapeError`, `DtypeError`, `OptionError`,
    but not inside ``prange``, where Numba drops exceptions.

    Examples
    --------
    >>> masked_scale(np.array([1.0, 2.0]), np.array([True, False]), 0.5)
    array([2., 0.])
    """
    x = as_float("masked_scale: `x`", x, ANY)
    mask = as_mask("masked_scale: `mask`", mask, ANY)
    _check_mask("masked_scale", mask.shape, x.shape, np.float64(p))
    y = as_out("masked_scale: `out`", out, x.shape, x)
    _masked_scale(x.reshape(x.size), mask.reshape(x.size), np.float64(p), y.reshape(x.size))
    return y


@jit
def masked_scale_dx(dy, mask, p, dx=None):
    """Adds `dy` / (1 - p) where `mask` is true to `dx` (zeros if not given)."""
    dy = as_float("masked_scale_dx: `dy`", dy, ANY)
    mask = as_mask("masked_scale_dx: `mask`", mask, ANY)
    _check_mask("masked_scale_dx", mask.shape, dy.shape, np.float64(p))
    dx = as_grad("masked_scale_dx: `dx`", dx, dy.shape, dy)
    _masked_scale_dx(dy.reshape(dy.size), mask.reshape(dy.size), np.float64(p), dx.reshape(dy.size))
    return dx


@jit
def _check_mask(kernel, mask_shape, x_shape, p):
    if mask_shape != x_shape:
        raise ShapeError("{}: `mask` must have shape {}, got {}", kernel, x_shape, mask_shape)
    _check_p(kernel, p)


@jit
def _masked_scale(x, mask, p, y):
    zero, scale = x.dtype.type(0), x.dtype.type(_scale(p))
    for i in range(x.size):
        # With p = 1 nothing is kept, whatever the mask: scale 0 times infinity would be NaN.
        y[i] = x[i] * scale if mask[i] and p < 1 else zero


@jit
def _masked_scale_dx(dy, mask, p, dx):
    zero, scale = dy.dtype.type(0), dy.dtype.type(_scale(p))
    for i in range(dy.size):
        dx[i] += dy[i] * scale if mask[i] and p < 1 else zero


dropout_outputs, masked_scale_outputs = outputs(dropout), outputs(masked_scale)
