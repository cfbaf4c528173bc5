"""Windows of a series, and predictions that are fed back."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.data import lag_windows
from nbdl.errors import DtypeError, ShapeError, UsageError
from nbdl.train import rollout


@pytest.mark.parametrize("shape", [(20,), (20, 3)])
@pytest.mark.parametrize("ahead", [1, 4])
def test_windows(shape, ahead):
    series = np.random.default_rng(0).standard_normal(shape)
    x, y = lag_windows(series, 5, ahead)
    assert len(x) == len(y) == 20 - 5 - ahead + 1
    for i in range(len(x)):
        assert (x[i] == series[i : i + 5]).all() and (y[i] == series[i + 4 + ahead]).all()
    assert x.flags.c_contiguous and x.base is None


def test_predictions_are_fed_back():
    """A recursion without noise is continued as it began; D values at a time too."""
    wave = np.sin(0.3 * np.arange(80))
    x, y = lag_windows(wave, 2)
    w = np.linalg.lstsq(x, y, rcond=None)[0]
    found = rollout(lambda x: x @ w, x[:5], 60)
    np.testing.assert_allclose(found, [wave[i + 2 : i + 62] for i in range(5)], atol=1e-10)
    both = np.stack([wave, 2 * wave], axis=1)
    x, _ = lag_windows(both, 2)
    np.testing.assert_allclose(rollout(lambda x: w @ x, x[:1], 30)[0], both[2:32], atol=1e-10)
    assert rollout(lambda x: x[:, -1:], np.ones((2, 3)), 0).shape == (2, 0)


def test_a_noisy_wave():
    """Section 9.1: a linear net of four lags, a validation error of 0.057 where the noise has 0.04."""
    t = np.arange(1, 1001)
    series = np.sin(0.01 * t) + 0.2 * np.random.default_rng(0).standard_normal(1000)
    x, y = lag_windows(series, 4)
    run = nbdl.fit(
        nn.Sequential(nn.Linear(1, init="normal")), (x[:600], y[:600]), lr=0.01, epochs=5, batch_size=16
    )
    assert 0.04 < run.evaluate((x[600:], y[600:]))["loss"] < 0.06
    errors = [
        np.mean((rollout(run.predict, x[600 : 932 - k], k)[:, -1] - series[604 + k - 1 : 936 - 1]) ** 2)
        for k in (1, 4, 16, 64)
    ]
    assert errors[0] < errors[2] < errors[3]  # each step ahead is harder


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lag_windows(["a"], 1), DtypeError, "`series` must hold numbers"),
        (lambda: lag_windows(np.zeros((2, 2, 2)), 1), ShapeError, r"must be \(T,\) or \(T, D\)"),
        (lambda: lag_windows(np.zeros(9), 0), UsageError, "`lags` must be an integer of at least 1"),
        (lambda: lag_windows(np.zeros(9), 8, 2), ShapeError, "need a series of 10, got 9 values"),
        (lambda: rollout(len, np.zeros(3), 1), ShapeError, r"`x` must be floats \(N, lags\)"),
        (lambda: rollout(len, np.zeros((2, 3)), -1), UsageError, "`steps` must be an integer from 0"),
        (lambda: rollout(lambda x: x, np.zeros((2, 3)), 1), ShapeError, r"of shape \(2,\), got \(2, 3\)"),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call()
