"""m-spacing entropies: SciPy's values and its own vectors, closed forms, memory, what they refuse."""

import tracemalloc

import numpy as np
import pytest
from scipy import stats

from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.info._spacing import correa, ebrahimi, van_es, vasicek

METHODS = {"vasicek": vasicek, "van es": van_es, "ebrahimi": ebrahimi, "correa": correa}
ALL = pytest.mark.parametrize("method", METHODS)


def column(values):
    return np.ascontiguousarray(np.asarray(values, float).reshape(-1, 1))


@ALL
@pytest.mark.parametrize("n", [5, 6, 7, 10, 11, 100, 1001])
def test_equals_scipy(method, n):
    x = np.random.default_rng(n).standard_normal(n)
    want = stats.differential_entropy(x, method=method)
    assert METHODS[method](column(x)) == pytest.approx(want, abs=1e-13)


@ALL
def test_equals_scipy_with_each_window(method):
    x = np.random.default_rng(1).gumbel(size=50)
    for m in range(1, 25):
        want = stats.differential_entropy(x, method=method, window_length=m)
        assert METHODS[method](column(x), window=m) == pytest.approx(want, abs=1e-13)


@pytest.mark.parametrize(
    "window, want",
    [
        (None, (1.342551187000946, 1.341825903922332, 1.293774601883585)),
        (1, (1.122044177725947, 1.10294413850758, 1.129615790292772)),
        (8, (1.349401487550325, 1.338514126301301, 1.292331889365405)),
    ],
)
def test_vectors_of_vsgoftest_in_scipys_tests(window, want):
    values = np.random.RandomState(0).standard_normal((3, 100))
    got = [vasicek(column(row), window=window) for row in values]
    np.testing.assert_allclose(got, want, rtol=1e-14)


@pytest.mark.parametrize(
    "method, normal, exponential",  # RMSE, standard deviation; n = 50, m = 7; SciPy's tests
    [
        ("vasicek", (0.198, 0.109), (0.194, 0.148)),
        ("van es", (0.212, 0.110), (0.179, 0.149)),
        ("correa", (0.135, 0.112), (0.155, 0.152)),
        ("ebrahimi", (0.128, 0.109), (0.151, 0.148)),
    ],
)
def test_published_errors(method, normal, exponential):
    """Al-Omari 2014, tables 1 and 2."""
    for law, (error, deviation) in ((stats.norm, normal), (stats.expon, exponential)):
        samples = law.rvs(size=(10_000, 50), random_state=0)
        got = np.array([METHODS[method](row[:, None], window=7) for row in samples])
        assert np.sqrt(np.mean((got - law.entropy()) ** 2)) == pytest.approx(error, abs=0.005)
        assert got.std() == pytest.approx(deviation, abs=0.002)


@ALL
@pytest.mark.parametrize(
    "name, truth",
    [
        ("normal", 1.4189385332046727),
        ("exponential", 1.0),
        ("laplace", 1 + np.log(2)),
        ("gumbel", 1 + np.euler_gamma),
    ],
)
def test_closed_forms(method, name, truth):
    x = getattr(np.random.default_rng(7), name)(size=40_000)
    assert METHODS[method](column(x)) == pytest.approx(truth, abs=0.03)


@ALL
def test_entropy_of_a_density_may_be_negative_E23(method):
    x = np.random.default_rng(0).uniform(0, 0.01, 2000)
    assert METHODS[method](column(x)) == pytest.approx(np.log(0.01), abs=0.1)


@ALL
def test_scaling_and_shifting(method):
    x = np.random.default_rng(2).standard_normal(500)
    h = METHODS[method](column(x))
    assert METHODS[method](column(1024 * x)) == pytest.approx(h + np.log(1024), abs=1e-12)
    assert METHODS[method](column(x + 1e6)) == pytest.approx(h, abs=1e-6)


def test_correa_does_not_cancel():
    """Heavy tails: running sums that take values away again lose all digits here."""
    x = np.random.default_rng(3).standard_cauchy(3000) ** 3
    want = stats.differential_entropy(x, method="correa")
    assert correa(column(x)) == pytest.approx(want, abs=1e-12)


@ALL
def test_a_constant_column_has_no_density(method):
    assert METHODS[method](column(np.ones(30))) == -np.inf


@ALL
def test_peers_error_memory_grows_faster_than_the_sample(method):
    """SciPy's correa takes 16 GB for a million samples."""
    n = 400_000
    x = column(np.random.default_rng(0).standard_normal(n))
    METHODS[method](x[:10])  # compiled
    tracemalloc.start()
    METHODS[method](x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 8 * n


@ALL
def test_the_smallest_samples(method):
    """SciPy has no window for them."""
    for n in (3, 4):
        x = column(np.arange(n))
        assert METHODS[method](x) == METHODS[method](x, window=1)


@ALL
def test_bad_input(method):
    f, name = METHODS[method], method.replace(" ", "_")
    x = column(np.arange(10.0))
    with pytest.raises(ShapeError, match=rf"{name}: `x` must be one column \(N, 1\), got shape \(5, 2\)"):
        f(x.reshape(5, 2))
    with pytest.raises(ShapeError, match=f"{name}: `x` must have at least 3 samples, got 2"):
        f(x[:2])
    with pytest.raises(ShapeError, match="at least 3 samples, got 0"):
        f(x[:0])
    for window in (0, -1, 5):
        with pytest.raises(OptionError, match=f"less than half of 10 samples, got {window}"):
            f(x, window=window)
    with pytest.raises(DtypeError, match=r"`window` must be an integer, got 2\.5"):
        f(x, window=2.5)
    with pytest.raises(OptionError, match="`local` must be False"):
        f(x, local=True)
