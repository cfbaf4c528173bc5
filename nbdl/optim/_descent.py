"""The loop of `minimize` with an update kernel: one body, compiled for a compiled f, else run as Python.

`look(f, gradient, x, dx)` returns f(x) and writes the gradient; `move` calls the update kernel. Both are
arguments, as f is: Numba compiles the loop for each f, and calls them directly.
"""

import math

import numpy as np

from nbdl._jit import jit

GOES_ON, DONE, FLAT, NOT_FINITE = range(4)  # what `record` answers
ROOT = math.cbrt(np.finfo(np.float64).eps)  # the step of a central difference, for numbers of size 1


@jit(strict=True, cache=False)
def descend(look, f, gradient, move, update, x, dx, state, rates, options, noise, tolerance, trace):
    """Up to ``len(rates)`` updates of x in place; (how many points the trace has, why it ended, last f)."""
    for k in range(len(rates) + 1):
        value = float(look(f, gradient, x, dx))
        answer = record(k, len(rates), x, dx, value, tolerance, trace)
        if answer != GOES_ON:
            return (k if answer == NOT_FINITE else k + 1), answer, value
        if len(noise) > 0:
            d = dx.reshape(dx.size)
            for i in range(d.size):
                d[i] += noise[k, i]
        move(update, x, dx, state, rates[k], k + 1, options)
    return 0, DONE, 0.0  # not reached: the last `record` is DONE


@jit(strict=True, cache=False)
def record(k, steps, x, dx, value, tolerance, trace):
    """Write point k into `trace`, the arrays (x, f, gradient norm), if f and its gradient are finite."""
    points, values, norms = trace
    p, norm = x.reshape(x.size), length(dx.reshape(dx.size))
    if not (np.isfinite(value) and np.isfinite(norm)):
        return NOT_FINITE
    for i in range(p.size):
        points[k, i] = p[i]
    values[k], norms[k] = value, norm
    return DONE if k == steps else FLAT if norm <= tolerance else GOES_ON


@jit(strict=True, cache=False)
def length(d):
    """The Euclidean norm of a 1-D array, without overflow."""
    largest, squares = 0.0, 0.0
    for v in d:
        if not abs(v) <= largest:  # NaN too
            largest = abs(v)
    if largest == 0 or not np.isfinite(largest):
        return largest
    for v in d:
        squares += (v / largest) ** 2
    return largest * np.sqrt(squares)


@jit(strict=True, cache=False)
def move(update, x, dx, state, lr, step, options):
    """Call an update kernel without `step`."""
    update(x, dx, *(state + (lr,) + options))


@jit(strict=True, cache=False)
def move_by_count(update, x, dx, state, lr, step, options):
    """Call an update kernel with `step`."""
    update(x, dx, *(state + (lr, step) + options))


@jit(strict=True, cache=False)
def by_differences(f, gradient, x, dx):
    """f(x); its gradient by central differences."""
    central(f, x, dx, 0.0)
    return f(x)


@jit(strict=True, cache=False)
def as_given(f, gradient, x, dx):
    """f(x); its gradient by the user's function."""
    found = np.ascontiguousarray(gradient(x))
    d, g = dx.reshape(dx.size), found.reshape(found.size)
    for i in range(d.size):
        d[i] = g[i]
    return f(x)


@jit(strict=True, cache=False)
def central(f, x, dx, h):
    r"""Write :math:`(f(x + h e_i) - f(x - h e_i)) / 2h` to `dx`, both of one shape.

    `h` of 0 stands for the cube root of epsilon times max(1, \|x_i\|), where rounding and the cubic term are
    alike. x is the same afterwards.
    """
    p, d = x.reshape(x.size), dx.reshape(dx.size)
    for i in range(p.size):
        at = p[i]
        step = h if h > 0 else ROOT * max(1.0, abs(at))
        up, down = at + step, at - step
        p[i] = up
        above = f(x)
        p[i] = down
        below = f(x)
        p[i] = at
        d[i] = (above - below) / (up - down)  # the steps that were made, as they are rounded
