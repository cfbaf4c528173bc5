r"""Gradients that are not larger than a limit: by the norm of all of them, or each by itself.

.. math:: g \leftarrow \min\left(1, \frac{\theta}{\lVert g \rVert}\right) g

Zhang et al., Dive into Deep Learning, section 9.5.3; Pascanu et al. 2013, On the difficulty of training
recurrent neural networks.
"""

import math

import numpy as np

from nbdl.errors import OptionError
from nbdl.nn._options import is_number


def clip_norm(gradients, limit):
    """Scale gradients down together so that the norm of all of them is at most `limit`; in place.

    Parameters
    ----------
    gradients : list of float arrays
        Of all parameters. Zeros stay zeros.
    limit : float

    Returns
    -------
    float
        The norm before. Where it is infinite or NaN no scaling makes it smaller, and the gradients are left
        as they are: look at it before an update.

    Examples
    --------
    >>> g = np.array([3.0, 4.0])
    >>> clip_norm([g], 1.0), g
    (5.0, array([0.6, 0.8]))
    """
    check_limit("clip_norm", limit)
    gradients = list(gradients)
    largest = max((float(np.max(np.abs(g), initial=0)) for g in gradients), default=0.0)
    if not math.isfinite(largest):
        return math.nan if any(np.isnan(g).any() for g in gradients) else math.inf
    unit = math.ldexp(1.0, max(math.frexp(largest)[1], -1000) - 1)  # a power of 2: squares would overflow
    norm = math.sqrt(sum(float(np.sum(np.square(g / unit, dtype=np.float64))) for g in gradients))
    if norm > limit / unit:
        for g in gradients:
            g /= unit
            g *= limit / norm
    return norm * unit


def clip_value(gradients, limit):
    """Bring each element of gradients between -`limit` and `limit`; in place. NaN stays NaN.

    Parameters
    ----------
    gradients : list of float arrays
    limit : float

    Examples
    --------
    >>> g = np.array([3.0, -0.5])
    >>> clip_value([g], 1.0)
    >>> g
    array([ 1. , -0.5])
    """
    check_limit("clip_value", limit)
    for g in gradients:
        np.clip(g, -limit, limit, out=g)


def check_limit(name, limit):
    """Raise `OptionError` unless a limit is above 0."""
    if not is_number(limit) or not limit > 0:
        raise OptionError("`{}` must be positive, got {!r}", name, limit)
