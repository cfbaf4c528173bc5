"""What kind a sample is: one rule, whatever the dtype; grids, mixtures, and what is said about it."""

import math
from decimal import Decimal

import numpy as np
import pytest

from nbdl import info
from nbdl.errors import DtypeError, OptionError
from nbdl.info import _kinds, _samples, _spread

RNG = np.random.default_rng
MUTUAL, CONDITIONAL = info.mutual_information, info.conditional_mutual_information
MEASURED = pytest.mark.filterwarnings("ignore:.*taken as measured", "ignore:.*spread over their steps")


def gaussians(n, rho, scale=1.0, seed=0):
    """Two columns of correlation rho and standard deviation `scale`."""
    x, e = RNG(seed).standard_normal((2, n))
    return scale * x, scale * (rho * x + math.sqrt(1 - rho**2) * e)


LABEL = RNG(1).integers(0, 3, 2000)
TIMES = np.datetime64("2024-01-01", "ns") + np.cumsum(RNG(2).integers(1, 10**12, 2000)).astype("m8[ns]")

# --- information does not depend on the kind --------------------------------------------------------------


@pytest.mark.parametrize(
    "x",
    [np.arange(2000), RNG(0).integers(0, 5000, 2000), TIMES, TIMES.view(np.int64), RNG(0).permutation(2000)],
    ids=["rows", "below 5000", "times", "nanoseconds", "permutation"],
)
def test_numbers_of_many_values_tell_nothing_about_independent_labels(x):
    """The plug-in value is the entropy of the label, and nearest neighbours that tie give 0.07 and more."""
    with pytest.warns(RuntimeWarning, match="`x` .whole numbers, .* too few rows .* taken as measured"):
        assert abs(MUTUAL(x, LABEL)) < 0.06
    with pytest.warns(RuntimeWarning, match="taken as measured"):
        test = info.permutation_test("mutual_information", x, LABEL, permutations=49)
    assert test.p_value > 0.02


def test_floats_on_a_grid_tell_nothing_about_independent_labels():
    assert abs(MUTUAL(np.arange(2000.0), LABEL)) < 0.06
    assert abs(MUTUAL(np.arange(2000.0) / 7, LABEL)) < 0.06  # a step that is no decimal


@MEASURED
@pytest.mark.parametrize("scale", [5, 15, 100])
@pytest.mark.parametrize(("rho", "true"), [(0.0, 0.0), (0.6, 0.2231), (0.9, 0.8304)])
def test_rounded_gaussians_keep_their_information(rho, true, scale):
    found = [MUTUAL(*map(np.rint, gaussians(1000, rho, scale, seed))) for seed in range(4)]
    assert np.mean(found) == pytest.approx(true, abs=0.05)


@MEASURED
@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.float32, np.float64, object])
def test_one_number_for_every_dtype(dtype):
    x, y = (np.rint(each) for each in gaussians(768, 0.6, 15))
    assert MUTUAL(x.astype(dtype), y.astype(dtype)) == MUTUAL(x.astype(np.int32), y)
    label = LABEL[:768]
    assert CONDITIONAL(x.astype(dtype), y, label) == CONDITIONAL(x.astype(np.int32), y, label.astype(float))
    assert info.transfer_entropy(x.astype(dtype), y) == info.transfer_entropy(x.astype(np.int32), y)


@MEASURED
def test_one_number_by_every_door_and_for_any_threads():
    x, y = (np.rint(each).astype(int) for each in gaussians(500, 0.6, 15))
    value = MUTUAL(x, y, threads=1)
    assert value == MUTUAL(x, y, threads=2) == info.pairwise([x, y])[0, 1]
    assert value == info.lagged("mutual_information", x, y, [0])[0]
    assert value == info.permutation_test("mutual_information", x, y, permutations=1).estimate
    assert value == info.bootstrap("mutual_information", x, y, resamples=2).estimate
    assert MUTUAL(x, y, local=True).mean() == pytest.approx(value)


@MEASURED
def test_many_rows_are_counted():
    """Where each combination recurs the plug-in value is right, and fast."""
    x, y = RNG(0).integers(0, 25, (2, 30_000))
    assert MUTUAL(x, y) == MUTUAL(x, y, "ml")
    with pytest.warns(RuntimeWarning, match="taken as symbols"):
        assert MUTUAL(x.astype(float), y / 8) == MUTUAL(x, y, "ml")


@MEASURED
def test_total_correlation_of_numbers_of_few_and_of_many_values():
    x, y = (np.rint(each).astype(int) for each in gaussians(1000, 0.6, 15))
    for each in (info.total_correlation, info.dual_total_correlation):
        assert each(x, y, LABEL[:1000]) == pytest.approx(0.2231, abs=0.08)


@MEASURED
def test_divergence_of_whole_numbers():
    """Their plug-in value is infinite: some number occurs in one sample alone."""
    x, y = np.rint(15 * RNG(0).standard_normal((2, 2000))).astype(int)
    assert info.kl_divergence(x, y) == pytest.approx(0, abs=0.1)
    assert info.kl_divergence(x, y + 15) == pytest.approx(0.5, abs=0.1)
    assert info.kl_divergence(x, y, discrete=True) == math.inf
    test = info.permutation_test("kl_divergence", x, y + 15, permutations=9)
    assert test.estimate == info.kl_divergence(x, y + 15) and test.p_value == 0.1


# --- few values -------------------------------------------------------------------------------------------


def test_columns_of_few_values_are_symbols():
    x, y = RNG(0).integers(0, 4, 1503) / 10, RNG(1).integers(0, 6, 1503) / 7
    with pytest.warns(RuntimeWarning, match="`x` .numbers, 4 different, taken as symbols.*`y` .*6 different"):
        found = MUTUAL(x, y)
    assert found == pytest.approx(MUTUAL(np.rint(10 * x).astype(int), np.rint(7 * y).astype(int)), abs=1e-12)
    with pytest.warns(RuntimeWarning, match="taken as symbols"):
        assert info.entropy(x) == pytest.approx(math.log(4), abs=0.01)
    assert info.entropy(x, discrete=False) == pytest.approx(math.log(0.4), abs=0.05)
    labels = info.normalized_mutual_information(x, np.rint(7 * y))
    codes = np.rint(10 * x).astype(int), np.rint(7 * y).astype(int)
    assert labels == pytest.approx(info.normalized_mutual_information(*codes), abs=1e-12)


def test_entropies_of_integers_are_those_of_symbols():
    x = RNG(0).integers(0, 4000, 1500)
    with pytest.warns(RuntimeWarning, match="1500 rows are few for .* `x`: the plug-in entropy is too small"):
        assert info.entropy(x) == pytest.approx(math.log(1250), abs=0.1)
    assert info.entropy(x, discrete=False) == pytest.approx(math.log(4000), abs=0.15)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x, y: MUTUAL(x, y), "combinations of `x`, `y`: the plug-in mutual information is too large"),
        (lambda x, y: CONDITIONAL(x, y, y[::-1]), "`x`, `y`, `z`: the plug-in conditional mutual inform"),
        (lambda x, y: info.transfer_entropy(x, y), "combinations of `source`, `target`, `history`"),
        (lambda x, y: info.conditional_entropy(x, y), "the plug-in conditional entropy is too small"),
        (lambda x, y: info.permutation_test("mutual_information", x, y, permutations=1), "rows are few for"),
        (lambda x, y: info.bootstrap("entropy", x, resamples=2), "100 rows are few for"),
    ],
    ids=["mutual", "conditional", "transfer", "conditional entropy", "test", "bootstrap"],
)
def test_few_rows_for_the_alphabet_are_said(call, text):
    names = np.array([f"name {i}" for i in range(30)])
    x, y = names[RNG(0).integers(0, 30, (2, 100))]
    with pytest.warns(RuntimeWarning, match=text) as caught:
        call(x, y)
    assert caught[0].filename == __file__


def test_nothing_is_said_of_a_constant_of_an_example_or_of_a_named_estimator():
    x = np.array([f"name {i}" for i in range(60)])
    assert MUTUAL(x, np.zeros(60, int)) == 0
    assert info.entropy(x[:10]) == pytest.approx(math.log(10))
    info.entropy(x, "ml"), info.entropy(x, "chao_shen")


# --- what the user says -----------------------------------------------------------------------------------


def test_what_is_said_holds():
    x, y = (np.rint(each).astype(int) for each in gaussians(400, 0.6, 15))
    plug_in = MUTUAL(x.astype(str), y.astype(str), "ml")
    with pytest.warns(RuntimeWarning, match="rows are few"):
        assert MUTUAL(x, y, discrete=True) == pytest.approx(plug_in, abs=1e-12)
    assert MUTUAL(x, y, "ml") == pytest.approx(plug_in, abs=1e-12)
    measured = MUTUAL(x, y, discrete=False)  # without a warning
    assert MUTUAL(x, y, "ksg1", discrete=False) == measured
    with pytest.warns(RuntimeWarning, match="spread over their steps"):
        assert MUTUAL(x, y, "ksg1") == measured
    label = LABEL[:400]
    assert MUTUAL(x, label, discrete=(False, True)) == MUTUAL(x, label, discrete={"x": False})
    assert MUTUAL(label, y, discrete=(False, False)) != MUTUAL(label, y, discrete={"y": False})
    transfer = info.transfer_entropy(x, y, discrete=(False, False))
    assert transfer == info.transfer_entropy(x, y, "ksg1", discrete=False)
    assert info.pairwise([x, y], discrete=[False, False])[0, 1] == measured


def test_floats_that_are_said_to_be_symbols():
    x = [1.5, math.nan, 2.5, 2.5, -0.0, 0.0]
    assert info.entropy(x, discrete=True, nan_policy="omit") == info.entropy([0, 1, 1, 2, 2])
    assert info.kl_divergence([0.5, 1, 1], [0.5, 0.5, 1], discrete=True) == info.kl_divergence(
        [0, 1, 1], [0, 0, 1]
    )
    assert info.kl_divergence([1.0, 2.0], [1, 2], discrete=True) == 0


@pytest.mark.filterwarnings("ignore:.*taken as symbols")
def test_an_integer_column_with_a_missing_value_stays_what_it_is():
    x, y = RNG(0).integers(0, 4, (2, 200))
    expected = MUTUAL(x[1:], y[1:])
    lacking = [np.ma.array(x, mask=np.arange(200) == 0), [None, *x[1:].tolist()], x.astype(object)]
    lacking[-1][0] = None
    lacking.append(np.where(np.arange(200) == 0, np.nan, x))
    for each in lacking:
        assert MUTUAL(each, y, nan_policy="omit") == expected
        assert MUTUAL(each, y, nan_policy="omit", discrete=True) == expected


def test_errors_of_what_is_said():
    with pytest.raises(OptionError, match=r"`discrete` must be True or False, or one .* `x`, `y`, got 1"):
        MUTUAL(LABEL, LABEL, discrete=1)
    with pytest.raises(OptionError, match=r"`discrete` must be .*, got .True, False, True"):
        MUTUAL(LABEL, LABEL, discrete=(True, False, True))
    with pytest.raises(OptionError, match="`discrete` names `z`, the samples are `x`, `y`"):
        MUTUAL(LABEL, LABEL, discrete={"z": True})
    with pytest.raises(DtypeError, match="`y` is text, it cannot be continuous"):
        MUTUAL(LABEL, LABEL.astype(str), discrete=False)
    with pytest.raises(OptionError, match="the same for `target` and `given`"):
        info.transfer_entropy(LABEL, LABEL, given=LABEL, discrete=(True, True, False))


# --- objects and columns of tables ------------------------------------------------------------------------


class Missing:
    """As the NA of data frames: equal to nothing, and without a truth value."""

    def __eq__(self, other):
        return self

    __ne__ = __eq__
    __hash__ = object.__hash__

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")


class Column:
    """A column of a data frame: what it makes of itself as an array, and what its dtype is like."""

    def __init__(self, values, **dtype):
        self.values, self.made = values, object
        self.dtype = type("Dtype", (), dtype)()

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype or self.made)


def test_objects_that_are_numbers_are_these_numbers():
    x, y = gaussians(500, 0.6)
    assert MUTUAL(x.astype(object), y) == MUTUAL(x, y) == MUTUAL(x.tolist(), list(y))
    assert MUTUAL([Decimal(v) for v in x.tolist()], y) == MUTUAL(x, y)
    assert info.entropy(LABEL.astype(object)) == info.entropy(LABEL)
    assert info.entropy(np.array([True, False, None], object), nan_policy="omit") == math.log(2)
    assert info.entropy(np.array([2**70, 1, 2**70, 1], object)) == math.log(2)
    lacking = x.astype(object)
    lacking[:3] = None, math.nan, Missing()
    assert MUTUAL(lacking, y, nan_policy="omit") == MUTUAL(x[3:], y[3:])


@pytest.mark.parametrize("missing", [None, math.nan, Missing()], ids=["None", "NaN", "NA"])
def test_nullable_columns_are_what_they_hold(missing):
    x, y = gaussians(300, 0.6)
    for values in (x, LABEL[:300], LABEL[:300] > 0, LABEL[:300].astype(str)):
        column = Column([missing, *values[1:].tolist()])
        assert MUTUAL(column, y, nan_policy="omit") == MUTUAL(values[1:], y[1:])


def test_nullable_integers_are_no_floats():
    """pandas makes floats of them where no dtype is asked for."""
    column = Column([math.nan, *LABEL[1:300].tolist()], kind="i")
    column.made = float
    assert info.entropy(column, nan_policy="omit") == info.entropy(LABEL[1:300])  # without a warning


def test_categories_are_names_even_where_they_are_numbers():
    codes = RNG(0).integers(0, 40, 300)
    assert info.entropy(Column(codes, categories=[1]), "ml") == pytest.approx(
        info.entropy(codes, "ml"), abs=1e-12
    )
    with pytest.warns(RuntimeWarning, match="rows are few"):
        found = MUTUAL(Column(codes, categories=[1]), LABEL[:300])
    assert found == pytest.approx(MUTUAL(codes, LABEL[:300], "ml"), abs=1e-12)


def test_text_beside_measured_numbers_is_refused():
    both = np.array([["a", 0.5], ["b", 1.5], ["a", 2.25]], object)
    with pytest.raises(DtypeError, match=r"`x` has text beside measured numbers \(column 1\)"):
        info.entropy(both)
    assert info.entropy(both, discrete=True) == math.log(3)


# --- grids, and mixtures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, -3.7, 1e6])
@pytest.mark.parametrize("step", [1.0, 3.0, 0.1, 0.25, 1 / 3, 1e-5, 12.5, math.pi])
def test_the_step_of_a_grid(step, offset):
    numbers = np.unique(RNG(0).integers(0, 500, 200)) * step + offset
    assert _spread.step_of(numbers) == pytest.approx(step, rel=1e-4)
    odd = np.unique(np.r_[numbers[::2], numbers[0] + 6 * step, numbers[0] + 15 * step])
    assert _spread.step_of(odd[:3]) > 0


def test_measured_values_are_on_no_grid():
    for n in (10, 100, 10_000):
        assert _spread.step_of(np.sort(RNG(n).standard_normal(n))) is None
    x, y = gaussians(300, 0.6)
    (same, _), mixtures = _spread.spread("mutual_information", [_samples.read("x", x), _samples.read("y", y)])
    assert np.array_equal(same.values[:, 0], x) and mixtures == []


def test_gaps_larger_than_any_number():
    x, y = gaussians(300, 0.6)
    x[:2] = 1.5e308, -1.5e308
    assert MUTUAL(x, y, standardize=False) == MUTUAL(x, y, standardize=False, noise=0.0)


def test_what_is_spread_can_be_told_from_the_sum():
    x = RNG(0).integers(0, 50, 4000) * 0.1
    (found,), _ = _spread.spread("mutual_information", [_samples.read("x", x)])
    shift = found.values[:, 0] - x
    assert np.abs(shift).max() <= 0.05 + 1e-12 and abs(shift.mean()) < 0.002
    assert shift.std() == pytest.approx(0.1 / math.sqrt(12), rel=0.05)
    assert np.array_equal(np.rint(found.values[:, 0] / 0.1), np.rint(x / 0.1))
    (again,), _ = _spread.spread("mutual_information", [_samples.read("x", x)], seed=1)
    assert not np.array_equal(again.values, found.values)


@MEASURED
def test_values_that_recur_on_no_grid_are_spread_between_their_neighbours():
    places = np.sort(RNG(0).standard_normal(100))
    which = RNG(1).integers(0, 100, 1200)
    x, label = places[which], (which < 40).astype(int)
    assert MUTUAL(x, label) == pytest.approx(info.entropy(label), abs=0.03)
    assert MUTUAL(x, RNG(2).integers(0, 3, 1200)) == pytest.approx(0, abs=0.05)


def test_single_values_in_a_continuum_get_an_estimator_for_mixtures():
    """X is 0 with probability 1/2, else uniform and Y = X: I = H(1/2) + half of what a continuum has."""
    x, y = gaussians(2000, 0.6)
    rain = np.maximum(x, 0)
    with pytest.warns(RuntimeWarning, match="`x` .numbers, .* different; of these often 0.") as caught:
        found = MUTUAL(rain, y)
    assert found == MUTUAL(rain, y, "gao") and len(caught) == 1
    assert found == pytest.approx(0.177, abs=0.03)  # by counting 3 million rows rounded to 1/30
    with pytest.warns(RuntimeWarning, match="of these often 0"):
        assert CONDITIONAL(rain, y, RNG(3).standard_normal(2000)) < 0.25


def test_entropy_of_rounded_values_is_that_at_the_step_they_were_rounded_to():
    x, y = gaussians(3000, 0.6)
    exact = 0.5 * math.log(2 * math.pi * math.e)
    with pytest.warns(RuntimeWarning, match="spread over their steps"):
        assert info.entropy(np.round(x, 1)) == pytest.approx(exact, abs=0.04)
    with pytest.warns(RuntimeWarning, match="spread over their steps"):
        found = info.conditional_entropy(np.round(x, 1), np.round(y, 1))
    assert found == pytest.approx(exact - 0.2231, abs=0.08)
    with pytest.warns(RuntimeWarning, match="the entropy is -inf"):
        assert info.entropy(np.round(x, 1), noise=0.0) == -math.inf
    with pytest.warns(RuntimeWarning, match="the entropy is -inf"):
        assert info.entropy(np.full(9, 0.5)) == -math.inf


def test_noise_is_taken_for_the_spread_of_a_grid():
    x, y = (np.round(each, 1) for each in gaussians(200, 0.6))
    with pytest.warns(RuntimeWarning, match="spread over their steps"):
        value = MUTUAL(x, y)
    assert abs(value - 0.2231) < 0.15
    with pytest.warns(RuntimeWarning, match="values that more than k = 3"):
        assert MUTUAL(x, y, noise=0.0) > value + 0.1
    assert MUTUAL(x, y, noise=1e-6) == pytest.approx(value, abs=0.1)


def test_the_rule_is_what_the_page_says():
    assert (_samples.FEW, _samples.RECURS) == (20, 5)
    assert (_kinds.ROWS, _kinds.SCARCE, _kinds.EXAMPLE) == (20, 5, 20)
    assert (_spread.OFTEN, _spread.SHARE) == (3, 0.01)
