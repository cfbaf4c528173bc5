"""Attention: against torch, long sequences, codes of positions."""

import numba
import numpy as np
import pytest

from nbdl.errors import OptionError, ShapeError
from nbdl.kernels import (
    attention_pooling,
    attention_weights,
    positional_encoding,
    rotary_angles,
    rotary_embedding,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
)

OPTIONS = (None, None, None)  # mask, lengths, scale: where a call needs them by position


def arrays(*shapes, dtype=np.float32):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize(("T", "D", "causal"), [(70, 24, False), (130, 16, True), (5, 3, True)])
def test_as_torch_does(T, D, causal):
    """Result and gradients, float32."""
    torch = pytest.importorskip("torch")
    q, k, v, dy = arrays(*[(2, 3, T, D)] * 4)
    leaves = [torch.from_numpy(a.copy()).requires_grad_() for a in (q, k, v)]
    want = torch.nn.functional.scaled_dot_product_attention(*leaves, is_causal=causal)
    want.backward(torch.from_numpy(dy))
    y, lse = scaled_dot_product_attention(q, k, v, *OPTIONS, causal)
    np.testing.assert_allclose(y, want.detach().numpy(), atol=1e-5)
    found = scaled_dot_product_attention_backward(dy, q, k, v, y, lse, *OPTIONS, causal)
    for gradient, leaf in zip(found, leaves):
        np.testing.assert_allclose(gradient, leaf.grad.numpy(), atol=1e-4)


@pytest.mark.slow
def test_65536_queries_and_keys_of_one_head():
    """More scores than 32 bits count; a window of 2 keys leaves few of them to compute."""
    T, D = 65536, 2
    q, k, v, dy = arrays(*[(1, 1, T, D)] * 4)
    y, lse = scaled_dot_product_attention(q, k, v, *OPTIONS, True, 0.0, 1)
    end = slice(T - 9, T)
    few, _ = scaled_dot_product_attention(*(a[:, :, end].copy() for a in (q, k, v)), *OPTIONS, True, 0.0, 1)
    np.testing.assert_allclose(y[:, :, end][:, :, 1:], few[:, :, 1:], atol=1e-6)
    *_, dv = scaled_dot_product_attention_backward(dy, q, k, v, y, lse, *OPTIONS, True, 0.0, 1)
    first = np.exp((k[0, 0, -1] @ q[0, 0, -1]) / np.sqrt(D) - lse[0, 0, -1]) * dy[0, 0, -1]
    np.testing.assert_allclose(dv[0, 0, -1], first, atol=1e-5)


def test_the_last_queries_of_a_sequence():
    """With an offset, queries beside a cache of keys are as they are among all queries."""
    q, k, v = arrays(*[(2, 1, 9, 4)] * 3, dtype=np.float64)
    whole, _ = scaled_dot_product_attention(q, k, v, causal=True)
    last, _ = scaled_dot_product_attention(q[:, :, 7:], k, v, causal=True, offset=7)
    np.testing.assert_allclose(last, whole[:, :, 7:], rtol=1e-12)


def test_a_row_that_attends_nothing_is_zero():
    q, k, v, dy = arrays(*[(1, 1, 3, 2)] * 4, dtype=np.float64)
    mask = np.ones((1, 1, 3, 3), bool)
    mask[..., 1, :] = False
    lengths = np.array([3])
    y, lse = scaled_dot_product_attention(q, k, v, mask, lengths)
    assert not y[0, 0, 1].any() and lse[0, 0, 1] == -np.inf
    dq, _, _ = scaled_dot_product_attention_backward(dy, q, k, v, y, lse, mask, lengths)
    assert not dq[0, 0, 1].any() and dq[0, 0, 0].any()


def test_products_of_turned_rows_depend_on_their_distance():
    (x,) = arrays((1, 1, 1, 8), dtype=np.float64)
    cos, sin = rotary_angles(12, 8)
    turned = [rotary_embedding(x, cos[t : t + 1], sin[t : t + 1])[0, 0, 0] for t in range(12)]
    np.testing.assert_allclose(turned[5] @ turned[2], turned[11] @ turned[8])
    np.testing.assert_allclose(rotary_angles(3, 8, offset=4)[0], cos[4:7])


def test_codes_of_positions():
    p = positional_encoding(6, 5)
    for t in range(6):
        for i in range(5):
            angle = t / 10000 ** ((i - i % 2) / 5)
            assert p[t, i] == pytest.approx(np.cos(angle) if i % 2 else np.sin(angle))
    np.testing.assert_array_equal(positional_encoding(2, 5, offset=4), p[4:])
    for wrong in ((-1, 4), (2, -4), (2, 4, 0.0), (2, 4, np.nan)):
        with pytest.raises(OptionError):
            positional_encoding(*wrong)


def test_weights():
    q, k, v = arrays((2, 4, 3, 5), (2, 2, 6, 5), (2, 2, 6, 7), dtype=np.float64)
    weights = attention_weights(q, k, causal=True, offset=3)
    y, _ = scaled_dot_product_attention(q, k, v, causal=True, offset=3)
    np.testing.assert_allclose(weights @ np.repeat(v, 2, axis=1), y, rtol=1e-10)
    assert not weights[:, :, 0, 4:].any()


@numba.njit
def cubic(u):
    return max(0.0, 1 - u**3)


SIMILARITIES = {
    "gaussian": lambda u: np.exp(-u * u / 2),
    "boxcar": lambda u: (u <= 1) * 1.0,
    "triangular": lambda u: np.maximum(0, 1 - u),
    "epanechnikov": lambda u: 0.75 * np.maximum(0, 1 - u * u),
    "constant": lambda u: np.ones_like(u),
    cubic: lambda u: np.maximum(0, 1 - u**3),
}


@pytest.mark.parametrize("kernel", SIMILARITIES)
def test_pooling(kernel):
    q, k, v = arrays((4, 2), (30, 2), (30, 3), dtype=np.float64)
    for width in (1.5, np.array([0.9, 2.0])):
        u = np.linalg.norm((q[:, None] - k) / width, axis=2)
        weights = SIMILARITIES[kernel](u)
        want = weights @ v / weights.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(attention_pooling(q, k, v, kernel, width), want, rtol=1e-12)


def test_pooling_where_no_key_is_near_e16():
    """E-16: 0 / 0 without a key in range; one at one width is in the boxcar, a Gaussian has all."""
    k, v = np.array([[0.0], [1.0]]), np.array([[2.0], [5.0]])
    at = np.array([[2.0], [60.0]])
    np.testing.assert_array_equal(attention_pooling(at, k, v, "boxcar"), [[5.0], [np.nan]])
    for empty, value in (("nearest", 5.0), ("mean", 3.5)):
        assert attention_pooling(at, k, v, "triangular", 1.0, empty)[1, 0] == value
    assert attention_pooling(at, k, v)[1, 0] == pytest.approx(5.0)
    assert np.isnan(attention_pooling(at, k[:0], v[:0], "triangular", 1.0, "mean")).all()


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"k": np.ones((2, 2))}, ShapeError, "k"),
        ({"v": np.ones((3, 1))}, ShapeError, "v"),
        ({"kernel": "cosine"}, OptionError, "kernel"),
        ({"empty": "zero"}, OptionError, "empty"),
        ({"width": 0.0}, OptionError, "width"),
        ({"width": np.ones(2)}, ShapeError, "width"),
    ],
)
def test_pooling_refuses(arguments, error, name):
    usual = {"q": np.ones((1, 1)), "k": np.ones((2, 1)), "v": np.ones((2, 1))}
    with pytest.raises(error, match=f"`{name}`"):
        attention_pooling(**{**usual, **arguments})
