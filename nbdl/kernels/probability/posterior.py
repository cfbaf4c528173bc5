r"""The posterior probabilities of hypotheses: Bayes' theorem, in log space.

.. math:: P(h \mid e_1 \dots e_E) = \frac{P(h) \prod_k P(e_k \mid h)}{\sum_g P(g) \prod_k P(e_k \mid g)}

The likelihood is (..., E, H): for each of H hypotheses how probable each of E observations is, which are
independent given the hypothesis; the prior is (H,), the result (..., H). Products are sums of logarithms, and
the largest is taken out before they are exponentiated: a thousand observations do not underflow.
Zhang et al., Dive into Deep Learning, sections 2.6.4 and 2.6.5.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ProbabilityError, ShapeError
from nbdl.kernels.door.inputs import AT_LEAST_2, as_like
from nbdl.kernels.door.results import as_out
from nbdl.kernels.information.tables import as_table, text, without
from nbdl.kernels.information.walk import is_bad, refuse


@jit
def posterior(prior, likelihood, out=None):
    """The probability of each hypothesis after some observations (formula at the head of this file).

    Parameters
    ----------
    prior : (H,) float array
        Probabilities of the hypotheses, which sum to 1.
    likelihood : (..., E, H) float array
        Of each observation the probabilities, or densities, given each hypothesis; E = 1 for a single one.
    out : (..., H) array, optional

    Returns
    -------
    (..., H) array of the dtype of `prior`; its last axis sums to 1.

    Raises
    ------
    ProbabilityError
        If the observations have probability 0 under every hypothesis: a posterior is not defined; if `prior`
        is no distribution, or a likelihood is negative, infinite or NaN.
    ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    A test that finds the ill for certain, and 1 of 100 who are well, of an illness that 15 of 10 000 have:

    >>> posterior(np.array([0.0015, 0.9985]), np.array([[1.0, 0.01]])).round(4)
    array([0.1306, 0.8694])
    """
    prior = as_table("posterior: `prior` (H,)", prior)
    likelihood = as_like("posterior: `likelihood` (..., E, H)", likelihood, AT_LEAST_2, prior)
    hypotheses = likelihood.shape[-1]
    if prior.shape != (hypotheses,):
        raise ShapeError(
            "posterior: `prior` must have {} elements, as many as `likelihood` (..., E, H) has hypotheses, "
            "got shape {}", hypotheses, prior.shape,
        )  # fmt: skip
    y = as_out("posterior: `out`", out, without(likelihood.shape, -2), likelihood)
    evidence = likelihood.shape[-2]
    rows = y.size // max(hypotheses, 1)
    _posterior(prior, likelihood.reshape(rows, evidence, hypotheses), y.reshape(rows, hypotheses))
    return y


@jit(strict=True)
def _posterior(prior, likelihood, y):
    rows, evidence, hypotheses = likelihood.shape
    table, total, least = prior.reshape(1, hypotheses, 1), np.float64(0), np.float64(0)
    for h in range(hypotheses):
        total, least = total + prior[h], min(least, np.float64(prior[h]))
    if is_bad(total, least, False, prior):
        refuse(text("posterior: `prior`"), table, 0, False)
    logs = np.empty((rows, hypotheses))
    for r in range(rows):
        for h in range(hypotheses):
            logs[r, h] = np.log(np.float64(prior[h])) if prior[h] > 0 else -np.inf
            for e in range(evidence):
                v = np.float64(likelihood[r, e, h])
                if not (v >= 0 and v < np.inf):
                    text_ = "posterior: `likelihood` must be finite and not negative, got {} at ({}, {}, {})"
                    raise ProbabilityError(text_, v, r, e, h)
                logs[r, h] += np.log(v) if v > 0 else -np.inf
        # All hypotheses are excluded: there is nothing to divide by.
        if logs[r].max() == -np.inf:
            raise ProbabilityError(
                "posterior: `likelihood` is 0 under every hypothesis that `prior` allows (case {}): what was "
                "observed has probability 0, and no posterior", r,
            )  # fmt: skip
    for r in range(rows):
        largest, total = logs[r].max(), np.float64(0)
        for h in range(hypotheses):
            logs[r, h] = np.exp(logs[r, h] - largest)
            total += logs[r, h]
        for h in range(hypotheses):
            y[r, h] = logs[r, h] / total
