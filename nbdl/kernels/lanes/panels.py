"""Products of values in lanes with a matrix that the first cache does not hold.

Rows of a large matrix are some kB apart: their numbers fall into the same few sets of a cache, and each is
fetched again and again. So they are copied first, into panels ``[group of rows][k][row]``, in the order in
which a tile reads them. That pays where a panel serves several rows of values.
"""

import numpy as np

from nbdl.kernels.lanes.products import STEPS
from nbdl.kernels.lanes.twin import Row
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.tile import groups, part, rectangle, shape, spec, tile

LARGE = 2**15  # bytes
SEVERAL = 8


def is_large(site, terms, results):
    """Whether a matrix of so many numbers is more than the first cache holds beside all else."""
    return terms * results * np.dtype(site.dtype).itemsize > LARGE


def panel_rows(results):
    """Rows of a panel."""
    return shape(results, 2)[0]


def panels_size(terms, results):
    """The numbers of all panels; rows that are not there have room."""
    few = panel_rows(results)
    return -(-results // few) * few * terms


def packed(terms, results, transposed, **given):
    """The row that copies w (terms, results), or its transpose (results, terms), into `panels`."""
    few = panel_rows(results)

    def leaf(w, panels, blocks):
        if transposed:
            for i in range(0, results, few):
                for k in range(terms):
                    for r in range(min(few, results - i)):
                        panels[i * terms + k * few + r] = w[(i + r) * terms + k]
        else:
            for k in range(terms):
                for i in range(0, results, few):
                    for r in range(min(few, results - i)):
                        panels[i * terms + k * few + r] = w[k * results + i + r]

    return Row(leaf, **given)


def panel_products(L, terms, results, x_block, y_block, **given):
    """The row of y[i] += sum_k x[k] w[k, i] for each block, with w in `panels`."""
    few, x_block, y_block = panel_rows(results), x_block * L, y_block * L

    def tiles(columns):
        parts = []
        for first, rows, count in groups(results, few):
            fmas, places = rectangle(rows, columns, 1, x_block, L, y_block)
            fmas = [(i, a + first * terms, b) for i, a, b in fmas]
            places = [place + first * L for place in places]
            parts.append(part(fmas, places, count, a=few * terms, c=few * L))
        return spec(parts, few, L, init="add")

    pair, single = tiles(2), tiles(1)

    def leaf(x, panels, y, blocks):
        for b in range(0, blocks, 2):
            target = y + b * y_block
            # Not cut into pieces: a long sum comes from the second cache as fast as it is needed.
            if b + 1 < blocks:
                tile(pair, 0, terms, panels, x + b * x_block, target, target)
            else:
                tile(single, 0, terms, panels, x + b * x_block, target, target)

    return Row(leaf, **given)


def row_products(L, terms, results, a_step, k_step, planes, count, x_plane, y_plane):
    """The leaf ``(x, w, y, blocks)`` of y[i] += sum_k w[i a_step + k k_step] x[k] for each of many rows.

    Each panel is made when it is its turn, and serves all rows of the blocks at hand.
    """
    few, x_row, y_row = panel_rows(results), terms * L, results * L
    memory, rest = few * STEPS, results % few or few

    def products(rows, columns):
        fmas, places = rectangle(rows, columns, 1, x_row, L, y_row)
        return spec([part(fmas, places)], few, L, init="add")

    pair, single, rest_pair, rest_single = (products(r, n) for r in (few, rest) for n in (2, 1))

    def leaf(x, w, y, blocks):
        outer, inner = (blocks * planes, count) if planes > 1 else (1, blocks * count)
        panel = local(y, memory)
        for p in range(outer):
            for k in range(0, terms, STEPS):
                steps = min(STEPS, terms - k)
                for i in range(0, results, few):
                    rows = min(few, results - i)
                    for j in range(steps):
                        for r in range(rows):
                            panel[j * few + r] = w[(i + r) * a_step + (k + j) * k_step]
                    for n in range(0, inner, 2):
                        source = x + (p * x_plane + n * x_row + k * L)
                        target = y + (p * y_plane + n * y_row + i * L)
                        if rows == few:
                            if n + 1 < inner:
                                tile(pair, 0, steps, panel, source, target, target)
                            else:
                                tile(single, 0, steps, panel, source, target, target)
                        elif n + 1 < inner:
                            tile(rest_pair, 0, steps, panel, source, target, target)
                        else:
                            tile(rest_single, 0, steps, panel, source, target, target)

    return leaf
