"""The options that all updates have."""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError


@jit
def rates(kernel, lr, weight_decay):
    """`lr` and `weight_decay` as float64, checked."""
    lr, weight_decay = np.float64(lr), np.float64(weight_decay)
    # `not (...)` refuses NaN too.
    if not (lr >= 0 and lr < np.inf):
        raise OptionError("{}: `lr` must be finite and not negative, got {}", kernel, lr)
    if not (weight_decay >= 0 and weight_decay < np.inf):
        raise OptionError("{}: `weight_decay` must be finite and not negative, got {}", kernel, weight_decay)
    return lr, weight_decay
