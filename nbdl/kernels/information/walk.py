"""The walk along the axis of probability tables, and the check of the distributions on the way.

Distributions of (outer, n, inner) are walked in units: one distribution along the last axis, whose vectors
lie one behind the other, else as many side by side as a vector has lanes, each lane with its own. Units are
walked in strips, a strip by blocks of entries across all its units, so that memory is read in its order and
what is read twice is in the cache the second time. Sums over a block are added to those of the unit:
rounding errors grow with both alone.
"""

from typing import NamedTuple

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ProbabilityError
from nbdl.kernels.simd.registers import hsum, load, splat, store

BLOCK = 128  # vectors along the last axis
ROWS = 16  # entries of distributions side by side: as many as a processor follows streams of memory
STRIP = 1024  # elements
AHEAD = 160  # vectors from a load to what is asked of memory meanwhile
LEAST, MOST = 1e-290, 1e290  # sums by which a table can be divided


class Walk(NamedTuple):
    """How (outer, n, inner) is walked, in units of `lanes` lanes; all lengths are in elements but `count`."""

    slabs: int  # of `slab` elements each
    slab: int
    units: int  # in a slab
    unit: int  # from one to the next
    strip: int  # units
    count: int  # vectors of a unit
    step: int  # from one to the next
    fewer: int  # lanes that each has fewer than the last one
    block: int  # vectors
    ahead: (
        int  # what to ask of memory meanwhile: the next strip, if it stays in the cache until it is its turn
    )


@jit
def walk(shape, lanes):
    """The `Walk` of tables of this shape."""
    outer, n, inner = shape
    # Along the last axis; along another one, `inner` distributions lie side by side.
    count = (n + lanes - 1) // lanes
    if inner > 1:
        units = (inner + lanes - 1) // lanes
        return Walk(outer, n * inner, units, lanes, STRIP // lanes, n, inner, 0, ROWS, lanes)
    # As many short distributions as fit the strip: the second time they are read from the cache.
    strip = max(1, min(STRIP // n, outer))
    return Walk(1, outer * n, outer, n, strip, count, lanes, lanes, BLOCK, AHEAD * lanes)


@jit(inline=True)
def add_to(p, i, v):
    """Add the vector `v` to what is at `p[i]`."""
    store(p, i, load(p, i) + v)


@jit(inline=True)
def fold(p, size, lanes):
    """In each of the vectors at `p`: the sum of its lanes in all of them."""
    for i in range(0, size, lanes):
        store(p, i, splat(hsum(load(p, i))))


# --- what is no distribution --------------------------------------------------------------------------------


@jit(strict=True)
def is_bad(total, least, normalize, table):
    """Whether a distribution with this sum and smallest entry must be refused; NaN shows in the sum."""
    if normalize:
        return not (least >= 0 and ((total >= LEAST and total <= MOST) or total == 0))
    return not (least >= 0 and abs(total - 1) <= (1e-4 if table.itemsize == 4 else 1e-6))


@jit
def refuse(where, table, number, normalize):
    """Raise what is wrong with distribution `number` of a table (outer, n, inner)."""
    _, n, inner = table.shape
    o, i = number // inner, number % inner
    total = np.float64(0)
    for k in range(n):
        v = np.float64(table[o, k, i])
        total += v
        if not (v >= 0 and v < np.inf):
            raise ProbabilityError("{} must be finite and not negative, got {} at flat position {}",
                                   where, v, (o * n + k) * inner + i)  # fmt: skip
    if normalize:
        raise ProbabilityError("{} has sums that cannot be divided by: {} of distribution {}; scale it",
                               where, total, number)  # fmt: skip
    raise ProbabilityError(
        "{} must sum to 1, got {} of distribution {}; normalize=True takes counts and weights",
        where, total, number,
    )  # fmt: skip
