import numpy as np

from . import measure, normal


def pair(n):
    """Two columns with correlation 0.6."""
    x, y = normal(2, n, dtype="float64")
    return x, 0.6 * x + 0.8 * y


class Binned:
    """Mutual information of 10**6 pairs in 32 x 32 bins: 16 MB, read twice. np.histogram2d beside it."""

    def setup(self):
        self.mutual_information = measure("mutual_information")
        self.x, self.y = pair(10**6)
        self.time_nbdl()

    def time_nbdl(self):
        self.mutual_information(self.x, self.y, "binned", bins=32)

    def time_numpy(self):
        n = np.histogram2d(self.x, self.y, 32)[0]
        p = n / n.sum()
        outer = p.sum(axis=1, keepdims=True) * p.sum(axis=0)
        (p[p > 0] * np.log(p[p > 0] / outer[p > 0])).sum()


class Ordinal:
    """Permutation entropy of 10**5 samples: order (order - 1) / 2 comparisons each."""

    params = (3, 4, 7)
    param_names = ("order",)

    def setup(self, order):
        self.entropy = measure("entropy")
        self.x = normal(10**5, dtype="float64")
        self.time_entropy(order)

    def time_entropy(self, order):
        self.entropy(self.x, "ordinal", order=order)


class Regular:
    """How regular 10**4 samples are: 5 * 10**7 pairs of patterns; a Fourier transform; an automaton."""

    params = ("sample_entropy", "spectral_entropy", "lempel_ziv_complexity")
    param_names = ("measure",)

    def setup(self, name):
        self.measure, x = measure(name), normal(10**4, dtype="float64")
        self.x = x > 0 if name == "lempel_ziv_complexity" else x
        self.time_measure(name)

    def time_measure(self, name):
        self.measure(self.x)


class Spacing:
    """Entropy of 10**6 samples by spacings: a sort and 10**6 logarithms."""

    params = ("vasicek", "van_es", "ebrahimi", "correa")
    param_names = ("estimator",)

    def setup(self, estimator):
        self.entropy = measure("entropy")
        self.x = normal(10**6, dtype="float64")
        self.time_entropy(estimator)

    def time_entropy(self, estimator):
        self.entropy(self.x, estimator)

    def peakmem_entropy(self, estimator):
        self.entropy(self.x, estimator)


class Gaussian:
    """Mutual information of 10**5 rows of 3 and 2 columns: two QR decompositions; the copula sorts before."""

    params = ("gaussian", "gaussian_copula")
    param_names = ("estimator",)

    def setup(self, estimator):
        self.mutual_information = measure("mutual_information")
        self.x, self.y = normal(10**5, 3, dtype="float64"), normal(10**5, 2, dtype="float64")

    def time_mutual_information(self, estimator):
        self.mutual_information(self.x, self.y, estimator)


class Series:
    """Transfer entropy of 10**5 samples: of 10 symbols; of ordinal patterns; 20 lags at once."""

    def setup(self):
        self.transfer_entropy, self.lagged = measure("transfer_entropy"), measure("lagged")
        self.x, self.y = np.random.default_rng(0).integers(0, 10, (2, 10**5))
        self.u, self.v = pair(10**5)
        self.time_symbols()
        self.time_ordinal()

    def time_symbols(self):
        self.transfer_entropy(self.x, self.y)

    def time_symbols_numpy(self):
        """The same by counts of combined codes."""
        x, y, z = self.x[:-1], self.y[1:], self.y[:-1]
        codes = z * 10 + x, z * 10 + y, z, (z * 10 + x) * 10 + y
        xz, yz, z, xyz = ((n[n > 0] * np.log(n[n > 0])).sum() for n in map(np.bincount, codes))
        (xyz + z - xz - yz) / x.size

    def time_ordinal(self):
        self.transfer_entropy(self.u, self.v, "ordinal")

    def time_lags(self):
        self.lagged("transfer_entropy", self.x, self.y, 20)


class Permutations:
    """50 permutations on one thread: KSG of 2000 pairs, plug-in values of 10**5 labels."""

    def setup(self):
        self.permutation_test = measure("permutation_test")
        self.x, self.y = pair(2000)
        self.a, self.b = np.random.default_rng(0).integers(0, 10, (2, 10**5))
        self.time_ksg()
        self.time_labels()

    def time_ksg(self):
        self.permutation_test(
            "mutual_information", self.x, self.y, estimator="ksg1", permutations=50, threads=1
        )

    def time_labels(self):
        self.permutation_test("mutual_information", self.a, self.b, permutations=50, threads=1)
