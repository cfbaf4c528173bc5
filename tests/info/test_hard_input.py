"""What users give by mistake, or have to: the value that is documented, or one error that names it."""

import numpy as np
import pytest

from nbdl import info
from nbdl.errors import DataError, DtypeError, OptionError, ShapeError, UsageError

pytestmark = pytest.mark.filterwarnings("ignore:.* rows are few")  # of symbols, on purpose

RNG = np.random.default_rng(0)
X, Y, Z = RNG.standard_normal((3, 60))
Y = 0.6 * X + 0.8 * Y
A, B = RNG.integers(0, 3, (2, 60))
MUTUAL = info.mutual_information
ESTIMATORS = ("ksg1", "ksg2", "gaussian", "gaussian_copula", "binned", "ordinal")


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "form",
    [
        np.ndarray.tolist,
        lambda x: x[:, None],
        lambda x: np.asfortranarray(np.column_stack([x, x]))[:, 0],
        lambda x: x.astype(">f8"),
        lambda x: x.astype(np.longdouble),
        lambda x: np.ma.array(x),
    ],
    ids=["list", "column", "strided", "big endian", "long", "masked"],
)
def test_the_form_of_an_array_does_not_count(form, estimator):
    locked = Y.copy()
    locked.flags.writeable = False
    assert MUTUAL(form(X), locked, estimator) == MUTUAL(X, Y, estimator)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_small_floats_are_computed_in_float64(estimator, dtype):
    x, y = X.astype(dtype), Y.astype(dtype)
    assert MUTUAL(x, y, estimator) == MUTUAL(x.astype(float), y.astype(float), estimator)


@pytest.mark.parametrize("factor", [1e-310, 1e300, 1e307])
@pytest.mark.parametrize("estimator", ["ksg1", "ksg2", "gaussian", "gaussian_copula"])
def test_no_number_is_too_large_or_too_small(estimator, factor):
    """Squares of these overflow, or are 0."""
    tolerance = 1e-9 if factor > 1 else 1e-4  # below 1e-308 fewer digits are left
    assert MUTUAL(factor * X, Y, estimator) == pytest.approx(MUTUAL(X, Y, estimator), abs=tolerance)


def test_entropy_of_large_numbers():
    expected = info.entropy(X, "gaussian") + np.log(1e300)
    assert info.entropy(1e300 * X, "gaussian") == pytest.approx(expected)


@pytest.mark.parametrize("estimator", ["ksg1", "gaussian", "gaussian_copula", "binned"])
@pytest.mark.parametrize(
    ("measure", "share"),
    [
        (info.total_correlation, 1),
        (info.dual_total_correlation, 1),
        (info.o_information, 0),
        (info.co_information, 0),
    ],
    ids=lambda m: getattr(m, "__name__", ""),
)
def test_a_constant_sample_adds_nothing(measure, share, estimator):
    """By differential entropies it were inf - inf."""
    expected = share * MUTUAL(X, Y, estimator)
    assert measure(X, Y, np.full(60, 0.1), estimator=estimator) == pytest.approx(expected, abs=1e-9)


MASKED = np.arange(60) == 5


@pytest.mark.parametrize("values", [A, A.astype(str), A > 0, A.astype(np.uint8)], ids=lambda a: a.dtype.name)
def test_masked_symbols_of_series_are_missing(values):
    """They are no symbol of their own, whatever value is behind the mask."""
    masked = np.ma.array(values, mask=MASKED)
    for measure in (info.transfer_entropy, MUTUAL):
        with pytest.raises(DataError, match="1 rows with missing values"):
            measure(masked, B)
        assert np.isnan(measure(masked, B, nan_policy="propagate"))
    keep = ~(MASKED[:-1])
    rows = values[:-1][keep], B[1:][keep], B[:-1][keep]
    expected = info.conditional_mutual_information(*rows)
    assert info.transfer_entropy(masked, B, nan_policy="omit") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: MUTUAL([[1, 2], [3]], A), ShapeError, "`x` must have shape .* rows of different lengths"),
        (
            lambda: info.transfer_entropy([[1, 2], [3]], A),
            ShapeError,
            "`source` .* rows of different lengths",
        ),
        (lambda: MUTUAL(X.reshape(3, 4, 5), Y), ShapeError, r"`x` must have shape .* got \(3, 4, 5\)"),
        (lambda: MUTUAL(X[:0], Y[:0]), ShapeError, r"`x` has no samples, shape \(0,\)"),
        (lambda: MUTUAL(X[:1], Y[:1]), ShapeError, r"N > 1 and D > 0, got \(1, 1\)"),
        (lambda: MUTUAL(X, Y[1:]), ShapeError, "`y` must have as many rows as `x`, 60, got 59"),
        (lambda: MUTUAL(X + 1j, Y), DtypeError, "got dtype complex128"),
        (lambda: MUTUAL(X, Y, k=60), OptionError, "`k` must be less than the 60 samples, got 60"),
        (lambda: MUTUAL(A, B, k=2.5), OptionError, "`k` must be 2 sizes of alphabets, of x, y, got 2.5"),
        (lambda: info.entropy(A, k=2.5), OptionError, r"`k` must be an integer, at least the 3 symbols"),
        (
            lambda: MUTUAL(X, Y, standardize="no"),
            OptionError,
            "`standardize` must be True or False, got 'no'",
        ),
        (
            lambda: MUTUAL(X, Y, "gaussian", bias_correction="no"),
            OptionError,
            "`bias_correction` must be True or False, got 'no'",
        ),
        (lambda: info.pairwise([]), ShapeError, r"`X` must have at least one column, got \[\]"),
        (lambda: MUTUAL(X, Y, noise=True), OptionError, "`noise` must be a number >= 0, got True"),
        (lambda: MUTUAL(X, Y, seed=-1), OptionError, "`seed` must be an integer >= 0, got -1"),
        (lambda: MUTUAL(X, Y, noise=0.1, seed="a"), OptionError, "`seed` must be an integer >= 0, got 'a'"),
        (
            lambda: info.permutation_test("mutual_information", X, Y, seed=2**70),
            OptionError,
            r"`seed` must be at most 2\^63 - 1",
        ),
        (
            lambda: info.bootstrap("mutual_information", X, Y, level="high"),
            OptionError,
            "`level` must be between 0 and 1, got 'high'",
        ),
        (lambda: info.lagged("mutual_information", X, Y, 1.5), DtypeError, "`lags` must be an integer or a"),
        (lambda: info.nsb_posterior([]), OptionError, r"`counts` must be .* not all zero, got \[\]"),
        (lambda: info.nsb_posterior([1, 2], k=1), OptionError, "at least the 2 counts > 0, got 1"),
        (lambda: info.entropy_of_counts(np.array([2**64 - 1], "u8")), OptionError, r"below 2\^63"),
        (lambda: info.kl_divergence(X, A), UsageError, "of 2 samples of mixed data has no default"),
        (lambda: info.entropy(X, standardize="no"), OptionError, "`standardize` must be True or False, got"),
        (
            lambda: info.kl_divergence(X, Y, standardize=1),
            OptionError,
            "kl_divergence: `standardize` must be True or False, got 1",
        ),
    ],
)
def test_mistakes(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_counts_may_be_a_list():
    assert info.nsb_posterior([5, 3, 2]) == info.nsb_posterior(np.array([5, 3, 2]))


@pytest.mark.parametrize("method", ["vasicek", "van_es", "ebrahimi", "correa"])
@pytest.mark.parametrize("exponent", [-1060, -700, 700, 1020])
def test_spacings_of_any_magnitude(method, exponent):
    """The smallest numbers have few bits left, whence the tolerance."""
    expected = info.entropy(X, method) + exponent * np.log(2)
    assert info.entropy(np.ldexp(X, exponent), method) == pytest.approx(expected, abs=1e-3)
