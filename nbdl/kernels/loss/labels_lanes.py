"""Class labels on lanes: what losses that have them share (`nbdl.kernels.door.labels` has the rules)."""

import numpy as np

from nbdl.kernels.lanes.twin import Row, Unfit


def check(site):
    """Raise `Unfit` unless `x` is a row of classes for each sample, and `weight` has one element for each."""
    (C, *more), ignore = site.shapes["x"], site["ignore_index"]
    if more or not 0 < C < 2**24 or site.shapes.get("weight", (C,)) != (C,) or not isinstance(ignore, int):
        raise Unfit  # a lane keeps its label as a float
    return site.shapes["x"]


def total(site):
    """The rows that check every label and add up what the mean divides by."""
    weighted = "weight" in site.shapes

    def leaf(labels, idx, weight, samples, total, status, classes, ignore):
        count = 0.0
        for n in range(samples):
            label = labels[idx[n]]
            if label != ignore:
                if 0 <= label < classes:
                    count += weight[label] if weighted else 1.0
                elif status[0] == 0:
                    status[0] = n + 1
        if count == 0 and status[0] == 0:
            status[0] = samples + 1  # no label counts: there is no mean
        total[0] = count

    return [Row(leaf, classes=site.shapes["x"][0], ignore=site["ignore_index"])]


def to_lanes(site, share=1.0):
    """The row that writes two vectors to ``lane``: of each lane the label, or -1 where it does not count, and
    `share` times the weight of the label, or 0."""
    weighted, L, kind = "weight" in site.shapes, site.L, np.dtype(site.dtype).type

    def leaf(labels, idx, weight, left, lane, ignore):
        for i in range(L):
            label = ignore
            if i < left:
                label = labels[idx[i]]
            if label == ignore:
                lane[i], lane[L + i] = kind(-1), kind(0)
            else:
                lane[i], lane[L + i] = kind(label), kind(share * weight[label] if weighted else share)

    return Row(leaf, ignore=site["ignore_index"])
