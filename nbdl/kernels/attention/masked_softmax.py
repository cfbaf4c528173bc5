r"""Softmax of scores of which some are masked: weights of attention that is not fused.

.. math:: y_{nts} = \frac{e^{x_{nts}}}{\sum_{s'\ \mathrm{attended}} e^{x_{nts'}}}

x (N, T, S): the score of key s for query t. A key that is masked has weight 0, whatever its score is, and so
has every key of a query that attends none. Zhang et al., Dive into Deep Learning, section 11.3.2, where the
scores (not the weights) of masked keys are set to -10^6; here they are -inf.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.activation.softmax import _softmax, _softmax_dx
from nbdl.kernels.attention.masks import as_key_lengths, check_key_lengths
from nbdl.kernels.door.inputs import as_float, as_like, as_mask
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat


@jit
def masked_softmax(x, mask=None, lengths=None, out=None):
    """Softmax along the last axis, over the keys that are attended.

    Parameters
    ----------
    x : (N, T, S) float array
        Scores.
    mask : (N, T, S) array of bool, optional
        True where the query attends the key.
    lengths : (N,) or (N, T) array of integers, optional
        How many keys, from the first on, count for a sample or for a query: from 0 to S.
    out : (N, T, S) array, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    (N, T, S) array of the dtype of `x`; rows sum to 1, or are 0 where nothing is attended.

    Raises
    ------
    ShapeError, DtypeError, LabelError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> masked_softmax(np.zeros((1, 2, 3)), lengths=np.array([2]))[0]
    array([[0.5, 0.5, 0. ],
           [0.5, 0.5, 0. ]])
    """
    x = as_float("masked_softmax: `x` (N, T, S)", x, 3)
    kept = _kept(mask, x)
    N, T, S = x.shape
    counts, each = as_key_lengths("masked_softmax", "masked_softmax: `lengths` (N,) or (N, T)", lengths, N, T)
    y = as_out("masked_softmax: `out`", out, x.shape, x)
    check_key_lengths("masked_softmax", counts, S)
    _masked_softmax(x, kept, counts, each, y)
    return y


@jit
def _kept(mask, x):
    if mask is None:
        return np.empty(0, np.bool_)
    mask = as_mask("masked_softmax: `mask` (N, T, S)", mask, 3)
    if mask.shape != x.shape:
        raise ShapeError(
            "masked_softmax: `mask` must have shape {}, that of `x`, got {}", x.shape, mask.shape
        )
    return flat(mask)


@jit
def _masked_softmax(x, kept, lengths, each, y):
    N, T, S = x.shape
    lowest, zero = x.dtype.type(-np.inf), x.dtype.type(0)
    p, q = flat(x), flat(y)
    for n in range(N):
        for t in range(T):
            row, end = (n * T + t) * S, S
            if lengths.size:
                end = lengths[n * T + t] if each else lengths[n]
            for s in range(row, row + S):
                attended = s - row < end and (kept.size == 0 or kept[s])
                q[s] = p[s] if attended else lowest
    _softmax(y.reshape((N * T, S, 1)), y.reshape((N * T, S, 1)))
    for r in range(N * T):
        row, end = r * S, S
        if lengths.size:
            end = lengths[r] if each else lengths[r // T]
        some = False
        for s in range(row, row + S):
            some = some or (s - row < end and (kept.size == 0 or kept[s]))
        if not some:
            for s in range(row, row + S):
                q[s] = zero


@jit
def masked_softmax_dx(dy, y, dx=None):
    r"""Adds :math:`y_s (dy_s - \sum_j dy_j y_j)` to `dx` (N, T, S) (zeros if not given); y is the result."""
    dy = as_float("masked_softmax_dx: `dy` (N, T, S)", dy, 3)
    y = as_like("masked_softmax_dx: `y` (N, T, S)", y, 3, dy)
    if dy.shape != y.shape:
        raise ShapeError("masked_softmax_dx: `dy` must have shape {}, that of `y`, got {}", y.shape, dy.shape)
    dx = as_grad("masked_softmax_dx: `dx`", dx, dy.shape, dy)
    view = (dy.shape[0] * dy.shape[1], dy.shape[2], 1)
    _softmax_dx(dy.reshape(view), y.reshape(view), dx.reshape(view))
    return dx


masked_softmax_outputs = outputs(masked_softmax)
