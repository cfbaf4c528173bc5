"""Loops over the elements of a sample: what all array operations on lanes are made of.

An operation is a formula on single elements (`nbdl.jit`), and for each operand where it has them: its first
element, and how far it is to the next along each axis. A step of 0 repeats an element, which is what
broadcasting is; a target that has it takes the sum over that axis. Axes that lie one behind the other become
one loop. Sizes and steps of the inner two loops are numbers that a leaf is given, those of further ones
constants in it: operations of few axes share a leaf, whatever their shapes are.
"""

import inspect
import math
from dataclasses import dataclass, replace

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Reduction, Row, Unfit, pitch
from nbdl.kernels.simd.registers import LANES, hsum, load, splat, store

TERMS = 64  # that are added up one by one; a sum of such sums rounds less
SMALL = 1024  # elements of an array whose gradient is summed lane by lane


@dataclass(frozen=True)
class Operand:
    """Elements by name: `steps` are floats from one to the next along each axis, `first` those before them.

    `kind` is "lanes", of an array "array" where the formula gets a vector, "number" where it gets a number.
    """

    name: str
    steps: tuple
    first: int = 0
    kind: str = "lanes"

    def along(self, axes):
        """The steps in another order; None is an axis along which an element repeats."""
        return replace(self, steps=tuple(0 if i is None else self.steps[i] for i in axes))


def dense(shape, unit=1):
    """Steps of an array; along axes of one element they are 0."""
    return tuple(unit * math.prod(shape[i + 1 :]) if n != 1 else 0 for i, n in enumerate(shape))


def in_lanes(name, shape, L):
    """A value in lanes of this shape for each sample."""
    steps = dense(shape, L)
    if len(shape) == 3 and shape[0] != 1:
        steps = (pitch(shape) * L, *steps[1:])
    return Operand(name, steps)


@jit
def _plus(total, value):
    return total + value


@jit
def _store(t, i, v):
    store(t, i, v)


@jit
def _add(t, i, v):
    store(t, i, load(t, i) + v)


@jit
def _hsum(t, i, v):
    t[i] += hsum(v)


def row(formula, sizes, sources, target, dtype, factor=1.0, combine=_plus, start=0.0, over="store"):
    """The row of ``target = factor * formula(*sources)`` over the elements of `sizes`.

    Along the axes that `target` has not, results are put together by ``combine(total, result)``, from `start`
    on. `over`: "store" writes; "add" adds a vector to what is there, "hsum" the sum of its lanes.
    """
    kept, reduced = loops(sizes, [o.steps for o in (*sources, target)])
    sources = [*sources, *[sources[0]] * (3 - len(sources))]  # a leaf takes three, and reads what it needs
    firsts = tuple(o.first for o in (*sources, target))
    element, put = _element(formula, [o.kind for o in sources]), {"store": _store, "add": _add, "hsum": _hsum}
    kind = np.dtype(dtype).type
    if reduced:
        outer, inner = zip(_padded(kept, 2), _padded(reduced, 2))
        leaf = _reducing(element, outer, firsts, put[over], kind(factor), combine, kind(start))
    else:
        four = _padded(kept, 4)
        outer, inner = four[:2], four[2:]
        leaf = _mapping(element, outer, firsts, put[over], kind(factor))
    numbers = {f"n{i}": n for i, (n, _) in enumerate(inner)}
    numbers |= {f"{o}{i}": step for i, (_, steps) in enumerate(inner) for o, step in zip("pqrt", steps)}
    return Row(leaf, **{p: o.name for p, o in zip("pqr", sources)}, t=target.name, **numbers)


def loops(sizes, steps):
    """The loops, outer first, as (size, steps of all operands): those that the target has, and the others."""
    axes = [(n, tuple(s[i] for s in steps)) for i, n in enumerate(sizes) if n != 1]
    if not all(n for n, _ in axes):
        raise Unfit
    kept, reduced = (_merged([a for a in axes if bool(a[1][-1]) is has]) for has in (True, False))
    if len(kept) > (2 if reduced else 4) or len(reduced) > 2:
        raise Unfit
    return kept, reduced


def _merged(axes):
    """Neighbours whose elements lie one behind the other, in every operand, are one."""
    found = []
    for n, steps in axes:
        if found and all(outer == n * inner for outer, inner in zip(found[-1][1], steps)):
            found[-1] = found[-1][0] * n, steps
        else:
            found.append((n, steps))
    return found


def _padded(found, count):
    """As many loops as are asked for, and the steps of three sources and a target."""
    full = [(n, (*s[:-1], *[s[0]] * (4 - len(s)), s[-1])) for n, s in found]
    return [(1, (0, 0, 0, 0))] * (count - len(found)) + full


def _element(formula, kinds):
    """The formula on the elements at three places."""
    count = len(inspect.signature(formula).parameters)
    x, y, z = (kind == "lanes" for kind in kinds)

    def one(p, q, r, i, j, k):
        return formula(load(p, i) if x else splat(p[i]))

    def two(p, q, r, i, j, k):
        return formula(load(p, i) if x else splat(p[i]), load(q, j) if y else splat(q[j]))

    def three(p, q, r, i, j, k):
        a, b = load(p, i) if x else splat(p[i]), load(q, j) if y else splat(q[j])
        return formula(a, b, load(r, k) if z else splat(r[k]))

    def number(p, q, r, i, j, k):
        return formula(load(p, i), q[j])

    def last_number(p, q, r, i, j, k):
        return formula(load(p, i), load(q, j), r[k])

    if "number" in kinds:
        return jit(number if count == 2 else last_number, cache=False)
    return jit((one, two, three)[count - 1], cache=False)


def _mapping(element, outer, firsts, put, factor):
    """The leaf of four loops, for a target that has all axes."""
    ((m0, s0), (m1, s1)), (a, b, c, d) = outer, firsts

    def leaf(p, q, r, t, n0, n1, p0, p1, q0, q1, r0, r1, t0, t1):
        for u in range(m0):
            for w in range(m1):
                for x in range(n0):
                    i = a + u * s0[0] + w * s1[0] + x * p0
                    j = b + u * s0[1] + w * s1[1] + x * q0
                    k = c + u * s0[2] + w * s1[2] + x * r0
                    o = d + u * s0[3] + w * s1[3] + x * t0
                    for n in range(n1):
                        value = element(p, q, r, i + n * p1, j + n * q1, k + n * r1)
                        put(t, o + n * t1, value * factor)

    return leaf


def _reducing(element, outer, firsts, put, factor, combine, start):
    """The same; of each two loops, the first goes over an axis of the target, the second over one to sum."""
    ((m0, s0), (m1, s1)), (a, b, c, d) = outer, firsts

    def leaf(p, q, r, t, n0, n1, p0, p1, q0, q1, r0, r1, t0, t1):
        for u in range(m0):
            for x in range(n0):
                total = splat(start)
                for w in range(m1):
                    i = a + u * s0[0] + w * s1[0] + x * p0
                    j = b + u * s0[1] + w * s1[1] + x * q0
                    k = c + u * s0[2] + w * s1[2] + x * r0
                    for few in range(0, n1, TERMS):
                        part = splat(start)
                        for n in range(few, min(few + TERMS, n1)):
                            value = element(p, q, r, i + n * p1, j + n * q1, k + n * r1)
                            part = combine(part, value)
                        total = combine(total, part)
                put(t, d + u * s0[3] + x * t0, total * factor)

    return leaf


def array_gradient(formula, sizes, sources, name, shape, steps, dtype):
    """The `Reduction` of the gradient of an array: ``formula(*sources)`` over the samples and what it repeats
    along. `shape` is that of the array, `steps` those of its elements along the axes of `sizes`.
    """
    count, L = math.prod(shape), LANES[dtype]
    if count <= SMALL:
        target = Operand("acc", tuple(L * s for s in steps))
        add, acc = row(formula, sizes, sources, target, dtype, over="add"), count * L
        finish = Row(sum_lanes(L), dw=f"d{name}", size=count, items=1)
    else:
        add, acc = row(formula, sizes, sources, Operand("acc", steps), dtype, over="hsum"), count
        finish = Row(_sum_shards, dw=f"d{name}", size=count, items=-(-count // 4096))
    return Reduction([add], [finish], acc=acc)


def _sum_shards(acc, shards, stride, dw, item, items, size):
    for i in range(size * item // items, size * (item + 1) // items):
        total = acc[i]
        for s in range(1, shards):
            total = total + acc[s * stride + i]
        dw[i] = total
