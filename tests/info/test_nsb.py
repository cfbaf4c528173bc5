"""The NSB posterior, against its integrals computed by other means."""

import math

import numpy as np
import pytest
from scipy import integrate, special

from nbdl import info
from nbdl.info._nsb import _moments


def reference(counts, k):
    """Mean and deviation by adaptive quadrature over log beta, cell by cell."""
    n = np.zeros(k)
    n[: len(counts)] = counts

    def terms(log_beta):
        beta = math.exp(log_beta)
        a, total = n + beta, n.sum() + k * beta
        evidence = special.gammaln(k * beta) - special.gammaln(total)
        evidence += (special.gammaln(a) - special.gammaln(beta)).sum()
        slope = k * special.polygamma(1, k * beta + 1) - special.polygamma(1, beta + 1)
        mean = special.digamma(total + 1) - (a / total * special.digamma(a + 1)).sum()
        return evidence, slope * beta, mean

    peak = max(terms(t)[0] for t in np.linspace(-10, 10, 200))

    def weight(t, power):
        evidence, slope, mean = terms(t)
        return math.exp(evidence - peak) * slope * mean**power

    z, first = (
        integrate.quad(weight, -20, 15, (i,), limit=400, epsabs=1e-13, epsrel=1e-11)[0] for i in (0, 1)
    )
    return first / z


@pytest.mark.parametrize(("counts", "k"), [([5, 3, 2], 3), ([5, 3, 2], 20), ([1, 1, 1, 1], 50), ([40, 1], 7)])
def test_the_integral(counts, k):
    assert info.nsb_posterior(np.array(counts), k=k).mean == pytest.approx(reference(counts, k), rel=1e-7)


def test_peers_error_unseen_symbols_are_left_out_of_the_posterior():
    """infomeasure drops them when k is given."""
    few, many = (info.entropy_of_counts([5, 3, 2], "nsb", k=k) for k in (3, 20))
    assert many > few + 0.2


@pytest.mark.parametrize("beta", [0.02, 0.7, 5.0])
def test_moments_against_draws_from_the_posterior(beta):
    n, k = np.array([4.0, 1.0, 1.0]), 6
    p = np.random.default_rng(0).dirichlet(np.r_[n, 0, 0, 0] + beta, 200_000)
    h = special.entr(p).sum(axis=1)
    values, times = np.array([4.0, 1.0, 0.0]), np.array([1.0, 2.0, 3.0])
    first, second = _moments(np.array([beta]), values, times, k)
    assert first[0] == pytest.approx(h.mean(), abs=5 * h.std() / 400)
    assert math.sqrt(second[0] - first[0] ** 2) == pytest.approx(h.std(), rel=0.02)


def test_the_deviation_covers_the_truth():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        p = rng.dirichlet(np.ones(8))
        posterior = info.nsb_posterior(rng.multinomial(40, p), k=8)
        inside += abs(posterior.mean - special.entr(p).sum()) < 2 * posterior.sd
    assert inside > 180


def test_alphabets_beyond_any_table():
    mean, sd = info.nsb_posterior(np.array([5, 5, 5]), k=2**62)
    assert 0.5 < mean < 2.5 and 0 < sd < 2
    mean, sd = info.nsb_posterior(np.ones(100, int), k=10**9)
    assert mean > math.log(1000) and sd > 1
    assert info.nsb_posterior(np.array([9])) == (0, 0)
