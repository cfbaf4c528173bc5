"""The truth of `relu`, `sigmoid` and `tanh`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError


def relu(x):
    return np.maximum(x, 0)


@np.errstate(invalid="ignore")  # of NaN
def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def tanh(x):
    return np.tanh(x)


ENDS = np.array(
    [-np.inf, -1e30, -400.0, -90.0, -1e-30, -0.0, 0.0, 1e-30, 20.0, 90.0, 400.0, 1e30, np.inf, np.nan]
)


def elementwise_cases(rng):
    def x(*shape):
        return (
            rng.choice([-1.0, 1.0], shape) * rng.uniform(0.1, 3, shape),
        )  # not at 0, where relu has a kink

    return [
        Case("4x3", x(4, 3)),
        Case("images", x(2, 3, 5, 1)),
        Case("1 dimension", x(17)),
        Case("a number", x(), grad=False),
        Case("no samples", x(0, 3)),
        Case("the ends", (ENDS,), grad=False),
        Bad("integers", (np.arange(3),), {}, DtypeError, "x"),
        Bad("a Python number", (3.0,), {}, DtypeError, "x"),
    ]


def on_one_loop(*options):
    """Cases of an activation that has the loops of `relu` and needs no more than its formula looked at."""

    def cases(rng):
        x = rng.choice([-1.0, 1.0], (17, 3)) * rng.uniform(0.1, 6, (17, 3))  # not at 0
        return [
            Case("17x3", (x,)),
            *(Case(", ".join(f"{n} {v}" for n, v in o.items()), (x,), o) for o in options),
            Case("the ends", (ENDS[:, None],), grad=False),
            Bad("integers", (np.arange(3),), {}, DtypeError, "x"),
        ]

    return cases


relu_cases = sigmoid_cases = tanh_cases = elementwise_cases
