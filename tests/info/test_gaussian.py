"""Gaussian and copula estimates: closed forms, exact unbiasedness, invariances, what is infinite or zero."""

import numpy as np
import pytest
from scipy import stats

from nbdl.errors import ShapeError
from nbdl.info import _gaussian as g
from nbdl.info import kl_divergence

RNG = np.random.default_rng


def dense(d, e, r=0.5):
    """Covariance of the task "dense" of the benchmark of MI estimators (Czyz et al. 2023)."""
    return np.full((d + e, d + e), r) + (1 - r) * np.eye(d + e)


def draw(covariance, n, seed=0):
    return np.ascontiguousarray(RNG(seed).multivariate_normal(np.zeros(len(covariance)), covariance, n))


def exactly(covariance, n):
    """A sample whose sample covariance is `covariance` itself."""
    x = RNG(0).standard_normal((n, len(covariance)))
    q, _ = np.linalg.qr(x - x.mean(axis=0))
    return q * np.sqrt(n - 1) @ np.linalg.cholesky(covariance).T


@pytest.mark.parametrize(
    "r, truth", [(0.6, 0.22314355131420974), (0.75, 0.41333928659223396), (0.9, 0.8303656034108255)]
)
def test_mutual_information_of_a_pair(r, truth):
    x = exactly(np.array([[1, r], [r, 1]]), 50)
    assert g.mutual_information(x[:, :1], x[:, 1:], bias_correction=False) == pytest.approx(truth, abs=1e-13)


@pytest.mark.parametrize(
    "d, truth",
    [(2, 0.2938933324510594), (3, 0.4133392866), (5, 0.5928118328), (25, 1.2921837217)],
)
def test_dense_tasks(d, truth):
    x = exactly(dense(d, d), 200)
    assert g.mutual_information(x[:, :d], x[:, d:], bias_correction=False) == pytest.approx(truth, abs=1e-9)
    x = draw(dense(d, d), 20_000)
    assert g.mutual_information(x[:, :d], x[:, d:]) == pytest.approx(truth, abs=0.03)
    assert g.copula_mutual_information(x[:, :d], x[:, d:]) == pytest.approx(truth, abs=0.03)


def test_entropy_of_the_normal_distribution():
    x = exactly(np.eye(1), 40)
    assert g.entropy(x, bias_correction=False) == pytest.approx(1.4189385332046727, abs=1e-13)
    covariance = dense(2, 1, 0.3)
    want = stats.multivariate_normal(cov=covariance).entropy()
    assert g.entropy(exactly(covariance, 40), bias_correction=False) == pytest.approx(want, abs=1e-12)


def test_conditional_mutual_information_by_determinants():
    c = np.cov(RNG(5).standard_normal((5, 30)))
    x = exactly(c, 100)

    def volume(*i):
        return 0.5 * np.linalg.slogdet(c[np.ix_(i, i)])[1]

    want = volume(0, 1, 4) + volume(2, 3, 4) - volume(4) - volume(0, 1, 2, 3, 4)
    got = g.conditional_mutual_information(x[:, :2], x[:, 2:4], x[:, 4:], bias_correction=False)
    assert got == pytest.approx(want, abs=1e-12)


def test_the_correction_is_exact_on_average():
    """Sixteen samples at a time: the plain formula is far off, the corrected one has no bias."""
    samples = RNG(1).standard_normal((1500, 16, 3))
    x, y, z = samples[:, :, :1], samples[:, :, 1:2], samples[:, :, 2:]
    for f, arguments, truth in (
        (g.entropy, (samples,), 3 * 1.4189385332046727),
        (g.mutual_information, (x, y), 0.0),
        (g.conditional_mutual_information, (x, y, z), 0.0),
    ):
        corrected = np.array([f(*a) for a in zip(*arguments)])
        plain = np.array([f(*a, bias_correction=False) for a in zip(*arguments)])
        error = corrected.std() / np.sqrt(len(corrected))
        assert abs(corrected.mean() - truth) < 4 * error
        assert abs(plain.mean() - truth) > 10 * error


@pytest.mark.parametrize("corrected", [False, True])
def test_local_values_average_to_the_estimate(corrected):
    x = draw(dense(2, 3), 60)
    a, b, c = x[:, :2], x[:, 2:4], x[:, 4:]
    options = {"bias_correction": corrected}
    for f, arguments in (
        (g.entropy, (a,)),
        (g.mutual_information, (a, b)),
        (g.copula_mutual_information, (a, b)),
        (g.conditional_mutual_information, (a, b, c)),
        (g.copula_conditional_mutual_information, (a, b, c)),
    ):
        local = f(*arguments, local=True, **options)
        assert local.shape == (60,)
        assert local.mean() == pytest.approx(f(*arguments, **options), abs=1e-12)


def test_local_values_are_log_densities():
    x = draw(np.array([[1, 0.8], [0.8, 1]]), 500)
    n = len(x)
    local = g.entropy(x, local=True, bias_correction=False)
    density = stats.multivariate_normal(x.mean(axis=0), np.cov(x.T) * (n - 1) / n).logpdf(x)
    np.testing.assert_allclose(local - local.mean(), density.mean() - density, atol=1e-10)


def test_copula_ignores_monotone_changes_of_the_marginals():
    x = draw(np.array([[1, 0.75], [0.75, 1]]), 300)
    want = g.copula_mutual_information(x[:, :1], x[:, 1:])
    for change in (np.sinh, np.exp, np.arctan, lambda v: v**3, lambda v: 1e9 * v - 5):
        assert g.copula_mutual_information(change(x[:, :1]), x[:, 1:]) == want
    assert g.copula_mutual_information(-x[:, :1], x[:, 1:]) == pytest.approx(want, abs=1e-12)


def test_shuffled_copula():
    x = draw(dense(2, 2), 100)
    a, b, c = x[:, :1], x[:, 1:3], x[:, 3:]
    order = RNG(0).permutation(100)
    options = {"bias_correction": False}
    assert g.copula_shuffled(a, b)(order) == g.copula_mutual_information(a[order], b)
    want = g.copula_conditional_mutual_information(a[order], b, c, **options)
    assert g.copula_shuffled(a, b, c, **options)(order) == want


def test_linear_changes_do_not_matter():
    x = draw(dense(2, 1), 200)
    want = g.mutual_information(x[:, :2], x[:, 2:])
    turned = np.ascontiguousarray(x[:, :2] @ [[3.0, 1.0], [-2.0, 1e-3]] + 7)
    assert g.mutual_information(turned, 1e-9 * x[:, 2:]) == pytest.approx(want, abs=1e-9)


def test_normal_scores():
    got = g.normal_scores(np.array([[3.0], [1.0], [2.0], [2.0]]))
    np.testing.assert_allclose(got[:, 0], stats.norm.ppf(np.array([4, 1, 2.5, 2.5]) / 5), atol=1e-15)
    x = RNG(0).standard_normal((1000, 1)).round(1)
    want = stats.norm.ppf(stats.rankdata(x) / 1001)
    np.testing.assert_allclose(g.normal_scores(x)[:, 0], want, atol=1e-13)


def test_a_continuous_pair_that_is_one_column_is_infinite_E24_E28():
    """H(X, X) = -inf is below the marginal, and I(X; X) is infinite, not H(X)."""
    x = RNG(0).standard_normal((100, 1))
    assert g.entropy(np.hstack((x, x))) == -np.inf
    assert g.mutual_information(x, x) == np.inf
    assert g.mutual_information(x, 3 * x + 1) == np.inf
    assert g.conditional_mutual_information(x, x, RNG(1).standard_normal((100, 2))) == np.inf


def test_joint_entropy_of_densities_may_be_below_a_marginal_E24():
    x = exactly(np.array([[1.0, 0.0], [0.0, 1e-4]]), 50)
    assert g.entropy(x, bias_correction=False) < g.entropy(x[:, :1], bias_correction=False)
    assert g.entropy(x[:, 1:], bias_correction=False) < 0  # and neither is clamped (E-23)


def test_constant_and_repeated_columns_tell_nothing():
    x, y = RNG(0).standard_normal((2, 60, 1))
    ones = np.full((60, 1), 0.1)
    assert g.mutual_information(x, ones) == 0 == g.mutual_information(ones, x)
    assert g.copula_mutual_information(ones, x) == 0
    assert g.conditional_mutual_information(x, y, x) == 0  # X is known already
    want = g.mutual_information(x, y)
    assert g.mutual_information(np.hstack((x, 2 * x, ones)), y) == pytest.approx(want, abs=1e-14)
    assert g.conditional_mutual_information(x, y, ones) == pytest.approx(want, abs=1e-14)


def test_unbiased_estimates_may_be_negative():
    x, y = RNG(4).standard_normal((2, 500, 60, 1))
    assert min(g.mutual_information(a, b) for a, b in zip(x, y)) < 0
    assert min(g.mutual_information(a, b, bias_correction=False) for a, b in zip(x, y)) >= 0


def normal_divergence(m0, s0, m1, s1):
    """D(N(m0, s0) || N(m1, s1)), covariances s."""
    inverse = np.linalg.inv(s1)
    volumes = np.linalg.slogdet(s1)[1] - np.linalg.slogdet(s0)[1]
    return (volumes - len(s0) + np.trace(inverse @ s0) + (m1 - m0) @ inverse @ (m1 - m0)) / 2


def test_divergence_by_its_formula():
    x, y = draw(dense(2, 1), 80), draw(dense(2, 1, 0.1), 60, seed=1) + [1, 2, 3]
    fits = [(v.mean(axis=0), np.cov(v.T, bias=True)) for v in (x, y)]
    want = normal_divergence(*fits[0], *fits[1])
    assert g.kl_divergence(x, y) == pytest.approx(want, rel=1e-11)
    assert kl_divergence(x, y, "gaussian", base=2) == pytest.approx(want / np.log(2), rel=1e-11)
    local = g.kl_divergence(x, y, local=True)
    assert local.shape == (80,) and local.mean() == pytest.approx(want, rel=1e-11)
    densities = [stats.multivariate_normal(*fit).logpdf(x) for fit in fits]
    np.testing.assert_allclose(local, densities[0] - densities[1], atol=1e-10)


def test_shifted_normals_are_symmetric_and_wide_ones_are_not_E30():
    """N(0, 1) against N(1, 1): 1/2 nat both ways. Against N(0, 4): 0.318 and 0.807."""
    z = exactly(np.eye(1), 5000)
    z *= np.sqrt(5000 / 4999)
    assert g.kl_divergence(z, z + 1) == pytest.approx(0.5, abs=1e-12)
    assert g.kl_divergence(z + 1, z) == g.kl_divergence(z, z - 1) == pytest.approx(0.5, abs=1e-12)
    assert g.kl_divergence(z, 2 * z) == pytest.approx(0.3181471806, abs=1e-10)
    assert g.kl_divergence(2 * z, z) == pytest.approx(0.8068528194, abs=1e-10)
    x, y = 1 * z, 1 + 2 * RNG(8).permutation(z)
    assert g.kl_divergence(x, y) == pytest.approx(0.4431471806, abs=1e-10)  # N(0, 1) against N(1, 4)


def torch_normals(seed, n, *means):
    """What ``torch.normal(mean, 1, (n,))`` gives after ``torch.manual_seed(seed)``, n a multiple of 16.

    Box and Muller's method on 24 bits of MT19937, in blocks of 16: cosines, then sines.
    """
    words = np.random.RandomState(seed).randint(0, 2**32, (len(means), n), dtype=np.uint32)
    u = ((words & (2**24 - 1)) * np.float32(2**-24)).astype(np.float32).reshape(len(means), -1, 2, 8)
    radius = np.sqrt(-2 * np.log(1 - u[:, :, 0].astype(float)))
    angle = 2 * np.pi * u[:, :, 1].astype(float)
    draws = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(len(means), n)
    return draws + np.array(means)[:, None]


def test_divergence_of_draws_is_not_that_of_probabilities_E29():
    """The course takes sorted draws for probabilities: thousands of "bits" that grow with n."""
    p, q1, q2 = torch_normals(1, 10_000, 0, -1, 1)
    np.testing.assert_allclose(p[:5], [-1.5256, -0.7502, -0.6540, -1.6095, -0.1002], atol=5e-5)

    def printed(p, q):
        with np.errstate(invalid="ignore"):
            return abs(np.nansum(np.sort(p) * np.log2(np.sort(p) / np.sort(q))))

    assert [printed(p, q1), printed(p, q2), printed(q2, p)] == pytest.approx(
        [8582.0341, 8828.3093, 14130.1262], rel=1e-5
    )
    for a, b in ((p, q1), (p, q2), (q2, p), (q1, p)):
        assert kl_divergence(a, b, "gaussian") == pytest.approx(0.5, abs=0.03)
    assert kl_divergence(p, q1, "gaussian", base=2) == pytest.approx(0.7213, abs=0.05)


def test_divergence_where_there_is_no_density():
    x, flat = RNG(0).standard_normal((50, 1)), np.ones((50, 1))
    assert g.kl_divergence(x, flat) == np.inf
    assert g.kl_divergence(flat, x) == np.inf
    assert g.kl_divergence(flat, flat) == 0
    assert g.kl_divergence(flat, 2 * flat) == np.inf
    assert g.kl_divergence(np.hstack((x, flat)), np.hstack((x + 1, flat))) == g.kl_divergence(x, x + 1)
    assert g.kl_divergence(np.hstack((x, 2 * x)), np.hstack((x, 3 * x))) == np.inf


def test_bad_input():
    x = RNG(0).standard_normal((3, 2))
    with pytest.raises(ShapeError, match="must have more rows than all columns, 4, got 3"):
        g.mutual_information(x, x)
    with pytest.raises(ShapeError, match=r"gaussian entropy: .* columns, 2, got 0"):
        g.entropy(x[:0])
    with pytest.raises(ShapeError, match="`y` must have 2 columns like `x`, got 1"):
        g.kl_divergence(x, x[:, :1])
