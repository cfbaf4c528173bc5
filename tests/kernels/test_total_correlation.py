"""Total and dual total correlation: parity, copies, two variables."""

import numpy as np
import pytest

from nbdl.errors import ProbabilityError, ShapeError
from nbdl.kernels import dual_total_correlation, mutual_information, total_correlation


def parity(n):
    p = np.zeros((2,) * n)
    for bits in np.ndindex(*p.shape):
        p[bits] = sum(bits) % 2 == 0
    return p / p.sum()


def copies(n):
    p = np.zeros((2,) * n)
    p[(0,) * n] = p[(1,) * n] = 0.5
    return p


@pytest.mark.parametrize("n", [3, 4])
def test_parity_and_copies(n):
    """The O-information, TC - DTC, is -(n - 2) bits of parity and n - 2 bits of copies."""
    for p, tc, dtc in ((parity(n), 1, n - 1), (copies(n), n - 1, 1)):
        assert total_correlation(p, 2) == pytest.approx(tc, rel=1e-14)
        assert dual_total_correlation(p, 2) == pytest.approx(dtc, rel=1e-14)


def test_of_two_variables_both_are_the_mutual_information():
    p = np.random.default_rng(0).dirichlet(np.ones(12)).reshape(3, 4)
    assert total_correlation(p) == pytest.approx(mutual_information(p), rel=1e-12)
    assert dual_total_correlation(p) == pytest.approx(mutual_information(p), rel=1e-12)
    counts = np.arange(12).reshape(3, 4)
    assert total_correlation(counts, normalize=True) == pytest.approx(
        total_correlation(counts / 66), rel=1e-12
    )


def test_independent_variables_and_what_is_refused():
    p = np.einsum("i,j,k->ijk", [0.3, 0.7], [0.2, 0.3, 0.5], [0.1, 0.9])
    assert 0 <= total_correlation(p) < 1e-15 and 0 <= dual_total_correlation(p) < 1e-14
    assert np.isnan(total_correlation(np.zeros((2, 2, 2)), normalize=True))
    with pytest.raises(ProbabilityError, match="total_correlation: `p` must sum to 1, got 2"):
        total_correlation(2 * p)
    with pytest.raises(ShapeError, match="dual_total_correlation: `p` must have entries"):
        dual_total_correlation(np.ones((2, 0, 2)))
