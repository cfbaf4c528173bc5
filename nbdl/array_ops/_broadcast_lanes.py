"""Formulas on broadcast operands, as twins: where each operand has its elements, in lanes or in an array."""

import inspect
import math

import numpy as np

from nbdl.array_ops import _loops_lanes as _loops
from nbdl.kernels.lanes.twin import Twin, Unfit


class _Broadcast:
    """The operands of a call along the axes of a sample of the result.

    NumPy aligns shapes at the right, and the samples are an axis like any other: values in lanes have as many
    axes as the result, and an array that has as many too has one element along that of the samples.
    """

    def __init__(self, site, names, numbers=()):
        self.site, self.shapes = site, {}
        given = {n: site.shapes[n] for n in names if n in site.shapes}
        ranks = {len(shape) for n, shape in given.items() if n in site.samples}
        if len(ranks) != 1:
            raise Unfit
        (rank,) = ranks
        for name, shape in given.items():
            if name not in site.samples:
                if len(shape) > rank + 1 or (len(shape) > rank and shape[0] != 1):
                    raise Unfit
                shape = (*(1,) * (rank - len(shape)), *shape[max(0, len(shape) - rank) :])
            self.shapes[name] = shape
        try:
            self.shape = np.broadcast_shapes(*self.shapes.values())
        except ValueError:
            raise Unfit from None  # the kernel says why
        self.numbers = numbers

    def operand(self, name):
        """Where an operand, ``y``, or the cotangent or gradient ``d<operand>`` has its elements."""
        base = name[1:] if name[:1] == "d" and name not in self.shapes else name
        shape = self.shape if base == "y" else self.shapes[base]
        if base == "y" or base in self.site.samples:
            found = _loops.in_lanes(self.site, name, shape)
        else:
            kind = "number" if base in self.numbers else "array"
            found = _loops.Operand(name, _loops.dense(shape), kind=kind)
        steps = (0 if n == 1 else s for n, s in zip(shape, found.steps))
        return _loops.Operand(name, tuple(steps), kind=found.kind)

    def sources(self, formula):
        """The operands of a formula; for one that was left out stands the one before it."""
        found = []
        for name in _parameters(formula):
            found.append(self.operand(name) if name in {*self.shapes, "y", "dy", "da"} else found[-1])
        return found


def _parameters(formula):
    return tuple(inspect.signature(formula).parameters)


def broadcasting(*forward, numbers=(), inplace=False, like="y", **gradients):
    """The twin of a formula, and by operand the formulas of its gradient; of several the next may read what
    the one before it has written.

    `numbers` are operands that are arrays, plain numbers for the formula; `like` has the shape of y.
    """
    names = tuple(dict.fromkeys(n for f in forward for n in _parameters(f) if n != "y"))
    gradients = {n: f if isinstance(f, tuple) else (f,) for n, f in gradients.items()}

    def rows(formulas, target):
        def made(site):
            b = _Broadcast(site, names, numbers)
            return [_loops.row(f, b.shape, b.sources(f), b.operand(target), site.dtype) for f in formulas]

        return made if formulas else None

    def sums(formulas, name):
        def made(site):
            b, (formula,) = _Broadcast(site, names, numbers), formulas
            shape, steps = site.shapes[name], b.operand(name).steps
            return _loops.array_gradient(formula, b.shape, b.sources(formula), name, shape, steps, site.dtype)

        return made if formulas else None

    def shape(site):
        b = _Broadcast(site, names, numbers)
        if like != "y" and b.shapes[like] != b.shape:
            raise Unfit
        if site.constants.get("dtype", site.dtype) != site.dtype:
            raise Unfit  # all values in lanes have the dtype of the net
        for target in ("y", *(n for n in gradients if n in b.shapes)):
            _loops.loops(b.shape, [b.operand(n).steps for n in (*b.shapes, target)])
        return b.shape

    return Twin(
        rows(forward, "y"),
        {n: rows(gradients.get(n), f"d{n}") for n in names if n not in numbers},
        {n: sums(gradients.get(n), n) for n in names if n != like and len(names) > 1},
        shape=shape,
        inplace=inplace,
        flops=lambda site: math.prod(site.shapes["y"]),
        packed=True,
    )
