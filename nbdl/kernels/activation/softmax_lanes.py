"""softmax and log_softmax of whole samples on lanes (`nbdl.kernels.softmax` has the formulas)."""

import numpy as np

from nbdl.kernels.lanes.twin import Row, Twin, Unfit
from nbdl.kernels.simd.registers import larger, load, splat, store
from nbdl.kernels.simd.vector_math import exp, log


def _shape(site):
    shape, axis = site.shapes["x"], site["axis"]
    if len(shape) != 1 or shape[0] == 0 or not isinstance(axis, int) or axis not in (-1, 1):
        raise Unfit
    return shape


def _twin(forward, backward):
    def row(leaf):
        return lambda site: [
            Row(leaf(site.L, np.dtype(site.dtype).type(0)), size=site.shapes["x"][0] * site.L)
        ]

    return Twin(row(forward), {"x": row(backward)}, shape=_shape, inplace=True)


def _softmax(L, zero):
    def leaf(x, y, size):
        most, total = load(x, 0), splat(zero)
        for i in range(L, size, L):
            most = larger(load(x, i), most)
        for i in range(0, size, L):
            e = exp(load(x, i) - most)
            total = total + e
            store(y, i, e)
        scale = 1.0 / total
        for i in range(0, size, L):
            store(y, i, load(y, i) * scale)

    return leaf


def _softmax_dx(L, zero):
    def leaf(dy, y, dx, size):
        mean = splat(zero)
        for i in range(0, size, L):
            mean = mean + load(dy, i) * load(y, i)
        for i in range(0, size, L):
            store(dx, i, load(y, i) * (load(dy, i) - mean))

    return leaf


def _log_softmax(L, zero):
    def leaf(x, y, size):
        most, total = load(x, 0), splat(zero)
        for i in range(L, size, L):
            most = larger(load(x, i), most)
        for i in range(0, size, L):
            total = total + exp(load(x, i) - most)
        log_total = log(total)
        for i in range(0, size, L):
            store(y, i, (load(x, i) - most) - log_total)

    return leaf


def _log_softmax_dx(L, zero):
    def leaf(dy, y, dx, size):
        mass = splat(zero)
        for i in range(0, size, L):
            mass = mass + load(dy, i)
        for i in range(0, size, L):
            store(dx, i, load(dy, i) - exp(load(y, i)) * mass)

    return leaf


softmax = _twin(_softmax, _softmax_dx)
log_softmax = _twin(_log_softmax, _log_softmax_dx)
