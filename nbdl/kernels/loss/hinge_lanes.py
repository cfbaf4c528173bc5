"""hinge on lanes: the formulas are those of `hinge.py`, the sign of each label stands in ``lane``."""

import math

import numpy as np

from nbdl.kernels.lanes.elementwise import numbers
from nbdl.kernels.lanes.twin import LossTwin, Row, Unfit
from nbdl.kernels.loss.elementwise_lanes import forward_rows, gradient_rows, pair_shape, pair_sizes
from nbdl.kernels.loss.hinge import hinge_of, hinge_slope


def _shape(site):
    if not numbers(site, ["margin"])[0] > 0:
        raise Unfit
    return pair_shape(site, "labels")


def _total(site):
    """What the mean divides by; and every label is looked at."""

    def leaf(labels, idx, samples, total, status, size):
        for n in range(samples):
            for i in range(idx[n] * size, (idx[n] + 1) * size):
                if (labels[i] < -1 or labels[i] > 1) and status[0] == 0:
                    status[0] = n + 1
        total[0] = samples * size

    return [Row(leaf, size=math.prod(site.shapes["x"]))]


def _to_lanes(site):
    L, one = site.L, np.dtype(site.dtype).type(1)

    def leaf(labels, idx, left, lane, size):
        for n in range(size):
            for i in range(L):
                lane[n * L + i] = one if labels[idx[i] * size + n] == 1 else -one

    return Row(leaf, size=math.prod(site.shapes["x"]))


def _forward(site):
    rows = forward_rows(site, hinge_of, target="lane", gap=pair_sizes(site)["plane"])
    return [_to_lanes(site), *rows]


def _dx(site):
    return gradient_rows(site, hinge_slope, "x", target="lane", gap=pair_sizes(site)["plane"])


hinge = LossTwin(
    _forward,
    {"x": _dx},
    shape=_shape,
    saves=lambda site: {"lane": site.L * math.prod(site.shapes["x"])},
    total=_total,
    packed=True,
)
