r"""Entropies and divergences of distributions whose parameters are known, and of any by sampling.

.. math::
    h(\mathcal N) = \tfrac12 \log 2 \pi e\, \sigma^2 \qquad h(\mathcal U) = \log (b - a) \qquad
    h(\mathrm{Exp}) = 1 - \log \lambda \\
    D(\mathcal N_1 \| \mathcal N_2) = \log \frac{\sigma_2}{\sigma_1} +
        \frac{\sigma_1^2 + (\mu_1 - \mu_2)^2}{2 \sigma_2^2} - \frac12 \qquad
    D(\mathcal U_1 \| \mathcal U_2) = \log \frac{b_2 - a_2}{b_1 - a_1} \text{ within, else } \infty \\
    D(\mathrm{Exp}_1 \| \mathrm{Exp}_2) = r - 1 - \log r, \quad r = \lambda_2 / \lambda_1 \\
    D(p \| q) \approx \frac1N \sum_n \log p(x_n) - \log q(x_n), \quad x_n \sim p

Differential entropies may be negative, and are not clamped. Of samples alone, without densities, the
estimators of `nbdl.info.entropy` and `kl_divergence` are for. Parameters are numbers or arrays, broadcast.
Cover and Thomas, Elements of Information Theory, chapter 8; Zhang et al., Dive into Deep Learning, sections
22.11.2 and 22.11.4.
"""

import math
from typing import NamedTuple

import numpy as np

from nbdl.errors import DtypeError, NumericError, OptionError, ShapeError
from nbdl.info._estimate import nats_of


def normal_entropy(std, *, base="e"):
    """The differential entropy of a normal distribution of standard deviation `std` (positive).

    Parameters
    ----------
    std : float or array
    base : "e", 2, 10, any number > 0 but 1; "nats", "bits", "dits"

    Returns
    -------
    float, or array of the broadcast shape

    Examples
    --------
    >>> round(normal_entropy(1.0), 4)
    1.4189
    """
    std = _positive("normal_entropy", "std", std)
    return _in(base, 0.5 * math.log(2 * math.pi * math.e) + np.log(std))


def uniform_entropy(low, high, *, base="e"):
    """The differential entropy of a uniform distribution from `low` to `high`, as `normal_entropy`.

    Examples
    --------
    >>> uniform_entropy(0.0, 0.5, base=2)
    -1.0
    """
    return _in(base, np.log(_width("uniform_entropy", low, high)))


def exponential_entropy(rate, *, base="e"):
    """The differential entropy of an exponential distribution of mean 1 / `rate`, as `normal_entropy`.

    Examples
    --------
    >>> exponential_entropy(1.0)
    1.0
    """
    return _in(base, 1 - np.log(_positive("exponential_entropy", "rate", rate)))


def normal_kl(mean1, std1, mean2, std2, *, base="e"):
    """The divergence of N(mean1, std1^2) from N(mean2, std2^2), as `normal_entropy`.

    It is not symmetric, unless the standard deviations are equal.

    Examples
    --------
    >>> round(normal_kl(0.0, 1.0, 0.0, 2.0), 6), round(normal_kl(0.0, 2.0, 0.0, 1.0), 6)
    (0.318147, 0.806853)
    """
    one, two = _positive("normal_kl", "std1", std1), _positive("normal_kl", "std2", std2)
    apart = (_finite("normal_kl", "mean1", mean1) - _finite("normal_kl", "mean2", mean2)) / two
    more = (one - two) / two  # the ratio less 1: where the two are nearly alike its digits count
    return _in(base, 0.5 * (more * (more + 2) + apart * apart) - np.log1p(more))


def uniform_kl(low1, high1, low2, high2, *, base="e"):
    """The divergence of the uniform distribution on [low1, high1] from that on [low2, high2].

    Infinite where the first reaches beyond the second. As `normal_entropy`.

    Examples
    --------
    >>> uniform_kl(0.0, 1.0, 0.0, 2.0, base=2), uniform_kl(0.0, 2.0, 0.0, 1.0)
    (1.0, inf)
    """
    one, two = _width("uniform_kl", low1, high1), _width("uniform_kl", low2, high2, "low2", "high2")
    within = (np.asarray(low1) >= low2) & (np.asarray(high1) <= high2)
    return _in(base, np.where(within, np.log(two / one), np.inf))


def exponential_kl(rate1, rate2, *, base="e"):
    """The divergence of the exponential distribution of `rate1` from that of `rate2`, as `normal_entropy`.

    Examples
    --------
    >>> round(exponential_kl(2.0, 1.0), 6)
    0.193147
    """
    one, two = _positive("exponential_kl", "rate1", rate1), _positive("exponential_kl", "rate2", rate2)
    more = (two - one) / one
    return _in(base, more - np.log1p(more))


class MonteCarlo(NamedTuple):
    """An estimate and its standard error, which is that of a mean of independent terms."""

    estimate: float
    standard_error: float


def monte_carlo_kl(log_p, log_q, x, *, base="e"):
    """The divergence of p from q by their densities at samples of p.

    Parameters
    ----------
    log_p, log_q : functions
        Of the samples: the logarithms (nats) of the two densities at each, (N,), -inf where one is 0.
    x : (N, ...) array
        Independent samples of p; at least 2.
    base : as of `normal_entropy`

    Returns
    -------
    MonteCarlo
        ``estimate``, unbiased, which may be a little below 0, and ``standard_error``. Infinite if q is 0 at a
        sample.

    Raises
    ------
    NumericError
        If p is 0 at a sample, which cannot be one of p, or a density is NaN. Nothing is left out.
    ShapeError, DtypeError, OptionError

    Examples
    --------
    >>> from nbdl.kernels import normal_log_density
    >>> x = np.random.default_rng(0).standard_normal(10000)
    >>> kl = monte_carlo_kl(normal_log_density, lambda x: normal_log_density(x, 1.0), x)
    >>> abs(kl.estimate - 0.5) < 3 * kl.standard_error
    True
    """
    nats = nats_of(base)
    x = np.asarray(x)
    if x.ndim < 1 or len(x) < 2:
        raise ShapeError("monte_carlo_kl: `x` must hold at least 2 samples (N, ...), got shape {}", x.shape)
    logs = []
    for name, density in (("log_p", log_p), ("log_q", log_q)):
        values = np.asarray(density(x), np.float64)
        if values.shape != (len(x),):
            raise ShapeError(
                "monte_carlo_kl: `{}` must give a number for each sample, ({},), got shape {}",
                name, len(x), values.shape,
            )  # fmt: skip
        bad = np.isnan(values) | (values == np.inf) | ((values == -np.inf) & (name == "log_p"))
        if bad.any():
            first = int(bad.argmax())
            raise NumericError(
                "monte_carlo_kl: `{}` is {} at sample {}: `x` must be samples of p, with finite densities",
                name, values[first], first,
            )  # fmt: skip
        logs.append(values)
    terms = (logs[0] - logs[1]) / nats
    estimate = float(terms.mean())
    if not math.isfinite(estimate):
        return MonteCarlo(math.inf, math.inf)
    return MonteCarlo(estimate, float(terms.std(ddof=1) / math.sqrt(len(x))))


# --- parameters -------------------------------------------------------------------------------------------


def _in(base, nats):
    value = np.asarray(nats) / nats_of(base)
    return value if value.ndim else float(value)


def _finite(where, name, value):
    try:
        a = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise DtypeError(
            "{}: `{}` must be a number or an array of them, got {!r}", where, name, value
        ) from None
    if not np.isfinite(a).all():
        raise OptionError("{}: `{}` must be finite, got {}", where, name, a[~np.isfinite(a)][0])
    return a


def _positive(where, name, value):
    a = _finite(where, name, value)
    if not (a > 0).all():
        raise OptionError("{}: `{}` must be positive, got {}", where, name, a[a <= 0].flat[0])
    return a


def _width(where, low, high, name_low="low", name_high="high"):
    width = _finite(where, name_high, high) - _finite(where, name_low, low)
    if not (width > 0).all():
        raise OptionError("{}: `{}` must be above `{}`, got {} and {}", where, name_high, name_low, high, low)
    return width
