"""Digamma, trigamma, ratios of gamma functions and the chi-squared tail, against SciPy."""

import numpy as np
import pytest
from scipy import special, stats

from nbdl.info._special import chi2_tail, digamma, log_rising, trigamma

X = np.exp(np.linspace(-30, 30, 301))


def test_digamma_and_trigamma():
    np.testing.assert_allclose(digamma(X), special.digamma(X), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(trigamma(X), special.polygamma(1, X), rtol=1e-13)


@pytest.mark.parametrize("n", [0, 1, 2, 50, 1e6])
def test_log_rising(n):
    truth = special.gammaln(X + n) - special.gammaln(X)
    near = X < 1e3  # beyond it SciPy's difference cancels
    np.testing.assert_allclose(log_rising(X, n)[near], truth[near], rtol=1e-12, atol=1e-11)
    far = X > 1e9 * max(n, 1)
    np.testing.assert_allclose(log_rising(X, n)[far], n * np.log(X[far]), rtol=1e-8)


@pytest.mark.parametrize("dof", [1, 2, 7, 100, 5000])
def test_chi2_tail(dof):
    for x in (0, 1e-3, 0.5, dof / 2, dof, dof + 1, 2 * dof, dof + 40):
        truth = stats.chi2.sf(x, dof)
        assert chi2_tail(x, dof) == pytest.approx(truth, rel=1e-9, abs=1e-13), x
