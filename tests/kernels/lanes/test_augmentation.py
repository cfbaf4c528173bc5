"""Random crops, flips and noise on lanes are those of the kernels, for any place in the minibatch."""

import numpy as np
import pytest

from nbdl import kernels
from nbdl.kernels.augmentation import gaussian_noise_lanes, random_crop_lanes, random_flip_lanes
from nbdl.kernels.lanes import Site, Unfit
from nbdl.testing import check_twin
from nbdl.testing._twin_run import Operands

KEY = {"seed": 2**62 + 12345, "op": 3, "step": 2**31 + 7}
TWINS = {
    "random_crop": (random_crop_lanes.random_crop, {"size": (4, 4), "padding": (1, 2, 0, 3)}),
    "random_flip": (random_flip_lanes.random_flip, {"p": 0.3}),
    "gaussian_noise": (gaussian_noise_lanes.gaussian_noise, {"std": 0.5}),
}


@pytest.mark.parametrize("name", TWINS)
def test_the_cases_of_the_kernel(name):
    served = check_twin(name)
    assert {case for case, is_served in served.items() if not is_served} == {
        case for case in served if case.startswith("no ")
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TWINS)
def test_the_same_bits_in_all_blocks(name, dtype):
    twin, options = TWINS[name]
    x = np.random.default_rng(0).standard_normal((70, 3, 4, 4)).astype(dtype)
    site = Site({"x": (3, 4, 4), "y": (3, 4, 4)}, {**options, **KEY}, dtype)
    got = Operands(twin, site, {"x": x}).forward()
    np.testing.assert_array_equal(got, getattr(kernels, name)(x, **options, **KEY))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("random_flip", {"p": 1.5}),
        ("random_flip", {"p": np.nan}),
        ("gaussian_noise", {"std": -1.0}),
        ("gaussian_noise", {"std": np.inf}),
        *[(name, {"op": 2**32}) for name in TWINS],
    ],
)
def test_what_the_kernel_refuses_is_left_to_it(name, wrong):
    twin, options = TWINS[name]
    with pytest.raises(Unfit):
        twin.shape(Site({"x": (3, 4, 4)}, {**options, **KEY, **wrong}))
