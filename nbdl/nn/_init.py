r"""Initializers: ``fill(rng, shape, fan_in, fan_out)`` returns a float64 array.

fan_in and fan_out are how many numbers each output is summed from, and each input goes to (for a
convolution: channels times kernel size). Glorot and Bengio 2010; He et al. 2015; Saxe et al. 2014.
"""

import math

import numpy as np


def zeros(rng, shape, fan_in, fan_out):
    return np.zeros(shape)


def ones(rng, shape, fan_in, fan_out):
    return np.ones(shape)


def quarter(rng, shape, fan_in, fan_out):
    """0.25: where the slopes of `PReLU` begin."""
    return np.full(shape, 0.25)


def normal(rng, shape, fan_in, fan_out):
    """Standard deviation 0.01, the book's plain choice."""
    return rng.normal(0, 0.01, shape)


def uniform(rng, shape, fan_in, fan_out):
    """Between -0.07 and 0.07."""
    return rng.uniform(-0.07, 0.07, shape)


def xavier_uniform(rng, shape, fan_in, fan_out):
    r"""Between :math:`\pm\sqrt{6 / (fan_{in} + fan_{out})}`."""
    a = math.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-a, a, shape)


def xavier_normal(rng, shape, fan_in, fan_out):
    r"""Variance :math:`2 / (fan_{in} + fan_{out})`."""
    return rng.normal(0, math.sqrt(2 / (fan_in + fan_out)), shape)


def he_uniform(rng, shape, fan_in, fan_out):
    r"""Between :math:`\pm\sqrt{6 / fan_{in}}`, for ReLU."""
    a = math.sqrt(6 / fan_in)
    return rng.uniform(-a, a, shape)


def he_normal(rng, shape, fan_in, fan_out):
    r"""Variance :math:`2 / fan_{in}`, for ReLU."""
    return rng.normal(0, math.sqrt(2 / fan_in), shape)


def lecun_uniform(rng, shape, fan_in, fan_out):
    r"""Between :math:`\pm 1 / \sqrt{fan_{in}}` (what torch gives its linear and convolution layers)."""
    a = 1 / math.sqrt(fan_in)
    return rng.uniform(-a, a, shape)


def orthogonal(rng, shape, fan_in, fan_out):
    """Orthonormal rows or columns, whichever are fewer, of the array seen as a matrix (first axis, rest)."""
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return (q if rows >= columns else q.T).reshape(shape)
