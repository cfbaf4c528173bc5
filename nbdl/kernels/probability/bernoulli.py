r"""The log-likelihood of a coin: how probable some heads and tails are, if heads have a given probability.

.. math:: \log P(h, t \mid \theta) = h \log \theta + t \log (1 - \theta) \qquad
          \hat\theta = \frac{h}{h + t}

The likelihood itself underflows after some thousand throws; its logarithm takes billions. theta-hat is where
it is largest. Zhang et al., Dive into Deep Learning, section 22.7.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ProbabilityError
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.results import as_out


@jit
def bernoulli_log_likelihood(theta, heads, tails, out=None):
    """The logarithm of the probability of `heads` and `tails`, in one order, for each element of `theta`.

    Parameters
    ----------
    theta : float array of any shape
        Probabilities of heads, from 0 to 1.
    heads, tails : int or float
        How many of each; not negative.
    out : array of the same shape, optional

    Returns
    -------
    array of the shape and dtype of `theta`, in nats: -inf where what was seen is impossible.

    Raises
    ------
    ProbabilityError
        If a theta is not from 0 to 1.
    OptionError, ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> bernoulli_log_likelihood(np.array([0.5, 0.75, 1.0]), 3, 0).round(4)
    array([-2.0794, -0.863 ,  0.    ])
    """
    theta = as_float("bernoulli_log_likelihood: `theta`", theta, ANY)
    # The comparisons fail for NaN; infinite counts would give NaN.
    if not (heads >= 0 and heads < np.inf):
        raise OptionError("bernoulli_log_likelihood: `heads` must be finite and not negative, got {}", heads)
    if not (tails >= 0 and tails < np.inf):
        raise OptionError("bernoulli_log_likelihood: `tails` must be finite and not negative, got {}", tails)
    y = as_out("bernoulli_log_likelihood: `out`", out, theta.shape, theta)
    _bernoulli(theta.reshape(theta.size), float(heads), float(tails), y.reshape(y.size))
    return y


@jit(strict=True)
def _bernoulli(theta, heads, tails, y):
    for i in range(theta.size):
        if not (theta[i] >= 0 and theta[i] <= 1):
            raise ProbabilityError(
                "bernoulli_log_likelihood: `theta` must be from 0 to 1, got {} at flat position {}",
                np.float64(theta[i]), i,
            )  # fmt: skip
    for i in range(theta.size):
        t = np.float64(theta[i])
        # 0 times the logarithm of 0 is 0: what was not seen says nothing.
        if (t == 0 and heads > 0) or (t == 1 and tails > 0):
            y[i] = -np.inf
        else:
            y[i] = (heads * np.log(t) if heads > 0 else 0.0) + (tails * np.log1p(-t) if tails > 0 else 0.0)
