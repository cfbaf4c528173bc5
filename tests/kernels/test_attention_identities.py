"""What attention is in special cases, and which scores say the same."""

import numpy as np
import pytest

from nbdl.kernels import attention_weights, masked_softmax, scaled_dot_product_attention

RNG = np.random.default_rng(0)
Q, K, V = (RNG.standard_normal((2, 1, 5, d)) for d in (4, 4, 3))


def test_means_lie_between_the_values():
    """Weights that are positive and sum to 1 give points of the convex hull."""
    y = scaled_dot_product_attention(Q, K, V)[0]
    weights = attention_weights(Q, K)
    assert (weights > 0).all()
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(y, weights @ V, rtol=1e-12)
    assert (y <= V.max(axis=2, keepdims=True)).all() and (y >= V.min(axis=2, keepdims=True)).all()


def test_equal_scores_are_the_mean_and_far_ones_a_lookup():
    np.testing.assert_allclose(
        scaled_dot_product_attention(0 * Q, K, V)[0], np.broadcast_to(V.mean(axis=2, keepdims=True), V.shape)
    )
    units = np.broadcast_to(np.eye(5), (2, 1, 5, 5))
    order = [3, 1, 4, 0, 2]
    found = scaled_dot_product_attention(units[:, :, order], units, V, scale=1e4)[0]
    np.testing.assert_array_equal(found, V[:, :, order])


def test_gaussian_scores_are_products_where_keys_are_equally_long():
    """-|q - k|^2 / 2 is q k - |k|^2 / 2 - |q|^2 / 2, and what is the same for all keys has no effect."""
    distances = ((Q[:, 0, :, None] - K[:, 0, None]) ** 2).sum(axis=-1)
    added = -(K[:, :, None, :, :] ** 2).sum(axis=-1) / 2  # (2, 1, 1, 5): of each key
    gaussian = masked_softmax(-distances / 2)
    np.testing.assert_allclose(attention_weights(Q, K, added, scale=1.0)[:, 0], gaussian, rtol=1e-12)
    unit = K / np.linalg.norm(K, axis=-1, keepdims=True)
    distances = ((Q[:, 0, :, None] - unit[:, 0, None]) ** 2).sum(axis=-1)
    np.testing.assert_allclose(
        attention_weights(Q, unit, scale=1.0)[:, 0], masked_softmax(-distances / 2), rtol=1e-12
    )


@pytest.mark.parametrize("size", [4, 64, 1024])
def test_scaled_scores_have_a_variance_of_one(size):
    q, k = RNG.standard_normal((2, 4000, size))
    assert (q * k).sum(axis=1).var() / size == pytest.approx(1, abs=0.1)


def test_additive_scores_are_a_net_of_query_and_key_side_by_side():
    from nbdl import nn

    layer, x, keys = nn.AdditiveAttention(7), RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 5, 6))
    nn.init(layer, {"x": x, "keys": keys}, 1, "float64")
    both = np.concatenate(
        [np.broadcast_to(a, (2, 3, 5, a.shape[-1])) for a in (x[:, :, None], keys[:, None])], axis=-1
    )
    w = np.concatenate([layer.wq.data, layer.wk.data])
    weights = masked_softmax((np.tanh(both @ w) @ layer.wv.data)[..., 0])
    np.testing.assert_allclose(layer(x, keys).data, weights @ keys, rtol=1e-10)
