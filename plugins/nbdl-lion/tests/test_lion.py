import numpy as np
import pytest
from nbdl_lion.kernels import lion_update

from nbdl.errors import DtypeError, ShapeError


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_agrees_with_the_formula(dtype):
    rng = np.random.default_rng(0)
    w, m = rng.normal(size=(3, 5)).astype(dtype), rng.normal(size=(3, 5)).astype(dtype)
    expected_w, expected_m = w.astype(float), m.astype(float)
    for _ in range(5):
        dw = rng.normal(size=(3, 5)).astype(dtype)
        u = 0.8 * expected_m + 0.2 * dw
        expected_w = expected_w - 0.1 * (np.sign(u) + 0.5 * expected_w)
        expected_m = 0.95 * expected_m + 0.05 * dw
        lion_update(w, dw, m, 0.1, beta1=0.8, beta2=0.95, weight_decay=0.5)
    np.testing.assert_allclose(w, expected_w, rtol=1e-5)
    np.testing.assert_allclose(m, expected_m, rtol=1e-5)


def test_zero_gradient_moves_nothing():
    w, m = np.ones(4), np.zeros(4)
    lion_update(w, np.zeros(4), m, 0.1)
    assert (w == 1).all() and (m == 0).all()


def test_bad_arguments_are_named():
    with pytest.raises(ShapeError, match="`m`"):
        lion_update(np.ones(3), np.ones(3), np.ones(4), 0.1)
    with pytest.raises(DtypeError, match="`w`"):
        lion_update(np.ones(3, np.float32), np.ones(3), np.ones(3), 0.1)


def test_the_conformance_kit_accepts_it(installed_plugins):
    from nbdl.testing import check_plugin

    with installed_plugins("lion"):
        check_plugin("lion")


def test_it_trains_by_name(installed_plugins):
    import nbdl
    from nbdl import nn

    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 3)).astype(np.float32)
    y = x @ np.array([[1.0], [-2.0], [0.5]], np.float32)
    with installed_plugins("lion"):
        run = nbdl.fit(
            nn.Sequential(nn.Linear(1)), (x, y), optimizer="lion", lr=0.02, epochs=20, batch_size=16
        )
    assert run.history[-1]["train_loss"] < 0.02 * run.history[0]["train_loss"]
