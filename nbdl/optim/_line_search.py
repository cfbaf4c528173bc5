r"""Directions d and step lengths t of x <- x + t d, for functions that can be differentiated.

Directions: `gd`, the gradient g downhill, d = -g; `newton`, :math:`d = -H^{-1} g`; `preconditioned`,
:math:`d_i = -g_i / |H_{ii}|`, the diagonal of the Hessian alone.

Line searches, with c1 = 1e-4 and c2 = 0.9: `armijo` halves t until f falls by c1 of what the slope promises,
:math:`f(x + td) \le f(x) + c_1 t\, g^T d`; `wolfe` also asks that the slope has risen,
:math:`\nabla f(x + td)^T d \ge c_2\, g^T d`, which keeps t from being too short: it doubles t until both
bounds of an interval are known and bisects that. Nocedal and Wright 2006, sections 3.1 and 3.4; Lewis and
Overton 2013, algorithm 2.6; Zhang et al., Dive into Deep Learning, section 12.3.
"""

import numpy as np

from nbdl._jit import plain
from nbdl.optim import _descent

C1, C2, HALVINGS = 1e-4, 0.9, 60
ROUNDING = 1e-12  # of f: what a step promises less than is lost in it


class Stuck(Exception):
    """There is no next step; the text says why, and `arrived` whether that is as good as a minimum."""

    def __init__(self, text, arrived=False):
        super().__init__(text)
        self.arrived = arrived


def search(look, hessian, method, rule, x, rates, tolerance, trace):
    """As `_descent.descend`, by directions: (points of the trace, why it ended or `Stuck`, last f)."""
    dx, record = np.empty_like(x), plain(_descent.record)
    for k in range(len(rates) + 1):
        value = look(x, dx)
        answer = record(k, len(rates), x.reshape(-1), dx.reshape(-1), value, tolerance, *trace)
        if answer != _descent.GOES_ON:
            return (k if answer == _descent.NOT_FINITE else k + 1), answer, value
        try:
            d = direction(method, hessian, x, dx)
            t = rates[k] if rule is None else RULES[rule](look, x, value, dx, d, rates[k])
        except Stuck as end:
            return k + 1, end, value
        x += t * d


def direction(method, hessian, x, dx):
    """The direction of a method at x, an array of its shape."""
    if method == "gd":
        return -dx
    H = hessian(x).reshape(x.size, x.size)
    if not np.isfinite(H).all():
        raise Stuck("the Hessian is not finite")
    if method == "preconditioned":
        diagonal = np.abs(np.diag(H))
        if not diagonal.all():
            raise Stuck("the Hessian has a 0 on its diagonal")
        return -dx / diagonal.reshape(x.shape)
    try:
        return -np.linalg.solve(H, dx.reshape(-1)).reshape(x.shape)
    except np.linalg.LinAlgError:
        raise Stuck("the Hessian is singular") from None


def armijo(look, x, value, dx, d, t):
    """The first of t, t / 2, t / 4 ... that f falls enough for."""
    slope, scratch, longest = _downhill(dx, d), np.empty_like(x), t
    for _ in range(HALVINGS):
        if look(x + t * d, scratch) <= value + C1 * t * slope:
            return t
        t /= 2
    raise _no_step(value, longest * slope)


def wolfe(look, x, value, dx, d, t):
    """A step that f falls enough for and that its slope has risen enough at."""
    slope, there, first = _downhill(dx, d), np.empty_like(x), t
    low, high = 0.0, np.inf
    for _ in range(HALVINGS):
        if not look(x + t * d, there) <= value + C1 * t * slope:
            high = t
        elif not np.vdot(there, d) >= C2 * slope:
            low = t
        else:
            return t
        t = (low + high) / 2 if high < np.inf else 2 * t
    if low > 0:
        return low  # f falls at least
    raise _no_step(value, first * slope)


def _downhill(dx, d):
    slope = np.vdot(dx, d)
    if slope == 0 and not dx.any():
        raise Stuck("the gradient is 0", arrived=True)
    if not slope < 0:
        raise Stuck("the direction does not lead downhill: the Hessian is not positive definite")
    return slope


def _no_step(value, promised):
    if abs(promised) <= ROUNDING * max(1.0, abs(value)):
        return Stuck("f falls no further than its rounding", arrived=True)
    return Stuck("no step along the direction makes f smaller")


RULES = {"armijo": armijo, "wolfe": wolfe}
