"""Norms within a sample on lanes: every case of the kernels but empty arrays; what is left to the kernels."""

import pytest

from nbdl.kernels.lanes import Site, Unfit
from nbdl.kernels.normalization.group_norm_lanes import group_norm
from nbdl.kernels.normalization.layer_norm_lanes import layer_norm
from nbdl.kernels.normalization.local_response_norm_lanes import local_response_norm
from nbdl.testing import check_twin

EMPTY = {"no samples", "no features", "no places"}


@pytest.mark.parametrize(
    "name", ["layer_norm", "rms_norm", "group_norm", "instance_norm", "local_response_norm"]
)
def test_cases(name):
    assert {case for case, served in check_twin(name).items() if not served} <= EMPTY


@pytest.mark.parametrize(
    ("twin", "shapes", "constants"),
    [
        (layer_norm, {"x": (3, 4)}, {"eps": 1e-5, "axes": 3}),
        (layer_norm, {"x": (3, 4)}, {"eps": 1e-5, "axes": 0}),
        (layer_norm, {"x": (3, 4)}, {"eps": 1e-60, "axes": 1}),
        (layer_norm, {"x": (3, 4), "gamma": (3,)}, {"eps": 1e-5, "axes": 1}),
        (group_norm, {"x": (6, 4)}, {"eps": 1e-5, "groups": 4}),
        (group_norm, {"x": (6, 4), "beta": (3,)}, {"eps": 1e-5, "groups": 3}),
        (local_response_norm, {"x": (6, 4)}, {"size": 0, "alpha": 1.0, "beta": 0.5, "k": 1.0}),
        (local_response_norm, {"x": (6, 4)}, {"size": 3, "alpha": 1.0, "beta": 0.5, "k": 0.0}),
    ],
)
def test_what_the_kernel_refuses_is_left_to_it(twin, shapes, constants):
    with pytest.raises(Unfit):
        twin.shape(Site(shapes, constants, samples=frozenset({"x"})))
