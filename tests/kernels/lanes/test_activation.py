"""Activations on lanes, and twins that others make with `elementwise`."""

import re

import numpy as np
import pytest

from nbdl import jit
from nbdl.errors import PluginError
from nbdl.kernels.lanes import Site, elementwise
from nbdl.kernels.simd.registers import where
from nbdl.testing import check_twin
from nbdl.testing._twin_run import Operands

SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("relu", "tanh")]


@pytest.mark.parametrize("name", ["sigmoid", *SLOW])
def test_the_cases_of_the_kernels(name):
    served = check_twin(name)
    assert served["4x3"] and served["images"] and served["the ends"]


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
