"""Losses of elements against torch, and the labels of the hinge loss."""

import numpy as np
import pytest

from nbdl import kernels
from nbdl.errors import LabelError, ShapeError
from nbdl.kernels import hinge, hinge_dx

NAMES = {"huber": "delta", "l1": None, "binary_cross_entropy_with_logits": "pos_weight"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dtype", "within"), [("float32", 1e-6), ("float64", 1e-13)])
def test_agrees_with_torch(name, dtype, within):
    torch = pytest.importorskip("torch")
    peers = {
        "huber": lambda f, x, t: f.huber_loss(x, t, delta=0.7),
        "l1": lambda f, x, t: f.l1_loss(x, t),
        "binary_cross_entropy_with_logits": lambda f, x, t: f.binary_cross_entropy_with_logits(
            x, t, pos_weight=torch.tensor(0.7, dtype=torch.float64)
        ),
    }
    rng, option = np.random.default_rng(0), {NAMES[name]: 0.7} if NAMES[name] else {}
    x, target = (10 * rng.standard_normal((33, 65))).astype(dtype), rng.uniform(0, 1, (33, 65)).astype(dtype)
    a, b = (torch.tensor(v.astype(float), requires_grad=True) for v in (x, target))
    loss = peers[name](torch.nn.functional, a, b)
    loss.backward()
    assert getattr(kernels, name)(x, target, **option) == pytest.approx(loss.item(), rel=within)
    for input, peer in (("x", a), ("target", b)):
        found = getattr(kernels, f"{name}_d{input}")(1.0, x, target, **option)
        largest = abs(peer.grad.numpy()).max()
        np.testing.assert_allclose(found, peer.grad, rtol=within, atol=within * largest)


def test_labels_of_a_hinge():
    x = np.array([0.5, 0.5, -2.0, 2.0, 1.0])
    for labels in ([1, 0, 0, 1, 1], [1, -1, -1, 1, 1]):
        assert hinge(x, np.array(labels)) == (0.5 + 1.5) / 5
        np.testing.assert_array_equal(5 * hinge_dx(1.0, x, np.array(labels)), [-1, 1, 0, 0, 0])
    with pytest.raises(LabelError, match=r"hinge_dx: `labels` must be 1 for yes, .* got 3 at element 4"):
        hinge_dx(1.0, x, np.array([1, 0, 0, 1, 3]))
    with pytest.raises(ShapeError, match=r"hinge: `labels` must have shape \(5,\), that of `x`, got \(1,\)"):
        hinge(x, np.array([1]))
