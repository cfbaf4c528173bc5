"""linear on lanes: the cases of the kernel, and sizes below, at and beyond a vector."""

import numpy as np
import pytest

from nbdl.cases import Case
from nbdl.kernels.dense import linear_lanes
from nbdl.kernels.dense.linear_truth import linear_cases
from nbdl.kernels.lanes import Site, Unfit
from nbdl.testing._check_twin import compare

CASES = [c for c in linear_cases(np.random.default_rng(0)) if isinstance(c, Case)]


def case(D, Q, bias=True):
    rng = np.random.default_rng(0)
    b = rng.standard_normal(Q) if bias else None
    return Case("", (rng.standard_normal((3, D)), rng.standard_normal((D, Q)), b))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_cases_of_the_kernel(case):
    empty = "no samples", "no columns", "no rows"
    assert compare("linear", case, "float64", 19) == (case.name not in empty)


@pytest.mark.parametrize(
    ("D", "Q", "samples"),
    [(1, 17, 5), (16, 10, 40), (17, 100, 16), (300, 1, 1), (100, 33, 150), (10, 16, 19)],
)
def test_sizes(D, Q, samples):
    assert compare("linear", case(D, Q, bias=D > 10), "float32", samples)


@pytest.mark.parametrize(
    ("shape", "Q", "samples"),
    [
        ((5, 7), 3, 19),  # rows side by side, an odd number of them
        ((2, 4, 3), 5, 19),  # planes, none with a gap
        ((3, 4, 6), 5, 5),  # a gap in x alone
        ((3, 2, 5), 20, 40),  # in y alone
        ((3, 4, 20), 18, 40),  # in both
        ((2, 3, 2, 4), 17, 19),  # four axes are one plane
        ((20, 33), 50, 60),  # so many rows that each block adds its own to the gradient
        ((16, 130), 150, 60),  # and a matrix that is too large for that
    ],
)
def test_rows_of_samples(shape, Q, samples):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((3, *shape)), rng.standard_normal((shape[-1], Q)), rng.standard_normal(Q)
    assert compare("linear", Case("", inputs), "float32", samples)


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": (4,)},
        {"x": (3, 1)},
        {"x": (0, 3)},
        {"x": ()},
        {"w": (3, 2, 1)},
        {"w": (3, 0)},
        {"b": (3,)},
        {"b": (2, 1)},
    ],
)
def test_what_the_kernel_refuses_is_left_to_it(wrong):
    with pytest.raises(Unfit):
        linear_lanes.linear.shape(Site({"x": (3,), "w": (3, 2), "b": (2,), **wrong}, {}))
