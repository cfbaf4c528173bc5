"""Which keys a query attends: masks, valid lengths and spans, as the doors of attention take them.

A mask is an array that is broadcast to (N, H, T, S): of bool, true where a query attends a key, or of floats
that are added to the scores, of which -inf masks a key. Lengths say how many keys count, for each sample or
for each query. Causal attention, a window and lengths together leave each query one span of keys.
"""

import numpy as np
from numba import types
from numba.extending import overload

from nbdl._jit import jit
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError
from nbdl.kernels.door.describe import describe, describe_type, is_array, is_none, name_in, raiser
from nbdl.kernels.door.inputs import ANY, AT_LEAST_1, as_labels, as_like, as_mask
from nbdl.kernels.door.views import flat

FARTHEST = 2**40  # place of a query: sums with it stay far from the largest int64
EVERY = 2 * FARTHEST  # keys that a window without end has on one side
_MASK_DTYPE = "{} must be an array of bool, or of {} to be added to the scores, got {}"
_MASK_NDIM = "{} must have from 1 to 4 dimensions, to be broadcast to (N, H, T, S), got {}"


def as_masks(where, mask, x):
    """(kept, added, shape): one of two flat arrays has the mask, and its shape has four sizes.

    `kept` is of bool, `added` of the dtype of `x`; the other one, or both for None, has no elements.
    """
    if mask is None:
        return np.empty(0, np.bool_), np.empty(0, x.dtype), (1, 1, 1, 1)
    if not is_array(mask) or mask.dtype not in (np.bool_, x.dtype):
        raise DtypeError(_MASK_DTYPE, where, x.dtype, describe(mask))
    if not 1 <= mask.ndim <= 4:
        raise ShapeError(_MASK_NDIM, where, mask.ndim)
    shape = (1,) * (4 - mask.ndim) + tuple(mask.shape)
    if mask.dtype == np.bool_:
        return flat(as_mask(where, mask, ANY)), np.empty(0, x.dtype), shape
    return np.empty(0, np.bool_), flat(as_like(where, mask, ANY, x)), shape


@overload(as_masks, prefer_literal=True)
def _as_masks(where, mask, x):
    if is_none(mask):
        return lambda where, mask, x: (np.empty(0, np.bool_), np.empty(0, x.dtype), (1, 1, 1, 1))
    fail = None
    if not isinstance(mask, types.Array) or mask.dtype not in (types.boolean, x.dtype):
        text = _MASK_DTYPE.format(name_in(where), x.dtype, describe_type(mask))
        fail = raiser(DtypeError, text)
    elif not 1 <= mask.ndim <= 4:
        fail = raiser(ShapeError, _MASK_NDIM.format(name_in(where), mask.ndim))
    if fail is not None:

        def refuse(where, mask, x):
            fail()
            return np.empty(0, np.bool_), np.empty(0, x.dtype), (1, 1, 1, 1)

        return refuse
    before = (1,) * (4 - mask.ndim)
    if mask.dtype == types.boolean:
        return lambda where, mask, x: (
            flat(as_mask(where, mask, ANY)), np.empty(0, x.dtype), before + mask.shape
        )  # fmt: skip
    return lambda where, mask, x: (
        np.empty(0, np.bool_), flat(as_like(where, mask, ANY, x)), before + mask.shape
    )  # fmt: skip


@jit
def mask_strides(kernel, shape, scores):
    """How far the mask goes on with sample, head, query and key, 0 where it is broadcast."""
    strides, step = np.zeros(4, np.int64), 1
    for i in range(3, -1, -1):
        if shape[i] != scores[i] and shape[i] != 1:
            raise ShapeError(
                "{}: `mask` of shape {} cannot be broadcast to the scores, (N, H, T, S) = {}; one for each "
                "sample has shape (N, 1, T, S)",
                kernel, shape, scores,
            )  # fmt: skip
        if shape[i] > 1:
            strides[i] = step
        step *= shape[i]
    return strides[0], strides[1], strides[2], strides[3]


@jit
def as_key_lengths(kernel, where, lengths, N, T):
    """Lengths (N,) or (N, T) as flat int64, and 1 if there is one for each query, else 0.

    None becomes an array without elements: all keys count.
    """
    if lengths is None:
        return np.empty(0, np.int64), np.int64(0)
    a = as_labels(where, lengths, AT_LEAST_1)
    rest = 1
    for i in range(1, len(a.shape)):
        rest *= a.shape[i]
    each = len(a.shape) == 2 and rest == T
    if a.shape[0] != N or len(a.shape) > 2 or (len(a.shape) == 2 and not each):
        raise ShapeError("{}: `lengths` must have shape (N,) or (N, T) = {}, got {}", kernel, (N, T), a.shape)
    return flat(a), np.int64(each)


@jit
def check_key_lengths(kernel, lengths, S):
    """Raises `LabelError` unless every length is from 0 to S."""
    for i in range(lengths.size):
        if lengths[i] < 0 or lengths[i] > S:
            raise LabelError(
                "{}: `lengths` must be from 0 to {}, the number of keys, got {} at flat position {}",
                kernel, S, lengths[i], i,
            )  # fmt: skip


@jit
def limits(kernel, causal, window, offset):
    """How many keys before its own place, and how many behind it, a query sees at most."""
    before, behind = window
    if before < -1 or behind < -1:
        raise OptionError("{}: `window` must be from -1 (all keys) on, got {}", kernel, window)
    if offset < -FARTHEST or offset > FARTHEST:
        raise OptionError("{}: `offset` must be from -{} to {}, got {}", kernel, FARTHEST, FARTHEST, offset)
    before = EVERY if before < 0 else min(before, EVERY)
    behind = EVERY if behind < 0 else min(behind, EVERY)
    return before, np.int64(0) if causal else behind
