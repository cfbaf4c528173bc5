"""Symbols and numbers together: entropies by class, and what follows from them, against closed forms."""

import math

import numpy as np
import pytest

from nbdl import info
from nbdl.errors import DataError, DtypeError
from nbdl.info import _by_class as by_class

RNG = np.random.default_rng
NORMAL = math.log(2 * math.pi * math.e) / 2

# --- a label, and a normal number whose mean and deviation it chooses -------------------------------------

SHARES, MEANS, DEVIATIONS = np.array([[0.5, 0.3, 0.2], [0.0, 1.0, 3.0], [1.0, 0.5, 2.0]])


def mixture(rng, n):
    label = rng.choice(3, n, p=SHARES)
    return label, MEANS[label] + DEVIATIONS[label] * rng.normal(size=n)


def entropy_of_density(f, low, high):
    x, step = np.linspace(low, high, 200_001, retstep=True)
    p = f(x)
    return -(p * np.log(p, out=np.zeros_like(p), where=p > 0)).sum() * step


def normal(x, mean=0.0, deviation=1.0):
    return np.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))


LABEL = -(SHARES * np.log(SHARES)).sum()
GIVEN = NORMAL + SHARES @ np.log(DEVIATIONS)
NUMBER = entropy_of_density(
    lambda x: sum(p * normal(x, *c) for p, *c in zip(SHARES, MEANS, DEVIATIONS)), -15, 20
)


@pytest.mark.parametrize(("n", "tolerance"), [(100, 0.08), (2000, 0.025)])
@pytest.mark.parametrize("units", [1.0, 1e-6])
def test_entropies_of_a_label_and_a_number(n, tolerance, units):
    """A mean of 12, each with a deviation of 0.12 and 0.03 or less."""
    found = []
    for seed in range(12):
        label, x = mixture(RNG(seed), n)
        x = x * units
        found.append(
            (
                info.joint_entropy(label, x) - math.log(units),
                info.conditional_entropy(x, label) - math.log(units),
                info.conditional_entropy(label, x),
                info.mutual_information(label, x),
                info.mutual_information(label, x, "by_class"),
            )
        )
        assert info.joint_entropy(x, label) == pytest.approx(info.joint_entropy(label, x), abs=1e-12)
        assert info.conditional_entropy(label, x) == pytest.approx(
            info.entropy(label) - info.mutual_information(label, x), abs=1e-12
        )
        for measure in (info.joint_entropy, info.conditional_entropy):
            assert measure(label, x, local=True).mean() == pytest.approx(measure(label, x), abs=1e-12)
    truth = LABEL + GIVEN, GIVEN, LABEL - NUMBER + GIVEN, NUMBER - GIVEN, NUMBER - GIVEN
    np.testing.assert_allclose(np.mean(found, axis=0), truth, atol=tolerance)


def test_several_labels_and_columns():
    """Independent labels of 2 and 3 symbols; two columns, moved by them: each class has the same density."""
    rng = RNG(0)
    a, b = rng.integers(0, 2, 4000), rng.integers(0, 3, 4000)
    x, y = rng.normal(size=(2, 4000)) + (5 * a, 5 * b)
    assert info.joint_entropy(a, x, b, y) == pytest.approx(math.log(6) + 2 * NORMAL, abs=0.08)
    assert info.conditional_entropy(np.column_stack((x, y)), np.column_stack((a, b))) == pytest.approx(
        2 * NORMAL, abs=0.08
    )


# --- a chain: label -> x1 -> x2 ---------------------------------------------------------------------------


def chain(rng, n):
    label = rng.integers(0, 2, n)
    x = 2 * label + rng.normal(size=n)
    return label, x, 0.6 * x + 0.8 * rng.normal(size=n)


def half_each(distance):
    return entropy_of_density(lambda x: (normal(x) + normal(x, distance)) / 2, -9, 12)


LABEL_X, LABEL_Y = half_each(2) - NORMAL, half_each(1.2) - NORMAL
X_Y = half_each(1.2) - NORMAL - math.log(0.8)
TOTAL, DUAL = LABEL_X + X_Y, LABEL_X + X_Y - LABEL_Y


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_total_correlation_and_its_kin_of_both_kinds(order):
    """A mean of 10, each with a deviation of 0.05 or less."""
    found = []
    for seed in range(10):
        samples = chain(RNG(seed), 1000)
        xs = [samples[i] for i in order]
        measures = (
            info.total_correlation, info.dual_total_correlation, info.o_information, info.co_information,
        )  # fmt: skip
        found.append([measure(*xs) for measure in measures])
        for value, measure in zip(found[-1], measures):
            assert measure(*xs, local=True).mean() == pytest.approx(value, abs=1e-12)
    truth = TOTAL, DUAL, TOTAL - DUAL, TOTAL - DUAL  # of three samples the last two are the same
    np.testing.assert_allclose(np.mean(found, axis=0), truth, atol=0.03)


def test_synergy_of_both_kinds():
    """The sign of a number is that of another one or not, as a label says: pairs share nothing, three do."""
    rng = RNG(0)
    x, y, label = rng.normal(size=2000), np.abs(rng.normal(size=2000)), rng.integers(0, 2, 2000)
    y *= np.where(label == 1, 1, -1) * np.sign(x)
    assert info.o_information(x, y, label) == pytest.approx(-math.log(2), abs=0.1)
    assert info.conditional_mutual_information(x, y, label) == pytest.approx(math.log(2), abs=0.1)


def test_four_samples_of_both_kinds():
    rng = RNG(0)
    a, x, y = chain(rng, 2000)
    b = np.where(rng.random(2000) < 0.1, 1 - a, a)  # one label is the other, but for a tenth
    two = math.log(2) + 0.1 * math.log(0.1) + 0.9 * math.log(0.9)
    assert info.total_correlation(a, x, b, y) == pytest.approx(TOTAL + two, abs=0.1)
    assert info.total_correlation(a, x, np.full(2000, 0.5), y) == pytest.approx(TOTAL, abs=0.1)


# --- edges ------------------------------------------------------------------------------------------------


def test_classes_of_few_rows():
    """A class of k rows or fewer takes its farthest row, one of one row is left out."""
    x, label = RNG(0).normal(size=(100, 1)), np.repeat([0, 1, 2], [97, 2, 1])
    local = by_class.conditional_entropy(x, label, local=True)
    assert np.isfinite(local).all() and local.mean() == pytest.approx(by_class.conditional_entropy(x, label))
    assert local[-1] == pytest.approx(local[:-1].mean())
    values = [
        by_class.conditional_entropy(RNG(seed).normal(size=(3000, 1)), np.arange(3000) // 2)
        for seed in range(4)
    ]
    assert np.mean(values) == pytest.approx(NORMAL, abs=0.1)  # of two rows each
    with pytest.raises(DataError, match=r"some rows must have the same symbol, .* got 100 symbols"):
        by_class.conditional_entropy(x, np.arange(100))


def test_what_has_no_density():
    rng = RNG(0)
    label = rng.integers(0, 2, 400)
    x = rng.normal(size=(400, 1))
    with pytest.warns(RuntimeWarning, match="the entropy is -inf"):
        assert by_class.entropy((label, np.ones((400, 1)))) == -math.inf
    assert info.conditional_entropy(label, np.ones(400)) == pytest.approx(info.entropy(label), abs=1e-12)
    assert info.conditional_entropy(np.where(label == 1, x[:, 0], 0.5), label, noise=1e-3) < 0.0
    with (
        pytest.warns(RuntimeWarning, match="of these often 0.5"),
        pytest.warns(RuntimeWarning, match="the entropy is -inf"),
    ):
        assert info.conditional_entropy(np.where(label == 1, x[:, 0], 0.5), label) == -math.inf


def test_one_kind_alone():
    x, label = RNG(0).normal(size=(200, 1)), RNG(0).integers(0, 3, 200)
    assert by_class.entropy(label) == pytest.approx(info.entropy(label), abs=1e-12)
    assert by_class.entropy(x) == info.entropy(x)
    with pytest.raises(
        DtypeError, match="one sample must be discrete and one continuous, got two continuous"
    ):
        by_class.conditional_entropy(x, x)
