"""Permutation tests and intervals: calibration, power, reproducibility, and agreement with the measures."""

import inspect

import numpy as np
import pytest
from scipy import stats

from nbdl.errors import DataError, DtypeError, OptionError, ShapeError, UsageError
from nbdl.info import (
    adjusted_mutual_information,
    conditional_entropy,
    conditional_mutual_information,
    entropy,
    kl_divergence,
    mutual_information,
    normalized_mutual_information,
    total_correlation,
    v_measure,
    variation_of_information,
)
from nbdl.info._series import active_information_storage, transfer_entropy
from nbdl.info._shuffle import Anywhere, Within
from nbdl.info._significance import bootstrap, permutation_test

pytestmark = pytest.mark.filterwarnings("ignore:.* rows are few")  # of symbols, on purpose

RNG = np.random.default_rng
P4 = [0.4, 0.3, 0.2, 0.1]
MUTUAL, CONDITIONAL = "mutual_information", "conditional_mutual_information"


def labels(n, share, seed=0, symbols=4):
    """Two label arrays, alike in a share of the rows."""
    rng = RNG(seed)
    x, y = rng.integers(0, symbols, (2, n))
    return x, np.where(rng.random(n) < share, x, y)


def gaussians(n, r, seed=0):
    x, y = RNG(seed).standard_normal((2, n))
    return x, r * x + np.sqrt(1 - r * r) * y


def uniform(p_values):
    """Whether p-values on a grid are plausibly uniform: the discreteness makes the test conservative."""
    return stats.kstest(p_values, "uniform").pvalue > 1e-3


# --- permutation tests ------------------------------------------------------------------------------------


def test_peers_error_p_of_zero():
    """A peer gives #{null > estimate} / n, 0 for a clear dependence."""
    x, y = gaussians(200, 0.9)
    found = permutation_test(MUTUAL, x, y, estimator="gaussian", permutations=99)
    assert found.p_value == 1 / 100
    assert found.null.shape == (99,) and found.z_score > 10
    assert permutation_test(MUTUAL, x, y, estimator="gaussian", permutations=1).p_value == 1 / 2


def test_p_and_z_by_their_formulas():
    x, y = labels(80, 0.1)
    found = permutation_test(MUTUAL, x, y, permutations=50, seed=3)
    null = [mutual_information(x[Anywhere(80)(3, number)], y) for number in range(50)]
    np.testing.assert_allclose(found.null, null, atol=1e-13)
    assert found.estimate == pytest.approx(mutual_information(x, y), abs=1e-14)
    assert found.p_value == (1 + sum(v >= found.estimate - 1e-12 for v in null)) / 51
    assert found.z_score == pytest.approx((found.estimate - np.mean(null)) / np.std(null, ddof=1), rel=1e-9)


@pytest.mark.parametrize("correction", ["ml", "miller_madow", "shrink", "grassberger", "chao_shen"])
def test_fixed_margins_change_no_value(correction):
    x, y = labels(150, 0.3)
    z = RNG(9).integers(0, 3, 150)
    order = Anywhere(150)(0, 0)
    found = permutation_test(MUTUAL, x, y, estimator=correction, permutations=1)
    assert found.estimate == pytest.approx(mutual_information(x, y, correction), abs=1e-13)
    assert found.null[0] == pytest.approx(mutual_information(x[order], y, correction), abs=1e-12)
    found = permutation_test(CONDITIONAL, x, y, z, estimator=correction, permutations=1, method="global")
    want = conditional_mutual_information(x[order], y, z, correction)
    assert found.null[0] == pytest.approx(want, abs=1e-12)
    found = permutation_test(CONDITIONAL, x, y, z, estimator=correction, permutations=1)
    want = conditional_mutual_information(x[Within(z[:, None])(0, 0)], y, z, correction)
    assert found.null[0] == pytest.approx(want, abs=1e-12)


CASES = {
    "discrete": lambda seed: ((MUTUAL, *labels(60, 0.0, seed)), {}),
    "gaussian": lambda seed: ((MUTUAL, *gaussians(40, 0.0, seed)), {"estimator": "gaussian"}),
    "copula": lambda seed: ((MUTUAL, *gaussians(40, 0.0, seed)), {"estimator": "gaussian_copula"}),
    "binned": lambda seed: ((MUTUAL, *gaussians(60, 0.0, seed)), {"estimator": "binned", "bins": 4}),
    "ksg": lambda seed: ((MUTUAL, *gaussians(40, 0.0, seed)), {"estimator": "ksg1"}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_null_is_calibrated(case):
    p = []
    for seed in range(100):
        arguments, options = CASES[case](seed)
        p.append(permutation_test(*arguments, permutations=19, seed=seed, threads=1, **options).p_value)
    assert uniform(p)
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 100)


def test_shuffles_within_symbols_keep_what_a_condition_explains():
    """X and Y are noisy copies of Z: dependent, but not given Z."""
    given, alone = [], []
    for seed in range(150):
        rng = RNG(seed)
        z = rng.integers(0, 3, 200)
        x, y = (np.where(rng.random(200) < 0.5, z, rng.integers(0, 3, 200)) for _ in range(2))
        options = {"permutations": 19, "seed": seed, "threads": 1}
        given.append(permutation_test(CONDITIONAL, x, y, z, **options).p_value)
        alone.append(permutation_test(MUTUAL, x, y, **options).p_value)
    assert uniform(given)
    assert np.mean(np.array(alone) <= 0.05) > 0.9


def test_near_neighbours_keep_what_a_continuous_condition_explains():
    """X and Y follow a wave of Z, which the Gaussian estimate cannot take away."""
    near, everywhere = [], []
    for seed in range(25):
        x, y, z = RNG(seed).standard_normal((3, 400))
        x, y = x + 2 * np.cos(2 * z), y + 2 * np.cos(2 * z)
        options = {"estimator": "gaussian", "permutations": 19, "seed": seed, "threads": 1}
        near.append(permutation_test(CONDITIONAL, x, y, z, **options).p_value)
        everywhere.append(permutation_test(CONDITIONAL, x, y, z, method="global", **options).p_value)
    assert np.mean(np.array(everywhere) <= 0.05) == 1
    assert np.mean(np.array(near) <= 0.05) <= 0.2


def test_blocks_keep_what_series_remember():
    """Two independent walks that remember: rows are alike because they are near."""
    blocks, rows = [], []
    for seed in range(40):
        x, y = RNG(seed).standard_normal((2, 400))
        for t in range(1, 400):
            x[t] += 0.9 * x[t - 1]
            y[t] += 0.9 * y[t - 1]
        options = {"estimator": "gaussian", "permutations": 19, "seed": seed, "threads": 1}
        rows.append(permutation_test(MUTUAL, x, y, **options).p_value)
        blocks.append(permutation_test(MUTUAL, x, y, block=50, **options).p_value)
    assert np.mean(np.array(rows) <= 0.05) > 0.3
    assert np.mean(np.array(blocks) <= 0.05) < 0.25


@pytest.mark.parametrize(
    "measure, estimator, options",
    [
        (MUTUAL, "gaussian", {}),
        (MUTUAL, "binned", {"bins": 5, "method": "block"}),
        (MUTUAL, "ksg1", {"k": 4}),
        (MUTUAL, "ksg1", {"theiler": 3, "method": "block"}),
        (CONDITIONAL, "gaussian_copula", {"neighbours": 7}),
        ("transfer_entropy", None, {}),
        ("transfer_entropy", "ordinal", {}),
        ("transfer_entropy", "gaussian", {"history": 2, "lag": 2}),
        ("active_information_storage", "binned", {"bins": 3, "history": 2}),
    ],
)
def test_same_bits_for_any_number_of_threads(monkeypatch, measure, estimator, options):
    monkeypatch.setattr("nbdl._cores.cores", lambda: 8)
    samples = RNG(0).standard_normal((3, 120))
    number = {MUTUAL: 2, CONDITIONAL: 3, "transfer_entropy": 2, "active_information_storage": 1}[measure]
    results = [
        permutation_test(
            measure, *samples[:number], estimator=estimator, permutations=20, threads=threads, **options
        )
        for threads in (1, 2, 3)
    ]
    for other in results[1:]:
        assert other[:3] == results[0][:3]
        np.testing.assert_array_equal(other.null, results[0].null)
    intervals = [
        bootstrap(measure, *samples[:number], estimator=estimator, resamples=10, threads=threads,
                  **{k: v for k, v in options.items() if k not in ("method", "neighbours")})
        for threads in (1, 2, 3)
    ]  # fmt: skip
    for other in intervals[1:]:
        assert other[:4] == intervals[0][:4]


def test_series():
    x, y = RNG(0).standard_normal((2, 500))
    y[1:] += 0.5 * x[:-1]
    for options in ({"estimator": "gaussian"}, {"estimator": "ordinal"}, {"estimator": "binned", "bins": 3}):
        there = permutation_test("transfer_entropy", x, y, permutations=49, **options)
        assert there.estimate == pytest.approx(transfer_entropy(x, y, **options), abs=1e-13)
        assert there.p_value == 1 / 50
    back = permutation_test("transfer_entropy", y, x, estimator="gaussian", permutations=49)
    assert back.p_value > 1 / 50
    found = permutation_test("active_information_storage", x, estimator="gaussian", permutations=49)
    assert found.estimate == active_information_storage(x, "gaussian")
    assert found.p_value > 0.05
    coin = RNG(1).integers(0, 2, 300)
    assert permutation_test("transfer_entropy", coin, np.roll(coin, 1), permutations=49).p_value == 1 / 50


@pytest.mark.parametrize("estimator", ["ksg1", "gaussian_copula"])
def test_what_an_estimator_does_once_changes_no_value(estimator):
    x, y, z = RNG(0).standard_normal((3, 150))
    order = Anywhere(150)(0, 0)
    found = permutation_test(MUTUAL, x, y, estimator=estimator, permutations=1)
    assert found.estimate == mutual_information(x, y, estimator)
    assert found.null[0] == pytest.approx(mutual_information(x[order], y, estimator), abs=1e-13)
    found = permutation_test(CONDITIONAL, x, y, z, estimator=estimator, permutations=1, method="global")
    want = conditional_mutual_information(x[order], y, z, estimator)
    assert found.null[0] == pytest.approx(want, abs=1e-13)


def test_mixed_data():
    group = RNG(0).integers(0, 2, 200)
    x = RNG(1).standard_normal(200) + 2 * group
    assert permutation_test(MUTUAL, x, group, permutations=19).p_value == 1 / 20
    assert permutation_test(MUTUAL, group, x, permutations=19).p_value == 1 / 20
    noise = RNG(2).standard_normal(200)
    assert permutation_test(MUTUAL, noise, group, permutations=19).p_value > 1 / 20


def test_peers_error_undersampling_goes_unnoticed():
    """A peer's transfer entropy of noise, 0.80 nats, went unnoticed: p says what it is."""
    x, y = RNG(2).integers(0, 10, (2, 200))
    found = permutation_test("transfer_entropy", x, y, permutations=99)
    assert found.estimate > 0.8 and found.p_value > 0.05


def test_base_and_missing_values():
    x, y = gaussians(100, 0.5)
    nats = permutation_test(MUTUAL, x, y, estimator="gaussian", permutations=9)
    bits = permutation_test(MUTUAL, x, y, estimator="gaussian", permutations=9, base=2)
    assert bits.estimate == pytest.approx(nats.estimate / np.log(2), abs=1e-15)
    assert bits[1:3] == nats[1:3]
    x[3] = np.nan
    with pytest.raises(DataError, match="missing"):
        permutation_test(MUTUAL, x, y, estimator="gaussian")
    found = permutation_test(MUTUAL, x, y, estimator="gaussian", permutations=9, nan_policy="omit")
    assert found.estimate == mutual_information(np.delete(x, 3), np.delete(y, 3), "gaussian")


def test_a_constant_column():
    found = permutation_test(MUTUAL, np.ones(50, int), RNG(0).integers(0, 3, 50), permutations=19)
    assert found.estimate == 0 and found.p_value == 1 and np.isnan(found.z_score)
    found = permutation_test(
        MUTUAL, np.ones(50), RNG(0).standard_normal(50), estimator="gaussian", permutations=19
    )
    assert found.estimate == 0 and found.p_value == 1


# --- other measures of dependence, and of difference ------------------------------------------------------


AGREEMENT = {
    "normalized_mutual_information": normalized_mutual_information,
    "adjusted_mutual_information": adjusted_mutual_information,
    "variation_of_information": variation_of_information,
    "v_measure": v_measure,
}


@pytest.mark.parametrize("estimator", ["ml", "miller_madow"])
def test_conditional_entropy_is_small_where_samples_depend(estimator):
    x, y = labels(150, 0.4)
    options = {"estimator": estimator, "permutations": 60, "seed": 2}
    found = permutation_test("conditional_entropy", x, y, **options)
    same = permutation_test(MUTUAL, x, y, **options)
    assert found.estimate == pytest.approx(conditional_entropy(x, y, estimator), abs=1e-13)
    assert found.p_value == same.p_value == 1 / 61
    assert found.z_score == pytest.approx(-same.z_score, rel=1e-6)
    x, y = labels(150, 0.0)
    assert permutation_test("conditional_entropy", x, y, **options).p_value > 1 / 20


def test_conditional_entropy_of_continuous_samples():
    x, y = gaussians(200, 0.8)
    found = permutation_test("conditional_entropy", x, y, "gaussian", permutations=19)
    assert found.estimate == pytest.approx(conditional_entropy(x, y, "gaussian"), abs=1e-13)
    assert found.p_value == 1 / 20 and found.z_score < -5


@pytest.mark.parametrize("name", AGREEMENT)
@pytest.mark.parametrize("options", [{}, {"mean": "geometric"}, {"mean": "joint"}, {"beta": 0.3}])
def test_agreement_of_labels_by_shuffling_them(name, options):
    if set(options) - set(inspect.signature(AGREEMENT[name]).parameters):
        with pytest.raises(UsageError, match=f"`{name}` has no option"):
            permutation_test(name, [0, 1], [0, 1], permutations=1, **options)
        return
    x, y = labels(90, 0.5)
    found = permutation_test(name, x, y, permutations=25, seed=4, **options)
    null = [AGREEMENT[name](x[Anywhere(90)(4, number)], y, **options) for number in range(25)]
    assert found.estimate == pytest.approx(AGREEMENT[name](x, y, **options), abs=1e-12)
    np.testing.assert_allclose(found.null, null, atol=1e-12)
    assert found.p_value == 1 / 26


def test_agreement_of_labels_has_no_unit_but_the_distance():
    x, y = labels(60, 0.5)
    with pytest.raises(OptionError, match="has no unit, got `base` 2"):
        permutation_test("normalized_mutual_information", x, y, base=2)
    bits = permutation_test("variation_of_information", x, y, permutations=3, base=2)
    assert bits.estimate == pytest.approx(variation_of_information(x, y, base=2), abs=1e-12)
    with pytest.raises(UsageError, match="takes no estimator"):
        permutation_test("v_measure", x, y, "chao_shen")


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("estimator", ["ml", "gaussian", "ksg1"])
def test_total_correlation_moves_all_samples_but_the_last(estimator, number):
    rng = RNG(number)
    xs = rng.standard_normal((number, 80)) + rng.standard_normal(80)
    xs = list((xs > 0).astype(int) if estimator == "ml" else xs)
    found = permutation_test("total_correlation", *xs, estimator=estimator, permutations=19, seed=5)
    assert found.estimate == pytest.approx(total_correlation(*xs, estimator=estimator), abs=1e-12)
    order = Anywhere(80)
    moved = [x[order(5, 3 * (number - 1) + i)] for i, x in enumerate(xs[:-1])] + [xs[-1]]
    want = total_correlation(*moved, estimator=estimator)
    assert found.null[3] == pytest.approx(want, abs=1e-12)
    assert found.p_value == 1 / 20


def test_total_correlation_of_two_is_their_mutual_information():
    x, y = labels(70, 0.2)
    found = permutation_test("total_correlation", x, y, permutations=30)
    want = permutation_test(MUTUAL, x, y, permutations=30)
    np.testing.assert_allclose(found.null, want.null, atol=1e-12)


def test_divergence_deals_the_rows_of_both_again():
    x, y = RNG(0).choice(3, 80, p=[0.5, 0.3, 0.2]), RNG(1).choice(3, 50, p=[0.2, 0.3, 0.5])
    found = permutation_test("kl_divergence", x, y, permutations=40, seed=6)
    assert found.estimate == pytest.approx(kl_divergence(x, y), abs=1e-13)
    both = np.concatenate([x, y])[Anywhere(130)(6, 7)]
    assert found.null[7] == pytest.approx(kl_divergence(both[:80], both[80:]), abs=1e-13)
    assert found.p_value < 0.05
    text = np.array(["a", "b", "c"])
    assert (
        permutation_test("kl_divergence", text[x], text[y], permutations=40, seed=6).p_value == found.p_value
    )


def test_divergence_of_a_symbol_that_is_missing_is_infinite_and_has_a_p_value():
    x, y = np.array([0, 1, 2] * 10), np.array([0, 1] * 20)
    found = permutation_test("kl_divergence", x, y, permutations=19)
    assert found.estimate == found.z_score == np.inf
    assert 1 / 20 <= found.p_value < 0.5


def test_divergence_test_holds_its_level_and_has_power():
    p = []
    for seed in range(100):
        x, y = RNG(seed).standard_normal((2, 40))
        p.append(permutation_test("kl_divergence", x, y, permutations=19, seed=seed, threads=1).p_value)
    assert uniform(p)
    shifted = permutation_test("kl_divergence", x, y[:30] + 1.5, permutations=99)
    assert shifted.p_value <= 0.02
    with pytest.raises(OptionError, match='"global" alone'):
        permutation_test("kl_divergence", x, y, block=5)


def test_the_name_of_an_estimator_may_come_last():
    x, y = gaussians(50, 0.5)
    want = permutation_test(MUTUAL, x, y, estimator="gaussian", permutations=9)
    assert permutation_test(MUTUAL, x, y, "gaussian", permutations=9).p_value == want.p_value
    assert bootstrap(MUTUAL, x, y, "gaussian", resamples=9).low == (
        bootstrap(MUTUAL, x, y, estimator="gaussian", resamples=9).low
    )
    with pytest.raises(OptionError, match="two estimators"):
        permutation_test(MUTUAL, x, y, "gaussian", estimator="ksg1")


# --- intervals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draw, measure, estimator, truth",
    [
        (lambda seed: gaussians(400, 0.6, seed), MUTUAL, "gaussian", -np.log(1 - 0.36) / 2),
        (lambda seed: (RNG(seed).standard_normal(400),), "entropy", "gaussian", 1.4189385332),
        (lambda seed: (RNG(seed).choice(4, 400, p=P4),), "entropy", "miller_madow", 1.2798542258),
    ],
)  # fmt: skip
def test_intervals_cover_the_truth(draw, measure, estimator, truth):
    hits = 0
    for seed in range(60):
        found = bootstrap(measure, *draw(seed), estimator=estimator, resamples=60, level=0.9, threads=1)
        assert found.low <= found.estimate <= found.high
        hits += found.low <= truth <= found.high
    assert 45 <= hits < 60


def test_standard_error():
    estimates = [entropy(RNG(seed).choice(3, 300, p=[0.6, 0.3, 0.1])) for seed in range(400)]
    found = bootstrap("entropy", RNG(0).choice(3, 300, p=[0.6, 0.3, 0.1]), resamples=400)
    assert found.standard_error == pytest.approx(np.std(estimates), rel=0.2)
    assert found.values.shape == (400,)
    bits = bootstrap("entropy", RNG(0).choice(3, 300, p=[0.6, 0.3, 0.1]), resamples=400, base=2)
    assert bits.high == pytest.approx(found.high / np.log(2), abs=1e-12)


def test_blocks_widen_the_interval_of_a_series():
    x, y = RNG(0).standard_normal((2, 1000))
    for t in range(1, 1000):
        x[t] += 0.95 * x[t - 1]
        y[t] += 0.95 * y[t - 1]
    wide = bootstrap(MUTUAL, x, y, estimator="gaussian", resamples=200, block=50)
    narrow = bootstrap(MUTUAL, x, y, estimator="gaussian", resamples=200)
    assert wide.standard_error > 2 * narrow.standard_error


# --- bad input --------------------------------------------------------------------------------------------


def test_what_is_found_prints_in_short():
    x, y = gaussians(60, 0.5)
    text = repr(permutation_test("mutual_information", x, y, estimator="gaussian", permutations=500))
    assert text.startswith("PermutationTest(estimate=0.") and text.endswith("null=<500 estimates>)")
    text = repr(bootstrap("mutual_information", x, y, estimator="gaussian", resamples=50))
    assert (
        text.startswith("Interval(estimate=0.")
        and text.endswith("values=<50 estimates>)")
        and len(text) < 110
    )


def test_neighbours_where_none_are_asked_for_are_refused():
    x, y = gaussians(60, 0.5)
    with pytest.raises(OptionError, match=r'`neighbours` are for method "local" .* got method "global"'):
        permutation_test("mutual_information", x, y, neighbours=7)
    labels = np.arange(60) % 3
    with pytest.raises(OptionError, match=r"`neighbours` are for .* got a condition of symbols"):
        permutation_test("conditional_mutual_information", labels, labels, labels, neighbours=7)


def test_bad_input():
    x, y = gaussians(20, 0.5)
    with pytest.raises(UsageError, match=r"`measure` must be one of .*mutual_information, .*, got 'mi'"):
        permutation_test("mi", x, y)
    with pytest.raises(ShapeError, match="`mutual_information` takes 2 samples, got 3"):
        permutation_test(MUTUAL, x, y, x)
    with pytest.raises(UsageError, match=r"`measure` must be one of .*, got 'entropy'"):
        permutation_test("entropy", x, estimator="gaussian")
    with pytest.raises(OptionError, match="`permutations` must be at least 1, got 0"):
        permutation_test(MUTUAL, x, y, permutations=0)
    with pytest.raises(DtypeError, match="`seed` must be an integer, got None"):
        permutation_test(MUTUAL, x, y, seed=None)
    with pytest.raises(OptionError, match="`seed` must be at least 0, got -1"):
        permutation_test(MUTUAL, x, y, seed=-1)
    with pytest.raises(OptionError, match="`method` must be"):
        permutation_test(MUTUAL, x, y, estimator="gaussian", method="cyclic")
    with pytest.raises(OptionError, match=r'`method` "local" is for measures with a condition'):
        permutation_test(MUTUAL, x, y, estimator="gaussian", method="local")
    with pytest.raises(OptionError, match="`block` must be from 1 to less than the 20 rows, got 20"):
        permutation_test(MUTUAL, x, y, estimator="gaussian", block=20)
    with pytest.raises(OptionError, match='`block` is for method "block"'):
        permutation_test(MUTUAL, x, y, estimator="gaussian", block=2, method="global")
    with pytest.raises(OptionError, match='`nan_policy` must be "raise" or "omit"'):
        permutation_test(MUTUAL, x, y, nan_policy="propagate")
    with pytest.raises(OptionError, match="`weights` are for one estimate"):
        permutation_test(MUTUAL, x, y, estimator="gaussian", weights=np.ones(20))
    with pytest.raises(OptionError, match="`threads` must be"):
        permutation_test(MUTUAL, x, y, estimator="gaussian", threads=0)
    with pytest.raises(OptionError, match="`level` must be between 0 and 1, got 95"):
        bootstrap(MUTUAL, x, y, level=95)
    with pytest.raises(OptionError, match="`block` must leave at least 2 blocks of 20 rows, got 20"):
        bootstrap(MUTUAL, x, y, estimator="gaussian", block=20)


def test_shuffles_and_resamples_do_not_repeat_what_the_estimate_has_said():
    rng = np.random.default_rng(0)
    x, zeros = rng.standard_normal(100) > 0, np.where(rng.random(100) < 0.4, 0, rng.standard_normal(100))
    for ask in (
        lambda: permutation_test("mutual_information", x, zeros, "ross", permutations=9),
        lambda: bootstrap("mutual_information", x, zeros, "ross", resamples=9),
    ):
        with pytest.warns(RuntimeWarning, match="ross: 3. % of `y`") as caught:
            ask()
        assert [w.filename for w in caught] == [__file__]


def test_infinite_estimates_have_no_interval():
    x = np.random.default_rng(0).standard_normal(50)
    with pytest.raises(DataError, match=r"`mutual_information` is inf of all rows.* no interval"):
        bootstrap("mutual_information", x, 2 * x, "gaussian", resamples=9)
