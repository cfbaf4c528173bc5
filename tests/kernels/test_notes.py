"""Misprints of the notes on linear models, nets and attention, and of the book's code: what is right."""

import numpy as np

import nbdl
from nbdl import kernels as k

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal(2)


def test_one_example_and_a_batch_keep_their_shapes_e2():
    """E-2: w . x + b is of one example, X w + b of a batch."""
    batch = k.linear(X, W, B)
    assert batch.shape == (5, 2) and k.linear(X[:1], W, B).shape == (1, 2)
    np.testing.assert_allclose(batch[3], W.T @ X[3] + B)


def test_the_loss_of_a_batch_has_no_index_e3():
    """E-3: L(w, b) is the mean of the losses of the examples."""
    y = RNG.standard_normal((5, 2))
    each = [k.mse(X[i : i + 1] @ W, y[i : i + 1], half=True) for i in range(5)]
    assert np.isclose(k.mse(X @ W, y, half=True), np.mean(each))


def test_the_bias_moves_by_the_mean_residual_e4():
    """E-4: b <- b - lr mean(X w + b - y); it does not begin at w."""
    y = RNG.standard_normal((5, 1))
    w, b = W[:, :1].copy(), B[:1].copy()
    residual = X @ w + b - y
    k.sgd_update(b, k.linear_db(residual / 5), 0.1)
    np.testing.assert_allclose(b, B[:1] - 0.1 * residual.mean())
    np.testing.assert_array_equal(w, W[:, :1])


def test_expected_loss_of_a_model_e6():
    """E-6: E[l(x, y, f(x))]: the mean over examples of losses, each of its own prediction and label."""
    logits, labels = RNG.standard_normal((4, 3)), np.array([0, 2, 1, 2])
    each = k.softmax_cross_entropy_each(logits, labels)
    want = [-k.log_softmax(logits)[i, c] for i, c in enumerate(labels)]
    np.testing.assert_allclose(each, want)
    assert np.isclose(k.softmax_cross_entropy(logits, labels), np.mean(want))


def test_without_a_gradient_weights_shrink_by_the_factor_e7():
    """E-7: (1 - lr decay) w, a factor that does not get lost."""
    for update, state in ((k.sgd_update, 0), (k.adamw_update, 2)):
        w = W.copy()
        states, step = [np.zeros_like(w) for _ in range(state)], {"step": 1} if state else {}
        update(w, np.zeros_like(w), *states, lr=0.1, weight_decay=0.3, **step)
        np.testing.assert_allclose(w, (1 - 0.1 * 0.3) * W, rtol=1e-15)


def test_the_sum_of_softmax_has_its_own_index_e8():
    """E-8: exp(o_i) / sum_j exp(o_j), each row of which sums to 1."""
    o = RNG.standard_normal((3, 4))
    np.testing.assert_allclose(k.softmax(o), [[np.exp(v) / sum(map(np.exp, row)) for v in row] for row in o])
    np.testing.assert_allclose(k.softmax(o + 1000).sum(1), 1)


def test_tanh_and_sigmoid_of_large_numbers_e9():
    """E-9: the printed quotient of tanh is infinity over infinity at -400."""
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isnan((1 - np.exp(800.0)) / (1 + np.exp(800.0)))
    x = np.array([-400.0, -1.0, 0.0, 1.0, 400.0])
    np.testing.assert_allclose(k.tanh(x), np.tanh(x))
    np.testing.assert_allclose(k.sigmoid(x), [np.exp(-400.0), 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1])


def test_padding_counts_each_side_and_an_odd_total_is_not_even_e11():
    """E-11: floor((n + p - (d (k - 1) + 1)) / s) + 1 with the total p of both sides, which may differ."""
    w = np.ones((1, 1, 2, 2))
    for top, bottom in ((0, 1), (1, 0), (2, 1)):
        for stride, dilation in ((1, 1), (2, 1), (1, 2)):
            y = k.conv2d(
                np.ones((1, 1, 7, 5)), w, stride=stride, padding=(top, bottom, 0, 0), dilation=dilation
            )
            assert y.shape[2] == (7 + top + bottom - (dilation + 1)) // stride + 1
    rows = k.conv2d(np.ones((1, 1, 2, 2)), w, padding=(1, 0, 0, 0))[0, 0, :, 0]
    np.testing.assert_array_equal(rows, [2, 4])  # the zeros are above


def test_batch_norm_scales_channels_and_layer_norm_elements_e12():
    """E-12: the variance that divides is biased, with eps under the root; gamma and beta are learned."""
    x = RNG.standard_normal((6, 3, 2))
    gamma, beta, old = np.array([1.0, 2.0, -1.0]), np.array([0.5, 0.0, 1.0]), np.ones(3)
    y, *_, mean, var = k.batch_norm(x, gamma, beta, 0 * old, old, 0.1, 0.25)
    of_channels = (x - x.mean((0, 2), keepdims=True)) / np.sqrt(x.var((0, 2), keepdims=True) + 0.1)
    np.testing.assert_allclose(y, of_channels * gamma[:, None] + beta[:, None])
    np.testing.assert_allclose(mean, 0.25 * x.mean((0, 2)))  # the new one weighs 0.25
    np.testing.assert_allclose(var, 0.75 + 0.25 * x.var((0, 2), ddof=1))  # what is kept is unbiased
    rows, scale, shift = x.reshape(6, 6), RNG.standard_normal(6), RNG.standard_normal(6)
    want = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + 0.1)
    np.testing.assert_allclose(k.layer_norm(rows, scale, shift, 0.1), want * scale + shift)


def test_the_kernel_of_max_0_and_1_minus_u_is_triangular_e15():
    """E-15: Epanechnikov's falls by the square of u; the boxcar has its edge, u = 1, in it."""
    key, value = np.array([[0.5], [1.0], [1.5]]), np.array([[1.0], [0.0], [0.0]])
    # At distances 0.5, 1 and 1.5 of 0 and 1 beside it: the share of the first key says how it is weighed.
    at, two, one = np.zeros((1, 1)), np.array([[0.5], [0.8]]), np.array([[1.0], [0.0]])
    np.testing.assert_allclose(k.attention_pooling(at, two, one, "triangular"), [[0.5 / 0.7]])
    np.testing.assert_allclose(k.attention_pooling(at, two, one, "epanechnikov"), [[0.75 / 1.11]])
    np.testing.assert_allclose(k.attention_pooling(at, key, value, "boxcar"), [[1 / 2]])
    np.testing.assert_allclose(k.attention_pooling(at, key, value, "triangular"), [[1.0]])


def test_scores_are_masked_and_a_row_without_keys_is_zero_e17():
    """E-17: -10^6 takes the place of scores, not of weights; in a row without any key it hides nothing."""
    scores = np.array([[[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]]])
    mask = np.array([[[True, True, False, False], [False] * 4]])
    with np.errstate(invalid="ignore"):  # plain Python warns of the row without any key
        got = k.masked_softmax(scores, mask)[0]
    np.testing.assert_allclose(got[0], [1 / (1 + np.e), np.e / (1 + np.e), 0, 0])
    np.testing.assert_array_equal(got[1], 0)
    printed = np.where(mask, scores, -1e6)[0]
    np.testing.assert_allclose(k.softmax(printed), [got[0], [0.25] * 4])
    weights_replaced = np.where(mask, k.softmax(scores), -1e6)[0, 0]
    assert not np.isclose(weights_replaced.sum(), 1)  # no weights any more
    with np.errstate(over="ignore"):
        assert np.isinf(np.float16(-1e6))


def test_a_batch_of_matrices_is_multiplied_as_matrices_e18():
    """E-18: the products of a batch are matrix products, not those of elements."""
    a, b = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 4, 6))
    y = k.bmm(a, b)
    assert y.shape == (2, 3, 6) and k.bmm(np.ones((2, 3, 4)), np.ones((2, 4, 6))).max() == 4
    for i in range(2):
        np.testing.assert_allclose(y[i], a[i] @ b[i])
    np.testing.assert_allclose(nbdl.einsum("nab,nbc->nac", a, b).numpy(), y)


def test_the_epsilon_of_yogi_is_added_before_the_division_e36():
    """E-36: m / sqrt(v) + eps, as two versions of the book's code have it, would move by eps where m is 0."""
    w, m, v = np.ones(2), np.array([0.0, 0.2]), np.array([0.5, 0.5])
    k.yogi_update(w, np.zeros(2), m, v, lr=0.1, step=1, beta1=0.5, beta2=0.5, eps=0.25)
    # Without a gradient m halves, v stays, and both are corrected by 1 - 0.5.
    np.testing.assert_allclose(w, [1, 1 - 0.1 * 0.2 / (np.sqrt(1.0) + 0.25)])
