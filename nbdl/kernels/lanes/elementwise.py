"""The twin of an operation on each number by itself, from its formula on one number."""

import inspect

import numpy as np

from nbdl.errors import PluginError
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch, planes
from nbdl.kernels.simd.registers import load, store


def elementwise(forward, backward):
    """The twin of an activation: ``y = forward(x, *options)``, ``dx = backward(dy, x, *options)``.

    Both are marked with `nbdl.jit`. `backward` is called with x or with y, as it names its second parameter.
    Further parameters are options of the kernel, of the same names, which must be numbers.
    """
    _, *options = inspect.signature(forward).parameters
    taken = list(inspect.signature(backward).parameters)
    if taken not in (["dy", "x", *options], ["dy", "y", *options]):
        text = "elementwise: `{}` must have the parameters (dy, x{}) or (dy, y{}), got ({})"
        more = "".join(f", {name}" for name in options)
        raise PluginError(text, backward.__name__, more, more, ", ".join(taken))
    needs = taken[1]

    def shape(site):
        numbers(site, options)
        return site.shapes["x"]

    return Twin(
        lambda site: [_forward(site, forward, numbers(site, options))],
        {"x": lambda site: [_backward(site, backward, needs, numbers(site, options))]},
        shape=shape,
        rows=lambda site: 1,
        inplace=needs == "y",
        each=() if options else (forward, backward, needs),
        packed=True,
    )


def numbers(site, options):
    """The options of a site as numbers of its dtype; `Unfit` unless they are finite."""
    kind, values = np.dtype(site.dtype).type, [site[name] for name in options]
    largest = float(np.finfo(kind).max)
    if not all(isinstance(v, (int, float, np.number)) and abs(v) <= largest for v in values):
        raise Unfit
    return tuple(map(kind, values))


def _sizes(site):
    C, _, W = planes(site.shapes["y"])
    return {"count": C, "pitch": pitch(site.shapes["y"]) * site.L, "width": W * site.L}


def _forward(site, f, options):
    L = site.L

    def leaf(x, y, first, last, count, pitch, width):
        for c in range(count):
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(y, i, f(load(x, i), *options))

    return Row(leaf, **_sizes(site))


def _backward(site, f, needs, options):
    L = site.L

    def leaf(dy, known, dx, first, last, count, pitch, width):
        for c in range(count):
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(dx, i, f(load(dy, i), load(known, i), *options))

    return Row(leaf, known=needs, **_sizes(site))
