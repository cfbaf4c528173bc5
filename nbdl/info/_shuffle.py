"""Random orders of rows: anywhere, in blocks, among rows that are alike, among near neighbours.

An order is an array (N,) int64: row i gets what row order[i] had. It is a function of (seed, number) alone,
by counter-based random numbers; the number is that of the shuffle. Fisher and Yates' shuffle, with indices
from 53 random bits.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.info._counts import Joint
from nbdl.info._samples import units_of
from nbdl.kernels.simd.philox import fill

_SHUFFLE, _LISTS, _RESAMPLE = 1, 2, 3  # what random numbers are for, as `op` of their counter


class Anywhere:
    """All orders alike."""

    def __init__(self, rows):
        self.places, self.starts = np.arange(rows), np.array([0, rows])

    def __call__(self, seed, number):
        order = np.empty(self.places.size, np.int64)
        _shuffle_within(seed, number, self.places, self.starts, order)
        return order


class Within(Anywhere):
    """All orders alike in which rows change places with rows of the same symbols in `known`, (N, D)."""

    def __init__(self, known):
        codes, _ = Joint([known]).codes((0,))
        self.places = np.argsort(codes, kind="stable")
        changes = np.flatnonzero(np.diff(codes[self.places])) + 1
        self.starts = np.concatenate(([0], changes, [codes.size]))


class Blocks:
    """All orders alike of runs of `size` neighbouring rows; the last one may be shorter."""

    def __init__(self, rows, size):
        if not 1 <= size < rows:
            raise OptionError("`block` must be from 1 to less than the {} rows, got {}", rows, size)
        self.rows, self.size, self.blocks = rows, size, Anywhere(-(-rows // size))

    def __call__(self, seed, number):
        return rows_of(self.blocks(seed, number), self.size, self.rows)


class Near:
    """Each row takes the value of one of its `count` nearest rows in `known`, (N, D): itself or another.

    Who is near is told from the columns over their spreads. Rows come in random order and take a
    value that no one has taken, as long as there is one. Runge, AISTATS (2018), algorithm 1.
    """

    def __init__(self, known, count):
        if not 2 <= count <= len(known):
            raise OptionError("`neighbours` must be from 2 to the {} rows, got {}", len(known), count)
        self.neighbours = nearest(known / units_of(known), count)

    def __call__(self, seed, number):
        order = np.empty(len(self.neighbours), np.int64)
        _shuffle_near(seed, number, self.neighbours, order)
        return order


def nearest(x, count):
    """The `count` rows of x (N, D) nearest to each row in the maximum norm, itself among them: (N, count)."""
    widest = np.ptp(x, axis=0).argmax()
    places = np.argsort(x[:, widest], kind="stable")
    columns = np.ascontiguousarray(x[places].T)
    columns[[0, widest]] = columns[[widest, 0]]
    found = np.empty((len(x), count), np.int64)
    _nearest(columns, found)
    out = np.empty_like(found)
    out[places] = places[found]
    return out


def resample(seed, number, n, half):
    """Numbers below n in ascending order: n // 2 different ones if `half`, else n drawn with replacement."""
    if half:
        return np.sort(Anywhere(n)(seed, number)[: n // 2])
    drawn = np.empty(n, np.int64)
    _draw(seed, number, drawn)
    return np.sort(drawn)


def rows_of(blocks, size, rows):
    """The rows of blocks of `size` rows, block by block; there are `rows` of them in all."""
    if size == 1:
        return blocks
    every = (blocks[:, None] * size + np.arange(size)).ravel()
    return every[every < rows]


# --- compiled ---------------------------------------------------------------------------------------------


@jit(strict=True)
def _words(seed, op, number, n):
    """Random words for n indices; see `_below`."""
    words = np.empty((2 * n + 3) // 4 * 4, np.uint32)
    fill(seed, op, number, 0, 0, words)
    return words


@jit(strict=True, inline=True)
def _below(words, i, n):
    """A number below n, all alike, by the i-th pair of words."""
    bits = (np.int64(words[2 * i]) << 21) | (np.int64(words[2 * i + 1]) >> 11)
    return np.int64(bits * (1.0 / 9007199254740992.0) * n)


@jit(strict=True)
def _shuffle_within(seed, number, places, starts, order):
    """Shuffle the rows `places[starts[g]:starts[g + 1]]` of each group g among themselves."""
    words = _words(seed, _SHUFFLE, number, places.size)
    values = places.copy()
    for g in range(starts.size - 1):
        a = starts[g]
        for i in range(starts[g + 1] - 1, a, -1):
            j = a + _below(words, i, i - a + 1)
            values[i], values[j] = values[j], values[i]
    for i in range(places.size):
        order[places[i]] = values[i]


@jit(strict=True)
def _shuffle_near(seed, number, neighbours, order):
    n, count = neighbours.shape
    words = _words(seed, _SHUFFLE, number, n)
    turns = np.arange(n)
    for i in range(n - 1, 0, -1):
        j = _below(words, i, i + 1)
        turns[i], turns[j] = turns[j], turns[i]
    words = _words(seed, _LISTS, number, n * count)
    taken = np.zeros(n, np.bool_)
    choice = np.empty(count, np.int64)
    for row in turns:
        choice[:] = neighbours[row]
        for left in range(count, 0, -1):
            j = _below(words, row * count + left - 1, left)
            order[row] = choice[j]
            if not taken[choice[j]]:
                break
            choice[j] = choice[left - 1]
        taken[order[row]] = True


@jit(strict=True)
def _draw(seed, number, drawn):
    words = _words(seed, _RESAMPLE, number, drawn.size)
    for i in range(drawn.size):
        drawn[i] = _below(words, i, drawn.size)


@jit(strict=True)
def _nearest(columns, found):
    """Neighbours of each point, the points being sorted by the first column: outwards from the point."""
    dims, n = columns.shape
    count = found.shape[1]
    distance = np.empty(count)
    first = columns[0]
    for i in range(n):
        size, low, high = 0, i, i + 1  # the next points to look at; the first one is the point itself
        while low >= 0 or high < n:
            gap_low = first[i] - first[low] if low >= 0 else np.inf
            gap_high = first[high] - first[i] if high < n else np.inf
            if size == count and min(gap_low, gap_high) >= distance[count - 1]:
                break
            if gap_low <= gap_high:
                j = low
                low -= 1
            else:
                j = high
                high += 1
            far = 0.0
            for d in range(dims):
                far = max(far, abs(columns[d, j] - columns[d, i]))
            if size == count and far >= distance[count - 1]:
                continue
            place = min(size, count - 1)
            while place > 0 and distance[place - 1] > far:
                distance[place] = distance[place - 1]
                found[i, place] = found[i, place - 1]
                place -= 1
            distance[place] = far
            found[i, place] = j
            size = min(size + 1, count)
