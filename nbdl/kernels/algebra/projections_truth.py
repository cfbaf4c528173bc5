"""The truth of projections onto convex sets."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError


def ball_projection(x, radius=1.0):
    largest = np.abs(x).max(-1, keepdims=True, initial=0)
    part = x / np.where(largest == 0, 1, largest)
    root = np.sqrt((part**2).sum(-1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(largest * root <= radius, x, part / root * radius)


def box_projection(x, low, high):
    return np.minimum(np.maximum(x, low), high)


def halfspace_projection(x, w, b=0.0):
    return x - np.maximum(0, x @ w - b)[..., None] / (w @ w) * w


def simplex_projection(x, total=1.0):
    """By sorting: Held, Wolfe and Crowder 1974."""
    rows = x.reshape(-1, x.shape[-1])
    rows = rows - np.where(np.isinf(rows).any(-1), 0, rows.max(-1, initial=-np.inf))[:, None]
    y = np.empty(rows.shape)
    for i, row in enumerate(rows):
        order = np.sort(row)[::-1]
        means = (np.cumsum(order) - total) / np.arange(1, row.size + 1)
        kept = order > means
        tau = means[kept][-1] if kept.any() and not np.isinf(order[0]) else np.nan
        y[i] = row - tau if np.isnan(tau) else np.maximum(row - tau, 0)
    return y.reshape(x.shape)


def _rows(rng, **constants):
    x = rng.uniform(-2, 2, (6, 3))
    return [
        Case("rows", (x,), constants),
        Case("a sequence of rows", (rng.uniform(-2, 2, (2, 3, 3)),), constants),
        Case("one point", (x[0],), constants),
        Case("no samples", (x[:0],), constants),
        Bad("integers", (np.arange(3),), constants, DtypeError, "x"),
        Bad("no dimensions", (np.array(1.0),), constants, ShapeError, "x"),
    ]


def ball_projection_cases(rng):
    x = rng.uniform(-2, 2, (6, 3))
    ends = np.array([[1e38, -1e38], [1e-38, 0.0], [0.0, 0.0], [3.0, np.nan]])
    return [
        *_rows(rng),
        Case("a small ball", (x,), {"radius": 0.1}),
        Case("a large ball", (x,), {"radius": 100.0}),
        Case("a point", (x,), {"radius": 0.0}),
        Case("the ends", (ends,), {"radius": 2.0}, grad=False),
        Bad("radius below 0", (x,), {"radius": -1.0}, OptionError, "radius"),
        Bad("radius that is no number", (x,), {"radius": np.nan}, OptionError, "radius"),
    ]


def box_projection_cases(rng):
    x, low = rng.uniform(-2, 2, (6, 3)), np.array([-1.0, -np.inf, 0.25])
    ends = np.array([[-np.inf, np.inf, np.nan], [-0.5, 0.5, 0.25]])
    return [
        *_rows(rng, low=-0.5, high=0.5),
        Case("a bound for each", (x,), {"low": low, "high": np.array([0.5, 0.0, np.inf])}),
        Case("integer bounds", (x,), {"low": 0, "high": 1}),
        Case("the ends", (ends,), {"low": -0.5, "high": 0.5}, grad=False),
        Bad("low above high", (x,), {"low": 1.0, "high": 0.0}, OptionError, "low", values=True),
        Bad("a bound that is no number", (x,), {"low": np.nan, "high": 0.0}, OptionError, "low", values=True),
        Bad("too few bounds", (x,), {"low": low[:2], "high": 1.0}, ShapeError, "low"),
        Bad("a text", (x,), {"low": 0.0, "high": "1"}, DtypeError, "high"),
    ]


def halfspace_projection_cases(rng):
    x, w = rng.uniform(-2, 2, (6, 3)), rng.uniform(0.5, 2, 3)
    small = 1e-30 * w
    return [
        Case("rows", (x, w)),
        Case("apart from 0", (x, w), {"b": 1.5}),
        Case("a sequence of rows", (rng.uniform(-2, 2, (2, 3, 3)), w)),
        Case("one point", (x[0] + w, w)),
        Case("no samples", (x[:0], w)),
        Case("a short normal", (x, small), grad=False),
        Case("not a number", (np.array([[np.nan, 1.0, 1.0]]), w), grad=False),
        Bad("two columns", (x[:, :2], w), {}, ShapeError, "w"),
        Bad("no direction", (x, 0 * w), {}, OptionError, "w", values=True),
        Bad("two dtypes", (x, half(w)), {}, DtypeError, "w"),
        Bad("integers", (np.ones((2, 3), int), w), {}, DtypeError, "x"),
    ]


def simplex_projection_cases(rng):
    x, far = rng.uniform(-2, 2, (6, 3)), 1e7 + 8 * rng.integers(-3, 3, (5, 3)).astype(float)
    bad = np.array([[1.0, np.nan, 0.0], [np.inf, 1.0, 0.0], [0.0, -np.inf, 0.5]])
    return [
        *_rows(rng),
        Case("another sum", (x,), {"total": 2.5}),
        Case("many", (rng.standard_normal((3, 40)),)),
        Case("inside", (np.array([[0.2, 0.3, 0.5]]),), grad=False),
        Case("equal", (np.ones((2, 4)),), grad=False),
        Case("large", (far,), grad=False),
        Case("not finite", (bad,), grad=False),
        Bad("sum 0", (x,), {"total": 0.0}, OptionError, "total"),
        Bad("a sum that is no number", (x,), {"total": np.nan}, OptionError, "total"),
        Bad("no columns", (x[:, :0],), {}, ShapeError, "x"),
    ]
