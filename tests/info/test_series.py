"""Transfer entropy, storage and lags: closed forms, direction, embeddings, estimators, what they refuse."""

import numpy as np
import pytest

from nbdl.errors import DataError, DtypeError, OptionError, ShapeError, UsageError
from nbdl.info import (
    bootstrap,
    conditional_mutual_information,
    mutual_information,
    permutation_test,
)
from nbdl.info._series import active_information_storage, embed, lagged, transfer_entropy

RNG = np.random.default_rng
TRUTH = 0.1993880600  # y_t = 0.5 y_{t-1} + 0.7 x_{t-1} + e: log(1 + 0.7^2) / 2


def driven(n, b=0.7, lag=1, seed=0):
    """White x, and y_t = y_{t-1} / 2 + b x_{t-lag} + e_t."""
    x, y = RNG(seed).standard_normal((2, n))
    for t in range(1, n):
        y[t] += 0.5 * y[t - 1] + (b * x[t - lag] if t >= lag else 0)
    return x, y


@pytest.mark.parametrize("estimator", ["gaussian", "gaussian_copula"])
def test_closed_form_of_a_linear_process(estimator):
    x, y = driven(50_000)
    assert transfer_entropy(x, y, estimator) == pytest.approx(TRUTH, abs=0.01)
    assert transfer_entropy(y, x, estimator) == pytest.approx(0, abs=1e-3)


def test_closed_form_with_bins_and_in_bits():
    x, y = driven(200_000)
    got = transfer_entropy(x, y, "binned", bins=12)
    assert got == pytest.approx(TRUTH, abs=0.03)
    assert transfer_entropy(x, y, "binned", bins=12, base=2) == pytest.approx(got / np.log(2), abs=1e-14)


def test_closed_form_by_neighbours():
    x, y = driven(20_000)
    assert transfer_entropy(x, y) == pytest.approx(TRUTH, abs=0.03)
    assert transfer_entropy(y, x) == pytest.approx(0, abs=0.01)
    assert transfer_entropy(x, y, "ksg1", k=8, theiler=5) == pytest.approx(TRUTH, abs=0.03)


def test_a_theiler_window_is_passed_on():
    """What is near because it is recent: a smooth series seems to tell much about another."""
    x, y = np.cumsum(RNG(0).standard_normal((2, 2000)), axis=1)
    near = lagged("mutual_information", x, y, [0, 5], "ksg1")
    far = lagged("mutual_information", x, y, [0, 5], "ksg1", theiler=100)
    assert (far < near - 0.3).all()
    want = mutual_information(x[:-5], y[5:], "ksg1", theiler=100)
    assert lagged("mutual_information", x, y, [5], "ksg1", theiler=100)[0] == want


def test_ordinal_patterns_show_the_direction():
    x, y = driven(20_000)
    assert transfer_entropy(x, y, "ordinal") > 5 * transfer_entropy(y, x, "ordinal")


def test_a_copy_of_a_coin_is_one_bit():
    x = RNG(0).integers(0, 2, 5000)
    y = np.roll(x, 1)
    y[0] = 0
    assert transfer_entropy(x, y, base=2) == pytest.approx(1, abs=1e-3)
    assert transfer_entropy(y, x, base=2) == pytest.approx(0, abs=1e-3)
    assert transfer_entropy(x, y, base=2, lag=2) == pytest.approx(0, abs=1e-3)
    text = np.array(["tail", "head"])
    assert transfer_entropy(text[x], text[y]) == pytest.approx(transfer_entropy(x, y), abs=1e-14)


def test_exclusive_or_needs_both_sources():
    x, z = RNG(1).integers(0, 2, (2, 20_000))
    y = np.append(0, (x ^ z)[:-1])
    assert transfer_entropy(x, y, base=2) == pytest.approx(0, abs=1e-3)
    assert transfer_entropy(x, y, base=2, given=z) == pytest.approx(1, abs=1e-3)


def test_what_is_estimated():
    """By hand: t from 5 on, y at t - 1 and t - 3, x at t - 2 and t - 4 and z at t - 1, t - 3, t - 5."""
    x, y, z = RNG(2).standard_normal((3, 200))
    t = np.arange(5, 200)
    known = np.column_stack([y[t - 1], y[t - 3], z[t - 1], z[t - 3], z[t - 5]])
    want = conditional_mutual_information(np.column_stack([x[t - 2], x[t - 4]]), y[t], known, "gaussian")
    got = transfer_entropy(
        x, y, "gaussian", given=z, history=2, source_history=2, given_history=3, lag=2, step=2
    )
    assert got == want


def test_local_values_average_to_the_estimate():
    x, y = driven(300)
    for options in ({"estimator": "gaussian"}, {"estimator": "binned", "bins": 4}, {"estimator": "ordinal"}):
        local = transfer_entropy(x, y, local=True, history=2, **options)
        assert local.mean() == pytest.approx(transfer_entropy(x, y, history=2, **options), abs=1e-13)
        local = active_information_storage(x, local=True, history=3, **options)
        assert local.mean() == pytest.approx(active_information_storage(x, history=3, **options), abs=1e-13)


def test_storage():
    """I(y_t; y_{t-1}) of an autoregressive process: -log(1 - 0.5^2) / 2; of a cycle all its entropy."""
    _, y = driven(50_000, b=0)
    want = -np.log(1 - 0.25) / 2
    assert active_information_storage(y, "gaussian") == pytest.approx(want, abs=0.01)
    assert active_information_storage(y, "gaussian", history=3) == pytest.approx(want, abs=0.01)
    assert active_information_storage([0, 1, 2, 3] * 100 + [0], base=2) == pytest.approx(2, abs=1e-12)


def test_embed():
    x = np.arange(8)
    assert embed(x, 2).tolist() == [[t, t - 1] for t in range(1, 8)]
    assert embed(x, 3, step=2, lag=1).tolist() == [[t - 1, t - 3, t - 5] for t in range(5, 8)]
    both = np.column_stack([x, -x])
    assert embed(both, 2).tolist() == [[t, -t, t - 1, 1 - t] for t in range(1, 8)]


@pytest.mark.parametrize("estimator, options", [("gaussian", {}), ("binned", {"bins": 6}), ("ordinal", {})])
def test_lags_find_the_delay(estimator, options):
    x, y = driven(4000, lag=3)
    te = lagged("transfer_entropy", x, y, 6, estimator, **options)
    mi = lagged("mutual_information", x, y, range(-2, 7), estimator, **options)
    assert te.shape == (6,) and te.argmax() == 2
    assert mi.shape == (9,) and mi.argmax() == 5


def test_all_lags_have_the_same_times():
    x, y = RNG(3).standard_normal((2, 100))
    got = lagged("mutual_information", x, y, [-2, 0, 3], "gaussian")
    t = np.arange(3, 98)
    want = [mutual_information(x[t - lag], y[t], "gaussian") for lag in (-2, 0, 3)]
    np.testing.assert_array_equal(got, want)
    assert lagged("mutual_information", x, y, 4, "gaussian").shape == (5,)
    got = lagged("transfer_entropy", x, y, [1, 4], "gaussian", history=2)
    assert got[1] == transfer_entropy(x, y, "gaussian", history=2, lag=4)
    t = np.arange(4, 100)
    past = np.column_stack([y[t - 1], y[t - 2]])
    assert got[0] == conditional_mutual_information(x[t - 1], y[t], past, "gaussian")


def test_a_condition_of_each_lag():
    """x and y follow z: what they share is gone where it is known, at the lag 0; in the past it is not."""
    x, y, z = RNG(0).standard_normal((3, 4000))
    x, y = x + z, y + z
    found = lagged("mutual_information", x, y, [-1, 0, 2], "gaussian", given=z)
    t = np.arange(2, 3999)
    want = [conditional_mutual_information(x[t - lag], y[t], z[t], "gaussian") for lag in (-1, 0, 2)]
    np.testing.assert_array_equal(found, want)
    assert abs(found[1]) < 2e-3 and lagged("mutual_information", x, y, [0], "gaussian")[0] > 0.1
    found = lagged("transfer_entropy", x, y, [1, 2], "gaussian", given=z, given_history=2)
    assert found[1] == transfer_entropy(x, y, "gaussian", given=z, given_history=2, lag=2)


@pytest.mark.parametrize("estimator", ["gaussian", "binned", "ordinal", "ml"])
def test_a_mask_says_which_times_count(estimator):
    """As if nothing had been measured then; and values that do not count may be anything."""
    x, y = driven(600)
    z = np.roll(y, 1)
    if estimator == "ml":
        x, y, z = (np.digitize(v, [-0.5, 0.5]) for v in (x, y, z))
    mask = np.arange(600) % 60 != 31
    missing = [np.ma.array(v, mask=~mask) for v in (x, y, z)]
    wild = [np.where(mask, v, 10**6) for v in (x, y, z)]
    for measure in ("mutual_information", "transfer_entropy"):
        for given in ({}, {"given": 2}):
            calls = [
                lagged(measure, *s[:2], 2, estimator, **{k: s[i] for k, i in given.items()}, **more)
                for s, more in (
                    (missing, {"nan_policy": "omit"}),
                    ((x, y, z), {"mask": mask}),
                    (wild, {"mask": mask}),
                )
            ]
            for found in calls[1:]:
                np.testing.assert_array_equal(found, calls[0])
    if estimator == "gaussian":
        t = np.setdiff1d(np.arange(1, 600), [s + i for s in np.flatnonzero(~mask) for i in (0, 1)])
        want = mutual_information(x[t - 1], y[t], "gaussian")
        assert lagged("mutual_information", x, y, [1], "gaussian", mask=mask)[0] == pytest.approx(
            want, abs=1e-12
        )
        x[3] = np.nan
        with pytest.raises(DataError, match="`x` has 1 rows with missing values"):
            lagged("mutual_information", x, y, 2, "gaussian", mask=mask)
    with pytest.raises(ShapeError, match=r"`mask` must have shape \(600,\)"):
        lagged("mutual_information", x, y, 2, mask=mask[1:])


# --- trials -----------------------------------------------------------------------------------------------


def cut(x, ends):
    return np.split(x, ends)


@pytest.mark.filterwarnings("ignore:.* rows are few")  # of symbols, on purpose
@pytest.mark.parametrize("estimator", [None, "gaussian"])
def test_no_history_reaches_into_the_trial_before(estimator):
    """The rows of all trials together are those that each trial has by itself."""
    rng, ends = RNG(6), [7, 30, 100]
    x, y, z = rng.standard_normal((3, 160)) if estimator else rng.integers(0, 2, (3, 160))
    trials = np.repeat(["a", "b", "a", "c"], np.diff([0, *ends, 160]))
    options = {"history": 2, "step": 2, "lag": 3}
    parts = []
    for xs, ys, zs in zip(cut(x, ends), cut(y, ends), cut(z, ends)):
        t = np.arange(3, len(ys))
        known = np.column_stack([ys[t - 1], ys[t - 3], zs[t - 1]])
        parts.append((xs[t - 3], ys[t], known))
    want = conditional_mutual_information(*(np.concatenate(p) for p in zip(*parts)), estimator)
    assert transfer_entropy(x, y, estimator, given=z, trials=trials, **options) == want
    local = transfer_entropy(x, y, "gaussian" if estimator else "ml", trials=trials, local=True)
    assert local.shape == (160 - 4,)


def test_storage_embedding_and_lags_of_trials():
    x, trials = RNG(0).standard_normal(60), np.repeat([0, 1, 2], [10, 30, 20])
    y = np.roll(x, 2) + 0.1
    parts = [embed(part, 2, step=3, lag=1) for part in cut(x, [10, 40])]
    np.testing.assert_array_equal(embed(x, 2, step=3, lag=1, trials=trials), np.concatenate(parts))
    past = np.concatenate([np.column_stack([p[3:-1], p[:-4]]) for p in cut(x, [10, 40])])
    want = mutual_information(np.concatenate([p[4:] for p in cut(x, [10, 40])]), past, "gaussian")
    assert active_information_storage(x, "gaussian", history=2, step=3, trials=trials) == want
    scan = lagged("mutual_information", x, y, [-1, 0, 2], "gaussian", trials=trials)
    rows = [np.concatenate([p[2 - lag : len(p) - 1 - lag] for p in cut(x, [10, 40])]) for lag in (-1, 0, 2)]
    target = np.concatenate([p[2:-1] for p in cut(y, [10, 40])])
    np.testing.assert_array_equal(scan, [mutual_information(r, target, "gaussian") for r in rows])


def test_no_ordinal_pattern_reaches_into_the_next_trial():
    """Two trials of a rising series: one pattern in each; across the cut there would be falling ones."""
    x = np.append(np.arange(50.0), np.arange(50.0))
    assert active_information_storage(x, "ordinal") > 0
    assert active_information_storage(x, "ordinal", trials=np.repeat([0, 1], 50)) == 0
    u, v = driven(6000)
    trials = np.repeat(np.arange(60), 100)
    whole = transfer_entropy(u, v, "ordinal", lag=1)
    assert transfer_entropy(u, v, "ordinal", trials=trials) == pytest.approx(whole, rel=0.1)
    assert transfer_entropy(u, v, "binned", bins=4, trials=trials) == pytest.approx(
        transfer_entropy(u, v, "binned", bins=4), rel=0.1
    )


def test_one_trial_is_no_trial_and_short_trials_are_refused():
    x, y = driven(200)
    assert transfer_entropy(x, y, "gaussian", trials=np.zeros(200)) == transfer_entropy(x, y, "gaussian")
    with pytest.raises(ShapeError, match="no trial has more than the 4 samples"):
        transfer_entropy(x, y, "gaussian", history=4, trials=np.arange(200) // 4)
    with pytest.raises(ShapeError, match="no trial has the 3 samples that a symbol"):
        transfer_entropy(x, y, "ordinal", trials=np.arange(200) // 2)
    with pytest.raises(ShapeError, match=r"`trials` must have shape \(200,\)"):
        transfer_entropy(x, y, trials=[0, 1])
    with pytest.raises(DataError, match="`trials` has 1 rows with missing values"):
        transfer_entropy(x, y, trials=np.append(np.nan, np.ones(199)))
    with pytest.raises(UsageError, match="`trials` are for measures of series"):
        permutation_test("mutual_information", x, y, trials=np.zeros(200))


def test_trials_have_p_values_and_intervals():
    x, y = driven(300, b=1.0)
    trials = np.arange(300) // 50
    want = transfer_entropy(x, y, "gaussian", trials=trials)
    found = permutation_test("transfer_entropy", x, y, "gaussian", trials=trials, permutations=19)
    assert found.estimate == pytest.approx(want, abs=1e-13) and found.p_value == 1 / 20
    found = bootstrap("transfer_entropy", x, y, "gaussian", trials=trials, resamples=20)
    assert found.estimate == pytest.approx(want, abs=1e-13)


def test_missing_values():
    x, y = driven(400)
    gap = y.copy()
    gap[100] = np.nan
    with pytest.raises(DataError, match="missing"):
        transfer_entropy(x, gap, "gaussian")
    assert np.isnan(transfer_entropy(x, gap, "gaussian", nan_policy="propagate"))
    t = np.delete(np.arange(1, 400), [99, 100])  # neither the value nor the next one's past
    want = conditional_mutual_information(x[t - 1], y[t], y[t - 1], "gaussian")
    assert transfer_entropy(x, gap, "gaussian", nan_policy="omit") == want
    masked = np.ma.masked_invalid(gap)
    assert transfer_entropy(x, masked, "gaussian", nan_policy="omit") == want
    with pytest.raises(DataError, match="missing"):
        transfer_entropy(x, gap, "ordinal")


@pytest.mark.parametrize("estimator", ["ordinal", "binned", "gaussian"])
def test_nothing_is_joined_across_a_gap(estimator):
    """A gap between two series is as good as an end and a beginning: whatever has been put there."""
    x, y = driven(3000)
    broken = y.copy()
    broken[[700, 1500, 1501]] = np.nan
    whole = transfer_entropy(x, y, estimator)
    assert transfer_entropy(x, broken, estimator, nan_policy="omit") == pytest.approx(whole, abs=3e-3)
    assert lagged("mutual_information", broken, y, 2, estimator, nan_policy="omit") == pytest.approx(
        lagged("mutual_information", y, y, 2, estimator), abs=0.01
    )
    assert active_information_storage(broken, estimator, nan_policy="omit") == pytest.approx(
        active_information_storage(y, estimator), abs=3e-3
    )
    masked = np.ma.array(np.where(np.isnan(broken), 1e9, broken), mask=np.isnan(broken))
    for measure in (transfer_entropy, lambda *a, **k: lagged("transfer_entropy", *a[:2], 2, a[2], **k)[0]):
        by_mask, by_nan = (measure(x, g, estimator, nan_policy="omit") for g in (masked, broken))
        assert by_mask == by_nan
    test = permutation_test(
        "transfer_entropy", x, broken, estimator=estimator, nan_policy="omit", permutations=9
    )
    assert test.estimate == pytest.approx(transfer_entropy(x, broken, estimator, nan_policy="omit"))
    assert np.isnan(transfer_entropy(x, broken, estimator, nan_policy="propagate"))


def test_integers_that_are_masked_are_gaps():
    x, y = RNG(0).integers(0, 3, (2, 500))
    gone = np.arange(500) % 50 == 7
    t = np.setdiff1d(np.arange(1, 500), np.concatenate([np.flatnonzero(gone), np.flatnonzero(gone) + 1]))
    want = conditional_mutual_information(x[t - 1], y[t], y[t - 1])
    masked = np.ma.array(y, mask=gone)
    assert transfer_entropy(x, masked, nan_policy="omit") == pytest.approx(want, abs=1e-12)


def test_constant_series():
    x, _ = driven(200)
    assert transfer_entropy(x, np.ones(200), "gaussian") == 0
    assert transfer_entropy(np.ones(200), x, "binned") == 0
    assert active_information_storage(np.ones(200), "ordinal") == 0


def test_bad_input():
    x, y = driven(20)
    with pytest.raises(OptionError, match="`history` of `target` must be at least 1, got 0"):
        transfer_entropy(x, y, "gaussian", history=0)
    with pytest.raises(DtypeError, match=r"`history` of `source` must be an integer, got 1\.5"):
        transfer_entropy(x, y, "gaussian", source_history=1.5)
    with pytest.raises(OptionError, match="`lag` of `source` must be at least 1, got 0"):
        transfer_entropy(x, y, "gaussian", lag=0)
    with pytest.raises(OptionError, match="`step` of `target` must be at least 1, got -1"):
        transfer_entropy(x, y, "gaussian", step=-1)
    with pytest.raises(ShapeError, match=r"`source` must have more than 20 samples .* got 20"):
        transfer_entropy(x, y, "gaussian", lag=20)
    with pytest.raises(ShapeError, match="`source` 20, `target` 19"):
        transfer_entropy(x, y[1:], "gaussian")
    with pytest.raises(ShapeError, match="`x` must have shape"):
        active_information_storage(x[:0])
    with pytest.raises(ShapeError, match="leave nothing of 20 samples"):
        lagged("mutual_information", x, y, [-10, 10], "gaussian")
    with pytest.raises(OptionError, match="each of `lags` must be at least 1, got 0"):
        lagged("transfer_entropy", x, y, [0], "gaussian")
    with pytest.raises(OptionError, match="at least one lag, got none"):
        lagged("mutual_information", x, y, [])
    with pytest.raises(UsageError, match="`measure` must be"):
        lagged("entropy", x, y, 3)
    with pytest.raises(OptionError, match="`weights` are for one estimate of rows without order"):
        transfer_entropy(x > 0, y > 0, weights=np.ones(20))
    with pytest.raises(
        UsageError, match="estimator `ordinal` is for continuous data, but `source` is discrete"
    ):
        transfer_entropy(x.astype(int), y, "ordinal")
    with pytest.raises(UsageError, match="no option `theiler`"):
        transfer_entropy(x, y, "gaussian", theiler=3)


def test_times_are_numbers_beside_other_numbers_of_a_history():
    rng = np.random.default_rng(0)
    x, y, z = rng.standard_normal((2, 200)), rng.integers(0, 4, 200), rng.integers(0, 9000, 200)
    moments = np.datetime64("2020-01-01", "s") + z.astype("m8[s]")
    found = transfer_entropy(x[0], x[1], "gaussian", given=moments)
    assert found == pytest.approx(transfer_entropy(x[0], x[1], "gaussian", given=z))
    moments[7], z = np.datetime64("NaT"), np.ma.masked_array(z, np.arange(200) == 7)
    found = transfer_entropy(x[0], moments, "gaussian", given=x[1], nan_policy="omit")
    assert found == pytest.approx(transfer_entropy(x[0], z, "gaussian", given=x[1], nan_policy="omit"))
    assert transfer_entropy(y, moments.astype("m8[s]"), "ml", given=y, nan_policy="omit") >= 0


def test_text_beside_measured_numbers_in_one_history_is_refused():
    x, z = np.random.default_rng(0).standard_normal((2, 100))
    with pytest.raises(DtypeError, match="`history` has text beside measured numbers"):
        transfer_entropy(x, np.where(x > 0, "a", "b"), given=z)


@pytest.mark.parametrize("estimator", ["binned", "ordinal", "ksg1"])
def test_a_series_without_any_value(estimator):
    with pytest.raises(DataError, match="in every row a value is missing"):
        active_information_storage(np.full(20, np.nan), estimator, nan_policy="omit")
