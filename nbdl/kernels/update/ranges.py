"""Ranges of the options of updates."""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError


@jit
def share(kernel, name, value):
    """A factor of a mean that fades, as float64: at least 0 and below 1."""
    value = np.float64(value)
    if not (value >= 0 and value < 1):
        raise OptionError("{}: `{}` must be at least 0 and below 1, got {}", kernel, name, value)
    return value


@jit
def not_negative(kernel, name, value):
    """A finite number from 0 on, as float64."""
    value = np.float64(value)
    if not (value >= 0 and value < np.inf):
        raise OptionError("{}: `{}` must be finite and not negative, got {}", kernel, name, value)
    return value
