"""Negative log-likelihood: the example of the book, torch, and its place beside softmax cross entropy."""

import numpy as np
import pytest

from nbdl.errors import LabelError, ShapeError
from nbdl.kernels import (
    log_softmax,
    nll_loss,
    nll_loss_dx,
    nll_loss_each,
    nll_loss_each_dx,
    softmax_cross_entropy,
)

RNG = np.random.default_rng(0)
X, LABELS, WEIGHT = (
    log_softmax(RNG.standard_normal((5, 4))),
    np.array([0, 3, -100, 2, 2]),
    RNG.uniform(0.1, 2, 4),
)


def test_example_of_the_book():
    probabilities = np.array([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    assert nll_loss(np.log(probabilities), np.array([0, 2])) == pytest.approx(1.4978661, abs=1e-7)
    np.testing.assert_allclose(nll_loss_each(np.log(probabilities), np.array([0, 2])), -np.log([0.1, 0.5]))


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_agrees_with_torch(weight):
    torch = pytest.importorskip("torch")
    t, w = torch.tensor(X, requires_grad=True), None if weight is None else torch.tensor(weight)
    loss = torch.nn.functional.nll_loss(t, torch.tensor(LABELS), w)
    loss.backward()
    np.testing.assert_allclose(nll_loss(X, LABELS, weight), loss.item(), rtol=1e-14)
    np.testing.assert_allclose(nll_loss_dx(1.0, X, LABELS, weight), t.grad, atol=1e-16)


def test_gradient_of_each():
    dy = np.arange(1.0, 6)
    want = np.zeros((5, 4))
    want[[0, 1, 3, 4], [0, 3, 2, 2]] = -dy[[0, 1, 3, 4]]
    np.testing.assert_array_equal(nll_loss_each_dx(dy, X, LABELS), want)


def test_after_log_softmax_it_is_softmax_cross_entropy():
    x = RNG.standard_normal((5, 4)) * 5
    want = softmax_cross_entropy(x, LABELS, WEIGHT)
    assert nll_loss(log_softmax(x), LABELS, WEIGHT) == pytest.approx(want, rel=1e-13)


def test_messages():
    with pytest.raises(LabelError, match="nll_loss_each: `labels` must be from 0 to 3"):
        nll_loss_each(np.zeros((1, 4)), np.array([4]))
    with pytest.raises(LabelError, match=r"nll_loss: `labels` must be from 0 to 3 .* got 4 at position 0"):
        nll_loss(X, LABELS + 4)
    with pytest.raises(
        ShapeError, match="nll_loss: `weight` must have 4 elements, as `x` has columns, got 3"
    ):
        nll_loss(X, LABELS, WEIGHT[:3])
    with pytest.raises(ShapeError, match="nll_loss: `x` is an empty batch"):
        nll_loss(X[:0], LABELS[:0])
