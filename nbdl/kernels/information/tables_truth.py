"""What the truth of all measures of tables has in common."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ProbabilityError, ShapeError


def distributions(p, axis, normalize):
    with np.errstate(invalid="ignore"):  # of what is all zero
        return p / np.sum(p, axis, keepdims=True) if normalize else p


def p_log(p, q):
    """p log q, and 0 where p is 0."""
    with np.errstate(divide="ignore"):
        return np.where(p == 0, 0 * p, p * np.log(np.where(p == 0, 1, q)))


def nats(base):
    return 1 if base is None else np.log(base)


def random_distributions(rng, *shape):
    """None of their entries is small: gradients are steep there."""
    p = rng.uniform(0.5, 2, shape)
    return p / p.sum(-1, keepdims=True)


def bad_tables(p, others):
    """What no measure of tables takes."""
    negative, missing = p.copy(), p.copy()
    negative[-1, 0], missing[-1, -1] = -0.1, np.nan
    return [
        Bad("negative", (negative, *others), {"normalize": True}, ProbabilityError, "p"),
        Bad("NaN", (missing, *others), {"normalize": True}, ProbabilityError, "p"),
        Bad("infinite", (np.where(p == p.max(), np.inf, p), *others), {}, ProbabilityError, "p"),
        Bad("sums of 2", (2 * p, *others), {}, ProbabilityError, "p"),
        Bad("base 1", (p, *others), {"base": 1}, OptionError, "base"),
        Bad("base 0", (p, *others), {"base": 0.0}, OptionError, "base"),
        Bad("base NaN", (p, *others), {"base": np.nan}, OptionError, "base"),
        Bad("complex", (p.astype(complex), *others), {}, DtypeError, "p"),
    ]


def pairs_of_tables(rng):
    p, q = random_distributions(rng, 2, 4, 5)
    a, b = rng.uniform(0.5, 9, (2, 3, 4, 5))
    spread = np.array([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]])
    return [
        Case("4 pairs of 5", (p, q)),
        Case("along the first axis", (p.T.copy(), q.T.copy()), {"axis": 0}),
        Case("bits", (p, q), {"base": 2}),
        Case("counts", (a, b), {"normalize": True}),
        Case("counts, middle axis", (a, b), {"axis": 1, "normalize": True, "base": 10.0}),
        Case("one pair", (p[0], q[0])),
        Case("19 entries", tuple(random_distributions(rng, 2, 2, 19))),
        Case("19 pairs", tuple(random_distributions(rng, 2, 19, 3).transpose(0, 2, 1).copy()), {"axis": 0}),
        Case("far", (np.array([0.9, 1e-30]), np.array([1e-20, 0.9])), {"normalize": True}, grad=False),
        Case("no pairs", (p[:0], q[:0])),
        Case("equal", (p, p.copy()), grad=False),
        Case("zeros of both", (spread, spread[:, ::-1].copy() * [[0, 1, 1], [0, 1, 1]]), {"normalize": True},
             grad=False),
        Case("all zero", (np.array([[0.0, 0], [1, 1]]), np.ones((2, 2))), {"normalize": True}, grad=False),
        *bad_tables(p, (q,)),
        Bad("q that sums to 2", (p, 2 * q), {}, ProbabilityError, "q"),
        Bad("q negative", (p, -q), {}, ProbabilityError, "q"),
        Bad("q of another shape", (p, q[:1]), {}, ShapeError, "q"),
        Bad("q of another dtype", (p, half(q)), {}, DtypeError, "q"),
    ]  # fmt: skip
