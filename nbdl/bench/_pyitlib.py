"""pyitlib as a peer: mutual information of discrete columns, of a pair, given a third, of all pairs."""

from functools import partial
from importlib.metadata import version

from pyitlib.discrete_random_variable import information_mutual, information_mutual_conditional

from nbdl.bench._race import repeated

VERSION = version("pyitlib")


def competitors(case, arguments, quick):
    """pyitlib's entry for a row; none for what it does not have."""
    if case.name not in CALLS:
        return []
    return [repeated("", partial(CALLS[case.name], **arguments, **case.options))]


def label_mi(x, y):
    return information_mutual(x, y, base=NATURAL)


def label_te(source, target):
    return information_mutual_conditional(source[:-1], target[1:], target[:-1], base=NATURAL)


def pairwise_mi(X):
    return information_mutual(X.T, base=NATURAL)


NATURAL = 2.718281828459045
CALLS = {f.__name__: f for f in (label_mi, label_te, pairwise_mi)}
