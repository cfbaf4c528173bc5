"""Scikit-learn as a peer: mutual information of labels, of columns, and of both."""

from functools import partial

import numpy as np
import sklearn
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from nbdl.bench._race import repeated

VERSION = sklearn.__version__


def competitors(case, arguments, quick):
    """Scikit-learn's entry for a row; none for what it does not have."""
    if case.name not in CALLS:
        return []
    return [repeated("", partial(CALLS[case.name], **arguments, **case.options))]


def label_mi(x, y):
    return mutual_info_score(x, y)


def pairwise_mi(X):
    return np.array([[mutual_info_score(x, y) for y in X.T] for x in X.T])


def rank(X, y):
    of = mutual_info_regression if y.dtype.kind == "f" else mutual_info_classif
    return of(X, y, random_state=0)


def expected_mi(x, y):
    return expected_mutual_information(contingency_matrix(x, y, sparse=True), len(x))


def ksg1_mi(x, y, k):
    return mutual_info_regression(x[:, None], y, n_neighbors=k, random_state=0)[0]


def ross_mi(x, y, k):
    return mutual_info_classif(x[:, None], y, n_neighbors=k, random_state=0)[0]


def ksg1_test(x, y, k, permutations):
    rng = np.random.default_rng(0)
    for _ in range(permutations):
        ksg1_mi(rng.permutation(x), y, k)
    return ksg1_mi(x, y, k)


CALLS = {f.__name__: f for f in (label_mi, pairwise_mi, rank, expected_mi, ksg1_mi, ross_mi, ksg1_test)}
