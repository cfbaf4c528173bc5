r"""Is a function, or a set, convex? A search for a counterexample among samples.

A function is convex if no point of a segment lies above it: for all a, b and :math:`0 \le \lambda \le 1`

.. math:: f(\lambda a + (1 - \lambda) b) \le \lambda f(a) + (1 - \lambda) f(b)

and strictly convex if :math:`<` holds for :math:`a \ne b, 0 < \lambda < 1`; a linear function is convex,
and not strictly. One with second derivatives is convex if and only if its Hessian is positive semidefinite
everywhere, and strictly if it is positive definite. A set is convex if it has all segments between its
points.

Samples can only find that something is not convex. Zhang et al., Dive into Deep Learning, section 12.2.
"""

from dataclasses import dataclass

import numpy as np

from nbdl.errors import NumericError, OptionError, UsageError
from nbdl.nn._options import positive
from nbdl.optim._derivatives import number, numeric_hessian

ROUNDING = 1e-12, 1e-14  # of what is compared, of the largest in the box: no counterexample lies within
EQUAL = 1e-13  # of the numbers compared: what lies within is taken for equal
SHORTEST = 1e-3  # segments, as a share of the longest


@dataclass(frozen=True)
class Convexity:
    """What was found: `convex` and `strict` as far as seen in `samples`, and a `counterexample` or None.

    A counterexample is (a, b, lambda) of a segment, or (x, least eigenvalue) of a Hessian. `strict` is None
    of a set.
    """

    convex: bool
    strict: bool | None
    samples: int
    counterexample: tuple | None = None
    text: str = ""

    def __bool__(self):
        return self.convex

    def __str__(self):
        if not self.convex:
            return f"not convex: {self.text}"
        strictly = {True: "strictly convex", False: "convex, not strictly", None: "convex"}[self.strict]
        return f"{strictly} as far as seen, in {self.samples} samples"


def convexity(f, low, high, by="segments", samples=1000, seed=0):
    """Look for a counterexample to the convexity of `f` in a box.

    Parameters
    ----------
    f : callable
        Of a 1-D float64 array; returns one number. Infinity is allowed: outside of where f is defined.
    low, high : float or array_like
        The corners of the box; numbers for a function of one variable.
    by : "segments" or "hessian"
        Compare f on segments with its chord, or look at the least eigenvalue of the Hessian, found by
        differences: where f has second derivatives.
    samples, seed : int

    Returns
    -------
    Convexity
        True in an ``if`` when no counterexample was found: that is no proof.

    Examples
    --------
    >>> print(convexity(lambda x: 2 * x[0] + 1, -1, 1))
    convex, not strictly as far as seen, in 1000 samples
    >>> bool(convexity(lambda x: np.cos(np.pi * x[0]), -1, 1))
    False
    """
    if by not in ("segments", "hessian"):
        raise UsageError('convexity: `by` must be "segments" or "hessian", got {!r}', by)
    low, high = _box("convexity", low, high)
    rng = np.random.default_rng(seed)
    samples = positive("convexity: `samples`", samples)
    if by == "segments":
        values = [abs(_value(f, rng.uniform(low, high))) for _ in range(32)]
        largest = max((v for v in values if v < np.inf), default=0.0)
    strict = True
    for _ in range(samples):
        found = _segment(f, low, high, rng, largest) if by == "segments" else _hessian(f, low, high, rng)
        margin, counterexample, text = found
        if margin < 0:
            return Convexity(False, False, samples, counterexample, text)
        strict = strict and margin > 0
    return Convexity(True, strict, samples)


def set_convexity(contains, low, high, samples=1000, seed=0):
    """Look for two points of a set with one between them that it does not have.

    ``contains(x)`` says whether a point is in the set; points are drawn from the box between `low` and
    `high`, and those that are in the set are the ends of `samples` segments.

    Examples
    --------
    >>> print(set_convexity(lambda x: x @ x <= 4, [-2, -2], [2, 2]))
    convex as far as seen, in 1000 samples
    >>> bool(set_convexity(lambda x: 1 <= x @ x <= 4, [-2, -2], [2, 2]))
    False
    """
    low, high = _box("set_convexity", low, high)
    rng, samples = np.random.default_rng(seed), positive("set_convexity: `samples`", samples)
    drawn = rng.uniform(low, high, (max(10 * samples, 1000), len(low)))
    points = [x for x in drawn if contains(x)][: 2 * samples]
    if len(points) < 2:
        text = "set_convexity: of {} points between `low` and `high` {} are in the set. Try a smaller box"
        raise UsageError(text, len(drawn), len(points))
    for _ in range(samples):
        a, b = (points[i] for i in rng.choice(len(points), 2, replace=False))
        share = rng.uniform()
        between = share * a + (1 - share) * b
        if not contains(between):
            text = f"{between} is not in the set, between {a} and {b}, which are"
            return Convexity(False, None, samples, (a, b, share), text)
    return Convexity(True, None, samples)


def _segment(f, low, high, rng, largest):
    """By how much f lies below the chord of a random segment, 0 within rounding."""
    a, b = rng.uniform(low, high, (2, len(low)))
    while np.abs((b - a) / (high - low)).max() < 0.1:
        b = rng.uniform(low, high)
    b = a + SHORTEST ** rng.uniform() * (b - a)  # long segments, and short ones, which see small waves
    share = rng.uniform(0.1, 0.9)
    between = share * a + (1 - share) * b
    above, below, at = (_value(f, x) for x in (a, b, between))
    chord = share * above + (1 - share) * below
    if chord == np.inf:
        return 1.0, None, ""
    margin, size = chord - at, max(abs(above), abs(below), abs(at))
    text = f"f = {at:.6g} at {between}, above the chord from {a} to {b}: {chord:.6g}"
    if at < np.inf and -ROUNDING[0] * size - ROUNDING[1] * largest <= margin <= EQUAL * size:
        margin = 0.0
    return margin, (a, b, share), text


def _hessian(f, low, high, rng):
    """The least eigenvalue of the Hessian at a random point, 0 within rounding."""
    x = rng.uniform(low, high)
    values = np.linalg.eigvalsh(numeric_hessian(lambda p: _value(f, p), x))
    # second differences lose half of the digits of f
    rounding = 1e-6 * max(abs(values).max(), abs(_value(f, x)), 1e-300)
    least = values[0] if abs(values[0]) > rounding else 0.0
    return least, (x, values[0]), f"the Hessian at {x} has the eigenvalue {values[0]:.6g}"


def _value(f, x):
    value = number(f(x.copy()))
    if np.isnan(value) or value == -np.inf:
        text = "convexity: `f` is {} at {}. Try a box where f is defined, or infinity outside of it"
        raise NumericError(text, value, x)
    return value


def _box(who, low, high):
    low, high = np.broadcast_arrays(np.atleast_1d(low).astype(np.float64), np.atleast_1d(high))
    if low.ndim != 1 or not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise OptionError("{}: `low` must be below `high`, both finite, got {} and {}", who, low, high)
    return low, high.astype(np.float64)
