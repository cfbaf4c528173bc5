"""batch_norm on lanes: the cases of the kernel, shapes of all kinds, idle lanes, hard statistics."""

import numpy as np
import pytest

from nbdl import registry
from nbdl.cases import Case
from nbdl.kernels import batch_norm, batch_norm_backward
from nbdl.kernels.lanes import Site, Unfit
from nbdl.kernels.normalization import batch_norm_lanes
from nbdl.kernels.normalization.batch_norm_inference_truth import batch_norm_inference_cases
from nbdl.kernels.normalization.batch_norm_truth import batch_norm_cases
from nbdl.shapes import site_of
from nbdl.testing._check_twin import compare
from nbdl.testing._twin_run import Operands

CASES = {
    name: [c for c in cases(np.random.default_rng(0)) if isinstance(c, Case)]
    for name, cases in (
        ("batch_norm", batch_norm_cases),
        ("batch_norm_inference", batch_norm_inference_cases),
    )
}
OUTPUTS = "y", "mean", "rstd", "new_running_mean", "new_running_var"


def inputs(shape, affine=True, seed=0):
    rng = np.random.default_rng(seed)
    gamma, beta, mean, var = rng.uniform(0.5, 1.5, (4, shape[1]))
    return [rng.standard_normal(shape) * 2 + 1, *((gamma, beta) if affine else (None, None)), mean, var]


def run(arrays, dtype="float32", **options):
    """All outputs and gradients by the twin, as a program makes them: the reductions first."""
    arrays = [None if a is None else a.astype(dtype) for a in arrays]
    record = registry.default().get("kernel", "batch_norm")
    constants = {"eps": 1e-5, "momentum": 0.1, "unbiased": True}
    twin, site, why = site_of(record, arrays, constants, np.dtype(dtype))
    assert twin is not None, why
    operands = Operands(twin, site, dict(zip(record.inputs, arrays)), OUTPUTS, **options)
    operands.forward()
    found = {name: operands.result(name) for name in OUTPUTS}
    dy = np.random.default_rng(1).standard_normal(arrays[0].shape).astype(dtype)
    operands.add_value("dy", site.shapes["y"], operands.pack(dy, site.shapes["y"], cotangent=True))
    for name in ("gamma", "beta"):  # also where there is none: dx is made of both
        operands._reduce(twin.parameters[name](site), {f"d{name}": arrays[0].shape[1]})
        found[f"d{name}"] = operands.arrays[f"d{name}"].copy()
    twin_dx = operands.twin.grads["x"](site)
    operands.add_value("dx", site.shapes["x"])
    operands._over_blocks(twin_dx)
    found["dx"] = operands.unpack("dx")
    found["idle"] = operands.idle("dx")
    assert not list(operands.spoiled())
    return found, dy


def wanted(arrays, dy):
    """The same by the kernel in float64."""
    exact = [None if a is None else a.astype(np.float64) for a in arrays]
    found = dict(zip(OUTPUTS, batch_norm(*exact)))
    gradients = batch_norm_backward(dy.astype(np.float64), exact[0], exact[1], found["mean"], found["rstd"])
    return found | dict(zip(("dx", "dgamma", "dbeta"), gradients))


def check(arrays, dtype, limit, **options):
    found, dy = run(arrays, dtype, **options)
    single = [None if a is None else a.astype(dtype) for a in arrays]
    for name, want in wanted(single, dy).items():
        error = np.max(np.abs(found[name] - want)) / np.max(np.abs(want))
        assert error < limit, (name, error)
    assert not found["idle"].any()


SERVED = [  # the first few of each, with and without axes, are quick tests
    pytest.param(name, case, id=f"{name}-{case.name}", marks=[pytest.mark.slow] if i > 6 else [])
    for name, cases in CASES.items()
    for i, case in enumerate(cases)
    if case.inputs[0].size and (name != "batch_norm" or all(a is not None for a in case.inputs))
]  # fmt: skip


@pytest.mark.parametrize(("name", "case"), SERVED)
def test_the_cases_of_the_kernel(name, case):
    assert compare(name, case, "float64", 19)


@pytest.mark.parametrize("samples", [2, 37, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, 16, 150))])
@pytest.mark.parametrize("affine", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("shape", [(17,), (3, 5), (2, 9, 7), (6, 24, 24), (2, 3, 4, 5)])
def test_shapes_and_numbers_of_samples(shape, samples, affine):
    check(inputs((samples, *shape), affine), "float32", 1e-5)
    check(inputs((samples, *shape), affine), "float64", 1e-12)


@pytest.mark.parametrize("shape", [(2, 9, 7), (6, 24, 24)])
@pytest.mark.parametrize("affine", [True, False])
def test_strip_by_strip(shape, affine):
    check(inputs((70, *shape), affine), "float32", 1e-5, strips=True)


@pytest.mark.parametrize("missing", [1, 2])
def test_scale_or_shift_alone(missing):
    arrays = inputs((21, 3, 4, 4))
    arrays[missing] = None
    check(arrays, "float64", 1e-12)


@pytest.mark.parametrize("shape", [(500, 6), (150, 3, 12, 11)])
@pytest.mark.parametrize("strips", [False, True])
def test_a_mean_far_from_0_costs_nothing(shape, strips):
    arrays = inputs(shape)
    arrays[0] = 1e4 + 1e-2 * np.random.default_rng(2).standard_normal(shape)
    check(arrays, "float32", 2e-6, strips=strips)


@pytest.mark.parametrize("shape", [(500, 6), (40, 3, 12, 11)])
def test_an_outlier_at_the_start_spoils_no_other_digits(shape):
    arrays = inputs(shape)
    arrays[0] = 1e4 + np.random.default_rng(2).standard_normal(shape)
    arrays[0][0] = 0.0
    check(arrays, "float32", 1e-5)


def test_a_constant_channel():
    arrays = inputs((40, 2, 3, 3))
    arrays[0] = np.full(arrays[0].shape, 0.1)
    found, _ = run(arrays)
    np.testing.assert_allclose(found["rstd"], 1e-5**-0.5, rtol=1e-6)
    np.testing.assert_allclose(found["y"][0, :, 0, 0], arrays[2], atol=1e-5)
    assert np.isfinite(found["dx"]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_channel(bad):
    arrays = inputs((40, 5, 3, 3))
    want, _ = run(arrays)
    arrays[0][17, 2, 1, 1] = bad
    with np.errstate(all="ignore"):  # for the run without the JIT
        found, _ = run(arrays)
    others = [0, 1, 3, 4]
    for name in (*OUTPUTS, "dx"):
        axis = 1 if found[name].ndim > 1 else 0
        np.testing.assert_array_equal(found[name].take(others, axis), want[name].take(others, axis))
        assert not np.isfinite(found[name].take(2, axis)).any()
    assert not found["idle"][[0, 1, 3, 4]].any()


def test_squares_beyond_float32_give_nan_and_not_a_wrong_number():
    arrays = inputs((40, 2, 3, 3))
    arrays[0][:, 0] *= 1e30
    with np.errstate(all="ignore"):
        found, _ = run(arrays)
    assert np.isnan(found["y"][:, 0]).all() and np.isfinite(found["y"][:, 1]).all()


def test_one_value_for_each_channel_is_refused():
    record = registry.default().get("kernel", "batch_norm")
    for shape, samples, status in (((3,), 1, 1), ((3,), 2, 0), ((3, 2, 1), 1, 0)):
        arrays = inputs((samples, *shape))
        twin, site, _ = site_of(
            record, arrays, {"eps": 1e-5, "momentum": 0.1, "unbiased": True}, np.dtype("float64")
        )
        operands = Operands(twin, site, dict(zip(record.inputs, arrays)), OUTPUTS)
        assert operands.checked() == status


@pytest.mark.parametrize(
    ("shapes", "constants"),
    [
        ({"x": ()}, {}),
        ({"x": (3, 0)}, {}),
        ({"gamma": (2,)}, {}),
        ({"beta": (3, 1)}, {}),
        ({"running_mean": (1,)}, {}),
        ({}, {"eps": 0.0}),
        ({}, {"eps": "small"}),
        ({}, {"momentum": 1.5}),
        ({}, {"momentum": None}),
        ({}, {"unbiased": 1}),
    ],
)
def test_what_the_kernel_refuses_is_left_to_it(shapes, constants):
    good = {"x": (3, 4), "gamma": (3,), "beta": (3,), "running_mean": (3,), "running_var": (3,)}
    options, samples = {"eps": 1e-5, "momentum": 0.1, "unbiased": True}, frozenset({"x"})
    twin = batch_norm_lanes.batch_norm
    assert twin.shape(Site(good, options, samples=samples))["mean"] == (3,)
    with pytest.raises(Unfit):
        twin.shape(Site({**good, **shapes}, {**options, **constants}, samples=samples))
