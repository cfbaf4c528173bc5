"""The truth of `js_divergence`."""

import numpy as np

from nbdl.kernels.information.tables_truth import distributions, nats, p_log, pairs_of_tables


def js_divergence(p, q, axis=-1, base=None, normalize=False):
    p, q = distributions(p, axis, normalize), distributions(q, axis, normalize)
    m = (p + q) / 2
    return np.sum(p_log(p, p) - p_log(p, m) + p_log(q, q) - p_log(q, m), axis) / (2 * nats(base))


js_divergence_cases = pairs_of_tables
