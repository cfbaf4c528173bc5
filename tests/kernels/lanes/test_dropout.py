"""dropout on lanes draws the masks of the kernel, for any place in the minibatch."""

import numpy as np
import pytest

from nbdl.kernels import dropout_mask
from nbdl.kernels.lanes import Site, Unfit
from nbdl.kernels.regularization import dropout_lanes
from nbdl.testing import check_twin
from nbdl.testing._twin_run import Operands

KEY = {"seed": 2**62 + 12345, "op": 3, "step": 2**31 + 7}


def test_the_cases_of_the_kernel():
    assert {case for case, served in check_twin("dropout").items() if not served} == {
        "no samples",
        "no elements",
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_mask_is_that_of_the_kernel(dtype):
    x = np.ones((70, 3, 4, 4), dtype)  # planes with a vector between them
    site = Site({"x": (3, 4, 4), "y": (3, 4, 4)}, {"p": 0.3, **KEY}, dtype)
    y = Operands(dropout_lanes.dropout, site, {"x": x}).forward()
    np.testing.assert_array_equal(y != 0, dropout_mask(x, 0.3, *KEY.values()))


@pytest.mark.parametrize("wrong", [{"p": 1.5}, {"p": np.nan}, {"p": -0.1}, {"op": -1}, {"op": 2**32}])
def test_what_the_kernel_refuses_is_left_to_it(wrong):
    with pytest.raises(Unfit):
        dropout_lanes.dropout.shape(Site({"x": (3,)}, {"p": 0.5, **KEY, **wrong}))
