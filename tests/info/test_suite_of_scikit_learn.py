"""The facts of scikit-learn's metrics/cluster/tests/test_supervised.py (1.9, BSD) about `nbdl.info`.

A test has the name of the one of scikit-learn whose inputs and numbers it takes. `NOT_HERE` are those that do
not apply, with why: each of theirs is here or there.
"""

import ast
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics

from nbdl import info
from nbdl.errors import DtypeError, ShapeError

VERSION = "1.9"
PAIRS = "pairs of samples are not counted: the measures here are of information"
NOT_HERE = {
    "test_adjustment_for_chance": PAIRS,
    "test_fowlkes_mallows_score": PAIRS,
    "test_fowlkes_mallows_score_properties": PAIRS,
    "test_pair_confusion_matrix_fully_dispersed": PAIRS,
    "test_pair_confusion_matrix_single_cluster": PAIRS,
    "test_pair_confusion_matrix": PAIRS,
    "test_rand_score_edge_cases": PAIRS,
    "test_rand_score": PAIRS,
    "test_adjusted_rand_score_overflow": PAIRS,
    "test_contingency_matrix": "`info.count` counts rows, and smooths none",
    "test_contingency_matrix_sparse": "no sparse matrices",
    "test_public_entropy_deprecation": "about a name of scikit-learn",
    "test_entropy_array_api": "arrays of NumPy alone",
    "test_generalized_average": "a function inside scikit-learn",
}
MEANS = ["min", "geometric", "arithmetic", "max"]
SCORES = [
    info.v_measure, info.adjusted_mutual_information, info.normalized_mutual_information,
]  # fmt: skip
PERFECT = [
    ([0], [1]), ([0, 0, 0], [0, 0, 0]), ([0, 1, 0], [42, 7, 42]), ([0, 1, 2], [42, 7, 2]), ([0, 1], [0, 1]),
    ([0, 1, 2, 3], [0, 1, 2, 3]),
]  # fmt: skip
A = [1] * 6 + [2] * 6 + [3] * 5
B = [1, 1, 1, 1, 2, 1, 2, 2, 2, 2, 3, 1, 3, 3, 3, 2, 2]


def homogeneity_completeness_v_measure(truth, found, beta=1.0):
    """By their definitions, of entropies: the shares of the information that the other has."""
    shared = info.mutual_information(truth, found)
    return shared / info.entropy(truth), shared / info.entropy(found), info.v_measure(truth, found, beta)


@pytest.mark.parametrize("score", SCORES)
def test_error_messages_on_wrong_input(score):
    with pytest.raises(ShapeError, match="`y` must have as many rows as `x`, 2, got 3"):
        score([0, 1], [1, 1, 1])
    with pytest.raises(ShapeError, match="`y` must have as many rows"):
        score([[0, 1], [1, 0]], [1, 1, 1])


@pytest.mark.parametrize("score", SCORES)
def test_perfect_matches(score):
    """But for two of theirs: here no samples have no score, and labels are discrete: floats are refused."""
    for x, y in PERFECT:
        assert score(x, y) == pytest.approx(1.0)
    with pytest.raises(ShapeError, match="no samples"):
        score([], [])
    with pytest.raises(DtypeError, match="must be discrete"):
        score([0.0, 1.0, 0.0], [42.0, 7.0, 42.0])


@pytest.mark.parametrize("score", SCORES[1:])
@pytest.mark.parametrize("mean", MEANS)
def test_perfect_matches_with_changing_means(score, mean):
    for x, y in PERFECT:
        assert score(x, y, mean) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "name, x, y, want",
    [
        ("homogeneous_but_not_complete", [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 2, 2], (1.00, 0.69, 0.81)),
        ("complete_but_not_homogeneous", [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 1, 1], (0.58, 1.00, 0.73)),
        ("not_complete_and_not_homogeneous", [0, 0, 0, 1, 1, 1], [0, 1, 0, 1, 2, 2], (0.67, 0.42, 0.52)),
        ("non_consecutive", [0, 0, 0, 2, 2, 2], [0, 1, 0, 1, 2, 2], (0.67, 0.42, 0.52)),
        ("gaps", [0, 0, 0, 1, 1, 1], [0, 4, 0, 4, 2, 2], (0.67, 0.42, 0.52)),
    ],
)
def test_not_complete_and_not_homogeneous_labeling(name, x, y, want):
    np.testing.assert_allclose(homogeneity_completeness_v_measure(x, y), want, rtol=0, atol=0.01)


test_homogeneous_but_not_complete_labeling = test_not_complete_and_not_homogeneous_labeling
test_complete_but_not_homogeneous_labeling = test_not_complete_and_not_homogeneous_labeling
test_non_consecutive_labels = test_not_complete_and_not_homogeneous_labeling


def test_beta_parameter():
    h, c, v = homogeneity_completeness_v_measure([0, 0, 0, 1, 1, 1], [0, 1, 0, 1, 2, 2], 0.2)
    assert v == pytest.approx(1.2 * h * c / (0.2 * h + c), rel=1e-12)
    assert v == pytest.approx(1.2 * 0.67 * 0.42 / (0.2 * 0.67 + 0.42), abs=0.01)


def test_adjusted_mutual_info_score():
    assert info.mutual_information(A, B) == pytest.approx(0.41022, abs=1e-5)
    assert info.expected_mutual_information(A, B) == pytest.approx(0.15042, abs=1e-5)
    assert info.adjusted_mutual_information(A, B) == pytest.approx(0.27821, abs=1e-5)
    assert info.adjusted_mutual_information([1, 1, 2, 2], [2, 2, 3, 3]) == pytest.approx(1.0)
    assert info.adjusted_mutual_information(A * 110, B * 110) == pytest.approx(0.38, abs=0.01)


def test_expected_mutual_info_overflow():
    x = np.zeros(70000, int)
    assert info.expected_mutual_information(x, x) <= 1


def test_int_overflow_mutual_info_fowlkes_mallows_score():
    cells = [[52632, 2529], [14660, 793], [3271, 204], [814, 39], [316, 20]]
    x = np.repeat(np.arange(1, 6), np.sum(cells, 1))
    y = np.concatenate([np.repeat([0, 1], c) for c in cells])
    got = info.mutual_information(x, y)
    assert got == pytest.approx(sklearn.metrics.mutual_info_score(x, y), abs=1e-12) and got > 0


def test_entropy():
    """Theirs of no samples is 1; here it is refused."""
    assert info.entropy([0, 0, 42]) == pytest.approx(0.6365141, abs=1e-6)
    assert info.entropy([1, 1, 1, 1]) == 0
    with pytest.raises(ShapeError, match="no samples"):
        info.entropy([])


@pytest.mark.parametrize("n", [10, 100, 1000, 10000])
def test_exactly_zero_info_score(n):
    x, y = np.ones(n, int), np.arange(n)
    assert info.v_measure(x, y) == pytest.approx(0.0)
    for mean in MEANS:
        assert info.adjusted_mutual_information(x, y, mean) == 0
        assert info.normalized_mutual_information(x, y, mean) == pytest.approx(0.0)


@pytest.mark.filterwarnings("ignore:.*rows are few:RuntimeWarning")
@pytest.mark.parametrize("n", [10, 100, 1000, 10000])
def test_v_measure_and_mutual_information(n):
    """To all digits; theirs rounds the first to whole numbers."""
    random = np.random.RandomState(36)
    x, y = random.randint(0, 10, n), random.randint(0, 10, n)
    both = 2 * info.mutual_information(x, y) / (info.entropy(x) + info.entropy(y))
    assert info.v_measure(x, y) == pytest.approx(both, rel=1e-9)
    assert info.v_measure(x, y) == pytest.approx(info.normalized_mutual_information(x, y, "arithmetic"))


@pytest.mark.parametrize(
    "x, y",
    [
        (["a"] * 6, [1, 1, 0, 0, 1, 1]), ([1] * 6, [1, 1, 0, 0, 1, 1]), ([1, 1, 0, 0, 1, 1], ["a"] * 6),
        ([1, 1, 0, 0, 1, 1], [1] * 6), (["a"] * 6, ["a"] * 6),
    ],
)  # fmt: skip
def test_mutual_info_score_positive_constant_label(x, y):
    assert info.mutual_information(x, y) == 0


def test_check_clustering_error():
    """They warn of continuous labels; here they are refused."""
    noise, wavelength = np.random.RandomState(42).rand(500), np.linspace(0.01, 1, 500) * 1e-6
    for score in SCORES:
        with pytest.raises(DtypeError, match="`x` must be discrete"):
            score(wavelength, noise)


@pytest.mark.parametrize("mean", MEANS)
def test_normalized_mutual_info_score_bounded(mean):
    constant = [0] * 469
    one, two = [1] + constant[1:], [0, 1] + constant[2:]
    assert info.normalized_mutual_information(constant, one, mean) == 0
    assert 0 <= info.normalized_mutual_information(one, two, mean) < 1


def test_each_of_their_tests_is_here_or_named_with_a_reason():
    own = {n for n in globals() if n.startswith("test_")}
    assert not own & set(NOT_HERE)
    path = Path(sklearn.metrics.__file__).parent / "cluster/tests/test_supervised.py"
    if not sklearn.__version__.startswith(VERSION) or not path.exists():
        pytest.skip(f"the tests of scikit-learn {VERSION} are not at hand")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    theirs = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")}
    assert theirs <= own | set(NOT_HERE)


@pytest.mark.parametrize("name", NOT_HERE)
def test_not_here(name):
    pytest.skip(f"{name}: {NOT_HERE[name]}")
