"""What recurrent layers are given: sequences, their lengths, the states before them."""

import numpy as np

from nbdl.array_functions import where
from nbdl.errors import DtypeError, ShapeError
from nbdl.nn._parameter import cast
from nbdl.tape import as_tensor


def sequences(layer, x, lengths):
    """x (N, T, D) and lengths (N,) or None as tensors; errors speak in the name of `layer`."""
    x = as_tensor(x)
    if x.ndim != 3 or x.shape[1] == 0:
        raise ShapeError(
            "{}: `x` must have 3 dimensions (N, T, D) and at least 1 step, got shape {}", layer, x.shape
        )
    if lengths is not None:
        lengths = as_tensor(lengths)
        if lengths.dtype.kind not in "iu":
            raise DtypeError("{}: `lengths` (N,) must be integers, got {}", layer, lengths.dtype)
        if lengths.shape != x.shape[:1]:
            raise ShapeError("{}: `lengths` must have shape {}, got {}", layer, x.shape[:1], lengths.shape)
    return x, lengths


def state_before(where, state, shape, parameter):
    """A state that the walk begins with, in the dtype of the parameter; None stays."""
    if state is None:
        return None
    state = cast(state, parameter)
    if state.shape != shape:
        raise ShapeError("{} must have shape {}, got {}", where, shape, state.shape)
    return state


def without_padding(x, lengths):
    """x with zeros behind the ends, where anything may stand: the gradient of wx is made of all x."""
    if lengths is None:
        return x
    there = lengths.reshape(-1, 1) > np.arange(x.shape[1])
    return where(there.reshape(*x.shape[:2], 1), x, 0.0)
