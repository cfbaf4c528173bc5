"""SciPy as a peer: its own entropies, and nearest neighbours by its k-d tree as its users write them."""

from functools import partial

import numpy as np
import scipy
from scipy.spatial import cKDTree
from scipy.spatial.distance import jensenshannon
from scipy.special import digamma
from scipy.stats import differential_entropy
from scipy.stats import entropy as scipy_entropy

from nbdl.bench._race import repeated

VERSION = scipy.__version__


def competitors(case, arguments, quick):
    """SciPy's entry for a row; none for what it does not have."""
    if case.name not in CALLS:
        return []
    return [repeated("", partial(CALLS[case.name], **arguments, **case.options))]


def row_entropy(p):
    return scipy_entropy(p, axis=1)


def row_kl_divergence(p, q):
    return scipy_entropy(p, q, axis=1)


def row_js_distance(p, q):
    return jensenshannon(p, q, axis=1)


def vasicek_entropy(x):
    return differential_entropy(x, method="vasicek")


def correa_entropy(x):
    return differential_entropy(x, method="correa")


def knn_entropy(x, k):
    """Kozachenko and Leonenko (1987) in the maximum norm."""
    n, d = x.shape
    radii = cKDTree(x).query(x, k + 1, p=np.inf)[0][:, k]
    return digamma(n) - digamma(k) + d * np.log(2 * radii).mean()


def knn_cmi(x, y, z, k):
    """Frenzel and Pompe (2007)."""
    radii = cKDTree(np.column_stack([x, y, z])).query(np.column_stack([x, y, z]), k + 1, p=np.inf)[0][:, k]
    radii = np.nextafter(radii, 0)

    def expected(*columns):
        points = np.column_stack(columns)
        n = cKDTree(points).query_ball_point(points, radii, p=np.inf, return_length=True)
        return digamma(n).mean()  # the point itself is among them

    return digamma(k) + expected(z) - expected(x, z) - expected(y, z)


CALLS = {
    f.__name__: f
    for f in (
        row_entropy, row_kl_divergence, row_js_distance, vasicek_entropy, correa_entropy, knn_entropy,
        knn_cmi,
    )
}  # fmt: skip
