"""antropy as a peer: how regular a series is, which it compiles with Numba too."""

from functools import partial
from importlib.metadata import version

import numpy as np
from antropy import lziv_complexity, perm_entropy, sample_entropy, spectral_entropy

from nbdl.bench._race import repeated

VERSION = version("antropy")


def permutation_entropy(x, order):
    return perm_entropy(x, order) * np.log(2)  # it is in bits


ROWS = {
    "permutation_entropy": permutation_entropy,
    "sample_entropy": sample_entropy,
    "spectral_entropy": lambda x: spectral_entropy(x, 1.0) * np.log(2),
    "lempel_ziv_complexity": lambda x: lziv_complexity(x),  # of another argument name
}


def competitors(case, arguments, quick):
    """antropy's entry for a row; none for what it does not have."""
    if case.name not in ROWS:
        return []
    return [repeated("", partial(ROWS[case.name], **arguments, **case.options))]
