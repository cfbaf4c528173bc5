"""InfoNCE: the bound is capped, torch, gradients of both sides."""

import numpy as np
import pytest

from nbdl.errors import OptionError, ShapeError
from nbdl.kernels import info_nce, info_nce_bound, info_nce_dx, info_nce_dy


@pytest.mark.parametrize("n", [2, 8, 32])
def test_m115_bound_cannot_exceed_log_n(n):
    """Pairs that tell all about each other: the loss goes to 0, and the bound to log n, not beyond."""
    x = 100 * np.eye(n)
    loss = info_nce(x, x)
    assert 0 <= loss < 1e-12
    assert info_nce_bound(loss, n) == pytest.approx(np.log(n), rel=1e-12) and info_nce_bound(
        loss, n
    ) <= np.log(n)
    assert info_nce_bound(-1e-9, n) == np.log(n)


@pytest.mark.parametrize("n, printed", [(2, 0.570), (8, 1.407), (32, 1.762), (128, 1.888)])
def test_m115_bound_grows_with_the_batch_below_the_truth(n, printed):
    """Gaussians of correlation 0.99, I = 1.9585, scored by the logarithm of their density ratio."""
    rng, rho, bounds = np.random.default_rng(0), 0.99, []
    a, b = 1 / (1 - rho**2), rho / (1 - rho**2)
    for _ in range(4000 // n):
        x = rng.standard_normal(n)
        y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)
        left = np.stack([b * x, np.ones(n)], 1)  # b x y - (a - 1) y^2 / 2, up to what x alone decides
        right = np.stack([y, -(a - 1) * y * y / 2], 1)
        bounds.append(info_nce_bound(info_nce(left, right), n))
    assert np.mean(bounds) == pytest.approx(printed, abs=0.1)
    assert np.mean(bounds) < min(np.log(n), 1.9585)


def test_agrees_with_torch():
    torch = pytest.importorskip("torch")
    x, y = np.random.default_rng(1).standard_normal((2, 6, 3))
    u, v = torch.tensor(x, requires_grad=True), torch.tensor(y, requires_grad=True)
    scores = u @ v.T / 0.3
    loss = sum(torch.nn.functional.cross_entropy(s, torch.arange(6)) for s in (scores, scores.T)) / 2
    loss.backward()
    assert info_nce(x, y, 0.3, True) == pytest.approx(loss.item(), rel=1e-13)
    np.testing.assert_allclose(info_nce_dx(1.0, x, y, 0.3, True), u.grad, atol=1e-14)
    np.testing.assert_allclose(info_nce_dy(1.0, x, y, 0.3, True), v.grad, atol=1e-14)


def test_messages():
    x = np.ones((3, 2))
    with pytest.raises(OptionError, match="info_nce: `temperature` must be positive and finite, got 0"):
        info_nce(x, x, 0)
    with pytest.raises(ShapeError, match=r"info_nce_dx: `y` must have shape \(3, 2\)"):
        info_nce_dx(1.0, x, x[:2])
    with pytest.raises(OptionError, match="info_nce_bound: `n` must be at least 1, got 0"):
        info_nce_bound(1.0, 0)
