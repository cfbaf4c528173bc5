"""Closed entropies and divergences against integrals, divergence by sampling, codes and typical sets."""

import doctest
import math

import numpy as np
import pytest

from nbdl import info
from nbdl.errors import NumericError, OptionError, ProbabilityError, ShapeError
from nbdl.info import _closed_forms, _coding
from nbdl.kernels import entropy, kl_divergence, normal_log_density


@pytest.mark.parametrize("page", [_closed_forms, _coding])
def test_examples(page):
    result = doctest.testmod(page, extraglobs={"np": np})
    assert result.attempted and not result.failed


def integral(f, low, high, n=400_000):
    x = low + (np.arange(n) + 0.5) * ((high - low) / n)
    return f(x).sum() * (high - low) / n


def density(name, a, b):
    if name == "normal":
        return lambda x: np.exp(-0.5 * ((x - a) / b) ** 2) / (b * math.sqrt(2 * math.pi))
    return lambda x: a * np.exp(-a * x)


def test_entropies_are_the_integrals():
    def surprise(p):
        return lambda x: -p(x) * np.log(np.maximum(p(x), 1e-300))

    for std in (0.05, 1.0, 3.0):
        want = integral(surprise(density("normal", 0, std)), -12 * std, 12 * std)
        assert info.normal_entropy(std) == pytest.approx(want, abs=1e-9)
    want = integral(surprise(density("exponential", 2.5, 0)), 0, 40)
    assert info.exponential_entropy(2.5) == pytest.approx(want, abs=1e-6)
    assert info.uniform_entropy(-1, 3) == math.log(4)
    assert info.normal_entropy(0.05) < 0  # and is not clamped
    np.testing.assert_allclose(info.uniform_entropy(0, np.array([1.0, 2.0]), base="bits"), [0, 1])
    assert info.normal_entropy(1.0, base=2) == pytest.approx(info.normal_entropy(1.0) / math.log(2))


def test_divergences_are_the_integrals_v10():
    def excess(a, b):
        p = density("normal", *a)
        return lambda x: (
            p(x) * (normal_log_density(x, *map(float, a)) - normal_log_density(x, *map(float, b)))
        )

    for a, b in (((0, 1), (1, 1)), ((0, 1), (0, 2)), ((0, 2), (0, 1)), ((1, 0.5), (-1, 2))):
        assert info.normal_kl(*a, *b) == pytest.approx(integral(excess(a, b), -25, 25), abs=1e-9)
    assert info.normal_kl(0, 1, 0, 2) == pytest.approx(0.3181471806, abs=1e-10)
    assert info.normal_kl(0, 2, 0, 1) == pytest.approx(0.8068528194, abs=1e-10)
    p = density("exponential", 2.0, 0)
    want = integral(lambda x: p(x) * (math.log(2 / 3) + x), 0, 30)
    assert info.exponential_kl(2.0, 3.0) == pytest.approx(want, abs=1e-7)
    assert info.uniform_kl(0, 1, -1, 3) == math.log(4) and info.uniform_kl(0, 1, 0.5, 3) == math.inf
    for same in (info.normal_kl(1, 2, 1, 2), info.exponential_kl(3, 3), info.uniform_kl(0, 1, 0, 1)):
        assert same == 0
    assert info.normal_kl(0, 1 + 1e-9, 0, 1) == pytest.approx(1e-18, rel=1e-6)


def test_a_divergence_by_sampling_is_within_its_error():
    x = np.random.default_rng(0).standard_normal(20000)
    far = lambda x: normal_log_density(x, 0.0, 2.0)  # noqa: E731
    kl = info.monte_carlo_kl(normal_log_density, far, x)
    assert abs(kl.estimate - 0.3181471806) < 4 * kl.standard_error < 0.03
    bits = info.monte_carlo_kl(normal_log_density, far, x, base="bits")
    assert bits.estimate == pytest.approx(kl.estimate / math.log(2))
    assert (
        info.monte_carlo_kl(normal_log_density, lambda x: np.where(x > 0, -1.0, -np.inf), x).estimate
        == math.inf
    )
    with pytest.raises(NumericError, match="`log_p` is -inf at sample"):
        info.monte_carlo_kl(lambda x: np.where(x > 0, -1.0, -np.inf), far, x)
    with pytest.raises(NumericError, match="`log_q` is nan"):
        info.monte_carlo_kl(normal_log_density, lambda x: x * np.nan, x)
    with pytest.raises(ShapeError, match="`log_q` must give a number for each sample"):
        info.monte_carlo_kl(normal_log_density, lambda x: 0.0, x)


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: info.normal_entropy(0), "std"),
        (lambda: info.exponential_entropy(-1), "rate"),
        (lambda: info.uniform_entropy(1, 1), "high"),
        (lambda: info.normal_kl(0, 1, math.nan, 1), "mean2"),
        (lambda: info.uniform_kl(0, 1, 2, 1), "high2"),
    ],
)
def test_parameters_that_make_no_distribution(call, name):
    with pytest.raises(OptionError, match=f"`{name}` must be"):
        call()


# --- codes ------------------------------------------------------------------------------------------------


def test_shannon_code_v19():
    p = np.array([0.5, 0.25, 0.125, 0.125])
    code = info.shannon_code(p)
    assert code.lengths.tolist() == [1, 2, 3, 3]
    assert code.kraft == 1 and code.expected_length == 1.75 == pytest.approx(entropy(p, base=2))
    # The code of a uniform distribution costs what the divergence says more.
    uniform = info.shannon_code(np.full(4, 0.25))
    assert p @ uniform.lengths == 2.0 == pytest.approx(1.75 + kl_divergence(p, np.full(4, 0.25), base=2))


def test_words_are_a_prefix_code_within_one_bit_of_the_entropy():
    rng = np.random.default_rng(1)
    for size in (1, 2, 5, 40):
        p = rng.dirichlet(np.full(size, 0.4))
        p[: size // 4] = 0
        p /= p.sum()
        code, used = info.shannon_code(p), p > 0
        h = -(p[used] * np.log2(p[used])).sum()
        assert h - 1e-9 <= code.expected_length < h + 1 and code.kraft <= 1
        np.testing.assert_array_equal(code.lengths[used], np.ceil(-np.log2(p[used])))
        words = [w for w, u in zip(code.words, used) if u]
        assert [len(w) for w in words] == code.lengths[used].tolist()
        assert not any(a != b and b.startswith(a) for a in words for b in words) and len(set(words)) == len(
            words
        )
    with pytest.raises(ProbabilityError, match="`p` must hold probabilities that sum to 1"):
        info.shannon_code([0.5, 0.6])


def test_typical_set_v20():
    a = info.typical_set(0.3, 200, 0.1, base=2)
    assert (
        round(a.entropy, 3) == 0.881 and round(a.log_size, 1) == 188.8 and round(a.probability, 4) == 0.9893
    )
    # At most 2^(n (H + eps)) of them, and at least (1 - eps) 2^(n (H - eps)).
    assert 200 * (a.entropy - 0.1) + math.log2(0.9) <= a.log_size <= 200 * (a.entropy + 0.1)


def test_typical_sequences_are_counted_one_by_one():
    p, n, eps = np.array([0.5, 0.3, 0.2]), 7, 0.15
    sequences = np.array(np.meshgrid(*[range(3)] * n)).reshape(n, -1).T
    surprise = -np.log(p)[sequences].mean(1)
    h = -(p * np.log(p)).sum()
    typical = abs(surprise - h) <= eps
    a = info.typical_set(p, n, eps)
    assert a.log_size == pytest.approx(math.log(typical.sum()))
    assert a.probability == pytest.approx(np.exp(-n * surprise[typical]).sum())
    everything = info.typical_set(p, n, 10.0)
    assert everything.log_size == pytest.approx(n * math.log(3)) and everything.probability == pytest.approx(
        1
    )
    assert info.typical_set(np.full(4, 0.25), 5, 0.0).probability == pytest.approx(1)
    assert info.typical_set(0.3, 1, 0.0) == (pytest.approx(0.6108643), -math.inf, 0.0)
    with pytest.raises(OptionError, match="`n` must be an integer"):
        info.typical_set(0.3, 0)
    with pytest.raises(OptionError, match="combinations of counts"):
        info.typical_set(np.full(20, 0.05), 1000)
    with pytest.raises(ProbabilityError, match="`p` must hold probabilities"):
        info.typical_set(1.5, 10)
