"""Entropy from counts: the plug-in value and its corrections for few samples.

Each function takes the counts of the symbols, in any order, and gives nats. A symbol that was not seen may be
left out; `k` is then the size of the alphabet (None: as many as there are counts).
"""

import numpy as np


def ml(counts, *, k=None):
    r"""Maximum likelihood: the plug-in value, :math:`\log N - \frac1N \sum_i n_i \log n_i`.

    Its bias is about -(m - 1) / 2N for m symbols (Miller 1955).
    """
    n = counts[counts > 0].astype(np.float64)
    total = n.sum()
    return max(0.0, float(np.log(total) - (n * np.log(n)).sum() / total))
