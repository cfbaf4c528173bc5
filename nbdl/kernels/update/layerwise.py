"""Norms of a whole parameter, by which LARS and LAMB scale its step."""

import numpy as np

from nbdl._jit import jit


@jit(inline=True)
def norm(p, size):
    """The Euclidean norm of the elements that a pointer is to, in float64.

    Inlined, as all that calls it is: what stands in a leaf of a program must have no way to raise.
    """
    total = 0.0
    for i in range(size):
        total += np.float64(p[i]) * np.float64(p[i])
    if total > 1e-280 and total < np.inf:
        return np.sqrt(total)
    largest = 0.0
    for i in range(size):
        if not abs(np.float64(p[i])) <= largest:  # NaN is taken too, and stays
            largest = abs(np.float64(p[i]))
    if largest == 0 or not np.isfinite(largest):
        return largest
    total = 0.0
    for i in range(size):
        part = np.float64(p[i]) / largest
        total += part * part
    return largest * np.sqrt(total)
