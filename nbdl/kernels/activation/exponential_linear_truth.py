"""The truth of `elu`, `selu` and `celu`."""

import numpy as np

from nbdl.cases import Bad
from nbdl.errors import OptionError
from nbdl.kernels.activation.elementwise_truth import on_one_loop


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def selu(x):
    return 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717)


def celu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def elu_cases(rng):
    bad = Bad("alpha infinite", (np.ones(3),), {"alpha": np.inf}, OptionError, "alpha")
    return [*on_one_loop({"alpha": 0.3}, {"alpha": -1.5})(rng), bad]


selu_cases = on_one_loop()


def celu_cases(rng):
    bad = [Bad(f"alpha {a}", (np.ones(3),), {"alpha": a}, OptionError, "alpha") for a in (0.0, -1.0, np.nan)]
    return [*on_one_loop({"alpha": 0.3})(rng), *bad]
