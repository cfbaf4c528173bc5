"""Principal components against the decomposition, least squares, inverses, and intersections of sets."""

import doctest
import warnings

import numpy as np
import pytest

from nbdl import algebra
from nbdl.algebra import _intersection, _lstsq, _pca
from nbdl.errors import DtypeError, NumericError, OptionError, ShapeError
from nbdl.kernels import ball_projection, halfspace_projection

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 6)) @ RNG.standard_normal((6, 6)) * [1, 1, 1, 3, 1, 1] + 100


@pytest.mark.parametrize("page", [_intersection, _lstsq, _pca])
def test_examples(page):
    result = doctest.testmod(page, extraglobs={"np": np})
    assert result.attempted and not result.failed


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", _pca.METHODS)
def test_pca_is_the_decomposition_of_centred_rows(method, dtype):
    x, near = X.astype(dtype), 1e-10 if dtype == np.float64 else 2e-3
    pca = algebra.PCA.fit(x, 4, method)
    _, sizes, vectors = np.linalg.svd(X - X.mean(0), full_matrices=False)
    variances = sizes**2 / (len(X) - 1)
    np.testing.assert_allclose(pca.explained_variance, variances[:4], rtol=near)
    np.testing.assert_allclose(pca.explained_variance_ratio, variances[:4] / variances.sum(), rtol=near)
    np.testing.assert_allclose(abs(pca.components @ vectors[:4].T), np.eye(4), atol=near)
    assert pca.mean.dtype == pca.components.dtype == pca.explained_variance.dtype == dtype
    assert (pca.components[np.arange(4), abs(pca.components).argmax(1)] > 0).all()
    z = pca.transform(x)
    np.testing.assert_allclose(np.cov(z.T), np.diag(variances[:4]), atol=near * variances[0])
    left = ((pca.inverse(z) - x) ** 2).sum() / (len(x) - 1)
    assert left == pytest.approx(variances[4:].sum(), rel=max(near, 1e-9))


def test_pca_of_few_rows_of_a_part_of_the_variance_and_of_all():
    few = X[:4]
    pca = algebra.PCA.fit(few)
    np.testing.assert_allclose(pca.inverse(pca.transform(few)), few, atol=1e-10)
    assert pca.explained_variance[3] == pytest.approx(0, abs=1e-12)  # 4 rows differ in 3 directions
    ratios = np.cumsum(algebra.PCA.fit(X).explained_variance_ratio)
    for part in (0.3, 0.9, 0.999):
        assert len(algebra.PCA.fit(X, part).components) == np.flatnonzero(ratios >= part)[0] + 1
    drift = np.sort(X, axis=0) + 1e6 * np.linspace(0, 1, 300)[:, None]
    np.testing.assert_allclose(
        algebra.PCA.fit(drift, method="covariance").explained_variance[:1],
        algebra.PCA.fit(drift, method="svd").explained_variance[:1],
        rtol=1e-12,
    )


def test_random_subspace_finds_the_largest_components_of_large_data():
    x = RNG.standard_normal((600, 8)) @ RNG.standard_normal((8, 550)) + 1e-3 * RNG.standard_normal((600, 550))
    few, whole = algebra.PCA.fit(x, 8), algebra.PCA.fit(x, 8, "svd")
    np.testing.assert_allclose(few.explained_variance, whole.explained_variance, rtol=1e-9)
    np.testing.assert_allclose(few.components, whole.components, atol=1e-6)
    np.testing.assert_allclose(
        algebra.PCA.fit(x.T, 8).explained_variance[0], algebra.PCA.fit(x.T, 8, "svd").explained_variance[0]
    )
    again = algebra.PCA.fit(x, 8)
    assert again.components.tobytes() == few.components.tobytes()


def test_pca_of_hard_input():
    constant = X.copy()
    constant[:, 2] = 7
    assert abs(algebra.PCA.fit(constant, 3).components[:, 2]).max() < 1e-12
    assert np.isnan(algebra.PCA.fit(np.ones((9, 2))).explained_variance_ratio).all()
    spoilt = X.copy()
    spoilt[5, 2] = np.nan
    with pytest.raises(NumericError, match="`x` must be finite, got nan at row 5, column 2"):
        algebra.PCA.fit(spoilt)
    with pytest.raises(NumericError, match="scale it"):
        algebra.PCA.fit(1e200 * X)
    for bad in (0, 7, True, 1.5, "all"):
        with pytest.raises(OptionError, match="`components` must be"):
            algebra.PCA.fit(X, bad)
    with pytest.raises(OptionError, match="`method` must be one of"):
        algebra.PCA.fit(X, method="fast")
    with pytest.raises(ShapeError, match="2 rows"):
        algebra.PCA.fit(X[:1])
    with pytest.raises(DtypeError, match="`x` must be a float32 or float64 array"):
        algebra.PCA.fit(np.ones((3, 2), int))
    with pytest.raises(ShapeError, match=r"`z` must have shape \(N, 2\)"):
        algebra.PCA.fit(X, 2).inverse(X)


def test_lstsq_says_when_columns_follow_from_others():
    y = RNG.standard_normal(300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        w = algebra.lstsq(X, y)
    assert abs(X.T @ (X @ w - y)).max() < 1e-7
    twice = np.hstack([X, X[:, :1]])
    with pytest.warns(RuntimeWarning, match=r"rank 6 of 7 columns.*least norm"):
        v = algebra.lstsq(twice, y)
    np.testing.assert_allclose(twice @ v, X @ w, atol=1e-8)
    assert np.linalg.norm(v) < np.linalg.norm(w) and v[0] == pytest.approx(v[6])
    with pytest.raises(ShapeError, match="`b` must be"):
        algebra.lstsq(X, y[:5])
    with pytest.raises(NumericError, match="`b` must be finite"):
        algebra.lstsq(X, y * np.nan)


def test_a_singular_matrix_is_named():
    good, bad = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[0.1, 0.3], [0.2, 0.6]])
    np.testing.assert_allclose(algebra.inverse(good) @ good, np.eye(2), atol=1e-15)
    with pytest.raises(NumericError, match="`a` is singular, rank 1 of 2: np"):
        algebra.inverse(bad)
    with pytest.raises(NumericError, match=r"rank 1 of 2 \(matrix 1 of 2\)"):
        algebra.inverse(np.stack([good, bad]))
    with pytest.raises(ShapeError, match="`a` must be square"):
        algebra.inverse(X)


def test_the_intersection_is_reached_at_its_nearest_point():
    """Two half-planes: without the corrections of Dykstra another point of both is found."""
    normals = np.array([[1.0, 0.0], [1.0, 1.0]])
    sets = [lambda x, w=w: halfspace_projection(x, w) for w in normals]
    point = np.array([[1.0, 3.0]])
    plain = point
    for _ in range(100):
        for project in sets:
            plain = project(plain)
    nearest = algebra.project_onto_all(point, sets)
    candidates = RNG.uniform(-4, 0, (20000, 2)) * [1, 1] + [0, 2]
    inside = candidates[(candidates @ normals.T <= 0).all(1)]
    assert (nearest @ normals.T <= 1e-9).all()
    assert np.linalg.norm(nearest - point) <= np.linalg.norm(inside - point, axis=1).min() + 1e-9
    assert np.linalg.norm(nearest - point) <= np.linalg.norm(plain - point) + 1e-12
    disc = algebra.project_onto_all(point, [ball_projection, *sets])
    assert np.linalg.norm(disc) <= 1 + 1e-9


def test_sets_without_a_common_point_are_named():
    with pytest.raises(NumericError, match="`projections` lead to no common point in 50 rounds"):
        algebra.project_onto_all(
            np.ones((1, 2)), [lambda x: np.minimum(x, -1), lambda x: np.maximum(x, 1)], 50
        )
    with pytest.raises(OptionError, match="`projections` must hold at least one"):
        algebra.project_onto_all(np.ones((1, 2)), [])
    with pytest.raises(NumericError, match="`x` must be finite"):
        algebra.project_onto_all(np.full((1, 2), np.inf), [ball_projection])
    with pytest.raises(ShapeError, match="`projections` must keep the shape"):
        algebra.project_onto_all(np.ones((1, 2)), [lambda x: x[0]])
