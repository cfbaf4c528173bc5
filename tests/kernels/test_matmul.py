"""Products of matrices against NumPy and torch, and what their messages say."""

import numpy as np
import pytest

from nbdl.errors import ShapeError
from nbdl.kernels import (
    bmm,
    bmm_da,
    bmm_db,
    bmm_shape,
    linear,
    matmul,
    matmul_da,
    matmul_db,
    matmul_shape,
)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-4), ("float64", 1e-12)])
@pytest.mark.parametrize(
    "shapes",
    [((9, 5), (5, 3)), ((3, 9, 5), (3, 5, 7)), ((3, 2, 5), (3, 5, 7)), ((2, 70, 33), (2, 33, 50))],
)
def test_agrees_with_torch(shapes, dtype, tolerance):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    forward, da, db = (matmul, matmul_da, matmul_db) if len(shapes[0]) == 2 else (bmm, bmm_da, bmm_db)
    a, b = (rng.standard_normal(s).astype(dtype) for s in shapes)
    ta, tb = (torch.tensor(x, requires_grad=True) for x in (a, b))
    y = ta @ tb
    dy = rng.standard_normal(y.shape).astype(dtype)
    y.backward(torch.tensor(dy))
    np.testing.assert_allclose(forward(a, b), y.detach(), atol=tolerance)
    np.testing.assert_allclose(da(dy, b, np.ones_like(a)), 1 + ta.grad, atol=tolerance)
    np.testing.assert_allclose(db(dy, a, np.ones_like(b)), 1 + tb.grad, atol=tolerance)


def test_is_linear_without_a_bias():
    rng = np.random.default_rng(1)
    for rows in (1, 3, 20):
        a, b = rng.standard_normal((rows, 6)), rng.standard_normal((6, 4))
        np.testing.assert_array_equal(matmul(a, b), linear(a, b))
        np.testing.assert_array_equal(bmm(a[None], b[None])[0], matmul(a, b))


def test_messages_say_argument_rule_and_value():
    a, b = np.ones((2, 3)), np.ones((4, 5))
    with pytest.raises(ShapeError, match=r"matmul: `b` must have as many rows .* \(3\), got 4"):
        matmul(a, b)
    with pytest.raises(ShapeError, match=r"matmul_da: `dy` must have as many columns as `b` \(5\), got 3"):
        matmul_da(a, b)
    with pytest.raises(ShapeError, match=r"matmul_db: `dy` must have as many rows as `a` \(4\), got 2"):
        matmul_db(a, b)
    many = np.ones((6, 3, 5))
    with pytest.raises(ShapeError, match=r"bmm: `b` must have as many matrices as `a` \(1\), got 6"):
        bmm(a[None], many)
    with pytest.raises(ShapeError, match=r"bmm: the matrices of `b` .* \(3\), got 4"):
        bmm(a[None], b[None])
    with pytest.raises(ShapeError, match=r"bmm_da: .* \(6, 5\), got \(1, 3\)"):
        bmm_da(a[None], many)
    with pytest.raises(ShapeError, match=r"bmm_db: .* \(6, 3\), got \(1, 2\)"):
        bmm_db(a[None], many)


def test_shape_checks():
    assert matmul_shape((4, 3), (3, 5)) == (4, 5)
    assert bmm_shape((2, 4, 3), (2, 3, 5)) == (2, 4, 5)
    with pytest.raises(ShapeError, match="2 dimensions"):
        matmul_shape((4, 3, 1), (3, 5))
    with pytest.raises(ShapeError, match="3 dimensions"):
        bmm_shape((4, 3), (3, 5))
