"""antropy as a peer: permutation entropy, which it compiles with Numba too."""

from functools import partial
from importlib.metadata import version

import numpy as np
from antropy import perm_entropy

from nbdl.bench._race import repeated

VERSION = version("antropy")


def competitors(case, arguments, quick):
    """antropy's entry for a row; none for what it does not have."""
    if case.name != "permutation_entropy":
        return []
    return [repeated("", partial(permutation_entropy, **arguments, **case.options))]


def permutation_entropy(x, order):
    return perm_entropy(x, order) * np.log(2)  # it is in bits
