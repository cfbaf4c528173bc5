"""The twin of an operation on each number by itself, from its formula on one number."""

import inspect

from nbdl.errors import PluginError
from nbdl.kernels.lanes.twin import Row, Twin, pitch, planes
from nbdl.kernels.simd.registers import load, store


def elementwise(forward, backward):
    """The twin of an activation without options: ``y = forward(x)``, ``dx = backward(dy, x)``, on one number.

    Both are marked with `nbdl.jit`. `backward` is called with x or with y, as it names its second parameter.
    """
    taken = list(inspect.signature(backward).parameters)
    if taken not in (["dy", "x"], ["dy", "y"]):
        text = "elementwise: `{}` must have the parameters (dy, x) or (dy, y), got ({})"
        raise PluginError(text, backward.__name__, ", ".join(taken))
    needs = taken[1]
    return Twin(
        lambda site: [_forward(site, forward)],
        {"x": lambda site: [_backward(site, backward, needs)]},
        rows=lambda site: 1,
        inplace=needs == "y",
        each=(forward, backward, needs),
    )


def _sizes(site):
    C, _, W = planes(site.shapes["y"])
    return {"count": C, "pitch": pitch(site.shapes["y"]) * site.L, "width": W * site.L}


def _forward(site, f):
    L = site.L

    def leaf(x, y, first, last, count, pitch, width):
        for c in range(count):
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(y, i, f(load(x, i)))

    return Row(leaf, **_sizes(site))


def _backward(site, f, needs):
    L = site.L

    def leaf(dy, known, dx, first, last, count, pitch, width):
        for c in range(count):
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(dx, i, f(load(dy, i), load(known, i)))

    return Row(leaf, known=needs, **_sizes(site))
