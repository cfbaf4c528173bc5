"""KSG and Frenzel-Pompe: brute force over all distances, closed forms, other libraries, and their errors."""

import math

import numpy as np
import pytest
from scipy.special import digamma

from nbdl.errors import DataError, DtypeError, OptionError, ShapeError
from nbdl.info._ksg import frenzel_pompe, ksg1, ksg2


def pair(rho, n=4000, seed=3):
    """Two columns of normal numbers with correlation `rho`."""
    x, e = np.random.RandomState(seed).normal(size=(2, n, 1))
    return x, rho * x + math.sqrt(1 - rho * rho) * e


# --- brute force ------------------------------------------------------------------------------------------


def distances(x):
    return np.abs(x[:, None] - x).max(axis=2)


def admissible(n, theiler):
    return np.abs(np.arange(n)[:, None] - np.arange(n)) > theiler


def brute(name, samples, k, theiler=0):
    """The formulas of the papers, from all N^2 distances."""
    near = [distances(s) for s in samples]
    ok = admissible(len(samples[0]), theiler)
    joint = np.where(ok, np.max(near, axis=0), np.inf)
    eps = np.sort(joint, axis=1)[:, k - 1 : k]
    rows, m = ok.sum(axis=1) + 1, len(samples)

    def nearer(d):
        return ((d < eps) & ok).sum(axis=1)

    if name == "ksg1":
        return digamma(k) + (m - 1) * digamma(rows) - sum(digamma(nearer(d) + 1) for d in near)
    if name == "ksg2":
        value = digamma(k) - (m - 1) / k + (m - 1) * digamma(rows)
        for d in near:
            side = np.where(joint <= eps, d, 0).max(axis=1)[:, None]
            value = value - digamma(((d <= side) & ok).sum(axis=1))
        return value
    x, y, z = near
    counts = (nearer(d) + 1 for d in (z, np.maximum(x, z), np.maximum(y, z)))
    return digamma(k) + sum(sign * digamma(n) for sign, n in zip((1, -1, -1), counts))


ESTIMATORS = {"ksg1": ksg1, "ksg2": ksg2, "frenzel_pompe": frenzel_pompe}


@pytest.mark.parametrize("theiler", [0, 5])
@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("dims", [(1, 1), (2, 1), (3, 4), (1, 1, 1), (2, 1, 3)])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_brute_force(name, dims, k, theiler):
    if name == "frenzel_pompe" and len(dims) < 3:
        dims = (*dims, 1)
    rng = np.random.default_rng([k, *dims])
    common = rng.normal(size=(300, 1))
    samples = [common + rng.normal(size=(300, d)) for d in dims]
    local = brute(name, samples, k, theiler)
    estimate = ESTIMATORS[name]
    options = {"k": k, "theiler": theiler, "standardize": False}
    np.testing.assert_allclose(estimate(*samples, **options, local=True), local, atol=1e-10)
    assert estimate(*samples, **options) == pytest.approx(local.mean(), abs=1e-10)


@pytest.mark.parametrize("decimals", [0, 1, 2])
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("ignore:.*values that more than k")
def test_brute_force_with_ties(name, decimals):
    samples = np.random.default_rng(decimals).normal(size=(3, 400, 1)).round(decimals)
    local = brute(name, samples, 3)
    np.testing.assert_allclose(ESTIMATORS[name](*samples, local=True, standardize=False), local, atol=1e-10)


# --- what is known ----------------------------------------------------------------------------------------


def test_values_of_other_programs():
    """What NPEET and JIDT give on these numbers, to the digits that were printed."""
    random = np.random.RandomState(3)
    expected = {0: (-0.0202, -0.0201), 0.3: (0.0296, 0.0299), 0.6: (0.2321, 0.2274), 0.9: (0.8209, 0.8250)}
    for rho, (first, _) in expected.items():
        x = random.normal(size=(4000, 1))
        y = rho * x + math.sqrt(1 - rho * rho) * random.normal(size=(4000, 1))
        if rho == 0:
            zero = x, y
        assert ksg1(x, y, standardize=False) == pytest.approx(first, abs=5.1e-5)
    random.seed(3)
    for rho, (_, second) in expected.items():
        x = random.normal(size=(4000, 1))
        y = rho * x + math.sqrt(1 - rho * rho) * random.normal(size=(4000, 1))
        assert ksg2(x, y, standardize=False) == pytest.approx(second, abs=5.1e-5)
    assert ksg1(*zero) < 0  # negative estimates are kept


@pytest.mark.parametrize("estimate", [ksg1, ksg2])
@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.75])
def test_gaussian(estimate, rho, dims):
    """D independent pairs: -D/2 log(1 - rho^2), within 4 standard errors and the known bias."""
    n = 6000
    x, e = np.random.default_rng(dims).normal(size=(2, n, dims))
    local = estimate(x, rho * x + math.sqrt(1 - rho * rho) * e, local=True)
    truth = -dims / 2 * math.log(1 - rho * rho)
    bias = 0.0 if rho == 0 else 0.04 * truth * dims
    assert abs(local.mean() - truth) < 4 * local.std() / math.sqrt(n) + bias


def test_student():
    """Two columns whose scale is common: dependent without correlation (1 degree of freedom)."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20_000, 1)) / np.abs(rng.normal(size=(20_000, 1)))
    assert ksg1(np.arcsinh(x), np.arcsinh(y)) == pytest.approx(0.2241714275, abs=0.03)


@pytest.mark.parametrize(("e", "truth"), [(0.1, 1.7094379124), (0.75, 1 / 3)])
def test_additive_noise(e, truth):
    rng = np.random.default_rng(1)
    x = rng.random((10_000, 1))
    y = x + rng.uniform(-e, e, x.shape)
    assert ksg1(x, y) == pytest.approx(truth, abs=0.03)
    assert ksg2(x, y) == pytest.approx(truth, abs=0.03)


def test_conditional_information_of_a_chain_and_of_a_common_effect():
    rng = np.random.default_rng(2)
    x, a, b = rng.normal(size=(3, 10_000, 1))
    z = x + a
    assert frenzel_pompe(x, z + b, z) == pytest.approx(0, abs=0.02)  # x -> z -> y
    # x and a are independent; given x + a + b/2 they are not: the partial correlation is -0.8
    assert frenzel_pompe(x, a, x + a + 0.5 * b) == pytest.approx(-0.5 * math.log(1 - 0.64), abs=0.05)


def test_transfer_entropy_of_a_linear_process():
    """y_t = y_(t-1) / 2 + 0.7 x_(t-1) + e_t with x white: log(1 + 0.49) / 2."""
    x, e = np.random.default_rng(3).normal(size=(2, 20_000))
    y = np.zeros_like(x)
    for t in range(1, x.size):
        y[t] = 0.5 * y[t - 1] + 0.7 * x[t - 1] + e[t]
    columns = (c[:, None].copy() for c in (x[:-1], y[1:], y[:-1]))
    assert frenzel_pompe(*columns) == pytest.approx(0.1993880600, abs=0.02)


def test_total_correlation_of_three():
    """log det of a covariance matrix with 1 on the diagonal and 1/2 elsewhere."""
    rng = np.random.default_rng(4)
    common = rng.normal(size=(10_000, 1))
    samples = [(common + rng.normal(size=common.shape)) / math.sqrt(2) for _ in range(3)]
    truth = -0.5 * math.log(np.linalg.det(np.full((3, 3), 0.5) + np.eye(3) / 2))
    assert ksg1(*samples) == pytest.approx(truth, abs=0.03)
    assert ksg2(*samples) == pytest.approx(truth, abs=0.03)


def test_agrees_with_scikit_learn():
    """Its estimator is KSG 1, of columns in units of their deviation and with noise of 1e-10 of the mean."""
    own = pytest.importorskip("sklearn.feature_selection._mutual_info")
    x, y = pair(0.6)
    for k in (1, 3, 10):
        theirs = own._compute_mi_cc(x[:, 0], y[:, 0], k)
        assert ksg1(x, y, k=k, standardize=False) == pytest.approx(theirs, abs=1e-12)
    theirs = own.mutual_info_regression(x, y[:, 0], random_state=0)[0]
    assert ksg1(x, y) == pytest.approx(theirs, abs=1e-3)


def test_scikit_learn_own_vectors():
    """tests/test_mutual_info.py of scikit-learn: a bivariate normal, deviations 1 and 10, as they are."""
    random = np.random.RandomState(0)
    cov = np.array([[1, 5], [5, 100.0]])
    truth = math.log(1) + math.log(10) - 0.5 * math.log(np.linalg.det(cov))
    z = random.multivariate_normal(np.zeros(2), cov, size=1000)
    x, y = z[:, :1].copy(), z[:, 1:].copy()
    for k in (3, 5, 7):
        assert ksg1(x, y, k=k, standardize=False) == pytest.approx(truth, rel=0.1)


# --- errors that others make ------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1e3, 1e-9, 2.0**-30, 1e-200, 1e200])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_ties_are_strict_at_any_scale(name, factor):
    """A tolerance of 1e-15 gives another value for the same data in other units."""
    samples = np.random.default_rng(0).normal(size=(3, 1000, 1))[: 3 if name == "frenzel_pompe" else 2]
    for standardize in (False, True):
        value = ESTIMATORS[name](*samples, standardize=standardize)
        other = ESTIMATORS[name](*(s * factor for s in samples), standardize=standardize)
        assert other == pytest.approx(value, abs=1e-12)


def test_ksg2_has_a_radius_for_each_marginal():
    """With the joint radius for both, and a point counting itself, 0.2231 becomes -0.1147."""
    assert ksg2(*pair(0.6)) == pytest.approx(0.2231, abs=0.05)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_constant_columns_tell_nothing(name):
    """Others give 5.98 nats for two columns of ones, or more than the entropy of the other sample."""
    x, one = np.random.default_rng(0).normal(size=(500, 1)), np.ones((500, 1))
    rest = (x + 1,) if name == "frenzel_pompe" else ()
    for a, b in ((one, x), (x, one), (one, one), (np.hstack((one, one)), x)):
        assert ESTIMATORS[name](a, b, *rest) == 0
        assert not ESTIMATORS[name](a, b, *rest, local=True).any()


def test_a_constant_condition_changes_nothing():
    x, y = pair(0.6)
    assert frenzel_pompe(x, y, np.ones_like(x)) == pytest.approx(ksg1(x, y), abs=1e-12)


@pytest.mark.parametrize("estimate", [ksg1, ksg2])
def test_lumps_are_told(estimate):
    rng = np.random.default_rng(0)
    x = np.where(rng.random((1000, 1)) < 0.3, 0.0, rng.normal(size=(1000, 1)))
    y = rng.normal(size=(1000, 1))
    share = 100 * (x == 0).mean()
    with pytest.warns(
        RuntimeWarning, match=rf"{share:.0f} % of `x` are values that more than k = 3 .* `gao`"
    ):
        estimate(x, y)
    with pytest.warns(RuntimeWarning, match=rf"{share:.0f} % of `y`"):
        estimate(y, np.hstack((x, x)))
    with pytest.warns(RuntimeWarning, match="`mesner_shalizi` is made for them"):
        frenzel_pompe(x, y, y + 1)
    estimate(y, np.hstack((x, y)))  # no two rows are alike


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_warning_names_noise_for_values_that_were_rounded(name):
    """What it names is a way out: no warning, and the estimate of the values before they were rounded."""
    x, y = pair(0.6, n=1000)
    samples = [x, y] + [x + pair(0, n=1000, seed=4)[0]] * (name == "frenzel_pompe")
    rounded = [s.round(1) for s in samples]
    with pytest.warns(RuntimeWarning, match="noise=1e-6 .* puts values apart that were rounded"):
        ESTIMATORS[name](*rounded)
    assert ESTIMATORS[name](*rounded, noise=1e-6) == pytest.approx(ESTIMATORS[name](*samples), abs=0.06)


def test_float32_precision_is_no_lump():
    x = np.random.default_rng(0).random((20_000, 1)).astype(np.float32).astype(np.float64)
    ksg1(x, x + np.random.default_rng(1).normal(size=x.shape))


def test_noise_breaks_ties_the_same_way_each_time():
    x, y = (np.round(s, 1) for s in pair(0.6))
    value = ksg1(x, y, noise=0.05, seed=1)
    assert value == ksg1(x, y, noise=0.05, seed=1) != ksg1(x, y, noise=0.05, seed=2)
    assert value == pytest.approx(0.2231, abs=0.05)
    # it is relative, and sample by sample: not one noise for all
    assert ksg1(1e6 * x, 1e6 * y, noise=0.05, seed=1) == pytest.approx(value, abs=1e-9)
    assert ksg1(x, x, noise=0.05) < 3


@pytest.mark.parametrize("name", ESTIMATORS)
def test_any_number_of_threads_gives_the_same_bits(name):
    rng = np.random.default_rng(0)
    common = rng.normal(size=(40_000, 1))
    samples = [common + rng.normal(size=common.shape) for _ in range(3)]
    values = [ESTIMATORS[name](*samples, local=True, threads=threads) for threads in (1, 2, 3)]
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[2])


def test_the_theiler_window_takes_away_what_is_near_in_time():
    """Two slow independent series: their own slowness looks like neighbours."""
    steps = np.random.default_rng(0).normal(size=(2, 6000))
    smooth = [np.convolve(s, np.hanning(50), "valid")[:, None] for s in steps]
    assert ksg1(*smooth, theiler=50) < 0.0 < 0.15 < ksg1(*smooth)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_units_of_columns_do_not_count(name):
    """Nor do they where two columns of one sample have different ones, and a third is constant."""
    (x, y), (u, v) = pair(0.9, n=1000), pair(0.3, n=1000, seed=4)
    rest = (y + v,) if name == "frenzel_pompe" else ()
    estimate = ESTIMATORS[name]
    value = estimate(np.hstack((x, u)), y, *rest)
    other = estimate(np.hstack((1e-6 * x, 1e6 * u, np.ones_like(x))), 1e3 * y, *(7 * z for z in rest))
    assert other == pytest.approx(value, abs=1e-9)
    raw = [estimate(np.hstack((x, factor * u)), y, *rest, standardize=False) for factor in (1, 1e6)]
    assert raw[1] < raw[0] - 0.1


def test_standardize_takes_columns_over_the_distance_of_their_deciles():
    x, y = pair(0.6, n=500)
    units = [np.subtract(*np.quantile(s, (0.9, 0.1))) for s in (x, 5 * y)]
    assert ksg1(x, 5 * y) == pytest.approx(ksg1(x / units[0], 5 * y / units[1], standardize=False), abs=1e-12)
    lump = np.where(np.arange(500)[:, None] % 20, 0.0, y)  # all deciles are 0; noise is no scale of its own
    by_hand = ksg1(x / units[0], lump / lump.std(), standardize=False, noise=1e-9)
    assert ksg1(x, lump, noise=1e-9) == pytest.approx(by_hand, abs=1e-3)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("far", [1e2, 1e4, 1e12, -1e200])
def test_one_value_far_away_does_not_hide_the_others(name, far):
    """In units of the standard deviation, which it makes, all others would be at one place."""
    (x, y), (u, v) = pair(0.6, n=300), pair(0.3, n=300, seed=4)
    rest = (u + v,) if name == "frenzel_pompe" else ()
    x_far = x.copy()
    x_far[17] = far
    value = ESTIMATORS[name](x, y, *rest)
    assert ESTIMATORS[name](x_far, y, *rest) == pytest.approx(value, abs=0.03)


X = np.random.default_rng(0).normal(size=(10, 2))
NAN, INF = X.copy(), X.copy()
NAN[3, 1], INF[3, 1] = np.nan, -np.inf


@pytest.mark.parametrize(
    ("samples", "options", "error", "text"),
    [
        ((X, X), {"k": 10}, OptionError, r"ksg1: `k` must be less than the 10 samples, got 10"),
        (
            (X, X),
            {"k": 4, "theiler": 3},
            OptionError,
            r"less than the 4 samples outside a Theiler window of 3",
        ),
        ((X, X), {"k": 0}, OptionError, r"`k` must be an integer >= 1, got 0"),
        ((X, X), {"k": 2.0}, OptionError, r"`k` must be an integer >= 1, got 2.0"),
        ((X, X), {"theiler": -1}, OptionError, r"`theiler` must be an integer >= 0, got -1"),
        ((X, X), {"noise": -0.1}, OptionError, r"`noise` must be a number >= 0, got -0.1"),
        ((X, NAN), {}, DataError, r"ksg1: `y` must be finite, got nan"),
        ((INF, X), {}, DataError, r"ksg1: `x` must be finite, got -inf"),
        ((X, X[:9]), {}, ShapeError, r"`y` must have 10 rows like `x`, got 9"),
        ((X[:1], X[:1]), {}, ShapeError, r"`x` must have shape \(N, D\), N > 1 and D > 0, got \(1, 2\)"),
        ((X, X[:, 0]), {}, ShapeError, r"`y` must have shape \(N, D\)"),
        ((X,), {}, ShapeError, r"at least two samples are needed, got 1"),
        ((X, X.astype("float32")), {}, DtypeError, r"`y` must be a float64 array, got float32"),
        ((X, X, X.astype(int)), {}, DtypeError, r"`xs\[2\]` must be a float64 array, got int64"),
    ],
)
def test_what_is_refused(samples, options, error, text):
    with pytest.raises(error, match=text):
        ksg1(*samples, **options)
