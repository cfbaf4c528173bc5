"""Weights of a GRU from other libraries, in the form of `gru`.

=======  ==============  =================  =====================  =======================
library  order of gates  matrices           biases                 `reset`
=======  ==============  =================  =====================  =======================
nbdl     r u n           (D, 3H), (H, 3H)   b and bh, (3H,)        "after"; or "before"
PyTorch  r z n           (3H, D), (3H, H)   two (3H,): b and bh    "after"
Keras    z r h           (D, 3H), (H, 3H)   rows of one (2, 3H)    "after"
ONNX     z r h           (3H, D), (3H, H)   halves of one (6H,)    linear_before_reset: 1
                                                                   is "after", 0 "before"
=======  ==============  =================  =====================  =======================

All mean the same gates: reset, update, candidate. ONNX puts an axis of directions before these.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float
from nbdl.kernels.door.views import flat

SOURCES = "torch", "keras", "onnx"


@jit
def gru_gates(w, source):
    """A matrix or bias of a GRU of another library as `gru` takes it.

    Parameters
    ----------
    w : (3H, D) or (3H,) float array; (D, 3H) or (3H,) of "keras"
    source : "torch", "keras" or "onnx"

    Returns
    -------
    (D, 3H) or (3H,) array of the dtype of `w`
        A copy, with the gates in the order r, u, n.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> gru_gates(np.array([[1.0], [2.0], [3.0]]), "onnx")
    array([[2., 1., 3.]])
    """
    a = as_float("gru_gates: `w`", w, -1)
    library = choice("gru_gates: `source`", source, SOURCES)
    if w.ndim == 1:
        _check_gates(a.shape, a.size)
        y = np.empty(a.size, a.dtype)
        _ordered(flat(a), a.size, np.int64(1), np.int64(1), library > 0, y)
        return y
    if w.ndim != 2:
        raise ShapeError("gru_gates: `w` must have 1 or 2 dimensions, got shape {}", w.shape)
    keras = library == 1
    G, D = a.shape[1 if keras else 0], a.shape[0 if keras else 1]
    _check_gates(a.shape, G)
    y = np.empty((D, G), a.dtype)
    gate, row = (1, G) if keras else (D, 1)
    _ordered(flat(a), G, gate, row, library > 0, flat(y))
    return y


@jit
def _check_gates(shape, gates):
    if gates % 3:
        raise ShapeError("gru_gates: `w` must have 3 gates of one size, got shape {}", shape)


@jit
def _ordered(w, G, gate, row, swapped, y):
    """y (D, G) from w, whose gates and rows are so far apart; if `swapped`, the first two change places."""
    H, D = G // 3, y.size // max(G, 1)
    for j in range(G):
        source = (j + H if j < H else j - H) if swapped and j < 2 * H else j
        for d in range(D):
            y[d * G + j] = w[source * gate + d * row]
