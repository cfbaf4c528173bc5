"""The truth of `leaky_relu`."""

import numpy as np

from nbdl.cases import Bad
from nbdl.errors import OptionError
from nbdl.kernels.activation.elementwise_truth import on_one_loop


def leaky_relu(x, slope=0.01):
    return np.where(x > 0, x, slope * x)


def leaky_relu_cases(rng):
    bad = Bad("slope NaN", (np.ones(3),), {"slope": np.nan}, OptionError, "slope")
    return [*on_one_loop({"slope": 0.25}, {"slope": -0.5})(rng), bad]
