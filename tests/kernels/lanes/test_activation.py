"""Activations on lanes, and twins that others make with `elementwise`."""

import re

import numpy as np
import pytest

from nbdl import jit, registry
from nbdl.builtin.kernels import ACTIVATIONS
from nbdl.errors import PluginError
from nbdl.kernels.lanes import Site, Unfit, elementwise
from nbdl.kernels.simd.registers import where
from nbdl.records import resolve
from nbdl.testing import check_twin
from nbdl.testing._check_twin import compare
from nbdl.testing._twin_run import Operands

SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("relu", "tanh")]


@pytest.mark.parametrize("name", ["sigmoid", *SLOW])
def test_the_cases_of_the_kernels(name):
    served = check_twin(name)
    assert served["4x3"] and served["images"] and served["the ends"]


@pytest.mark.parametrize("name", ["prelu", "glu", "swiglu"])
def test_the_cases_of_those_with_loops_of_their_own(name):
    assert all(check_twin(name).values())


@pytest.mark.parametrize("name", [name for page, name in ACTIVATIONS if page != "elementwise"])
def test_the_formulas_of_the_others(name):
    """They share the loops that the cases of relu try: one dtype and one number of samples will do."""
    cases = resolve(registry.default().get("kernel", name).cases)(np.random.default_rng(0))
    options = [case for case in cases if getattr(case, "constants", None) and hasattr(case, "grad")]
    for case, dtype in [(cases[0], "float32"), *((case, "float64") for case in options[:1])]:
        assert compare(name, case, dtype, 19)
    (ends,) = [case for case in cases if case.name == "the ends"]
    assert compare(name, ends, "float32", len(ends.inputs[0]))


def test_options_that_are_no_finite_numbers_are_left_to_the_kernel():
    twin = resolve(registry.default().get("kernel", "elu").lanes)
    assert twin.shape(Site({"x": (3,)}, {"alpha": 2})) == (3,)
    for alpha in (np.nan, 1e60, "1", None):
        with pytest.raises(Unfit):
            twin.shape(Site({"x": (3,)}, {"alpha": alpha}))


@jit
def hinge(x):
    return where(x > 1.0, x * x, x)


@jit
def hinge_dx(dy, x):
    return where(x > 1.0, 2.0 * x * dy, dy)


@jit
def hinge_dx_of_y(dy, y):
    return where(y > 1.0, dy * y, dy)


def test_a_gradient_that_asks_for_x_is_given_x():
    twin = elementwise(hinge, hinge_dx)
    x = np.linspace(-3, 3, 38, dtype=np.float32).reshape(19, 2)
    run = Operands(twin, Site({"x": (2,), "y": (2,)}, {}), {"x": x})
    np.testing.assert_allclose(run.forward(), np.where(x > 1, x * x, x))
    np.testing.assert_allclose(run.gradient("x", x), np.where(x > 1, 2 * x * x, x))
    assert not twin.inplace  # y must not stand where x is still needed
    assert elementwise(hinge, hinge_dx_of_y).inplace


def test_a_gradient_of_other_parameters_is_refused():
    wanted = re.escape("`hinge` must have the parameters (dy, x) or (dy, y), got (x)")
    with pytest.raises(PluginError, match=wanted):
        elementwise(hinge, hinge)
