"""The truth of `mutual_information`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import ShapeError
from nbdl.kernels.information.tables_truth import bad_tables, distributions, nats, p_log, random_distributions


def mutual_information(p, base=None, normalize=False):
    p = distributions(p, (-2, -1), normalize)
    sums = (np.sum(p, axes) for axes in (-1, -2))
    alone = sum(-np.sum(p_log(m, m), -1) for m in sums)
    return (alone + np.sum(p_log(p, p), (-2, -1))) / nats(base)


def mutual_information_cases(rng):
    p = random_distributions(rng, 2, 12).reshape(2, 3, 4)
    counts = rng.uniform(0.5, 9, (2, 3, 4, 5))
    return [
        Case("2 tables", (p,)),
        Case("one table", (p[0],)),
        Case("bits", (p,), {"base": 2}),
        Case("counts", (counts,), {"normalize": True, "base": 10.0}),
        Case("19 columns", (random_distributions(rng, 57).reshape(3, 19),)),
        Case("no tables", (p[:0],)),
        Case("zeros", (np.array([[0.5, 0.0, 0.0], [0.0, 0.25, 0.25]]),), grad=False),
        Case("all zero", (np.zeros((2, 2)),), {"normalize": True}, grad=False),
        *bad_tables(p[0], ()),
        Bad("one dimension", (p[0, 0],), {}, ShapeError, "p"),
        Bad("no entries", (p[:, :0],), {}, ShapeError, "p"),
    ]
