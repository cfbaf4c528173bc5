r"""Functions to try a method on: what is hard about each is known, and so is its least value.

Each takes an array of one or two numbers, or a tensor where it has no cosine, and is compiled, so that your
own compiled code can call it; its formula is the line that it returns. Zhang et al., Dive into Deep Learning,
sections 12.1, 12.3 and 12.6; Rosenbrock 1960; Himmelblau 1972.
"""

from dataclasses import dataclass

import numpy as np

from nbdl._jit import jit


@dataclass(frozen=True)
class TestFunction:
    """`f` with a point to begin at, and the corners `low` and `high` of the region that is worth seeing."""

    __test__ = False  # pytest takes classes of this name for tests

    f: object
    x0: tuple
    low: tuple
    high: tuple
    about: str


@jit
def parabola(x):
    return x[0] ** 2


@jit
def waves(x):
    return x[0] * np.cos(0.15 * np.pi * x[0])


@jit
def cosh(x):
    return np.cosh(0.5 * x[0])


@jit
def risk(x):
    return x[0] * np.cos(np.pi * x[0])


@jit
def empirical_risk(x):
    return x[0] * np.cos(np.pi * x[0]) + 0.2 * np.cos(5 * np.pi * x[0])


@jit
def inflection(x):
    return x[0] ** 3


@jit
def plateau(x):
    return np.tanh(x[0])


@jit
def bowl(x):
    return x[0] ** 2 + 2 * x[1] ** 2


@jit
def valley(x):
    return 0.1 * x[0] ** 2 + 2 * x[1] ** 2


@jit
def saddle(x):
    return x[0] ** 2 - x[1] ** 2


@jit
def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


@jit
def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


FUNCTIONS = {
    f.__name__: TestFunction(f, *known)
    for f, *known in (
        (parabola, (10.0,), (-11.0,), (11.0,), "x^2: convex"),
        (waves, (10.0,), (-16.0,), (16.0,), "x cos(0.15 pi x): many local minima"),
        (cosh, (10.0,), (-11.0,), (11.0,), "cosh(0.5 x): convex, steep far out"),
        (risk, (0.6,), (0.5,), (1.5,), "x cos(pi x): the risk"),
        (empirical_risk, (0.6,), (0.5,), (1.5,), "the risk + 0.2 cos(5 pi x): local minima of the data"),
        (inflection, (1.5,), (-2.0,), (2.0,), "x^3: the gradient is 0 at 0, which is no minimum"),
        (plateau, (4.0,), (-5.0,), (5.0,), "tanh(x): vanishing gradients"),
        (bowl, (-5.0, -2.0), (-5.5, -3.0), (3.0, 3.0), "x^2 + 2 y^2"),
        (valley, (-5.0, -2.0), (-5.5, -3.0), (3.0, 3.0), "0.1 x^2 + 2 y^2: 20 times as steep across"),
        (saddle, (1.0, 0.01), (-2.0, -2.0), (2.0, 2.0), "x^2 - y^2: no minimum, gradient 0 at 0"),
        (rosenbrock, (-1.2, 1.0), (-2.0, -1.0), (2.0, 3.0), "a curved valley, least at (1, 1)"),
        (himmelblau, (0.0, 0.0), (-5.0, -5.0), (5.0, 5.0), "four minima of 0"),
    )
}
