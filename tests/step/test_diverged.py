"""What is said of a loss that is no number: which sample holds one, or what to try."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.errors import DataError, NumericError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 1))


@pytest.mark.parametrize("lr", [0.0, 0.01])
@pytest.mark.parametrize("name", ["x", "y"])
def test_the_first_sample_that_holds_no_number_is_named(name, lr):
    data = {"x": X.copy(), "y": Y.copy()}
    data[name][[31, 17], 0] = np.nan, np.inf
    step = nbdl.compile_step(models.linear_regression(1), "mse", example=(X, Y), lr=lr)
    with pytest.raises(NumericError) as caught:
        step(**data)
    said = str(caught.value)
    assert f"at step 1: `{name}` holds inf at sample 17, element [0]. Leave such samples out" in said
    assert "learning rate" not in said
    with pytest.raises(DataError, match=r"hold inf at index \(17, 0\)"):  # fit looks before it begins
        nbdl.fit(models.linear_regression(1), (data["x"], data["y"]), loss="mse", lr=lr)


def test_a_sample_is_named_by_its_number_in_the_data():
    x = X.astype(np.float32)
    x[33] = np.nan
    step = nbdl.compile_step(models.linear_regression(1), "mse", example=(x, Y.astype(np.float32)))
    with pytest.raises(
        NumericError, match=r"the loss is nan at step 4: `x` holds nan at sample 33, element \[0\]"
    ):
        step.run(x, Y, np.arange(39, -1, -1) % 36, 2)


def test_a_number_that_float32_cannot_hold_is_one():
    x = X.copy()
    x[5, 1] = 1e39
    step = nbdl.compile_step(models.linear_regression(1), "mse", example=(X, Y))
    with (
        pytest.warns(RuntimeWarning, match="overflow"),
        pytest.raises(NumericError, match="`x` holds inf at sample 5"),
    ):
        step(x, Y)


@pytest.mark.parametrize("compiled", [True, False])
def test_too_large_before_any_update(compiled):
    """No learning rate is to blame."""
    with pytest.raises(NumericError, match="at step 1, before any update: the inputs, the targets or"):
        nbdl.fit(models.linear_regression(1), (X * 1e25, Y), loss="mse", lr=0.01, compiled=compiled)


def test_a_finite_loss_whose_sum_is_not():
    """The mean is 5e37, a float32; the sum over the minibatch is not."""
    x, y = np.zeros((32, 3), np.float32), np.full((32, 1), 7e18, np.float32)
    step = nbdl.compile_step(models.linear_regression(1), "mse", example=(x, y), lr=0.01)
    step(x, y * 0)
    with pytest.raises(
        NumericError, match=r"the loss is 4\.\d*e\+37 at step 2, and its sum over the minibatch is too"
    ):
        step(x, y)


def test_divergence_of_good_data_advises_a_smaller_rate():
    net = nn.init(nn.Sequential(nn.Linear(1)), X)
    step = nbdl.compile_step(net, "mse", example=(X, Y), lr=1e12)
    with pytest.raises(
        NumericError, match=r"training diverged\. Try a smaller learning rate than 1000000000000\.0"
    ):
        for _ in range(9):
            step(X, Y)
    net = nn.init(nn.Sequential(nn.Linear(1)), X)
    step = nbdl.compile_step(net, "mse", example=(X, Y), lr=0.0)
    step(X, Y)
    with pytest.raises(NumericError, match=r"training diverged\. Scale the inputs and the targets$"):
        step(X * 1e30, Y)
