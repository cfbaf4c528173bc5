"""Weights of an LSTM from other libraries, in the form of `lstm`.

=======  ==============  =================  ==========================
library  order of gates  matrices           bias (4H,)
=======  ==============  =================  ==========================
nbdl     i f g o         (D, 4H), (H, 4H)   one
Keras    i f g o         (D, 4H), (H, 4H)   one
PyTorch  i f g o         (4H, D), (4H, H)   two, of which b is the sum
ONNX     i o f g         (4H, D), (4H, H)   two, of which b is the sum
=======  ==============  =================  ==========================

ONNX and Keras call c what is g here. ONNX puts an axis of directions before these. Its peepholes (3H,) are in
the order i o f: those of `lstm` are ``p.reshape(3, H)[[0, 2, 1]]``.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float

SOURCES = "torch", "keras", "onnx"


@jit
def lstm_gates(w, source):
    """A matrix or bias of an LSTM of another library as `lstm` takes it.

    Parameters
    ----------
    w : (4H, D) or (4H,) float array; (D, 4H) or (4H,) of "keras"
    source : "torch", "keras" or "onnx"

    Returns
    -------
    (D, 4H) or (4H,) array of the dtype of `w`
        A copy, with the gates in the order i, f, g, o.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> lstm_gates(np.array([[1.0], [2.0], [3.0], [4.0]]), "onnx")
    array([[1., 3., 4., 2.]])
    """
    w = as_float("lstm_gates: `w`", w, -1)
    library = choice("lstm_gates: `source`", source, SOURCES)
    return _in_order(w, library == 1, library == 2)


@jit
def _in_order(w, keras, onnx):
    # Numba decides about the dimensions of an argument while it compiles.
    if w.ndim == 1:
        _check_gates(w.shape, w.size)
        y = np.empty(w.size, w.dtype)
        _ordered(w.reshape(w.size, 1), onnx, y.reshape(1, w.size))
        return y
    if w.ndim != 2:
        raise ShapeError("lstm_gates: `w` must have 1 or 2 dimensions, got shape {}", w.shape)
    _check_gates(w.shape, w.shape[1 if keras else 0])
    if keras:
        return w.copy()
    y = np.empty((w.shape[1], w.shape[0]), w.dtype)
    _ordered(w, onnx, y)
    return y


@jit
def _check_gates(shape, gates):
    if gates % 4:
        raise ShapeError("lstm_gates: `w` must have 4 gates of one size, got shape {}", shape)


@jit
def _ordered(w, onnx, y):
    """y (D, 4H) = w (4H, D) transposed; gates in the order of `onnx`, i o f g, become i f g o."""
    G, D = w.shape
    H = G // 4
    for j in range(G):
        # i f g o stand in places 0 2 3 1 of i o f g.
        source = (0, 2, 3, 1)[j // H] * H + j % H if onnx else j
        for d in range(D):
            y[d, j] = w[source, d]
