"""The kit must find what is wrong with a lanes twin: one fault each."""

from dataclasses import replace

import numpy as np
import pytest
from numba import config

from nbdl import jit, registry
from nbdl.errors import PluginError, VerificationError
from nbdl.kernels import lanes
from nbdl.kernels.activation import elementwise_lanes
from nbdl.kernels.lanes import Row, Twin, UpdateTwin, elementwise
from nbdl.kernels.lanes.twin import floats
from nbdl.kernels.loss import mse_lanes
from nbdl.kernels.simd.registers import larger, load, store, where
from nbdl.kernels.update import sgd_lanes
from nbdl.testing import _guard, check_twin, check_update_twin
from nbdl.testing._check_twin import compare
from nbdl.testing.cases import Case

RELU, MSE = (registry.default().get("kernel", name) for name in ("relu", "mse"))
IMAGES = Case("images", (np.random.default_rng(0).standard_normal((2, 3, 4, 2)),))  # a vector between planes


@jit
def halved(dy, y):
    return dy * 0.5


@jit
def positive(x):
    return larger(0.0, x)


@jit
def needs_x(dy, x):
    return where(x < 0.0, dy * 0.0, dy)


@jit
def doubled(x):
    return larger(0.0, x) * 2.0


def fault(record, case=IMAGES, samples=5):
    with pytest.raises(VerificationError) as error:
        compare(record, case, "float32", samples)
    return str(error.value)


def test_a_sound_twin_passes():
    assert compare(RELU, IMAGES, "float32", 5)


def test_wrong_results_are_found():
    assert "on whole planes: the result is off" in fault(replace(RELU, lanes=elementwise(doubled, halved)))


def test_wrong_gradients_are_found():
    wrong = replace(elementwise_lanes.relu, grads=elementwise(doubled, halved).grads)
    assert "the gradient of `x` is off" in fault(replace(RELU, lanes=wrong))


def test_what_is_not_written_is_found():
    def rows(site):
        def leaf(x, y):
            store(y, 0, larger(0.0, load(x, 0)))

        return [Row(leaf)]

    assert "the result is off by nan" in fault(
        replace(RELU, lanes=replace(elementwise_lanes.relu, forward=rows))
    )


def test_writing_between_planes_is_found():
    def rows(site):
        L, end = site.L, floats(site.shapes["x"], site.L)

        def leaf(x, y):
            for i in range(0, end, L):
                store(y, i, larger(load(x, i), load(x, 0) * 0.0))

        return [Row(leaf)]

    text = fault(replace(RELU, lanes=replace(elementwise_lanes.relu, forward=rows)))
    assert text.count("`y` was written to between two planes") == text.count("lanes twin of") == 1


@pytest.mark.skipif(not _guard.available or config.DISABLE_JIT, reason="nothing to guard")
def test_reading_beyond_an_array_is_found():
    flat = Case("rows", (np.ones((2, 3)),))

    def rows(site):
        L = site.L

        def leaf(x, y):
            for i in range(0, 3 * L, L):
                beyond = load(x, i + L)  # one vector too far, and of no use
                store(y, i, larger(0.0, load(x, i)))
                if i == 2 * L:
                    store(y, 0, larger(load(y, 0), beyond * 0.0))

        return [Row(leaf)]

    twin = replace(elementwise_lanes.relu, forward=rows, inplace=False)
    text = fault(replace(RELU, lanes=twin), flat)
    assert "forbidden pages at the end" in text


def test_a_twin_that_must_not_run_in_place_is_found():
    twin = replace(elementwise(positive, needs_x), inplace=True)
    assert "in place: the gradient of `x` is off" in fault(replace(RELU, lanes=twin))


def test_gradients_in_idle_lanes_are_found():
    def rows(site):
        L = site.L

        def leaf(x, target, scale, dx):
            for i in range(0, 3 * L, L):
                store(dx, i, (load(x, i) - load(target, i)) * (2 * scale[0]))

        return [Row(leaf)]

    case = Case("rows", tuple(np.random.default_rng(0).standard_normal((2, 2, 3))))
    text = fault(replace(MSE, lanes=replace(mse_lanes.mse, grads={"x": rows, "target": None})), case)
    assert "not zero in lanes that hold no sample" in text


def test_wrong_updates_are_found():
    sgd = registry.default().get("optimizer", "sgd")
    slow = UpdateTwin(lambda lr, step: (lr / 2, 1.0), sgd_lanes.sgd_update.leaf)
    with pytest.raises(VerificationError, match=r"optimizer `sgd`, float32: `w` is off by .* after 1 steps"):
        check_update_twin(replace(sgd, lanes=slow), "float32")


def test_a_twin_that_serves_nothing_says_so():
    def refuse(site):
        raise lanes.Unfit

    with pytest.raises(VerificationError, match=r"none of its cases; in .* not for these shapes or options"):
        check_twin(replace(RELU, lanes=Twin(None, {"x": None}, shape=refuse)))
    with pytest.raises(VerificationError, match=r"`grads` of its twin names none of its inputs \(x\)"):
        check_twin(replace(RELU, lanes=Twin(None, {"dx": None})))


def test_what_is_no_twin_is_named():
    with pytest.raises(PluginError, match="kernel `relu`: `lanes` must name a Twin"):
        check_twin(replace(RELU, lanes=positive))


def test_an_unknown_operand_of_a_leaf_is_named():
    def rows(site):
        def leaf(x, out):
            store(out, 0, load(x, 0))

        return [Row(leaf)]

    twin = replace(elementwise_lanes.relu, forward=rows)
    with pytest.raises((VerificationError, PluginError), match="asks for `out`: no operand is called so"):
        compare(replace(RELU, lanes=twin), IMAGES, "float32", 5)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing compiles")
def test_a_leaf_that_does_not_compile_is_called_that():
    def rows(site):
        def leaf(x, y):
            store(y, 0, np.linalg.svd(load(x, 0)))

        return [Row(leaf)]

    assert "5 samples: a leaf does not compile" in fault(
        replace(RELU, lanes=replace(elementwise_lanes.relu, forward=rows))
    )
