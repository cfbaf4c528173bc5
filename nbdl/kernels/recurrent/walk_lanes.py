"""What scans on lanes share: the rows of their loops that know nothing of the cell.

The states before and behind each step of a block lie in order of time in T + 1 places of `state`, so that no
end is a special case; a walk in reverse begins in the last place.
"""

from dataclasses import replace

import numpy as np

from nbdl.kernels.lanes.products import STEPS, tiles
from nbdl.kernels.lanes.twin import Row, Walk
from nbdl.kernels.simd.registers import load, splat, store
from nbdl.kernels.simd.tile import tile


class Steps:
    """Where rows find the operands of a scan over T steps; ``back=True`` walks from the last to the first."""

    def __init__(self, L, T, reverse):
        self.L, self.T, self.reverse = L, T, reverse

    def at(self, name, size, back=False):
        """The place of a step, `size` features each."""
        return self._walk(name, size, 0, back)

    def before(self, name, size, back=False):
        """That of the state before a step."""
        return self._walk(name, size, int(self.reverse), back)

    def after(self, name, size, back=False):
        """That of the state which a step makes."""
        return self._walk(name, size, int(not self.reverse), back)

    def _walk(self, name, size, place, back):
        floats, down = size * self.L, self.reverse != back
        return Walk(name, (place + (self.T - 1 if down else 0)) * floats, -floats if down else floats)

    def states(self, name, size):
        """The states before all steps, in order of time."""
        return Walk(name, int(self.reverse) * size * self.L)

    def states_behind(self, name, size):
        """The states behind all steps, in order of time."""
        return Walk(name, int(not self.reverse) * size * self.L)

    def start(self, name, size):
        """The place of the state before the walk."""
        return Walk(name, (self.T if self.reverse else 0) * size * self.L)

    def end(self, name, size):
        """The place of the state behind it."""
        return Walk(name, (0 if self.reverse else self.T) * size * self.L)

    def time(self, back=False):
        """``(first, step)``: turn s of a walk is step first + s step."""
        return (self.T - 1, -1) if self.reverse != back else (0, 1)


def copied(L, size, x_block, y_block, x="x", y="y"):
    """The row of y = x, `size` features of a block; `x_block` and `y_block` features from block to block."""
    floats, x_block, y_block = size * L, x_block * L, y_block * L

    def leaf(x, y, blocks):
        for b in range(blocks):
            for i in range(0, floats, L):
                store(y, b * y_block + i, load(x, b * x_block + i))

    return Row(leaf, x=x, y=y)


def zeroed(site, size, y_block, y):
    """The row of y = 0."""
    L, floats, y_block, zero = site.L, size * site.L, y_block * site.L, np.dtype(site.dtype).type(0)

    def leaf(y, blocks):
        for b in range(blocks):
            for i in range(0, floats, L):
                store(y, b * y_block + i, splat(zero))

    return Row(leaf, y=y)


def added_products(L, terms, results, transposed, x_block, y_block, **given):
    """The row of y[i] += sum_k x[k] w[k, i] for each block, or of w[i, k] if `transposed`."""
    a_step, k_step = (terms, 1) if transposed else (1, results)
    pair, single = (tiles(L, results, a_step, k_step, x_block * L, y_block * L, n) for n in (2, 1))
    x_block, y_block = x_block * L, y_block * L

    def leaf(x, w, y, blocks):
        for b in range(0, blocks, 2):
            source, target = x + b * x_block, y + b * y_block
            for k in range(0, terms, STEPS):
                if b + 1 < blocks:
                    tile(pair, k, min(terms, k + STEPS), w, source, target, target)
                else:
                    tile(single, k, min(terms, k + STEPS), w, source, target, target)

    return Row(leaf, **given)


def products(L, terms, results, x_block, y_block, *, pitch, transposed=False, add=False, **given):
    """The row of y[i] = sum_k x[k] w[k, i] for each block, or of w[i, k] if `transposed`; += if `add`.

    w has rows of `pitch` numbers, of which these may be a part. The sum is made in one piece: also a long one
    comes from the second cache as fast as it is needed.
    """
    (a_step, k_step), init = (pitch, 1) if transposed else (1, pitch), "add" if add else "0"
    pair, single = (tiles(L, results, a_step, k_step, x_block * L, y_block * L, n, init) for n in (2, 1))
    x_block, y_block = x_block * L, y_block * L

    def leaf(x, w, y, blocks):
        for b in range(0, blocks, 2):
            source, target = x + b * x_block, y + b * y_block
            if b + 1 < blocks:
                tile(pair, 0, terms, w, source, target, target)
            else:
                tile(single, 0, terms, w, source, target, target)

    return Row(leaf, **given)


def features_on(walk, features, L):
    """The place so many features behind that of a `Walk`."""
    return replace(walk, start=walk.start + features * L)


def checked_lengths(site, T):
    """The rows that look whether each length is from 0 to T."""

    def leaf(lengths, idx, samples, status, steps):
        for n in range(samples):
            if (lengths[idx[n]] < 0 or lengths[idx[n]] > steps) and status[0] == 0:
                status[0] = n + 1

    return [Row(leaf, steps=T)] if "lengths" in site.shapes else []
