"""How regular a series is: published values, plain definitions, a peer's values, and what they refuse."""

import math

import numpy as np
import pytest

from nbdl.errors import DataError, DtypeError, OptionError, ShapeError
from nbdl.info import (
    entropy,
    lempel_ziv_complexity,
    permutation_entropy,
    sample_entropy,
    spectral_entropy,
)

RNG = np.random.default_rng
NOISE = RNG(0).standard_normal(400)
FLOATS = (permutation_entropy, sample_entropy, spectral_entropy)


def alike_by_definition(x, m, r):
    """B and A of Richman and Moorman: pairs of the first N - m patterns, without a pattern and itself."""
    n = len(x) - m
    patterns = np.lib.stride_tricks.sliding_window_view(x, m + 1)
    counts = [0, 0]
    for i in range(n):
        for j in range(i + 1, n):
            counts[0] += bool((np.abs(patterns[i, :m] - patterns[j, :m]) <= r).all())
            counts[1] += bool((np.abs(patterns[i] - patterns[j]) <= r).all())
    return counts


def words_by_definition(text):
    """Lempel and Ziv's exhaustive history: the shortest prefix of the rest that is new."""
    words, start = 0, 0
    while start < len(text):
        size = 1
        while start + size <= len(text) and text[start : start + size] in text[: start + size - 1]:
            size += 1
        words, start = words + 1, start + size
    return words


# --- permutation entropy ----------------------------------------------------------------------------------


def test_permutation_entropy_of_bandt_and_pompe():
    x = [4, 7, 9, 10, 6, 11, 3]
    assert permutation_entropy(x, order=2, base=2) == pytest.approx(0.9182958340544896, abs=1e-14)
    assert permutation_entropy(x, base="bits") == pytest.approx(1.5219280948873621, abs=1e-14)


def test_permutation_entropy_is_the_entropy_of_ordinal_patterns():
    got = permutation_entropy(NOISE, order=4, delay=2, correction="miller_madow", base=2)
    assert got == entropy(NOISE, "ordinal", order=4, delay=2, correction="miller_madow", base=2)


@pytest.mark.parametrize("base", ["e", 2, 10])
def test_normalized_permutation_entropy_has_no_unit(base):
    assert permutation_entropy(np.arange(10), normalize=True, base=base) == 0
    got = permutation_entropy(NOISE, order=3, normalize=True, base=base)
    assert got == pytest.approx(entropy(NOISE, "ordinal", order=3) / math.log(6), abs=1e-14)
    assert 0.98 < got <= 1


# --- sample entropy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 2, 3, 5])
@pytest.mark.parametrize("make", [lambda r: r.standard_normal(90), lambda r: r.integers(0, 4, 90)])
def test_sample_entropy_by_its_definition(m, make):
    x = make(RNG(m))
    for r in (0.0, 0.4, 1.0):
        b, a = alike_by_definition(x, m, r)
        if a:
            assert sample_entropy(x, order=m, tolerance=r) == pytest.approx(math.log(b / a), abs=1e-13)


def test_sample_entropy_of_many_blocks_has_the_same_bits_on_any_threads(monkeypatch):
    monkeypatch.setattr("nbdl._cores.cores", lambda: 8)
    x = RNG(1).standard_normal(9000)
    got = sample_entropy(x, threads=1)
    assert got == sample_entropy(x, threads=3)
    near = np.abs(x[:, None] - x) <= 0.2 * x.std()
    two = near[:-1, :-1] & near[1:, 1:]
    b, a = two[:-1, :-1].sum() - 8998, (two[:-1, :-1] & near[2:, 2:]).sum() - 8998
    assert got == pytest.approx(math.log(b / a), abs=1e-12)


def test_sample_entropy_of_what_never_stays_alike():
    assert sample_entropy([1.0, 2.0, 1.0, 3.0], order=1, tolerance=0.1) == math.inf
    with pytest.warns(RuntimeWarning, match="within 0.1.*larger `tolerance`"):
        assert math.isnan(sample_entropy(np.arange(6), order=2, tolerance=0.1))
    assert sample_entropy(np.ones(20)) == 0


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_sample_entropy_does_not_depend_on_the_unit(scale):
    assert sample_entropy(NOISE * scale) == pytest.approx(sample_entropy(NOISE), abs=1e-12)


def test_sample_entropy_forms_no_pattern_across_a_gap():
    x = NOISE.copy()
    x[[50, 51, 200]] = np.nan
    whole = [p for p in np.lib.stride_tricks.sliding_window_view(x, 3) if not np.isnan(p).any()]
    two = [p[:2] for p in np.lib.stride_tricks.sliding_window_view(x[:-1], 2) if not np.isnan(p).any()]
    r = 0.2 * np.nanstd(x)

    def pairs(patterns):
        apart = np.abs(np.array(patterns)[:, None] - np.array(patterns)).max(axis=2)
        return ((apart <= r).sum() - len(patterns)) // 2

    want = math.log(pairs(two) / pairs(whole))
    assert sample_entropy(x, nan_policy="omit") == pytest.approx(want, abs=1e-13)
    masked = np.ma.masked_invalid(x)
    assert sample_entropy(masked, nan_policy="omit") == pytest.approx(want, abs=1e-13)


# --- spectral entropy -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 50, 257, 1000])
@pytest.mark.parametrize("method", ["fft", "welch"])
def test_spectral_entropy_of_the_spectrum_by_scipy(n, method):
    signal = pytest.importorskip("scipy.signal")
    x = RNG(n).standard_normal(n) + 5
    find = signal.periodogram if method == "fft" else signal.welch
    power = find(x, nperseg=min(n, 256))[1] if method == "welch" else find(x)[1]
    p = power / power.sum()
    want = -(p[p > 0] * np.log(p[p > 0])).sum()
    assert spectral_entropy(x, method=method) == pytest.approx(want, abs=1e-10)
    got = spectral_entropy(x, method=method, normalize=True, base=2)
    assert got == pytest.approx(want / np.log(p.size), abs=1e-10)


def test_spectral_entropy_of_a_sine_and_of_two():
    t = np.arange(1000)
    one, other = np.sin(2 * np.pi * t / 100), np.sin(2 * np.pi * t / 20)
    assert spectral_entropy(one) == pytest.approx(0, abs=1e-12)
    assert spectral_entropy(one + other, base=2) == pytest.approx(1, abs=1e-9)
    assert spectral_entropy((one + other) * 1e300, base=2) == pytest.approx(1, abs=1e-9)


# --- Lempel and Ziv ---------------------------------------------------------------------------------------


def test_words_of_lempel_and_ziv():
    """0.001.10.100.1000.101, the example of their paper; S = 0001101001000101."""
    assert lempel_ziv_complexity([int(c) for c in "0001101001000101"]) == 6


@pytest.mark.parametrize("symbols", [1, 2, 3, 7])
def test_words_by_definition(symbols):
    rng = RNG(symbols)
    for _ in range(300):
        text = "".join(rng.choice(list("abcdefg")[:symbols], rng.integers(1, 50)))
        assert lempel_ziv_complexity(list(text)) == words_by_definition(text), text


def test_words_of_long_sequences():
    assert lempel_ziv_complexity([0] * 100_000) == 2
    assert lempel_ziv_complexity([0, 1] * 50_000) == 3
    coin = RNG(2).integers(0, 2, 100_000)
    assert lempel_ziv_complexity(coin, normalize=True) == pytest.approx(1, abs=0.05)
    everything_new = np.arange(1000)
    assert lempel_ziv_complexity(everything_new) == 1000


# --- values that a peer prints in its documentation, and a live comparison --------------------------------


def test_against_antropy():
    peer = pytest.importorskip("antropy")
    for n in (60, 333, 6000):
        x = RNG(n).standard_normal(n)
        assert sample_entropy(x) == pytest.approx(peer.sample_entropy(x), abs=1e-12)
        assert spectral_entropy(x, base=2) == pytest.approx(peer.spectral_entropy(x, 100), abs=1e-10)
        got = permutation_entropy(x, order=4, delay=2, normalize=True)
        assert got == pytest.approx(peer.perm_entropy(x, 4, 2, normalize=True), abs=1e-12)
        bits = x > 0
        assert lempel_ziv_complexity(bits) == peer.lziv_complexity(bits)
        got = lempel_ziv_complexity(bits, normalize=True)
        assert got == pytest.approx(peer.lziv_complexity(bits, normalize=True), abs=1e-12)


# --- what they refuse -------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", FLOATS)
def test_what_series_may_be(measure):
    want = measure(NOISE)
    assert measure(NOISE[:, None]) == want and measure(list(NOISE)) == want
    assert measure(np.repeat(NOISE, 2)[::2]) == want
    whole = RNG(3).integers(0, 50, 300)
    assert measure(whole) == measure(whole.astype(float))
    with pytest.raises(ShapeError, match="one series"):
        measure(np.ones((5, 2)))
    with pytest.raises(DtypeError, match="numbers"):
        measure(["a", "b", "c"])
    gap = NOISE.copy()
    gap[7] = np.nan
    with pytest.raises(DataError, match="missing"):
        measure(gap)
    assert math.isnan(measure(gap, nan_policy="propagate"))
    with pytest.raises(DataError, match="finite"):
        measure(np.append(NOISE, np.inf))


def test_options_out_of_range():
    with pytest.raises(OptionError, match="`order`"):
        sample_entropy(NOISE, order=0)
    with pytest.raises(OptionError, match="`tolerance`"):
        sample_entropy(NOISE, tolerance=-1)
    with pytest.raises(ShapeError, match="at least"):
        sample_entropy([1.0, 2.0, 3.0])
    with pytest.raises(OptionError, match="`method`"):
        spectral_entropy(NOISE, method="multitaper")
    with pytest.raises(OptionError, match="`nperseg`"):
        spectral_entropy(NOISE, method="welch", nperseg=1)
    with pytest.raises(DataError, match="constant"):
        spectral_entropy(np.full(30, 0.1))
    with pytest.raises(OptionError, match="every sample"):
        spectral_entropy(NOISE, nan_policy="omit")
    with pytest.raises(DtypeError, match="median"):
        lempel_ziv_complexity(NOISE)
    with pytest.raises(DataError, match="missing"):
        lempel_ziv_complexity(["a", None, "b"])
