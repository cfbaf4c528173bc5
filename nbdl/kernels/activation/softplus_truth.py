"""The truth of `softplus` and `mish`."""

import numpy as np

from nbdl.cases import Bad
from nbdl.errors import OptionError
from nbdl.kernels.activation.elementwise_truth import on_one_loop


@np.errstate(invalid="ignore")  # of NaN
def softplus(x, beta=1.0):
    return np.logaddexp(0, beta * x) / beta


def mish(x):
    return np.maximum(x, -1e4) * np.tanh(softplus(x))  # 0 from there on, where -inf times 0 would be NaN


def softplus_cases(rng):
    bad = [Bad(f"beta {b}", (np.ones(3),), {"beta": b}, OptionError, "beta") for b in (0.0, -1.0, np.nan)]
    return [*on_one_loop({"beta": 8.0}, {"beta": 0.1})(rng), *bad]


mish_cases = on_one_loop()
