"""mse on lanes (`nbdl.kernels.mse` has the formula).

Only lanes that count are loaded; zeros stand in the others, which adds nothing to the loss and to gradients.
"""

import numpy as np

from nbdl.kernels.lanes.twin import LossTwin, Row
from nbdl.kernels.loss.elementwise_lanes import pair_shape, pair_sizes, pair_total
from nbdl.kernels.simd.registers import hsum, load_part, splat, store


def _forward(site):
    L, zero, factor = site.L, np.dtype(site.dtype).type(0), 0.5 if site["half"] else 1.0

    def leaf(x, target, loss, left, count, plane, pitch):
        n, total = min(left, L), 0.0
        for c in range(count):
            for first in range(c * pitch, c * pitch + plane, 64 * L):
                squares = splat(zero)
                for i in range(first, min(first + 64 * L, c * pitch + plane), L):
                    d = load_part(x, i, n) - load_part(target, i, n)
                    squares = squares + d * d
                total += hsum(squares)
        loss[0] = factor * total

    return [Row(leaf, **pair_sizes(site))]


def _gradient(sign):
    """The rows of dx (sign 1) or of dtarget (sign -1)."""

    def rows(site):
        L, slope = site.L, np.dtype(site.dtype).type(sign * (1.0 if site["half"] else 2.0))

        def leaf(x, target, scale, dx, left, count, plane, pitch):
            n, factor = min(left, L), slope * scale[0]
            for c in range(count):
                for i in range(c * pitch, c * pitch + plane, L):
                    store(dx, i, (load_part(x, i, n) - load_part(target, i, n)) * factor)

        return [Row(leaf, dx="dx" if sign > 0 else "dtarget", **pair_sizes(site))]

    return rows


mse = LossTwin(
    _forward,
    {"x": _gradient(1), "target": _gradient(-1)},
    shape=pair_shape,
    total=pair_total,
    packed=True,
)
