"""Class labels on lanes: what losses that have them share (`nbdl.kernels.door.labels` has the rules).

The labels of a sample stand side by side, one for each row of its x.
"""

import math

import numpy as np

from nbdl.kernels.lanes.twin import Row, Unfit


def check(site):
    """Raise `Unfit` unless each row of `x` has a label, and `weight` one element for each class."""
    x, ignore = site.shapes["x"], site["ignore_index"]
    if x[-1:] != site.shapes.get("weight", x[-1:]) or site.shapes.get("labels", x[:-1]) != x[:-1]:
        raise Unfit
    if not (x and 0 < x[-1] < 2**24 and all(x)) or not isinstance(ignore, int):
        raise Unfit  # a lane keeps its label as a float
    return x


def total(site):
    """The rows that check every label and add up what the mean divides by."""
    weighted, (*positions, C) = "weight" in site.shapes, site.shapes["x"]

    def leaf(labels, idx, weight, samples, total, status, size, classes, ignore):
        count = 0.0
        for n in range(samples):
            for i in range(idx[n] * size, (idx[n] + 1) * size):
                label = labels[i]
                if label != ignore:
                    if 0 <= label < classes:
                        count += weight[label] if weighted else 1.0
                    elif status[0] == 0:
                        status[0] = n + 1
        if count == 0 and status[0] == 0:
            status[0] = samples + 1  # no label counts: there is no mean
        total[0] = count

    return [Row(leaf, size=math.prod(positions), classes=C, ignore=site["ignore_index"])]


def to_lanes(site, vectors, share=1.0):
    """The row that writes two of the `vectors` in ``lane`` of each row of x: the label of each lane, or -1
    where it does not count, and `share` times the weight of the label, or 0."""
    weighted, L, kind = "weight" in site.shapes, site.L, np.dtype(site.dtype).type

    def leaf(labels, idx, weight, left, lane, size, step, ignore):
        for n in range(size):
            for i in range(L):
                label = ignore
                if i < left:
                    label = labels[idx[i] * size + n]
                at = n * step + i
                if label == ignore:
                    lane[at], lane[at + L] = kind(-1), kind(0)
                else:
                    lane[at], lane[at + L] = kind(label), kind(share * weight[label] if weighted else share)

    size = math.prod(site.shapes["x"][:-1])
    return Row(leaf, size=size, step=vectors * L, ignore=site["ignore_index"])


def saved(vectors):
    """What forward keeps of these vectors for each row of x: `saves` of a twin."""
    return lambda site: {"lane": vectors * site.L * math.prod(site.shapes["x"][:-1])}
