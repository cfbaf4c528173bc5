"""Optimizers on lanes: their kernels' numbers, and their kernels' errors."""

import numpy as np
import pytest

from nbdl import kernels
from nbdl.errors import OptionError
from nbdl.kernels.simd.registers import LANES
from nbdl.kernels.update import adam_lanes, momentum_lanes, sgd_lanes
from nbdl.testing import check_update_twin
from nbdl.testing._twin_run import aligned, call

TWINS = {n: t for page in (sgd_lanes, momentum_lanes, adam_lanes) for n, t in vars(page).items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sgd", {}),
        ("sgd", {"weight_decay": 0.1}),
        ("momentum", {"momentum": 0.8}),
        ("momentum", {"nesterov": True, "weight_decay": 0.1}),
        ("adam", {}),
        ("adam", {"beta1": 0.5, "beta2": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
        ("adamw", {"weight_decay": 0.3}),
        ("adagrad", {"eps_root": 1e-3, "weight_decay": 0.1}),
        ("rmsprop", {}),
        ("rmsprop", {"centered": True, "momentum": 0.9, "weight_decay": 0.1}),
        ("adadelta", {"rho": 0.8, "weight_decay": 0.1}),
        ("adamax", {"weight_decay": 0.1}),
        ("nadam", {"momentum_decay": 0.1, "weight_decay": 0.1}),
        ("yogi", {"weight_decay": 0.1}),
        ("amsgrad", {"weight_decay": 0.1}),
        ("lars", {"trust": 0.1, "weight_decay": 0.1}),
        ("lamb", {"weight_decay": 0.1}),
    ],
)
def test_updates_agree_with_the_kernels(name, options, dtype):
    check_update_twin(name, dtype, options)


@pytest.mark.parametrize(
    ("name", "options", "names"),
    [
        ("sgd_update", {"weight_decay": -1.0}, "weight_decay"),
        ("momentum_update", {"momentum": -0.5}, "momentum"),
        ("adam_update", {"beta1": 1.0}, "beta1"),
        ("adam_update", {"beta2": -0.1}, "beta2"),
        ("adamw_update", {"eps": -1.0}, "eps"),
    ],
)
def test_bad_options_raise_as_in_the_kernels(name, options, names):
    with pytest.raises(OptionError, match=f"`{names}`"):
        TWINS[name].factors(0.1, 1, **options)


def test_a_bad_rate_raises():
    with pytest.raises(OptionError, match="`lr`"):
        sgd_lanes.sgd_update.factors(-0.1, 1)


@pytest.mark.parametrize("scale", [1e20, 3e38, 1e-25])
def test_adam_agrees_with_the_kernel_where_squares_leave_float32(scale):
    rng, size = np.random.default_rng(0), 3 * LANES["float32"]
    arrays = [aligned(np.zeros(size, "float32")) for _ in range(4)]
    wanted = [a.copy() for a in arrays]
    for step in range(1, 6):
        arrays[1][:] = wanted[1][:] = rng.uniform(-1, 1, size) * scale
        kernels.adam_update(*wanted, 0.1, step)
        numbers = np.array(adam_lanes.adam_update.factors(0.1, step), "float32")
        call(adam_lanes.adam_update.leaf("float32"), [*((a, 0) for a in (*arrays, numbers)), size])
        for got, want in zip(arrays, wanted):
            np.testing.assert_allclose(got, want, rtol=1e-5)
