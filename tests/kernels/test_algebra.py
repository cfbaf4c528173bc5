"""Vectors, projections and eigenvalues: known values, identities, hard numbers, and what is refused."""

import numpy as np
import pytest

import nbdl
from nbdl import kernels as k
from nbdl.errors import NumericError, OptionError, ShapeError

SYMMETRIC = np.array([[1, 0.1, 0.1, 0.1], [0.1, 3, 0.2, 0.3], [0.1, 0.2, 5, 0.5], [0.1, 0.3, 0.5, 9]])


# --- norms ------------------------------------------------------------------------------------------------


def test_norms_of_the_book():
    x = np.array([3.0, -4.0])
    assert (k.norm(x), k.norm(x, 1.0), k.norm(x, np.inf)) == (5, 7, 4)
    assert k.norm(np.ones((4, 9)), axis=None) == 6


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, np.inf])
def test_axioms_of_a_norm(p):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 200, 3))
    size_x, size_y = k.norm(x, p), k.norm(y, p)
    np.testing.assert_allclose(k.norm(-2.5 * x, p), 2.5 * size_x, rtol=1e-13)
    assert (k.norm(x + y, p) <= size_x + size_y + 1e-12).all()
    assert (size_x > 0).all() and k.norm(np.zeros(3), p) == 0


def test_magnitudes_are_summed_and_p_below_1_is_no_norm_e1():
    """E-1: without absolute values the sum of cubes of (-1, 2) is 7, not 9."""
    assert k.norm(np.array([-1.0, 2.0]), 3.0) == pytest.approx(9 ** (1 / 3), rel=1e-14)
    x, y = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    root = lambda v: np.sqrt(np.abs(v)).sum() ** 2  # noqa: E731
    assert root(x + y) > root(x) + root(y)
    for kernel in (k.norm, lambda x, p: k.norm_dx(1.0, x, 1.0, p), k.lp_normalize):
        with pytest.raises(OptionError, match="`p` must be at least 1"):
            kernel(x, 0.5)


@np.errstate(over="ignore", under="ignore")  # as plain Python it says so
def test_a_norm_overflows_only_where_it_is_beyond_the_dtype():
    for x in (np.array([3e200, 4e200]), np.array([3e-200, 4e-200]), np.array([3e-320, 4e-320])):
        assert k.norm(x) == pytest.approx(5 * (x[0] / 3), rel=2e-3 if x[0] < 1e-300 else 1e-13)
        grad = k.norm_dx(1.0, x, k.norm(x))
        np.testing.assert_allclose(grad, [0.6, 0.8], rtol=2e-3 if x[0] < 1e-300 else 1e-13)
    assert k.norm(np.array([3e38, 3e38], np.float32)) == np.inf
    assert k.norm(np.array([2e38, 2e38], np.float32)) == np.float32(np.hypot(2e38, 2e38))


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, np.inf])
def test_the_gradient_at_zero_is_zero_and_ties_share(p):
    x = nbdl.tensor(np.zeros((2, 3)), requires_grad=True)
    nbdl.apply("norm", x, p=p).sum().backward()
    assert (x.grad == 0).all()
    if p == np.inf:
        assert (k.norm_dx(1.0, np.array([2.0, -2.0, 1.0]), 2.0, p) == [0.5, -0.5, 0]).all()


# --- angles -----------------------------------------------------------------------------------------------


def test_angle_v30():
    x, y = np.array([0.0, 1.0, 2.0]), np.array([2.0, 3.0, 4.0])
    assert k.angle(x, y) == pytest.approx(0.4189900841, abs=1e-10)
    assert k.cosine_similarity(x, y) == pytest.approx(np.cos(0.4189900841), abs=1e-10)


def test_nearly_parallel_vectors_have_an_angle():
    for small in (1e-3, 1e-9, 1e-15):
        assert k.angle(np.array([1.0, 0.0]), np.array([1.0, small])) == pytest.approx(small, rel=1e-6)
    assert k.angle(np.array([1.0, 0.0]), np.array([-2.0, 0.0])) == np.pi
    assert (k.angle_dx(1.0, np.array([1.0, 1.0]), np.array([2.0, 2.0])) == 0).all()


@np.errstate(over="ignore", under="ignore")
def test_similarity_knows_no_lengths():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 50, 5))
    want = k.cosine_similarity(x, y)
    for scale in (1e-290, 1e-150, 1e150, 1e290):
        np.testing.assert_allclose(k.cosine_similarity(scale * x, y), want, atol=1e-14)
        np.testing.assert_allclose(k.angle(scale * x, y), k.angle(x, y), atol=1e-14)
    assert np.abs(k.cosine_similarity(x, 3 * x) - 1).max() < 1e-15
    assert k.cosine_similarity(np.zeros(5), y[0]) == 0 and np.isnan(k.angle(np.zeros(5), y[0]))
    assert (k.cosine_similarity_dx(1.0, np.zeros(5), y[0]) == 0).all()


# --- projections ------------------------------------------------------------------------------------------

W = np.array([1.0, -2.0, 0.5])
SETS = {  # name: (projection, is a member)
    "ball": (lambda x: k.ball_projection(x, 1.5), lambda z: np.linalg.norm(z, axis=-1) <= 1.5),
    "box": (lambda x: k.box_projection(x, -0.5, 1.0), lambda z: ((z >= -0.5) & (z <= 1)).all(-1)),
    "halfspace": (lambda x: k.halfspace_projection(x, W, 0.25), lambda z: z @ W <= 0.25),
    "simplex": (lambda x: k.simplex_projection(x), lambda z: (z >= 0).all(-1) & (abs(z.sum(-1) - 1) < 1e-12)),
}


@pytest.mark.parametrize("name", SETS)
def test_the_projection_is_the_nearest_point_of_the_set(name):
    """It is in the set, stays where it is, and no point z of the set makes (x - y) . (z - y) positive."""
    project, member = SETS[name]
    rng = np.random.default_rng(2)
    x = rng.normal(0, 2, (200, 3))
    y = project(x)
    z = rng.dirichlet(np.ones(3), 4000) if name == "simplex" else rng.uniform(-2, 2, (4000, 3))
    z = z[member(z)]
    assert len(z) > 100
    assert member(y * (1 - 1e-12) if name != "simplex" else y).all()
    np.testing.assert_allclose(project(y), y, atol=1e-14)
    assert ((x - y)[:, None] * (z - y[:, None])).sum(-1).max() < 1e-12
    # ... so that two points are not farther apart behind it than before.
    assert (k.norm(np.diff(y, axis=0)) <= k.norm(np.diff(x, axis=0)) + 1e-12).all()


def test_distance_from_a_hyperplane():
    x = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(k.hyperplane_distance(x, W, 1.0), (x @ W - 1) / np.linalg.norm(W), rtol=1e-14)
    np.testing.assert_allclose(k.hyperplane_distance(x, 1e-200 * W, 1e-200), k.hyperplane_distance(x, W, 1.0))
    assert k.hyperplane_distance(x[0], W).shape == ()
    with pytest.raises(OptionError, match="`w` must not be all zeros"):
        k.hyperplane_distance(x, 0 * W)
    with pytest.raises(ShapeError, match="`w` must have 3 elements"):
        k.hyperplane_distance(x, W[:2])


# --- eigenvalues ------------------------------------------------------------------------------------------


def test_eigenvalues_v30():
    assert np.linalg.det([[1, -1], [2, 3]]) == pytest.approx(5)
    np.testing.assert_allclose(np.linalg.eigvals([[2, 1], [2, 3]]), [1, 4])
    values, vectors = np.linalg.eigh(SYMMETRIC)
    np.testing.assert_allclose(values, [0.99228545, 2.97343718, 4.95394089, 9.08033648], atol=1e-8)
    value, vector = k.power_iteration(SYMMETRIC)
    assert value == pytest.approx(9.08033648, abs=1e-8)
    np.testing.assert_allclose(abs(vector), abs(vectors[:, -1]), atol=1e-9)
    centers, radii = k.gershgorin_discs(SYMMETRIC)
    np.testing.assert_allclose(radii, [0.3, 0.6, 0.8, 0.9])
    assert (abs(values - centers) <= radii).all()  # these discs do not meet: one value in each
    stack = k.gershgorin_discs(np.stack([SYMMETRIC, -SYMMETRIC]).astype(np.float32))
    assert stack[0].shape == stack[1].shape == (2, 4) and stack[0].dtype == np.float32
    np.testing.assert_allclose(stack[1][1], radii, rtol=1e-6)


def test_power_iteration_says_when_no_eigenvalue_is_the_largest():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    with pytest.raises(NumericError, match="`a` has no single largest eigenvalue that shows in 50 steps"):
        k.power_iteration(turn, 50)
    with pytest.raises(NumericError, match="finite"):
        k.power_iteration(turn * np.nan)
    with pytest.raises(ShapeError, match="`a` must be square"):
        k.power_iteration(turn[:1])
    with pytest.raises(OptionError, match="`start` must be finite and not all zeros"):
        k.power_iteration(turn, start=np.zeros(2))
    assert k.power_iteration(np.zeros((2, 2)))[0] == 0
    assert k.power_iteration(1e200 * SYMMETRIC)[0] == pytest.approx(9.08033648e200)


def test_growth_of_a_map_that_is_repeated():
    """As in the book: the lengths grow by the largest eigenvalue in the end, 1 after division by it."""
    a = np.random.default_rng(8675309).standard_normal((5, 5))
    a = a @ a.T
    largest = np.linalg.eigvalsh(a)[-1]
    rates = k.growth_rates(a, np.ones(5), 200)
    assert rates[-1] == pytest.approx(largest, rel=1e-9)
    assert k.growth_rates(a / largest, np.ones(5), 200)[-1] == pytest.approx(1, rel=1e-9)
    nothing = k.growth_rates(np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([0.0, 1.0]), 3)
    np.testing.assert_array_equal(nothing, [1, 0, np.nan])
    with pytest.raises(OptionError, match="`x` must not be all zeros"):
        k.growth_rates(a, np.zeros(5), 3)


# --- calculus ---------------------------------------------------------------------------------------------


def test_taylor_polynomials_of_the_sine():
    x, derivatives = np.linspace(-3, 3, 61), np.array([0.0, 1.0, 0.0, -1.0] * 5)
    for order, error in ((1, 3), (3, 1.7), (5, 0.6), (19, 3e-9)):
        y = k.taylor_polynomial(x, derivatives[: order + 1])
        assert np.abs(y - np.sin(x)).max() < error
    assert k.taylor_polynomial(x, derivatives[:4])[50] == pytest.approx(2 - 8 / 6)
    about = k.taylor_polynomial(x, np.exp(np.float64(2.0)) * np.ones(40), at=2.0)
    np.testing.assert_allclose(about, np.exp(x), rtol=1e-11)
    assert np.isfinite(k.taylor_polynomial(np.ones(1), np.ones(300))[0])  # 300! is beyond float64


def test_the_chain_rule_sums_over_all_paths():
    """f = (u + v)^2, u = (a + b)^2, v = (a - b)^2, a = (w+x+y+z)^2, b = (w+x-y-z)^2: all partials -4096."""
    w, x, y, z = (nbdl.tensor(np.array(v), requires_grad=True) for v in (-1.0, 0.0, -2.0, 1.0))
    a, b = (w + x + y + z) ** 2, (w + x - y - z) ** 2
    u, v = (a + b) ** 2, (a - b) ** 2
    f = (u + v) ** 2
    f.backward()
    assert f.item() == 1024
    assert [float(t.grad) for t in (w, x, y, z)] == [-4096] * 4
