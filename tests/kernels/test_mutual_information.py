"""Mutual information and its kin from joint tables: the notes' numbers and errors, identities, zeros."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdl.errors import OptionError, ProbabilityError, ShapeError
from nbdl.kernels import (
    conditional_entropy,
    conditional_mutual_information,
    entropy,
    joint_entropy,
    kl_divergence,
    mutual_information,
    mutual_information_dp,
)

NOTES = np.array([[0.1, 0.5], [0.1, 0.3]])
V11 = np.array([[0.1, 0.4], [0.2, 0.3]])


def test_v4_conditional_entropy():
    want = joint_entropy(NOTES, 2) - entropy(NOTES.sum(0), base=2)
    assert conditional_entropy(NOTES, base=2) == pytest.approx(0.9635472023, abs=5e-11) == want


def test_v5_v6_mutual_information():
    assert mutual_information(NOTES, 2) == pytest.approx(0.0074033921, abs=5e-11)
    assert mutual_information(NOTES) == pytest.approx(0.005131640, abs=5e-10)


def test_v11():
    assert joint_entropy(V11) == pytest.approx(1.2798542, abs=5e-8)
    assert conditional_entropy(V11, given=0) == pytest.approx(0.5867, abs=5e-5)
    assert mutual_information(V11) == pytest.approx(0.0241572568, abs=5e-11)


def test_v12_chain():
    """X, Y = X with flips of 0.1, Z = Y with flips of 0.2."""
    flip = [np.array([[1 - e, e], [e, 1 - e]]) for e in (0.1, 0.2)]
    p = 0.5 * np.einsum("xy,yz->xzy", *flip)  # X, Z given Y
    assert mutual_information(p.sum(1)) == pytest.approx(0.3681, abs=5e-5)
    assert mutual_information(p.sum(2)) == pytest.approx(0.1201, abs=5e-5)
    assert conditional_mutual_information(p) == pytest.approx(0, abs=1e-16)


def test_e25_a_joint_that_sums_to_1_1_is_refused():
    p = np.array([[0.1, 0.5], [0.2, 0.3]])
    with pytest.raises(ProbabilityError, match=r"conditional_entropy: `p` must sum to 1, got 1\.1"):
        conditional_entropy(p, base=2)
    assert conditional_entropy(p, given=1, base=2, normalize=True) == pytest.approx(0.9446, abs=5e-5)
    assert conditional_entropy(p, given=0, base=2, normalize=True) == pytest.approx(0.7959, abs=5e-5)


def test_e26_marginals_come_from_the_joint():
    """No marginal is passed in, so that none can have a wrong shape or disagree: not 0.7195 bits."""
    with pytest.raises(TypeError):
        mutual_information(NOTES, p_x=np.array([0.2, 0.8]), p_y=np.array([[0.75, 0.25]]))
    alone = np.outer(NOTES.sum(1), NOTES.sum(0))
    assert mutual_information(NOTES) == pytest.approx(kl_divergence(NOTES.ravel(), alone.ravel()), rel=1e-13)


def test_e27_it_is_weighted_once():
    x, y, joint = NOTES.sum(1), NOTES.sum(0), joint_entropy(NOTES)
    i = mutual_information(NOTES)
    assert i == pytest.approx(entropy(x) + entropy(y) - joint, rel=1e-12)
    both = conditional_entropy(NOTES, given=0) + conditional_entropy(NOTES, given=1)
    assert i == pytest.approx(joint - both, rel=1e-12)
    assert i == pytest.approx(entropy(x) - conditional_entropy(NOTES, given=1), rel=1e-12)


def test_e28_of_an_invertible_pair_it_is_the_entropy():
    p = np.random.default_rng(0).dirichlet(np.ones(5))
    assert mutual_information(np.diag(p)[:, ::-1]) == pytest.approx(entropy(p), rel=1e-14)
    assert conditional_entropy(np.diag(p)) == 0


def test_logic_gates():
    xor, both = np.zeros((2, 2, 2)), np.zeros((2, 2, 2))
    for x, y in np.ndindex(2, 2):
        xor[x, y, x ^ y] = both[x, y, x & y] = 0.25
    assert mutual_information(xor.sum(2), 2) == 0 and conditional_mutual_information(xor, 2) == pytest.approx(
        1
    )
    assert mutual_information(both.reshape(4, 2), 2) == pytest.approx(0.8112781245, abs=5e-11)


TABLES = st.tuples(st.integers(1, 6), st.integers(1, 19)).flatmap(
    lambda s: st.lists(st.integers(0, 50), min_size=s[0] * s[1], max_size=s[0] * s[1]).map(
        lambda v: np.array(v).reshape(s)
    )
)


@settings(max_examples=80, deadline=None)
@given(TABLES.filter(np.any))
def test_properties(counts):
    i = mutual_information(counts, normalize=True)
    x, y = entropy(counts.sum(1), normalize=True), entropy(counts.sum(0), normalize=True)
    assert 0 <= i <= min(x, y) + 1e-13
    assert i == pytest.approx(x + y - joint_entropy(counts, normalize=True), abs=1e-13)
    assert i == pytest.approx(mutual_information(counts.T, normalize=True), abs=1e-14)
    assert conditional_entropy(counts, normalize=True) == pytest.approx(x - i, abs=1e-13)


def test_nearly_independent_is_exact():
    """H + H - H loses all digits here."""
    d = 1e-9
    p = np.array([[0.25 + d, 0.25 - d], [0.25 - d, 0.25 + d]])
    assert mutual_information(p) == pytest.approx(8 * d * d, rel=1e-6)
    assert mutual_information(np.outer([0.3, 0.7], [0.1, 0.2, 0.7])) < 1e-30


def test_batches_and_conditional_identity():
    p = np.random.default_rng(1).dirichlet(np.ones(60), 3).reshape(3, 3, 4, 5)
    got = conditional_mutual_information(p)
    for b in range(3):
        xz, yz, z = (joint_entropy(p[b].sum(axes)) for axes in (1, 0, (0, 1)))
        assert got[b] == pytest.approx(xz + yz - z - joint_entropy(p[b]), rel=1e-12)
    np.testing.assert_allclose(
        mutual_information(p.sum(3)), [mutual_information(q) for q in p.sum(3)], rtol=1e-15
    )
    assert conditional_entropy(p.sum(3), given=-2).shape == (3,)


def test_zero_tables_and_gradient_at_zero():
    assert np.isnan(mutual_information(np.zeros((2, 2)), normalize=True))
    assert np.isnan(conditional_entropy(np.zeros((2, 2)), normalize=True))
    assert np.isnan(conditional_mutual_information(np.zeros((2, 2, 2)), normalize=True))
    slope = mutual_information_dp(1.0, np.array([[0.5, 0.0], [0.0, 0.5]]))
    np.testing.assert_allclose(slope, [[np.log(2) - 1, 0], [0, np.log(2) - 1]])


def test_messages():
    with pytest.raises(
        ShapeError, match=r"mutual_information: `p` must have at least 2 axes, got shape \(2,\)"
    ):
        mutual_information(np.array([0.5, 0.5]))
    with pytest.raises(ShapeError, match="`p` must have tables with entries"):
        mutual_information(np.ones((2, 0)))
    with pytest.raises(OptionError, match="`given` must be one of the last two axes, got 2"):
        conditional_entropy(NOTES, given=2)
    with pytest.raises(ProbabilityError, match="mutual_information: `p` must be finite and not negative"):
        mutual_information(np.array([[-0.1, 1.1]]))
