"""Pointwise mutual information and its positive and normalised forms."""

import numpy as np
import pytest

from nbdl.errors import ProbabilityError
from nbdl.kernels import (
    mutual_information,
    normalized_pointwise_mutual_information,
    pointwise_mutual_information,
    positive_pointwise_mutual_information,
)

NOTES = np.array([[0.1, 0.5], [0.1, 0.3]])


def test_v7():
    want = [[-0.2630344058, 0.0588936891], [0.3219280949, -0.0931094044]]
    np.testing.assert_allclose(pointwise_mutual_information(NOTES, 2), want, atol=5e-11)
    np.testing.assert_allclose(
        positive_pointwise_mutual_information(NOTES, 2), np.maximum(want, 0), atol=5e-11
    )


def test_e28_a_zero_cell_is_minus_infinity():
    p = np.array([[0.5, 0.0, 0.0], [0.25, 0.25, 0.0]])
    assert (pointwise_mutual_information(p)[p == 0] == -np.inf).all()
    assert (positive_pointwise_mutual_information(p)[p == 0] == 0).all()
    assert (normalized_pointwise_mutual_information(p)[p == 0] == -1).all()


def test_its_mean_is_the_mutual_information():
    p = np.random.default_rng(0).dirichlet(np.ones(12), 2).reshape(2, 3, 4)
    mean = (p * pointwise_mutual_information(p)).sum((1, 2))
    np.testing.assert_allclose(mean, mutual_information(p), rtol=1e-12)


def test_normalised_is_one_together_and_zero_apart():
    np.testing.assert_allclose(
        normalized_pointwise_mutual_information(np.diag([0.3, 0.7])), [[1, -1], [-1, 1]]
    )
    apart = normalized_pointwise_mutual_information(np.outer([2, 3], [1, 4]), normalize=True)
    np.testing.assert_allclose(apart, 0, atol=1e-15)
    assert normalized_pointwise_mutual_information(np.array([[1.0]])) == [[1]]


def test_counts_out_and_refusal():
    counts, out = np.array([[1, 5], [1, 3]]), np.empty((2, 2))
    assert pointwise_mutual_information(counts, 2, True, out) is out
    np.testing.assert_allclose(out, pointwise_mutual_information(NOTES, 2), rtol=1e-12)
    with pytest.raises(ProbabilityError, match="pointwise_mutual_information: `p` must sum to 1"):
        pointwise_mutual_information(2 * NOTES)
