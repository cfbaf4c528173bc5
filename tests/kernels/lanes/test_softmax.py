"""softmax and log_softmax on lanes."""

import numpy as np
import pytest

from nbdl.kernels.activation import softmax_lanes
from nbdl.kernels.lanes import Site, Unfit
from nbdl.testing import check_twin
from nbdl.testing._check_twin import compare
from nbdl.testing.cases import Case


@pytest.mark.parametrize("name", ["softmax", pytest.param("log_softmax", marks=pytest.mark.slow)])
def test_the_cases_of_the_kernels(name):
    others = {"columns", "channels", "axis from the end", "1 dimension", "no samples"}
    assert {case for case, served in check_twin(name).items() if not served} == others


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_many_classes(name):
    x = np.random.default_rng(0).standard_normal((16, 1000))
    assert compare(name, Case("1000 classes", (x,)), "float32", 16)


@pytest.mark.parametrize(
    ("shape", "axis"), [((3,), 0), ((3,), -2), ((3,), 2), ((3,), 0.5), ((0,), -1), ((3, 2), -1), ((), -1)]
)
def test_other_axes_are_left_to_the_kernel(shape, axis):
    with pytest.raises(Unfit):
        softmax_lanes.softmax.shape(Site({"x": shape}, {"axis": axis}))
