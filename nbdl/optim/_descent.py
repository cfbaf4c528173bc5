"""The loop of `minimize` with an update kernel: one body, compiled for a compiled f, else run as Python.

`look(f, gradient, x, p, d)` returns f(x) and writes the gradient to d; `move` calls the update kernel. Both
are arguments, as f is: Numba compiles the loop for each f, and calls them directly. p and d are x and its
gradient as one row of numbers.
"""

import math

import numpy as np

from nbdl._jit import jit

GOES_ON, DONE, FLAT, NOT_FINITE = range(4)  # what `record` answers
ROOT = math.cbrt(np.finfo(np.float64).eps)  # the step of a central difference, for numbers of size 1


@jit(strict=True, cache=False)
def descend(look, f, gradient, move, update, x, dx, state, rates, options, noise, tolerance, trace):
    """Up to ``len(rates)`` updates of x in place; (how many points the trace has, why it ended, last f)."""
    p, d = x.reshape(x.size), dx.reshape(dx.size)
    points, values, norms = trace
    for k in range(len(rates) + 1):
        value = float(look(f, gradient, x, p, d))
        answer = record(k, len(rates), p, d, value, tolerance, points, values, norms)
        if answer != GOES_ON:
            return (k if answer == NOT_FINITE else k + 1), answer, value
        if len(noise) > 0:
            for i in range(d.size):
                d[i] += noise[k, i]
        move(update, x, dx, state, rates[k], k + 1, options)
    return 0, DONE, 0.0  # not reached: the last `record` is DONE


@jit(strict=True, cache=False)
def record(k, steps, p, d, value, tolerance, points, values, norms):
    """Write the point p with its f and the norm of its gradient d, if these are finite."""
    norm = length(d)
    if not (np.isfinite(value) and np.isfinite(norm)):
        return NOT_FINITE
    for i in range(p.size):
        points[k, i] = p[i]
    values[k], norms[k] = value, norm
    return DONE if k == steps else FLAT if norm <= tolerance else GOES_ON


@jit(strict=True, cache=False)
def length(d):
    """The Euclidean norm of a 1-D array, without overflow."""
    squares = 0.0
    for v in d:
        squares += v * v
    if squares > 1e-280 and squares < np.inf:
        return np.sqrt(squares)
    largest = squares = 0.0
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
def by_differences(f, gradient, x, p, d):
    """f(x); its gradient by central differences."""
    central(f, x, p, d)
    return f(x)


@jit(strict=True, cache=False)
def as_given(f, gradient, x, p, d):
    """f(x); its gradient by the user's function."""
    found = np.ascontiguousarray(gradient(x))
    g = found.reshape(found.size)
    for i in range(d.size):
        d[i] = g[i]
    return f(x)


@jit(strict=True, cache=False)
def central(f, x, p, d):
    r"""Write :math:`(f(x + h e_i) - f(x - h e_i)) / 2h` to d; p is x as one row, and the same afterwards.

    h is the cube root of epsilon times max(1, \|x_i\|), where rounding and the cubic term are alike.
    """
    for i in range(p.size):
        at = p[i]
        step = ROOT * max(1.0, abs(at))
        up, down = at + step, at - step
        p[i] = up
        above = f(x)
        p[i] = down
        below = f(x)
        p[i] = at
        d[i] = (above - below) / (up - down)  # the steps that were made, as they are rounded
