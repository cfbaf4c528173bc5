r"""Codes of positions, by sines and cosines of falling frequency, and the angles of rotary embeddings.

.. math:: p_{t,2i} = \sin(t\, b^{-2i/D}) \qquad p_{t,2i+1} = \cos(t\, b^{-2i/D})

Vaswani et al. 2017, Attention Is All You Need, section 3.5; Zhang et al., Dive into Deep Learning, section
11.6.3.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.door.options import integer


@jit
def positional_encoding(steps, features, base=10000.0, offset=0):
    """The codes of `steps` positions from `offset` on: a new float64 array (steps, features).

    Parameters
    ----------
    steps, features : int
        From 0 on.
    base : float
        The waves are from 2 pi to 2 pi base positions long.
    offset : int
        The first position.

    Raises
    ------
    OptionError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> positional_encoding(2, 4).round(3)
    array([[0.   , 1.   , 0.   , 1.   ],
           [0.841, 0.54 , 0.01 , 1.   ]])
    """
    steps = integer("positional_encoding: `steps`", steps)
    features = integer("positional_encoding: `features`", features)
    offset, base = integer("positional_encoding: `offset`", offset), np.float64(base)
    check_sizes("positional_encoding", steps, features, base)
    p = np.empty((steps, features))
    for i in range(0, features, 2):
        frequency = base ** (-i / features)
        for t in range(steps):
            angle = (t + offset) * frequency
            p[t, i] = np.sin(angle)
            if i + 1 < features:
                p[t, i + 1] = np.cos(angle)
    return p


@jit
def rotary_angles(steps, features, base=10000.0, offset=0):
    """(cos, sin) of the angles that `rotary_embedding` turns pairs by: float64 arrays (steps, features // 2).

    Position t turns pair i of features by t base^(-2 i / features); options and errors as those of
    `positional_encoding`.

    Examples
    --------
    >>> cos, sin = rotary_angles(2, 2)
    >>> sin[:, 0].round(3)
    array([0.   , 0.841])
    """
    steps = integer("rotary_angles: `steps`", steps)
    features = integer("rotary_angles: `features`", features)
    offset, base = integer("rotary_angles: `offset`", offset), np.float64(base)
    check_sizes("rotary_angles", steps, features, base)
    cos, sin = np.empty((steps, features // 2)), np.empty((steps, features // 2))
    for i in range(features // 2):
        frequency = base ** (-2 * i / features)
        for t in range(steps):
            cos[t, i], sin[t, i] = np.cos((t + offset) * frequency), np.sin((t + offset) * frequency)
    return cos, sin


@jit
def check_sizes(kernel, steps, features, base):
    if steps < 0 or features < 0:
        raise OptionError(
            "{}: `steps` and `features` must be from 0 on, got {} and {}", kernel, steps, features
        )
    if not (base > 0 and base < np.inf):
        raise OptionError("{}: `base` must be a positive number, got {}", kernel, base)
