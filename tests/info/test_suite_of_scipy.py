"""The facts of SciPy's test_entropy.py and test_logsumexp.py (1.17, BSD) about the functions here.

A test has the name of the one of SciPy whose inputs and numbers it takes. `ELSEWHERE` are those that a test
of another file holds, `NOT_HERE` those that do not apply, with why: each of theirs is in one of the three.
"""

import ast
from pathlib import Path

import numpy as np
import pytest
import scipy

from nbdl import info
from nbdl import kernels as k
from nbdl.errors import DtypeError, OptionError, ShapeError, UsageError

VERSION = "1.17"
ELSEWHERE = {
    "test_differential_entropy_vasicek": "test_vectors_of_vsgoftest_in_scipys_tests",
    "test_differential_entropy_vasicek_2d_nondefault_axis": "test_vectors_of_vsgoftest_in_scipys_tests",
    "test_rmse_std": "test_published_errors",
}
COMPLEX, SIGNED = "arrays are real here", "weights may not be negative: sums here are of probabilities"
NOT_HERE = {
    "test_wrap_radians": COMPLEX,
    "test_logsumexp_b": "no weights: they are added as logarithms",
    "test_logsumexp_b_shape": "no weights",
    "test_logsumexp_b_zero": "no weights",
    "test_logsumexp_sign": SIGNED,
    "test_logsumexp_sign_zero": SIGNED,
    "test_logsumexp_sign_shape": SIGNED,
    "test_logsumexp_complex_sign": COMPLEX,
    "test_dtypes_ab": "no weights",
    "test_gh21610": COMPLEX,
    "test_gh21709_small_imaginary": COMPLEX,
    "test_gh22601_infinite_elements": COMPLEX,
    "test_gh22903": SIGNED,
    "test_gh23548": SIGNED,
    "test_device": "there is one device",
    "test_xp_invalid_input": "arrays of NumPy alone",
    "test_array_like": "kernels take arrays, and say so: see test_softmax_array_like",
    "test_base_differential_entropy_with_axis_0_is_equal_to_default": "rows are samples, there is no axis",
    "test_base_differential_entropy_transposed": "rows are samples, there is no axis",
    "test_method_auto": "an estimator is named: none is chosen by the number of samples",
}
P = np.array([[0.1, 0.2], [0.6, 0.3], [0.3, 0.5]])
Q = np.array([[0.2, 0.1], [0.3, 0.6], [0.5, 0.3]])
SAMPLES = np.random.RandomState(0).standard_normal(100)


def entropy(pk, qk=None, base=None, axis=0):
    """SciPy's signature: along the first axis, and normalized."""
    if qk is None:
        return k.entropy(pk, axis, base, normalize=True)
    return k.kl_divergence(pk, qk, axis, base, normalize=True)


def logsumexp(x, axis=-1):
    """Of what the loss of a label is made: the logarithm of the sum of exponentials, less its logit."""
    x = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    rows = x.reshape(-1, x.shape[-1])
    lost = k.softmax_cross_entropy_each(rows, rows.argmax(-1))
    return x.max(-1) + lost.reshape(x.shape[:-1])


def flat(f, x):
    """As SciPy does by default: one softmax of the whole array."""
    return f(x.reshape(-1)).reshape(x.shape)


def close(got, want, rtol=1e-7):
    np.testing.assert_allclose(got, want, rtol=rtol)


# --- stats/tests/test_entropy.py --------------------------------------------------------------------------


def test_entropy_positive():
    p, q = np.array([0.5, 0.2, 0.3]), np.array([0.1, 0.25, 0.65])
    assert entropy(p, p) == 0 and entropy(p, q) > 0


def test_entropy_base():
    ones = np.ones(16)
    assert abs(entropy(ones, base=2.0) - 4) < 1e-5
    q = np.where(np.arange(16) < 8, 2.0, 1.0)
    assert abs(entropy(ones, q) / entropy(ones, q, base=2.0) - np.log(2)) < 1e-5


def test_entropy_zero():
    close(entropy(np.array([0.0, 1.0, 2.0])), 0.63651416829481278)


def test_entropy_2d():
    close(entropy(P, Q), [0.1933259, 0.18609809])


def test_entropy_2d_zero():
    q = Q.copy()
    q[0, 0] = 0
    close(entropy(P, q), [np.inf, 0.18609809])
    p = P.copy()
    p[0, 0] = 0
    close(entropy(p, q), [0.17403988, 0.18609809])


def test_entropy_base_2d_nondefault_axis():
    close(entropy(P, axis=1), [0.63651417, 0.63651417, 0.66156324])


def test_entropy_2d_nondefault_axis():
    close(entropy(P, Q, axis=1), [0.23104906, 0.23104906, 0.12770641])


def test_entropy_raises_value_error():
    with pytest.raises(ShapeError, match="`q`"):
        entropy(P, Q[:2])


def test_base_entropy_with_axis_0_is_equal_to_default():
    np.testing.assert_array_equal(entropy(P, axis=0), entropy(P, axis=-2))


def test_entropy_with_axis_0_is_equal_to_default():
    np.testing.assert_array_equal(entropy(P, Q, axis=0), entropy(P, Q, axis=-2))


def test_base_entropy_transposed():
    close(entropy(P.T), entropy(P, axis=1))


def test_entropy_transposed():
    close(entropy(P.T, Q.T), entropy(P, Q, axis=1))


def test_entropy_broadcasting():
    """Tables are not repeated by themselves: what NumPy repeats gives SciPy's numbers."""
    rng = np.random.default_rng(74187315492831452)
    x, y = map(np.copy, np.broadcast_arrays(rng.random(3), rng.random((2, 1))))
    got = entropy(x, y, axis=-1)
    close(got, scipy.stats.entropy(x, y, axis=-1))
    assert got[0] == entropy(x[0], y[0]) and got[1] == entropy(x[1], y[1])
    with pytest.raises(ShapeError, match="`q`"):
        entropy(x[0], y, axis=-1)


def test_entropy_shape_mismatch():
    with pytest.raises(ShapeError, match="`q`"):
        entropy(np.ones((10, 1, 12)), np.ones((11, 2)))


@pytest.mark.parametrize("f", [entropy, lambda x, base: info.entropy(x, "vasicek", base=base)])
def test_input_validation(f):
    with pytest.raises((OptionError, UsageError), match="`base`"):
        f(SAMPLES[:10] ** 2, base=-2)
    with pytest.raises(UsageError, match="ekki-ekki"):
        info.entropy(SAMPLES, "ekki-ekki")


@pytest.mark.parametrize("window", [-1, 0, 50, 100])
def test_differential_entropy_raises_value_error(window):
    with pytest.raises(OptionError, match="`window`"):
        info.entropy(SAMPLES, "vasicek", window=window)


def test_window_length_is_none():
    x = np.random.default_rng(358923459826738562).random(10)
    assert info.entropy(x, "vasicek") == info.entropy(x, "vasicek", window=None)


@pytest.mark.parametrize("method", ["vasicek", "van_es", "correa", "ebrahimi"])
def test_consistency(method):
    """Fewer samples than SciPy's million, and the bound wider by as much."""
    x = np.random.RandomState(0).standard_normal(10_000 if method == "correa" else 200_000)
    close(info.entropy(x, method), 0.5 * np.log(2 * np.pi * np.e), rtol=0.01)


@pytest.mark.parametrize("method", ["vasicek", "van_es", "correa", "ebrahimi"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes_gh21192(method, dtype):
    """Integers are discrete data, of which there is no density: they are refused."""
    x = np.array([1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11])
    theirs = scipy.stats.differential_entropy(x.astype(float), method=method.replace("_", " "))
    close(info.entropy(x.astype(dtype), method), theirs)
    with pytest.raises(UsageError, match="for continuous data"):
        info.entropy(x, method)


# --- special/tests/test_logsumexp.py ----------------------------------------------------------------------


def test_logsumexp():
    a = np.arange(200.0)
    close(logsumexp(a), np.log(np.exp(a).sum()))
    close(logsumexp(np.array([1000.0, 1000.0])), 1000 + np.log(2))
    close(logsumexp(np.full(1000, 10000.0)), 10000 + np.log(1000))
    logs = np.log(np.full((2, 100_000), 1e-40))
    close(np.exp(logsumexp(logs)), 1e-35)
    close(np.exp(logsumexp(logs, 0)), 2e-40)
    assert np.isnan(logsumexp(np.array([np.nan])))
    close(logsumexp(np.array([[1e10, 1e-10], [-1e10, -np.inf]])), [1e10, -1e10])
    # No label has a loss among no scores, and none has one that is a number among scores all infinite.
    with pytest.raises(ShapeError):
        k.softmax_cross_entropy_each(np.empty((1, 0)), np.zeros(1, int))
    assert np.isnan(logsumexp(np.array([-np.inf, -np.inf])))


def test_logsumexp_shape():
    assert logsumexp(np.ones((1, 2, 3, 4)), 2).shape == (1, 2, 4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes_a(dtype):
    got = logsumexp(np.array([1000.0, 1000.0], dtype))
    assert got.dtype == dtype
    close(got, 1000 + np.log(2))


def test_gh18295():
    """To the digits of 1: e^-40 beside it is lost here, as in PyTorch."""
    assert logsumexp(np.array([0.0, -40.0])) == pytest.approx(np.logaddexp(0.0, -40.0), abs=1e-16)


def test_no_writeback():
    a = np.array([5.0, 4.0])
    logsumexp(a), k.softmax(a), k.log_softmax(a)
    np.testing.assert_array_equal(a, [5, 4])


LOGITS = np.array([[-25.0, 0.0, 25.0, 50.0], [1.0, 325.0, 749.0, 750.0]])
SHARES = np.array(
    [
        [2.678636961770877e-33, 1.9287498479371314e-22, 1.3887943864771144e-11, 0.999999999986112],
        [0.0, 1.9444526359919372e-185, 0.2689414213699951, 0.7310585786300048],
    ]
)
OF_ARANGE = np.array([0.03205860328008499, 0.08714431874203256, 0.23688281808991013, 0.6439142598879722])
LOG_OF_ARANGE = np.array(
    [-3.4401896985611953, -2.4401896985611953, -1.4401896985611953, -0.44018969856119533]
)
FOUR = np.arange(4.0)


def test_softmax_fixtures():
    close(k.softmax(np.array([1000.0, 0, 0, 0])), [1, 0, 0, 0], 1e-13)
    close(k.softmax(np.array([1.0, 1.0])), [0.5, 0.5], 1e-13)
    close(k.softmax(np.array([0.0, 1.0])), np.array([1, np.e]) / (1 + np.e), 1e-13)
    close(k.softmax(FOUR), OF_ARANGE, 1e-13)
    close(k.softmax(FOUR + 100), OF_ARANGE, 1e-13)
    close(flat(k.softmax, FOUR.reshape(2, 2)), OF_ARANGE.reshape(2, 2), 1e-13)


def test_softmax_multi_axes():
    """Several axes are one after a reshape."""
    x = np.array([[1000.0, 0.0], [1000.0, 0.0]])
    close(k.softmax(x, 0), np.full((2, 2), 0.5), 1e-13)
    close(k.softmax(x, 1), [[1, 0], [1, 0]], 1e-13)
    close(k.softmax(LOGITS, 1), SHARES, 1e-13)
    close(k.softmax(LOGITS.T, 0), SHARES.T, 1e-13)
    with pytest.raises(DtypeError, match="`axis`"):
        k.softmax(LOGITS, (0, 1))


@pytest.mark.parametrize("f", [k.softmax, k.log_softmax])
def test_softmax_array_like(f):
    """SciPy turns lists, integers and numbers into arrays of floats: here they are refused."""
    for x in ([1000.0, 1.0], np.array([1000, 1]), 1000.0):
        with pytest.raises(DtypeError, match="`x` must"):
            f(x)


test_softmax_int_array = test_softmax_scalar = test_softmax_array_like
test_log_softmax_int_array = test_log_softmax_scalar = test_log_softmax_array_like = test_softmax_array_like


def test_log_softmax_basic():
    close(k.log_softmax(np.array([1000.0, 1.0])), [0, -999], 1e-13)


@pytest.mark.parametrize("offset", [0, 100])
def test_log_softmax_translation(offset):
    close(k.log_softmax(FOUR + offset), LOG_OF_ARANGE, 1e-13)


def test_log_softmax_noneaxis():
    close(flat(k.log_softmax, FOUR.reshape(2, 2)), LOG_OF_ARANGE.reshape(2, 2), 1e-13)


def test_axes():
    x = np.array([[1000.0, 1.0], [1000.0, 1.0]])
    close(k.log_softmax(x, 0), np.log(0.5) * np.ones((2, 2)), 1e-13)
    close(k.log_softmax(x, 1), [[0, -999], [0, -999]], 1e-13)


def test_log_softmax_2d_axis1():
    close(k.log_softmax(np.arange(8.0).reshape(2, 4), 1), [LOG_OF_ARANGE] * 2, 1e-13)


def test_log_softmax_2d_axis0():
    close(k.log_softmax(np.arange(8.0).reshape(2, 4).T, 0), np.array([LOG_OF_ARANGE] * 2).T, 1e-13)


def test_log_softmax_3d():
    """The last two axes, as one."""
    x = np.arange(8.0).reshape(2, 2, 2)
    got = k.log_softmax(x.reshape(2, 4)).reshape(2, 2, 2)
    close(got, np.array([LOG_OF_ARANGE] * 2).reshape(2, 2, 2), 1e-13)


# --- all of them ------------------------------------------------------------------------------------------


def names_in(path):
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")}


def test_each_of_their_tests_is_here_elsewhere_or_named_with_a_reason():
    assert set(ELSEWHERE.values()) <= names_in(Path(__file__).with_name("test_spacing.py"))
    own = {n for n in globals() if n.startswith("test_")} | set(ELSEWHERE)
    assert not own & set(NOT_HERE)
    root = Path(scipy.__file__).parent
    files = root / "stats/tests/test_entropy.py", root / "special/tests/test_logsumexp.py"
    if not scipy.__version__.startswith(VERSION) or not all(f.exists() for f in files):
        pytest.skip(f"the tests of SciPy {VERSION} are not at hand")
    assert set.union(*map(names_in, files)) <= own | set(NOT_HERE)


@pytest.mark.parametrize("name", NOT_HERE)
def test_not_here(name):
    pytest.skip(f"{name}: {NOT_HERE[name]}")
