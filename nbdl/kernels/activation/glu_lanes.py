"""glu and swiglu on lanes, along an axis of a sample: the formulas are those of `glu.py`."""

import math

from nbdl.kernels.activation.glu import (
    glu_first,
    glu_of,
    glu_second,
    swiglu_first,
    swiglu_of,
    swiglu_second,
)
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch
from nbdl.kernels.simd.registers import load, store


def _axis(site):
    """The axis, counted in a sample; those of the kernel begin with the samples."""
    shape, axis = site.shapes["x"], site["axis"]
    if not isinstance(axis, int) or not -len(shape) <= axis <= len(shape) or axis == 0:
        raise Unfit
    axis = axis - 1 if axis > 0 else axis + len(shape)
    if shape[axis] % 2 or not math.prod(shape):
        raise Unfit
    return axis


def _shape(site):
    axis, shape = _axis(site), site.shapes["x"]
    return (*shape[:axis], shape[axis] // 2, *shape[axis + 1 :])


def _sizes(site):
    """In floats: `half` elements lie together, `outer` times in each of `count` planes; the second half is
    `far` from the first."""
    axis, x, L = _axis(site), site.shapes["x"], site.L
    half = math.prod(x[axis:]) // 2
    if len(x) != 3:
        return {"count": 1, "outer": math.prod(x[:axis]), "half": half * L, "far": half * L, "xp": 0, "yp": 0}
    places = {"xp": pitch(x) * L, "yp": pitch(site.laid(_shape(site))) * L}
    if axis == 0:
        half = x[1] * x[2]
        return {"count": x[0] // 2, "outer": 1, "half": half * L, "far": x[0] // 2 * places["xp"], **places}
    return {"count": x[0], "outer": math.prod(x[1:axis]), "half": half * L, "far": half * L, **places}


def _forward(site, f):
    L = site.L

    def leaf(x, y, count, outer, half, far, xp, yp):
        for c in range(count):
            for o in range(outer):
                a, t = x + (c * xp + 2 * o * half), y + (c * yp + o * half)
                for i in range(0, half, L):
                    store(t, i, f(load(a, i), load(a, i + far)))

    return [Row(leaf, **_sizes(site))]


def _backward(site, first, second):
    L = site.L

    def leaf(dy, x, dx, count, outer, half, far, xp, yp):
        for c in range(count):
            for o in range(outer):
                t, a, d = dy + (c * yp + o * half), x + (c * xp + 2 * o * half), dx + (c * xp + 2 * o * half)
                for i in range(0, half, L):
                    store(d, i, first(load(t, i), load(a, i), load(a, i + far)))
                    store(d, i + far, second(load(t, i), load(a, i), load(a, i + far)))

    return [Row(leaf, **_sizes(site))]


def _twin(f, first, second):
    return Twin(
        lambda s: _forward(s, f), {"x": lambda s: _backward(s, first, second)}, shape=_shape, packed=True
    )


glu = _twin(glu_of, glu_first, glu_second)
swiglu = _twin(swiglu_of, swiglu_first, swiglu_second)
