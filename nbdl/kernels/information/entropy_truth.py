"""The truth of `entropy`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import ProbabilityError
from nbdl.kernels.information.tables_truth import bad_tables, distributions, nats, p_log, random_distributions


def entropy(p, axis=-1, base=None, normalize=False):
    p = distributions(p, axis, normalize)
    return -np.sum(p_log(p, p), axis) / nats(base)


def entropy_cases(rng):
    p, counts = random_distributions(rng, 4, 5), rng.uniform(0.5, 9, (3, 4, 5))
    return [
        Case("4 distributions of 5", (p,)),
        Case("along the first axis", (p.T.copy(),), {"axis": 0}),
        Case("bits", (p,), {"base": 2}),
        Case("counts", (counts,), {"normalize": True}),
        Case("counts, middle axis", (counts,), {"axis": 1, "normalize": True, "base": 10.0}),
        Case("one distribution", (p[0],)),
        Case("19 entries", (random_distributions(rng, 2, 19),)),
        Case("19 distributions", (random_distributions(rng, 19, 3).T.copy(),), {"axis": 0}),
        Case("one entry", (np.ones((3, 1)),), grad=False),
        Case("no distributions", (p[:0],)),
        Case("zeros", (np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]),), grad=False),
        Case("all zero", (np.array([[0.0, 0.0], [1.0, 1.0]]),), {"normalize": True}, grad=False),
        *bad_tables(p, ()),
        Bad("sum of 1.1", (np.array([0.6, 0.5]),), {}, ProbabilityError, "p"),
    ]
