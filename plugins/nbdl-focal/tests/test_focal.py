import numpy as np
import pytest
from nbdl_focal.kernels import focal_loss, focal_loss_dx

from nbdl.kernels import softmax_cross_entropy


def test_gamma_zero_is_cross_entropy():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(6, 3)), rng.integers(0, 3, 6)
    assert focal_loss(x, labels, 0.0) == pytest.approx(softmax_cross_entropy(x, labels), rel=1e-12)


def test_it_is_finite_at_both_ends():
    x = np.array([[200.0, 0.0], [-200.0, 0.0]])
    assert focal_loss(x[:1], np.array([0])) == 0
    assert focal_loss(x[1:], np.array([0])) == pytest.approx(200)
    assert np.isfinite(focal_loss_dx(1.0, x, np.array([0, 0]))).all()


def test_the_conformance_kit_accepts_it(installed_plugins):
    from nbdl.testing import check_plugin

    with installed_plugins("focal"):
        check_plugin("focal")


def test_it_trains_by_name(installed_plugins):
    import nbdl
    from nbdl import nn

    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    net = nn.Sequential(nn.Linear(16), nn.ReLU(), nn.Linear(2))
    with installed_plugins("focal"):
        run = nbdl.fit(net, (x, y), loss="focal", optimizer="adam", lr=0.01, epochs=20, batch_size=32)
        assert run.evaluate(run.data.train)["accuracy"] > 0.95


def test_far_from_0():
    x, labels = np.full((1, 16), 1e16), np.zeros(1, int)
    assert focal_loss(x, labels, 0.0) == np.log(16)
    np.testing.assert_allclose(focal_loss_dx(1.0, x, labels, 0.0)[0, 1:], 1 / 16, rtol=1e-15)
