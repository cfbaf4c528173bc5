"""Reductions on lanes, over axes of a sample; over those of the samples nothing is reduced here."""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.array_ops import _loops_lanes as _loops
from nbdl.kernels.lanes.twin import Twin, Unfit
from nbdl.kernels.simd import registers as v


class _Axes:
    """What is reduced, and where the results lie along the axes of a sample of `a`."""

    def __init__(self, site):
        shape, axis = site.shapes["a"], site["axis"]
        self.site, self.shape = site, shape
        given, count = axis if isinstance(axis, (tuple, list)) else (axis,), len(shape) + 1
        if 0 in shape or not all(type(i) is int and -count <= i < count for i in given):
            raise Unfit
        over = {i % count - 1 for i in given}
        if -1 in over or len(over) < len(given):
            raise Unfit  # the axis of the samples, or one that is named twice
        self.kept = [i for i in range(len(shape)) if i not in over]
        self.terms = math.prod(shape[i] for i in over)
        if site["keepdims"]:
            self.y = tuple(1 if i in over else n for i, n in enumerate(shape))
        else:
            self.y = tuple(shape[i] for i in self.kept)
        _loops.loops(shape, [self.a("a").steps, self.one("y").steps])

    def a(self, name):
        """An operand of the shape of `a`."""
        return _loops.in_lanes(self.site, name, self.shape)

    def one(self, name):
        """An operand of the shape of the result, along the axes of `a`."""
        y = _loops.in_lanes(self.site, name, self.y)
        if self.site["keepdims"]:
            return y
        return y.along([self.kept.index(i) if i in self.kept else None for i in range(len(self.shape))])

    def saved(self, name):
        """A vector for each result, kept for the gradients."""
        kept = tuple(n if i in self.kept else 1 for i, n in enumerate(self.shape))
        return _loops.Operand(name, _loops.dense(kept, self.site.L))

    def row(self, formula, sources, target, **how):
        """The row of a formula over the elements of `a`."""
        return _loops.row(formula, self.shape, sources, target, self.site.dtype, **how)


def _shape(site):
    return _Axes(site).y


def _flops(site):
    return math.prod(site.shapes["a"])


# --- sums -------------------------------------------------------------------------------------------------


@jit
def _same(x):
    return x


def _total(scale):
    """The twin of `scale` times the sum; `scale` is a function of how many terms it has."""

    def forward(site):
        k = _Axes(site)
        return [k.row(_same, [k.a("a")], k.one("y"), factor=scale(k.terms))]

    def da(site):
        k = _Axes(site)
        return [k.row(_same, [k.one("dy")], k.a("da"), factor=scale(k.terms))]

    return Twin(forward, {"a": da}, shape=_shape, flops=_flops, packed=True)


sum = _total(lambda terms: 1)
mean = _total(lambda terms: 1 / terms)


# --- variance ---------------------------------------------------------------------------------------------


@jit
def _square(a, mean):
    return (a - mean) * (a - mean)


@jit
def _distance(dy, a, mean):
    return dy * (a - mean)


def _var_shape(site):
    k = _Axes(site)
    if type(site["ddof"]) is not int or k.terms <= site["ddof"]:
        raise Unfit
    return k.y


def _var(site):
    k = _Axes(site)
    mean = k.row(_same, [k.a("a")], k.saved("mean"), factor=1 / k.terms)
    factor = 1 / (k.terms - site["ddof"])
    return [mean, k.row(_square, [k.a("a"), k.saved("mean")], k.one("y"), factor=factor)]


def _var_da(site):
    k = _Axes(site)
    factor = 2 / (k.terms - site["ddof"])
    return [k.row(_distance, [k.one("dy"), k.a("a"), k.saved("mean")], k.a("da"), factor=factor)]


def _each(name):
    return lambda site: {name: math.prod(_Axes(site).y) * site.L}


var = Twin(
    _var,
    {"a": _var_da},
    shape=_var_shape,
    saves=_each("mean"),
    flops=lambda site: 4 * _flops(site),
    packed=True,
)


# --- the largest and the smallest -------------------------------------------------------------------------


@jit
def _negative(a):
    return -a


@jit
def _larger(most, a):
    return v.maximum(most, a)


@jit
def _hit(a, y):
    one = v.larger(v.smaller(a, 1.0), 1.0)
    return v.where((a == y) | (a != a), one, 0.0)


@jit
def _shared(dy, hits):
    return dy / hits


@jit
def _handed(a, y, share):
    return v.where((a == y) | (a != a), share, 0.0)


def _extreme(formula, sign):
    def forward(site):
        k = _Axes(site)
        how = {"combine": _larger, "start": -np.inf, "factor": sign}
        return [k.row(formula, [k.a("a")], k.one("y"), **how)]

    def da(site):
        """Equal elements share the gradient; a NaN is one of them."""
        k = _Axes(site)
        a, y, hits = k.a("a"), k.one("y"), k.saved("hits")
        results = tuple(n if i in k.kept else 1 for i, n in enumerate(k.shape))
        return [
            k.row(_hit, [a, y], hits),
            _loops.row(_shared, results, [k.one("dy"), hits], hits, site.dtype),
            k.row(_handed, [a, y, hits], k.a("da")),
        ]

    return Twin(forward, {"a": da}, shape=_shape, saves=_each("hits"), flops=_flops, packed=True)


max = _extreme(_same, 1)
min = _extreme(_negative, -1)
