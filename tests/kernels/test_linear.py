"""The affine map against torch, and what its messages say."""

import numpy as np
import pytest

from nbdl.errors import DtypeError, ShapeError
from nbdl.kernels import (
    linear,
    linear_backward,
    linear_dw,
    linear_dx,
    linear_shape,
    linear_transposed,
    linear_transposed_backward,
    linear_transposed_dw,
    linear_transposed_dx,
    linear_transposed_shape,
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [(7,), (2, 6), (2, 1, 3, 2)], ids=str)
def test_agrees_with_torch(dtype, rows):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, w, b, dy = (rng.standard_normal(s).astype(dtype) for s in ((*rows, 5), (5, 3), (3,), (*rows, 3)))
    tx, tw, tb = (torch.tensor(a, requires_grad=True) for a in (x, w, b))
    y = torch.nn.functional.linear(tx, tw.T, tb)
    y.backward(torch.tensor(dy))
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(linear(x, w, b), y.detach(), **tolerance)
    for got, want in zip(linear_backward(dy, x, w), (tx, tw, tb)):
        np.testing.assert_allclose(got, want.grad, **tolerance)
    np.testing.assert_allclose(linear_transposed(x, w.T, b), y.detach(), **tolerance)
    for got, want in zip(linear_transposed_backward(dy, x, w.T), (tx.grad, tw.grad.T, tb.grad)):
        np.testing.assert_allclose(got, want, **tolerance)


@pytest.mark.parametrize("size", [(1, 300, 70), (4, 17, 5), (5, 64, 33), (600, 170, 40)], ids=str)
def test_transposed_is_linear_of_the_transposed_matrix(size):
    (N, D, Q), rng = size, np.random.default_rng(0)
    x, w, b, dy = (rng.standard_normal(s).astype("float32") for s in ((N, D), (D, Q), (Q,), (N, Q)))
    np.testing.assert_allclose(linear_transposed(x, w.T, b), linear(x, w, b), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(linear_transposed_dx(dy, w.T), linear_dx(dy, w), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(linear_transposed_dw(dy, x), linear_dw(dy, x).T, rtol=1e-4, atol=1e-3)


def test_messages_of_the_transposed():
    x, w = np.ones((2, 3)), np.ones((4, 5))
    with pytest.raises(ShapeError, match=r"linear_transposed: `w` must have as many columns .* \(3\), got 5"):
        linear_transposed(x, w)
    with pytest.raises(ShapeError, match=r"linear_transposed: `b` must have 4 elements, .* row .* got 2"):
        linear_transposed(x, w[:, :3], np.ones(2))
    with pytest.raises(ShapeError, match=r"linear_transposed_dx: `dy` .* as `w` has rows \(4\), got 3"):
        linear_transposed_dx(x, w)
    with pytest.raises(ShapeError, match=r"linear_transposed_dw: `dy` must have as many rows"):
        linear_transposed_dw(x, w)
    assert linear_transposed_shape((4, 2, 3), (5, 3)) == (4, 2, 5)
    with pytest.raises(ShapeError, match=r"`w` \(Q, D\) 2, got 2 and 1"):
        linear_transposed_shape((4, 3), (3,))


def test_messages_say_argument_rule_and_value():
    x, w = np.ones((2, 3)), np.ones((4, 5))
    with pytest.raises(ShapeError, match=r"linear: `w` must have as many rows .* \(3\), got 4"):
        linear(x, w)
    with pytest.raises(ShapeError, match=r"linear: `b` must have 5 elements, .* got 2"):
        linear(x, w[:3], np.ones(2))
    with pytest.raises(DtypeError, match=r"`w` .* must have dtype float64, .* float32"):
        linear(x, w[:3].astype("float32"))
    with pytest.raises(ShapeError, match="linear_dx: `dy` must have as many columns"):
        linear_dx(x, w)
    with pytest.raises(ShapeError, match="linear_dw: `dy` must have as many rows"):
        linear_dw(x, w)
    with pytest.raises(ShapeError, match=r"linear_dw: `dy` .* last \(2, 3\)\), got \(2, 4\)"):
        linear_dw(np.ones((2, 4, 5)), np.ones((2, 3, 5)))
    with pytest.raises(ShapeError, match=r"linear_dw: `dy` .* last \(2, 3\)\), got \(6,\)"):
        linear_dw(np.ones((6, 5)), np.ones((2, 3, 5)))
    with pytest.raises(ShapeError, match=r"linear: `x` \(N, ..., D\) must have at least 2 dimensions, got 1"):
        linear(x[0], w)


def test_rows_of_samples_are_not_copied():
    """A C-contiguous array is seen as a matrix in place."""
    x, w, out = np.ones((2, 3, 4)), np.eye(4), np.empty((2, 3, 4))
    assert linear(x, w, out=out) is out and (out == 1).all()
    dx = np.ones((2, 3, 4))
    assert linear_dx(x, w, dx) is dx and (dx == 2).all()
    with pytest.raises(ShapeError, match=r"linear: `out` must have shape \(2, 3, 4\), got \(3, 2, 4\)"):
        linear(x, w, out=np.empty((3, 2, 4)))


def test_shape_check():
    assert linear_shape((4, 3), (3, 5)) == (4, 5)
    assert linear_shape((4, 2, 6, 3), (3, 5)) == (4, 2, 6, 5)
    with pytest.raises(ShapeError, match="at least 2 dimensions"):
        linear_shape((3,), (3, 5))
    with pytest.raises(ShapeError, match=r"`w` \(D, Q\) 2, got 2 and 1"):
        linear_shape((4, 3), (3,))
    with pytest.raises(ShapeError, match="`w`"):
        linear_shape((4, 3), (4, 5))
