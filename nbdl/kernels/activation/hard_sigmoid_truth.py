"""The truth of `hard_sigmoid` and `hard_swish`."""

import numpy as np

from nbdl.cases import Bad
from nbdl.errors import OptionError
from nbdl.kernels.activation.elementwise_truth import on_one_loop


def hard_sigmoid(x, alpha=1 / 6, beta=0.5):
    return np.clip(alpha * x + beta, 0, 1)


def hard_swish(x):
    return np.where(x <= -3, 0, x) * hard_sigmoid(x)


def hard_sigmoid_cases(rng):
    bad = [
        Bad(f"{name} infinite", (np.ones(3),), {name: np.inf}, OptionError, name)
        for name in ("alpha", "beta")
    ]
    return [*on_one_loop({"alpha": 0.2, "beta": 0.6}, {"alpha": -0.5})(rng), *bad]


hard_swish_cases = on_one_loop()
