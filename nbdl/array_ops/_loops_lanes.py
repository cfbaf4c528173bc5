"""Loops over the elements of a sample: what all array operations on lanes are made of.

An operation is a formula on single elements (`nbdl.jit`), and for each operand where it has them: its first
element, and how far it is to the next along each axis. A step of 0 repeats an element, which is what
broadcasting is; a target that has it takes the sum over that axis. Axes that lie one behind the other become
one loop. Sizes and steps are numbers that a leaf is given: operations on values of all shapes share it.
"""

import functools
import inspect
import math
from dataclasses import dataclass, replace

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Reduction, Row, Unfit, pitch
from nbdl.kernels.simd.registers import LANES, hsum, load, splat, store

TERMS = 64  # that are added up one by one; a sum of such sums rounds less
KNOWN = 256  # leaves that are found again: a new one has to be told from all others by its code
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


def in_lanes(site, name, shape):
    """A value of a site in lanes, of this shape for each sample."""
    steps = dense(shape, site.L)
    if len(shape) == 3 and shape[0] != 1:
        steps = (pitch(site.laid(shape)) * site.L, *steps[1:])
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
    element = _element(formula, tuple(o.kind for o in sources))
    put = {"store": _store, "add": _add, "hsum": _hsum}
    kind = np.dtype(dtype).type
    if reduced:
        nest = [loop for pair in zip(_padded(kept, 2), _padded(reduced, 2)) for loop in pair]
        leaf = _reducing(element, put[over], kind(factor), combine, kind(start))
    else:
        nest = _padded(kept, 4)
        leaf = _mapping(element, put[over], kind(factor))
    sizes = np.array([*firsts, *(number for n, steps in nest for number in (n, *steps))])
    return Row(leaf, **{p: o.name for p, o in zip("pqr", sources)}, t=target.name, sizes=sizes)


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


@functools.lru_cache(KNOWN, typed=True)
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


@jit(inline=True)
def _loop(sizes, n):
    """The size of loop n, and the steps of p, q, r and t."""
    i = 4 + 5 * n
    return sizes[i], sizes[i + 1], sizes[i + 2], sizes[i + 3], sizes[i + 4]


@functools.lru_cache(KNOWN, typed=True)
def _mapping(element, put, factor):
    """The leaf of four loops, for a target that has all axes; `sizes`: the first elements, then the loops."""

    def leaf(p, q, r, t, sizes):
        a, b, c, d = sizes[0], sizes[1], sizes[2], sizes[3]
        n0, p0, q0, r0, t0 = _loop(sizes, 0)
        n1, p1, q1, r1, t1 = _loop(sizes, 1)
        n2, p2, q2, r2, t2 = _loop(sizes, 2)
        n3, p3, q3, r3, t3 = _loop(sizes, 3)
        for u in range(n0):
            for w in range(n1):
                for x in range(n2):
                    i = a + u * p0 + w * p1 + x * p2
                    j = b + u * q0 + w * q1 + x * q2
                    k = c + u * r0 + w * r1 + x * r2
                    o = d + u * t0 + w * t1 + x * t2
                    for n in range(n3):
                        value = element(p, q, r, i + n * p3, j + n * q3, k + n * r3)
                        put(t, o + n * t3, value * factor)

    return leaf


@functools.lru_cache(KNOWN, typed=True)
def _reducing(element, put, factor, combine, start):
    """The same, of loops over an axis of the target, one to sum, another of the target, another to sum."""

    def leaf(p, q, r, t, sizes):
        a, b, c, d = sizes[0], sizes[1], sizes[2], sizes[3]
        n0, p0, q0, r0, t0 = _loop(sizes, 0)
        n1, p1, q1, r1, _ = _loop(sizes, 1)
        n2, p2, q2, r2, t2 = _loop(sizes, 2)
        n3, p3, q3, r3, _ = _loop(sizes, 3)
        for u in range(n0):
            for x in range(n2):
                total = splat(start)
                for w in range(n1):
                    i = a + u * p0 + w * p1 + x * p2
                    j = b + u * q0 + w * q1 + x * q2
                    k = c + u * r0 + w * r1 + x * r2
                    for few in range(0, n3, TERMS):
                        part = splat(start)
                        for n in range(few, min(few + TERMS, n3)):
                            value = element(p, q, r, i + n * p3, j + n * q3, k + n * r3)
                            part = combine(part, value)
                        total = combine(total, part)
                put(t, d + u * t0 + x * t2, total * factor)

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
