import numpy as np

from . import measure


class Labels:
    """Mutual information of 2**20 rows of 10 labels each: 16 MiB of int64, 2 MiB of uint8."""

    params = ("int64", "uint8")
    param_names = ("dtype",)

    def setup(self, dtype):
        self.mutual_information = measure("mutual_information")
        rng = np.random.default_rng(0)
        self.x = rng.integers(0, 10, 2**20)
        self.y = np.where(rng.random(2**20) < 0.5, self.x, rng.integers(0, 10, 2**20)).astype(dtype)
        self.x = self.x.astype(dtype)
        self.time_mutual_information(dtype)

    def time_mutual_information(self, dtype):
        self.mutual_information(self.x, self.y)


class WholeNumbers:
    """10**5 rows of some 400 and of 300 whole numbers: found to be measured, spread over their steps."""

    def setup(self):
        self.mutual_information = measure("mutual_information")
        rng = np.random.default_rng(0)
        self.x, self.y = np.rint(50 * rng.standard_normal(10**5)).astype(int), rng.integers(0, 300, 10**5)
        self.time_mutual_information()

    def time_mutual_information(self):
        self.mutual_information(self.x, self.y)


class WideLabels:
    """10**6 rows of 1000 labels that lie anywhere in int64: what relabelling costs."""

    def setup(self):
        self.entropy = measure("entropy")
        rng = np.random.default_rng(0)
        self.x = rng.integers(-(2**62), 2**62, 1000)[rng.integers(0, 1000, 10**6)]
        self.time_entropy()

    def time_entropy(self):
        self.entropy(self.x)


class ManyLabels:
    """Expected and adjusted mutual information of 10**5 rows: even counts, and counts of all sizes."""

    params = ("even", "zipf")
    param_names = ("labels",)

    def setup(self, labels):
        self.expected_mutual_information = measure("expected_mutual_information")
        self.adjusted_mutual_information = measure("adjusted_mutual_information")
        n = np.arange(10**5)
        zipf = np.random.default_rng(0).zipf(1.3, (2, n.size)) % 1000
        self.x, self.y = (n % 1000, n % 900) if labels == "even" else zipf
        self.time_adjusted(labels)

    def time_expected(self, labels):
        self.expected_mutual_information(self.x, self.y)

    def time_adjusted(self, labels):
        self.adjusted_mutual_information(self.x, self.y)


class Pairwise:
    """190 pairs of 20 columns with 10**4 rows: 5 symbols are counted by bits, 300 row by row."""

    params = ((5, 300), (1, 2))
    param_names = ("symbols", "threads")

    def setup(self, symbols, threads):
        self.pairwise = measure("pairwise")
        self.X = np.random.default_rng(0).integers(0, symbols, (10**4, 20))
        self.time_matrix(symbols, threads)

    def time_matrix(self, symbols, threads):
        self.pairwise(self.X, threads=threads, discrete=True)


class Rank:
    """50 columns of 10**4 numbers against a number, or against its class."""

    params = (("numbers", "classes"), (1, 2))
    param_names = ("kind", "threads")

    def setup(self, kind, threads):
        self.rank, rng = measure("rank"), np.random.default_rng(0)
        y = rng.standard_normal(10**4)
        self.X = np.linspace(0, 1, 50) * y[:, None] + rng.standard_normal((10**4, 50))
        self.y = y if kind == "numbers" else np.digitize(y, [-1, 0, 1])
        self.time_columns(kind, threads)

    def time_columns(self, kind, threads):
        self.rank(self.X, self.y, threads=threads)


class PairwiseOfCorrelations:
    """435 pairs of 30 columns of 10**5 numbers: one matrix of correlations, of values or of normal scores."""

    params = (("gaussian", "gaussian_copula"), (1, 2))
    param_names = ("estimator", "threads")

    def setup(self, estimator, threads):
        self.pairwise = measure("pairwise")
        self.X = np.random.default_rng(0).standard_normal((10**5, 30))
        self.time_matrix(estimator, threads)

    def time_matrix(self, estimator, threads):
        self.pairwise(self.X, estimator=estimator, threads=threads)


class Sparse:
    """The G-test of tables with few rows for each cell: moments of all tables with the same margins."""

    def setup(self):
        self.g_test = measure("g_test")
        self.x, self.y = np.random.default_rng(0).zipf(1.3, (2, 10**5)) % 1000
        self.time_test()

    def time_test(self):
        self.g_test(self.x, self.y)


class Counts:
    """Entropies of 10**4 counts, by the estimators that do most about them."""

    params = ("ml", "grassberger", "chao_wang_jost", "nsb")
    param_names = ("estimator",)

    def setup(self, estimator):
        self.entropy_of_counts = measure("entropy_of_counts")
        self.counts = np.bincount(np.random.default_rng(0).zipf(1.5, 10**5) % 10**4)
        self.time_entropy(estimator)

    def time_entropy(self, estimator):
        self.entropy_of_counts(self.counts, estimator)
