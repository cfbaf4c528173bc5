"""conv2d on lanes: the cases of the kernel, and shapes that reach every way of summing."""

import numpy as np
import pytest

from nbdl.cases import Case
from nbdl.kernels.convolution import conv2d_lanes
from nbdl.kernels.convolution.conv2d_truth import conv2d_cases
from nbdl.kernels.lanes import Site, Unfit
from nbdl.testing._check_twin import compare

CASES = [c for c in conv2d_cases(np.random.default_rng(0)) if isinstance(c, Case)]


def case(C, H, W, O, kernel, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1, bias=True):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s) for s in ((3, C, H, W), (O, C // groups, *kernel), (O,))]
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Case("", tuple(arrays if bias else [*arrays[:2], None]), options)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_cases_of_the_kernel(case):
    assert compare("conv2d", case, "float32", 19) == (case.name != "no samples")


@pytest.mark.parametrize(
    ("case", "dtype", "samples"),
    [
        (case(1, 28, 28, 6, (5, 5), padding=(2, 2, 2, 2)), "float32", 40),
        (case(17, 7, 5, 11, (3, 2), (2, 1), (2, 0, 1, 3)), "float32", 16),  # more channels than lanes
        (case(2, 3, 90, 4, (2, 5), padding=(0, 1, 2, 2)), "float32", 16),  # dw in chunks of a row
        (case(32, 5, 9, 6, (2, 3), (1, 2), groups=2), "float32", 5),  # two groups of 16
        (case(33, 6, 6, 11, (1, 1), (2, 2), bias=False), "float64", 19),  # tiles of all kinds of dw
        (case(9, 11, 6, 9, (4, 3), (3, 2), (1, 3, 2, 0), (2, 3), groups=3), "float64", 1),
    ],
)
def test_shapes(case, dtype, samples):
    assert compare("conv2d", case, dtype, samples)


@pytest.mark.parametrize(
    "wrong",
    [
        {"stride": 0}, {"dilation": (1, 0)}, {"padding": -1}, {"padding": (1, 1, 1)}, {"groups": 2},
        {"stride": 1.5}, {"groups": 0}, {"padding": 2**33},
    ],
)  # fmt: skip
def test_what_the_kernel_refuses_is_left_to_it(wrong):
    options = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **wrong}
    with pytest.raises(Unfit):
        conv2d_lanes.conv2d.shape(Site({"x": (3, 6, 6), "w": (4, 3, 3, 3), "b": (4,)}, options))
