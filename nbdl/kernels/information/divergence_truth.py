"""The truth of `cross_entropy` and `kl_divergence`."""

import numpy as np

from nbdl.kernels.information.tables_truth import distributions, nats, p_log, pairs_of_tables


def cross_entropy(p, q, axis=-1, base=None, normalize=False):
    p, q = distributions(p, axis, normalize), distributions(q, axis, normalize)
    return -np.sum(p_log(p, q), axis) / nats(base)


def kl_divergence(p, q, axis=-1, base=None, normalize=False):
    p, q = distributions(p, axis, normalize), distributions(q, axis, normalize)
    return np.sum(p_log(p, p) - p_log(p, q) - p + q, axis) / nats(base)


cross_entropy_cases = kl_divergence_cases = pairs_of_tables
