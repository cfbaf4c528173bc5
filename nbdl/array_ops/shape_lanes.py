"""Transposing, indexing and joining on lanes: the samples stay where they are, their elements are copied."""

import math
from dataclasses import replace

import numpy as np

from nbdl._jit import jit
from nbdl.array_ops import _loops_lanes as _loops
from nbdl.kernels.lanes.twin import Twin, Unfit
from nbdl.kernels.simd.registers import larger, smaller


@jit
def _same(x):
    return x


@jit
def _zero(x):
    return smaller(larger(x, 0.0), 0.0)  # whatever it is


def _copy(site, sizes, source, target):
    _loops.loops(sizes, [source.steps, target.steps])
    return _loops.row(_same, sizes, [source], target, site.dtype)


# --- transpose --------------------------------------------------------------------------------------------


def _order(site):
    """The axes of a sample of `a` in the order of the result."""
    count, axes = len(site.shapes["a"]) + 1, site["axes"]
    axes = tuple(range(count))[::-1] if axes is None else tuple(axes)
    order = [i % count for i in axes if isinstance(i, (int, np.integer)) and -count <= i < count]
    if sorted(order) != list(range(count)) or len(order) != len(axes) or order[0] != 0:
        raise Unfit
    return [i - 1 for i in order[1:]]


def _transposed(site):
    shape = tuple(site.shapes["a"][i] for i in _order(site))
    if 0 in shape:
        raise Unfit
    _transpose(site, "a", "y", shape)
    return shape


def _transpose(site, a, y, shape):
    moved = _loops.in_lanes(site, a, site.shapes["a"]).along(_order(site))
    return moved, _loops.in_lanes(site, y, shape)


def _transpose_rows(site):
    moved, y = _transpose(site, "a", "y", site.shapes["y"])
    return [_copy(site, site.shapes["y"], moved, y)]


def _transpose_da(site):
    moved, dy = _transpose(site, "da", "dy", site.shapes["y"])
    return [_copy(site, site.shapes["y"], dy, moved)]


transpose = Twin(_transpose_rows, {"a": _transpose_da}, shape=_transposed, packed=True)


# --- getitem ----------------------------------------------------------------------------------------------


def _taken(site, name="a"):
    """What an index takes of `a`: its shape, and where its elements are."""
    shape, index = site.shapes["a"], site["index"]
    parts = list(index) if isinstance(index, tuple) else [index]
    if not all(p is None or p is ... or type(p) in (int, slice) or isinstance(p, np.integer) for p in parts):
        raise Unfit
    axes = 1 + len(shape) - len([p for p in parts if p is not None and p is not ...])
    if axes < 0 or parts.count(...) > 1:
        raise Unfit
    at = parts.index(...) if ... in parts else len(parts)
    parts[at : at + 1] = [slice(None)] * axes
    if not parts or parts[0] not in (slice(None), slice(0, None), slice(None, None, 1), slice(0, None, 1)):
        raise Unfit  # the axis of the samples stays whole, and the first
    a, axis = _loops.in_lanes(site, name, shape), iter(range(len(shape)))
    sizes, steps, first = [], [], 0
    for part in parts[1:]:
        if part is None:
            sizes.append(1)
            steps.append(0)
            continue
        i = next(axis)
        if isinstance(part, slice):
            try:
                taken = range(shape[i])[part]
            except (TypeError, ValueError):
                raise Unfit from None
            first += taken.start * a.steps[i]
            sizes.append(len(taken))
            steps.append(taken.step * a.steps[i])
        elif -shape[i] <= part < shape[i]:
            first += int(part) % shape[i] * a.steps[i]
        else:
            raise Unfit  # the kernel says why
    if 0 in sizes:
        raise Unfit
    return tuple(sizes), replace(a, steps=tuple(steps), first=first)


def _getitem_shape(site):
    sizes, taken = _taken(site)
    _loops.loops(sizes, [taken.steps, _loops.in_lanes(site, "y", sizes).steps])
    return sizes


def _getitem(site):
    sizes, taken = _taken(site)
    return [_copy(site, sizes, taken, _loops.in_lanes(site, "y", sizes))]


def _getitem_da(site):
    sizes, taken = _taken(site, "da")
    dy, shape = _loops.in_lanes(site, "dy", sizes), site.shapes["a"]
    rows = [_copy(site, sizes, dy, taken)]
    if math.prod(sizes) < math.prod(shape):
        one = replace(dy, steps=(0,) * len(shape))
        rows.insert(0, _loops.row(_zero, shape, [one], _loops.in_lanes(site, "da", shape), site.dtype))
    return rows


getitem = Twin(_getitem, {"a": _getitem_da}, shape=_getitem_shape, packed=True)


# --- concatenate ------------------------------------------------------------------------------------------


def _joined(site):
    """The shape of the result; the axis of a sample along which it is joined."""
    a, b, axis = site.shapes["a"], site.shapes["b"], site["axis"]
    if type(axis) is not int or len(a) != len(b) or not -len(a) - 1 <= axis <= len(a):
        raise Unfit
    axis = axis % (len(a) + 1) - 1
    if axis < 0 or a[:axis] + a[axis + 1 :] != b[:axis] + b[axis + 1 :] or 0 in (*a, *b):
        raise Unfit
    return (*a[:axis], a[axis] + b[axis], *a[axis + 1 :]), axis


def _part(site, name, y, prefix=""):
    """The shape of an operand, where its elements are, and where they are in the result."""
    shape, axis = _joined(site)
    whole = _loops.in_lanes(site, y, shape)
    first = whole.steps[axis] * site.shapes["a"][axis] if name == "b" else 0
    own = _loops.in_lanes(site, prefix + name, site.shapes[name])
    return site.shapes[name], own, replace(whole, first=first)


def _concatenate_shape(site):
    for name in "ab":
        sizes, own, place = _part(site, name, "y")
        _loops.loops(sizes, [own.steps, place.steps])
    return _joined(site)[0]


def _concatenate(site):
    return [_copy(site, *_part(site, name, "y")) for name in "ab"]


def _gradient_of(name):
    def rows(site):
        sizes, own, place = _part(site, name, "dy", "d")
        return [_copy(site, sizes, place, own)]

    return rows


concatenate = Twin(_concatenate, {n: _gradient_of(n) for n in "ab"}, shape=_concatenate_shape, packed=True)


# --- tile -------------------------------------------------------------------------------------------------


def _tiled(site):
    """The shape of the result, and how many copies there are along each axis of a sample."""
    shape, reps = site.shapes["a"], tuple(site["reps"])
    times = (1,) * (len(shape) + 1 - len(reps)) + reps
    if len(times) != len(shape) + 1 or times[0] != 1 or 0 in (*times, *shape):
        raise Unfit
    return tuple(n * t for n, t in zip(shape, times[1:])), times[1:]


def _copies(site, a, y):
    """Of each axis two, of the copies and of the elements: their sizes, and where both operands have them."""
    shape, (whole, times) = site.shapes["a"], _tiled(site)
    one, all_ = _loops.in_lanes(site, a, shape), _loops.in_lanes(site, y, whole)
    sizes = [size for pair in zip(times, shape) for size in pair]
    own = [step for s in one.steps for step in (0, s)]
    copied = [step for s, n in zip(all_.steps, shape) for step in (s * n, s)]
    return sizes, replace(one, steps=tuple(own)), replace(all_, steps=tuple(copied))


def _tile_shape(site):
    sizes, one, copies = _copies(site, "a", "y")
    for source, target in ((one, copies), (copies, one)):
        _loops.loops(sizes, [source.steps, target.steps])
    return _tiled(site)[0]


def _tile(site):
    return [_copy(site, *_copies(site, "a", "y"))]


def _tile_da(site):
    sizes, one, copies = _copies(site, "da", "dy")
    return [_copy(site, sizes, copies, one)]  # the copies, which `da` has not, are summed


tile = Twin(_tile, {"a": _tile_da}, shape=_tile_shape, packed=True)
