"""Where points lie: a k-d tree whose leaves are vectors, and the same for one coordinate.

A `Tree` (Bentley 1975) is a binary heap: node 1 is the root, 2 i and 2 i + 1 are the children of node i, and
the last half of the nodes are leaves of `WIDTH` points each, one block of memory with a row for each
coordinate. Every node has the smallest box around its points. A split runs across the widest side of a node.

A `Line` is a sorted array below levels of every L-th number, L being the lanes of a register: one comparison
of vectors descends a level. What is asked of both stands in `_near.py`.
"""

from typing import NamedTuple

import numpy as np

from nbdl._jit import jit
from nbdl.info._threads import in_parallel
from nbdl.kernels.simd.registers import LANES, hmax, larger, load, pointer, smaller
from nbdl.kernels.simd.shuffle import lanes

WIDTH = 8  # points of a leaf: a whole number of vectors on every machine
TOPS = 8  # subtrees that threads build
LARGE = 4096  # leaves from which on they do


class Tree(NamedTuple):
    """A k-d tree of N points of D coordinates, in ceil(N / WIDTH) leaves."""

    blocks: np.ndarray  # (leaves, D + 1, WIDTH): coordinates, then the row; NaN where there is no point
    boxes: np.ndarray  # (2 leaves, 2, D): least and largest coordinates below each node
    sizes: np.ndarray  # (2 leaves,): points below each node


class Line(NamedTuple):
    """Points of one coordinate, sorted, below levels of the first of each L numbers of the next: a B-tree."""

    levels: np.ndarray  # from the top, which is one vector, to the points; each is filled up with inf
    starts: np.ndarray  # (levels,): where each begins
    order: np.ndarray  # (N,): the row of each point


def index(x, threads=1):
    """What counts points of `x`, float64 (N, D): a `Line` if D is 1, else a `Tree`."""
    if x.shape[1] > 1:
        return build(x, threads)
    order, L = np.argsort(x[:, 0]), LANES["float64"]
    levels = [_whole_vectors(x[order, 0], L)]
    while levels[0].size > L:
        levels.insert(0, _whole_vectors(levels[0][::L], L))
    ends = np.cumsum([level.size for level in levels])
    return Line(np.concatenate(levels), np.append(0, ends[:-1]), order)


def index_each(samples, threads=1):
    """`index` of each sample."""
    samples = list(samples)
    return in_parallel(index, samples, threads if len(samples[0]) >= LARGE * WIDTH else 1)


def _whole_vectors(values, L):
    return np.append(values, np.full(-values.size % L, np.inf))


# --- building ---------------------------------------------------------------------------------------------


def build(x, threads=1):
    """The `Tree` of the rows of `x`, float64 (N, D), finite."""
    n, dims = x.shape
    leaves = -(-n // WIDTH)
    columns = np.empty((dims + 1, n))
    columns[:dims] = x.T
    columns[dims] = np.arange(n)
    firsts, sizes = _layout(n, leaves)
    tops = range(TOPS, 2 * TOPS) if leaves >= TOPS else range(0)
    _split(columns, firsts, sizes, 1, min(TOPS, leaves))
    in_parallel(
        lambda top: _split(columns, firsts, sizes, top, leaves), tops, threads if leaves >= LARGE else 1
    )
    tree = Tree(np.empty((leaves, dims + 1, WIDTH)), np.empty((2 * leaves, 2, dims)), sizes)
    _fill(columns, firsts, tree)
    return tree


def _layout(n, leaves):
    """Where the points of each node begin, and how many there are: (firsts, sizes).

    Nodes of the deepest level hold the first points, then come the leaves one level above.
    """
    deepest = 1 << (leaves - 1).bit_length()
    leaf = np.arange(leaves) + deepest
    leaf[leaf >= 2 * leaves] -= leaves
    firsts, sizes = np.zeros(2 * leaves, np.int64), np.zeros(2 * leaves, np.int64)
    firsts[leaf] = np.arange(leaves) * WIDTH
    sizes[leaf] = np.minimum(WIDTH, n - firsts[leaf])
    _add_up(firsts, sizes)
    return firsts, sizes


@jit(strict=True)
def _add_up(firsts, sizes):
    for i in range(sizes.size // 2 - 1, 0, -1):
        firsts[i] = firsts[2 * i]
        sizes[i] = sizes[2 * i] + sizes[2 * i + 1]


@jit(strict=True)
def _split(columns, firsts, sizes, top, stop):
    """Arrange the points below `top`, the nodes before `stop`, so that children lie apart.

    A coordinate is sorted by 31 bits of its distance from the least one, with the place of the point in the
    32 bits below: one word is moved, and no two are equal. Boxes are exact whatever the order is.
    """
    streams = columns.shape[0]
    keys, moved = np.empty(sizes[top], np.int64), np.empty(sizes[top])
    i = top
    while True:
        if i < stop:
            a, n = firsts[i], sizes[i]
            widest, lowest, spread = 0, 0.0, 0.0
            for d in range(streams - 1):
                low, high = _range(pointer(columns[d]) + a, n)
                if high - low > spread:
                    widest, lowest, spread = d, low, high - low
            if spread > 0:
                column = columns[widest, a : a + n]
                scale = 2**30 / spread
                for j in range(n):
                    keys[j] = (int((column[j] - lowest) * scale) << 32) | j
                _select(keys, n, sizes[2 * i])
                for d in range(streams):
                    column = columns[d, a : a + n]
                    for j in range(n):
                        moved[j] = column[keys[j] & 0xFFFFFFFF]
                    for j in range(n):
                        column[j] = moved[j]
            i = 2 * i
            continue
        while i & 1 and i != top:
            i >>= 1
        if i == top:
            break
        i += 1


@jit(strict=True)
def _range(p, n):
    """The least and the largest of n >= WIDTH numbers."""
    L = lanes(p)
    low = high = load(p, 0)
    for j in range(L, n - L, L):
        v = load(p, j)
        low, high = smaller(v, low), larger(v, high)
    v = load(p, n - L)
    return -hmax(-smaller(v, low)), hmax(larger(v, high))


@jit(strict=True)
def _select(keys, n, m):
    """Move the m least of the first n keys to the front; no two keys are equal. Hoare's quickselect."""
    low, high = 0, n
    while high - low > 1:
        size, s = high - low, (high - low) // 8
        if s > 4:
            pivot = _median(
                _median(keys[low], keys[low + s], keys[low + 2 * s]),
                _median(keys[low + 3 * s], keys[low + 4 * s], keys[low + 5 * s]),
                _median(keys[low + 6 * s], keys[low + 7 * s], keys[high - 1]),
            )
        else:
            pivot = _median(keys[low], keys[low + size // 2], keys[high - 1])
        place = low
        for j in range(low, high):
            v = keys[j]
            keys[j] = keys[place]
            keys[place] = v
            place += v < pivot  # an addition, where a branch would be foreseen every second time
        if m < place:
            high = place
        elif m > place > low:
            low = place
        elif m > place:  # the pivot is the least: it goes to the front by itself
            for j in range(low, high):
                if keys[j] == pivot:
                    keys[j] = keys[low]
            keys[low] = pivot
            low += 1
        else:
            break


@jit(strict=True, inline=True)
def _median(a, b, c):
    return max(min(a, b), min(max(a, b), c))


@jit(strict=True)
def _fill(columns, firsts, tree):
    blocks, boxes, sizes = tree
    leaves, dims = len(blocks), boxes.shape[2]
    for i in range(leaves, 2 * leaves):
        block, a, n = blocks[i - leaves], firsts[i], sizes[i]
        for d in range(dims + 1):
            for c in range(WIDTH):
                block[d, c] = columns[d, a + c] if c < n else np.nan
        for d in range(dims):
            low = high = block[d, 0]
            for c in range(1, n):
                low, high = min(low, block[d, c]), max(high, block[d, c])
            boxes[i, 0, d], boxes[i, 1, d] = low, high
    for i in range(leaves - 1, 0, -1):
        for d in range(dims):
            boxes[i, 0, d] = min(boxes[2 * i, 0, d], boxes[2 * i + 1, 0, d])
            boxes[i, 1, d] = max(boxes[2 * i, 1, d], boxes[2 * i + 1, 1, d])
