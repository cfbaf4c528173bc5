r"""Principal component analysis: the directions in which samples spread most.

.. math::
    C = \frac{1}{N - 1} \sum_n (x_n - \bar x)(x_n - \bar x)^\top = V \Lambda V^\top \qquad
    z = V_K^\top (x - \bar x) \qquad \hat x = \bar x + V_K z

The columns of V_K are the K eigenvectors with the largest eigenvalues, which are the variances along them.
Of all linear maps to K numbers and back this one leaves the least mean squared error.

Where there are many more rows than columns C is summed over blocks of centred rows, in float64, and
decomposed: one pass over the data that makes no copy of it. Otherwise the centred data is decomposed, as a
whole or, where few of many components are asked for, after a projection onto a random subspace.
Zhang et al., Dive into Deep Learning, sections 22.2 and 22.8; Halko, Martinsson and Tropp 2011, Finding
structure with randomness, algorithms 4.4 and 5.1.
"""

from dataclasses import dataclass

import numpy as np

from nbdl.errors import DtypeError, NumericError, OptionError, ShapeError

BLOCK = 2048  # rows that are centred at a time
MOST_COLUMNS = 1000  # of a covariance matrix that is decomposed
MORE = 10  # columns of the random subspace beyond those asked for
TURNS = 6  # products with the data that turn the subspace towards the largest components
METHODS = "auto", "covariance", "svd", "randomized"


@dataclass(frozen=True, eq=False)
class PCA:
    """Principal components of samples: made by `PCA.fit`.

    Attributes
    ----------
    mean : (D,) array
    components : (K, D) array
        A unit vector in each row, orthogonal, the one along which samples spread most first. Its element of
        largest magnitude is positive.
    explained_variance : (K,) array
        The variance of the samples along each component, with N - 1.
    explained_variance_ratio : (K,) array
        These over the variance of all columns together; NaN where all rows are alike.

    Examples
    --------
    >>> pca = PCA.fit(np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]), components=1)
    >>> pca.transform(np.array([[1.5, 3.0], [2.5, 5.0]])).round(4)
    array([[0.    ],
           [2.2361]])
    >>> pca.inverse(np.array([[0.0]])), pca.explained_variance_ratio.round(4)
    (array([[1.5, 3. ]]), array([1.]))
    """

    mean: np.ndarray
    components: np.ndarray
    explained_variance: np.ndarray
    explained_variance_ratio: np.ndarray

    @classmethod
    def fit(cls, x, components=None, method="auto", seed=0):
        """The components of samples.

        Parameters
        ----------
        x : (N, D) float32 or float64 array
            A sample in each row; at least 2.
        components : int or float, optional
            How many, from 1 to min(N, D); or, between 0 and 1, as many as explain this part of the variance.
            None: all.
        method : "auto", "covariance", "svd" or "randomized"
            "covariance" is fastest for many rows, "svd" keeps the digits of variances below 1e-16 of the
            largest, "randomized" is for few components of large data, and asks for their number. "auto"
            takes the first of up to 1000 columns with 10 times as many rows, the last where at most a fifth
            of the components of more than 500 is asked for.
        seed : int
            Of the random subspace.

        Returns
        -------
        PCA, its arrays of the dtype of `x`.

        Raises
        ------
        NumericError
            If `x` holds a NaN or an infinity.
        ShapeError, DtypeError, OptionError
        """
        x = _samples("PCA.fit", x)
        n, d = x.shape
        if n < 2 or d < 1:
            raise ShapeError("PCA.fit: `x` must have 2 rows and a column at least, got shape {}", x.shape)
        count, part = _asked(components, min(n, d))
        if method not in METHODS:
            raise OptionError("PCA.fit: `method` must be one of {}, got {!r}", ", ".join(METHODS), method)
        if method == "randomized" and part is not None:
            raise OptionError(
                "PCA.fit: `components` must be a number of them for method='randomized', got {}", components
            )
        if method == "auto":
            method = "covariance" if d <= MOST_COLUMNS and n >= 10 * d else "svd"
            if method == "svd" and part is None and max(n, d) > 500 and 5 * count <= min(n, d):
                method = "randomized"
        if method == "covariance":
            with np.errstate(over="ignore", invalid="ignore"):  # found in the end, and named
                mean, variances, vectors, total = _by_covariance(x)
        else:
            mean, centred, total = _centred(x)
            sizes, vectors = (
                _randomized(centred, count, seed) if method == "randomized" else _decomposed(centred)
            )
            variances = sizes**2 / (n - 1)
        with np.errstate(invalid="ignore"):  # all rows alike: 0 / 0
            ratios = variances / np.float64(total)
        if part is not None:
            # A sum that rounding leaves below the part asked for is that of all.
            count = min(int(np.searchsorted(np.cumsum(ratios), part)) + 1, len(ratios))
        vectors = vectors[:count]
        signs = np.sign(vectors[np.arange(len(vectors)), np.abs(vectors).argmax(axis=1)])
        arrays = mean, vectors * signs[:, None], variances[:count], ratios[:count]
        return cls(*(a.astype(x.dtype) for a in arrays))

    def transform(self, x):
        """The coordinates (N, K) of rows `x` (N, D) along the components."""
        x = self._rows("PCA.transform", "x", x, self.mean.size)
        return (x - self.mean) @ self.components.T

    def inverse(self, z):
        """The rows (N, D) with the coordinates `z` (N, K): what `transform` has left of them."""
        return self._rows("PCA.inverse", "z", z, len(self.components)) @ self.components + self.mean

    def _rows(self, where, name, x, columns):
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != columns:
            raise ShapeError("{}: `{}` must have shape (N, {}), got {}", where, name, columns, x.shape)
        return x


def _samples(where, x):
    x = np.asarray(x)
    if x.dtype not in (np.float32, np.float64):
        raise DtypeError("{}: `x` must be a float32 or float64 array, got {}", where, x.dtype)
    if x.ndim != 2:
        raise ShapeError("{}: `x` must have 2 dimensions (N, D), got {}", where, x.ndim)
    return x


def _asked(components, most):
    """(how many, None), or (all, the part of the variance to explain)."""
    if components is None:
        return most, None
    if isinstance(components, (float, np.floating)) and 0 < components < 1:
        return most, float(components)
    is_count = isinstance(components, (int, np.integer)) and not isinstance(components, bool)
    if not is_count or not 1 <= components <= most:
        raise OptionError(
            "PCA.fit: `components` must be an integer from 1 to {}, the smaller side of `x`, or a part of "
            "the variance between 0 and 1, got {!r}", most, components,
        )  # fmt: skip
    return int(components), None


def _check_finite(x, mean, total):
    if np.isfinite(mean).all() and np.isfinite(total):
        return
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        row, column = bad[0]
        text = "PCA.fit: `x` must be finite, got {} at row {}, column {}; {} such values in all"
        raise NumericError(text, x[row, column], row, column, len(bad))
    raise NumericError("PCA.fit: `x` has sums of squares beyond {}: scale it", x.dtype)


def _by_covariance(x):
    """(mean, variances, components, variance of all columns) by blocks of rows, in one pass."""
    # Near the mean already, so that little has to be taken away from sums of squares in the end.
    near = x[:: max(1, len(x) // BLOCK)].mean(axis=0)
    products, sums = np.zeros((x.shape[1],) * 2), np.zeros(x.shape[1])
    block, ones = np.empty((BLOCK, x.shape[1]), x.dtype), np.ones(BLOCK, x.dtype)
    for first in range(0, len(x), BLOCK):
        rows = x[first : first + BLOCK]
        centred = np.subtract(rows, near, out=block[: len(rows)])
        # The products of a block are in its dtype, their sums float64: the error does not grow with N.
        products += centred.T @ centred
        sums += ones[: len(rows)] @ centred
    mean, products = near + sums / len(x), (products - np.outer(sums, sums / len(x))) / (len(x) - 1)
    total = np.trace(products)
    _check_finite(x, mean, total)
    values, vectors = np.linalg.eigh(products)
    # Rounding may leave a little less than 0.
    return mean, np.maximum(values[::-1], 0), vectors.T[::-1], total


def _centred(x):
    with np.errstate(over="ignore", invalid="ignore"):
        mean = x.mean(axis=0, dtype=np.float64)
        centred = x - mean
        total = float(np.vdot(centred, centred)) / (len(x) - 1)
    _check_finite(x, mean, total)
    return mean, centred, total


def _decomposed(centred):
    _, sizes, vectors = np.linalg.svd(centred, full_matrices=False)
    return sizes, vectors


def _randomized(centred, count, seed):
    """The largest `count` singular values, and their right vectors as rows."""
    wide = min(count + MORE, min(centred.shape))
    tall = centred if centred.shape[0] >= centred.shape[1] else centred.T
    base = np.random.default_rng(seed).standard_normal((tall.shape[1], wide))
    for _ in range(TURNS):
        # Orthogonal again after each product: small components would drown in the largest.
        base, _ = np.linalg.qr(tall @ base)
        base, _ = np.linalg.qr(tall.T @ base)
    base, _ = np.linalg.qr(tall @ base)
    left, sizes, right = np.linalg.svd(base.T @ tall, full_matrices=False)
    vectors = right if tall is centred else (base @ left).T
    return sizes[:count], vectors[:count]
