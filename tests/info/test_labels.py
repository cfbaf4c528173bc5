"""Agreement of labels: scikit-learn as oracle and its own test vectors, limits, chance by enumeration."""

import math
import time
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from sklearn import metrics
from sklearn.metrics.cluster import contingency_matrix
from sklearn.metrics.cluster import expected_mutual_information as peer_expected

from nbdl import info
from nbdl.errors import DtypeError, OptionError

A = [1] * 6 + [2] * 6 + [3] * 5
B = [1, 1, 1, 1, 2, 1, 2, 2, 2, 2, 3, 1, 3, 3, 3, 2, 2]
MEANS = ["min", "max", "arithmetic", "geometric"]


def near(value, abs=1e-12):
    return pytest.approx(value, rel=0, abs=abs)


def test_vectors_of_scikit_learn():
    """test_supervised.py: test_adjusted_mutual_info_score, test_expected_mutual_info_overflow."""
    assert info.mutual_information(A, B) == near(0.4102186227404535)
    assert info.expected_mutual_information(A, B) == near(0.15042480258217075)
    assert info.adjusted_mutual_information(A, B) == near(0.2782096465726981)
    assert info.adjusted_mutual_information(A * 110, B * 110) == near(0.37773516443675115)
    assert info.adjusted_mutual_information([1, 1, 2, 2], [2, 2, 3, 3]) == 1
    x = [0] * 7_000 + [1]
    assert 0 <= info.expected_mutual_information(x, x) <= 1


@pytest.mark.parametrize("n", [2, 5, 40, 500])
@pytest.mark.parametrize("kx, ky", [(2, 2), (4, 7), (1, 5), (60, 3)])
def test_scores_of_scikit_learn(n, kx, ky):
    rng = np.random.default_rng(n)
    x, y = rng.integers(0, kx, n), rng.integers(0, ky, n)
    for mean in MEANS:
        theirs = metrics.normalized_mutual_info_score(x, y, average_method=mean)
        assert info.normalized_mutual_information(x, y, mean) == near(theirs)
        theirs = metrics.adjusted_mutual_info_score(x, y, average_method=mean)
        assert info.adjusted_mutual_information(x, y, mean) == near(theirs, 1e-9), mean
    for beta in (0.5, 1.0, 3.0):
        assert info.v_measure(x, y, beta) == near(metrics.v_measure_score(x, y, beta=beta))
    theirs = peer_expected(contingency_matrix(x, y, sparse=True), n)
    assert info.expected_mutual_information(x, y) == near(theirs, 1e-10)


def test_expected_information_of_labels_of_very_different_sizes():
    x, y = np.random.default_rng(0).zipf(1.3, (2, 20_000)) % 200
    theirs = peer_expected(contingency_matrix(x, y, sparse=True), 20_000)
    assert info.expected_mutual_information(x, y) == near(theirs, 1e-10)


def test_peers_error_many_labels_take_minutes():
    """scikit-learn#24254: 889 s. The truth is exact here, by integers; scikit-learn is 1.6e-10 off it."""
    n, kx, ky = 20_000, 1000, 900
    x, y = np.arange(n) % kx, np.arange(n) % ky
    truth = 0.0
    for a, b, times in ((20, 22, kx * 700), (20, 23, kx * 200)):
        for c in range(1, a + 1):
            p = Fraction(math.comb(a, c) * math.comb(n - a, b - c), math.comb(n, b))
            truth += times * float(p) * c / n * math.log(n * c / (a * b))
    assert info.expected_mutual_information(x, y) == near(truth, 1e-13)
    many = np.random.default_rng(0).integers(0, 8000, (2, 100_000))
    start = time.process_time()
    info.adjusted_mutual_information(*many)
    assert time.process_time() - start < 200  # of this process alone, however busy the machine


def test_expected_information_is_the_mean_over_all_permutations():
    x, y = [0, 0, 1, 2, 2, 2], [0, 1, 1, 0, 0, 2]
    mean = np.mean([info.mutual_information(x, p) for p in permutations(y)])
    assert info.expected_mutual_information(x, y) == near(mean)
    assert info.expected_mutual_information(x, y, base=2) == near(mean / math.log(2))


def test_adjusted_information_of_unrelated_labels_is_about_zero():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 300, (2, 1000))  # three rows for each label
    assert info.normalized_mutual_information(x, y) > 0.7
    assert abs(info.adjusted_mutual_information(x, y)) < 0.05


@pytest.mark.parametrize("mean", [*MEANS, "joint"])
def test_limits(mean):
    one, all_different, other = [3] * 6, list("abcdef"), [1, 1, 2, 2, 3, 3]
    for measure in (info.normalized_mutual_information, info.adjusted_mutual_information):
        assert measure(other, ["x", "x", "z", "z", "y", "y"], mean) == near(1)
        assert measure(one, one, mean) == measure(all_different, all_different[::-1], mean) == 1
    assert info.normalized_mutual_information(one, other, mean) == 0


def test_joint_mean():
    i, h = info.mutual_information(A, B), info.joint_entropy(A, B)
    assert info.normalized_mutual_information(A, B, "joint") == near(i / h)


def test_variation_of_information_is_a_distance():
    rng = np.random.default_rng(0)
    x, y, z = rng.integers(0, 5, (3, 200))
    d = info.variation_of_information
    assert d(x, x) == 0 and d(x, 9 - x) == near(0)
    assert d(x, y) == near(d(y, x)) == near(info.conditional_entropy(x, y) + info.conditional_entropy(y, x))
    assert d(x, z) <= d(x, y) + d(y, z)
    assert d(x, y, base=2) == near(d(x, y) / math.log(2))


def test_weights_and_missing_values():
    w = [2, 1, 3] * 5 + [1, 1]
    x, y = np.repeat(A, w), np.repeat(B, w)
    gaps = [*A[:3], None, *A[4:]]
    rest = A[:3] + A[4:], B[:3] + B[4:]
    for measure in (info.normalized_mutual_information, info.variation_of_information, info.v_measure):
        assert measure(A, B, weights=w) == near(measure(x, y))
        assert measure(gaps, B, nan_policy="omit") == near(measure(*rest))
        assert math.isnan(measure(gaps, B, nan_policy="propagate"))
    for measure in (info.adjusted_mutual_information, info.expected_mutual_information):
        assert measure(gaps, B, nan_policy="omit") == near(measure(*rest))
        assert math.isnan(measure(gaps, B, nan_policy="propagate"))


def test_bad_input():
    for measure in (info.normalized_mutual_information, info.adjusted_mutual_information):
        with pytest.raises(
            OptionError, match="`mean` must be one of arithmetic, geometric, min, max, joint, got 'sum'"
        ):
            measure(A, B, "sum")
    with pytest.raises(
        DtypeError, match="`y` must be discrete: integers, truth values, text or objects, got dtype float64"
    ):
        info.adjusted_mutual_information(A, np.ones(17))
    with pytest.raises(OptionError, match="`beta` must be > 0"):
        info.v_measure(A, B, 0)
