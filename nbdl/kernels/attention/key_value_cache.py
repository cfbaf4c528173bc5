r"""The cache of keys and values: a text that is read token by token keeps those of all tokens before.

.. math:: p_{nt} = s_n + t \qquad K'_{n k p_{nt}} = k_{n k t}, \quad K' = K \text{ elsewhere}

s (N, 1) tokens that each sample has read, p (N, T) the places of the next T; K (N, H, C, D) a cache with room
for C tokens, k (N, H, T, D) the rows of the next ones. Pope et al. 2022, Efficiently Scaling Transformer
Inference, section 2.
"""

import numpy as np

from nbdl._jit import jit, plain
from nbdl.errors import LabelError, OptionError, ShapeError
from nbdl.kernels.door.inputs import as_float, as_labels, as_like
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_out
from nbdl.kernels.door.sizes import Sizes, outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.panels import copy


@jit
def next_places(seen, count, room):
    """Places of the next `count` tokens of each sample in a cache with room for `room`.

    Parameters
    ----------
    seen : (N, 1) float array
        How many tokens have been read; whole numbers.
    count, room : int

    Returns
    -------
    (N, count) int64 array

    Raises
    ------
    OptionError
        If the cache is full, or `seen` is no number of tokens.
    ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> next_places(np.array([[0.0], [5.0]]), 2, 8)
    array([[0, 1],
           [5, 6]])
    """
    seen = as_float("next_places: `seen` (N, 1)", seen, 2)
    count, room = integer("next_places: `count`", count), integer("next_places: `room`", room)
    _check_places(seen.shape, count)
    places = np.empty((len(seen), count), np.int64)
    for n in range(len(seen)):
        first = seen[n, 0]
        if not (first >= 0 and first == np.floor(first)):
            raise OptionError("next_places: `seen` must be whole numbers from 0, got {}", first)
        if first + count > room:
            raise OptionError(
                "the context is full: it has `room` for {} tokens, {} were `seen`, and {} more do not fit. "
                "Try a state of zeros, and read the last tokens again",
                room, np.int64(first), count,
            )  # fmt: skip
        for t in range(count):
            places[n, t] = np.int64(first) + t
    return places


@jit
def _check_places(shape, count):
    if shape[1] != 1:
        raise ShapeError("next_places: `seen` must have shape (N, 1), got {}", shape)
    if count < 0:
        raise OptionError("next_places: `count` must be at least 0, got {}", count)


@jit
def cache_rows(cache, rows, places, out=None):
    """A copy of `cache` with `rows` at their places.

    Parameters
    ----------
    cache : (N, H, C, D) float array
    rows : (N, H, T, D) float array
    places : (N, T) array of integers
        From 0 to C - 1; of two rows for one place the later stays.
    out : (N, H, C, D) array, optional
        Where the result goes; may be `cache` itself, of which only the rows at the places are written then.

    Returns
    -------
    (N, H, C, D) array of the dtype of `cache`

    Raises
    ------
    LabelError
        If a place is out of range.
    ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> cache_rows(np.zeros((1, 1, 3, 1)), np.ones((1, 1, 1, 1)), np.array([[1]]))[0, 0, :, 0]
    array([0., 1., 0.])
    """
    cache = as_float("cache_rows: `cache` (N, H, C, D)", cache, 4)
    rows = as_like("cache_rows: `rows` (N, H, T, D)", rows, 4, cache)
    places = as_labels("cache_rows: `places` (N, T)", places, 2)
    (N, H, C, D), T = cache.shape, rows.shape[2]
    if rows.shape != (N, H, T, D):
        raise ShapeError(
            "cache_rows: `rows` (N, H, T, D) must have samples, heads and features of `cache` (N, H, C, D), "
            "got shapes {} and {}",
            rows.shape, cache.shape,
        )  # fmt: skip
    if places.shape != (N, T):
        raise ShapeError("cache_rows: `places` must have shape {}, got {}", (N, T), places.shape)
    y = as_out("cache_rows: `out`", out, cache.shape, cache)
    for n in range(N):
        for t in range(T):
            if places[n, t] < 0 or places[n, t] >= C:
                raise LabelError(
                    "cache_rows: `places` must be from 0 to {}, got {} at position {}",
                    C - 1, places[n, t], (n, t),
                )  # fmt: skip
    old, new, to = flat(cache), flat(rows), flat(y)
    if old.ctypes.data != to.ctypes.data:
        copy(old, 0, old.size, to, 0)
    for n in range(N):
        for h in range(n * H, n * H + H):
            for t in range(T):
                copy(new, (h * T + t) * D, D, to, (h * C + places[n, t]) * D)
    return y


def next_places_outputs(seen, count, room):
    """(shape, dtype) of the places."""
    seen = as_float("next_places: `seen` (N, 1)", Sizes(seen.shape, seen.dtype), 2)
    plain(_check_places)(seen.shape, count)
    return [((seen.shape[0], count), np.dtype(np.int64))]


cache_rows_outputs = outputs(cache_rows)
