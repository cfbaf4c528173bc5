"""Estimators by nearest neighbours, each beside a peer's way of doing the same on the same samples."""

import numpy as np

from . import part


def samples(n, count, dims=1):
    """Columns that share a common normal number: `count` arrays (n, dims)."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=(n, 1))
    return [0.6 * common + 0.8 * rng.normal(size=(n, dims)) for _ in range(count)]


class KSG:
    """Mutual information of two columns, k = 3; scikit-learn has the first estimator."""

    params = ([10_000, 100_000, 1_000_000], ["ksg1", "ksg2", "scikit-learn"])
    param_names = ("N", "what")
    timeout = 300

    def setup(self, n, what):
        self.samples = samples(n, 2)
        if what == "scikit-learn":
            from sklearn.feature_selection import mutual_info_regression

            x, y = self.samples
            self.call = lambda threads=1: mutual_info_regression(x, y[:, 0], random_state=0)
        else:
            ksg = part("info._ksg", what)
            ksg(*samples(100, 2))
            self.call = lambda threads=1: ksg(*self.samples, threads=threads)

    def time_one_thread(self, n, what):
        self.call()

    def time_two_threads(self, n, what):
        if what == "scikit-learn":
            raise NotImplementedError("it uses one thread")
        self.call(threads=2)

    def peakmem_one_thread(self, n, what):
        self.call()


class ConditionalInformation:
    """I(X; Y | Z) of three columns, k = 3; the peer counts with the trees of scikit-learn, as NPEET does."""

    params = ([10_000, 100_000], ["nbdl", "NPEET's way"])
    param_names = ("N", "what")
    timeout = 300

    def setup(self, n, what):
        self.samples = samples(n, 3)
        if what == "nbdl":
            self.call = part("info._ksg", "frenzel_pompe")
            self.call(*samples(100, 3))
        else:
            self.call = counted_by_trees

    def time_estimate(self, n, what):
        self.call(*self.samples)


def counted_by_trees(x, y, z, k=3):
    """Conditional mutual information with a `KDTree` for each space."""
    from scipy.special import digamma
    from sklearn.neighbors import KDTree

    radii = KDTree(np.hstack((x, y, z)), metric="chebyshev").query(np.hstack((x, y, z)), k + 1)[0][:, k]
    value = digamma(k)
    for sign, columns in ((1, z), (-1, np.hstack((x, z))), (-1, np.hstack((y, z)))):
        counts = KDTree(columns, metric="chebyshev").query_radius(columns, radii - 1e-15, count_only=True)
        value += sign * digamma(counts).mean()
    return value


class Neighbours:
    """Distance to the k-th neighbour in D dimensions, with the building; the peer is SciPy's cKDTree."""

    params = ([2, 4, 10], [3, 10], ["nbdl", "cKDTree"])
    param_names = ("D", "k", "what")

    def setup(self, dims, k, what):
        (x,) = samples(10_000, 1, dims)
        if what == "nbdl":
            build, kth = part("info._tree", "build"), part("info._near", "kth_distances")
            self.call = lambda: kth(build(x), k)
            self.call()
        else:
            from scipy.spatial import cKDTree

            self.call = lambda: cKDTree(x).query(x, k + 1, p=np.inf)

    def time_distances(self, dims, k, what):
        self.call()


class Others:
    """Entropy, divergence and mixed estimators on 100,000 samples; rounded ones count tied neighbours."""

    params = (["entropy", "divergence", "rounded divergence", "ross", "gao", "gao given labels", "by_class"],)
    param_names = ("name",)

    def setup(self, name):
        x, y = samples(100_000, 2)
        labels = np.searchsorted([-1.0, 0.0, 1.0], y[:, 0]).astype(np.int64)
        module, function, self.samples = {
            "entropy": ("_neighbours", "kozachenko_leonenko", (x,)),
            "divergence": ("_divergence", "kl_divergence", (x, 1.5 * y)),
            "rounded divergence": ("_divergence", "kl_divergence", (x.round(1), (1.5 * y).round(1))),
            "ross": ("_mixed", "ross", (x, labels)),
            "gao": ("_mixed", "gao", (x, labels)),
            "gao given labels": ("_conditional", "gao", (x, y, labels)),
            "by_class": ("_by_class", "entropy", ((labels, x),)),
        }[name]
        self.call = part(f"info.{module}", function)
        self.time_estimate(name)

    def time_estimate(self, name):
        self.call(*self.samples)
