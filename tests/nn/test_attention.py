"""Layers of attention: against torch and against their parts; padding; what they refuse."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.nn import Train

E, H = 8, 2


def made(layer, *inputs, seed=0):
    nn.init(layer, seed, *inputs)
    return layer


def arrays(*shapes):
    rng = np.random.default_rng(1)
    return [rng.standard_normal(s).astype(np.float32) for s in shapes]


def test_as_torch_does():
    """Forward and all gradients of self- and cross-attention."""
    torch = pytest.importorskip("torch")
    x, keys, dy = arrays((3, 5, E), (3, 7, E), (3, 5, E))
    for cross, causal in ((True, False), (False, True)):
        layer = nn.MultiHeadAttention(H, causal=causal)
        layer(x, keys) if cross else layer(x)
        theirs = torch.nn.MultiheadAttention(E, H, batch_first=True)
        matrices = [layer.wq, layer.wk, layer.wv]
        with torch.no_grad():
            theirs.in_proj_weight[:] = torch.from_numpy(np.concatenate([w.data.T for w in matrices]))
            theirs.out_proj.weight[:] = torch.from_numpy(layer.wo.data.T.copy())
            theirs.in_proj_bias.zero_(), theirs.out_proj.bias.zero_()
        tensors = [nbdl.tensor(a, requires_grad=True) for a in ((x, keys) if cross else (x,))]
        leaves = [torch.from_numpy(t.data.copy()).requires_grad_() for t in tensors]
        mask = torch.ones(5, 5).triu(1).bool() if causal else None
        y, want = layer(*tensors), theirs(leaves[0], leaves[-1], leaves[-1], attn_mask=mask)[0]
        y.backward(dy)
        want.backward(torch.from_numpy(dy))
        np.testing.assert_allclose(y.data, want.detach().numpy(), atol=1e-5)
        for ours, leaf in zip(tensors, leaves):
            np.testing.assert_allclose(ours.grad, leaf.grad.numpy(), atol=1e-4)
        grads = np.concatenate([w.grad.T for w in matrices])
        np.testing.assert_allclose(grads, theirs.in_proj_weight.grad.numpy(), atol=1e-4)
        np.testing.assert_allclose(layer.wo.grad.T, theirs.out_proj.weight.grad.numpy(), atol=1e-4)
        np.testing.assert_allclose(layer.bv.grad, theirs.in_proj_bias.grad.numpy()[2 * E :], atol=1e-4)


def test_padding_may_hold_anything():
    (x,) = arrays((3, 5, E))
    lengths, layer = np.array([5, 2, 1]), nn.MultiHeadAttention(H)
    want = layer(x, lengths=lengths).data
    padded = x.copy()
    padded[1, 2:] = padded[2, 1:] = np.nan
    y = layer(x, padded, lengths=lengths)
    np.testing.assert_array_equal(y.data, want)
    y.sum().backward()
    assert all(np.isfinite(p.grad).all() for p in nn.parameters(layer))


def test_groups_of_heads_are_heads_that_are_repeated():
    (x,) = arrays((2, 4, E))
    few, many = nn.MultiHeadAttention(4, groups=2), nn.MultiHeadAttention(4)
    few(x), many(x)
    for name in ("wq", "wk", "wv", "wo"):
        w = getattr(few, name).data
        if name in ("wk", "wv"):
            w = np.repeat(w.reshape(E, 2, 2), 2, axis=1).reshape(E, E)
        getattr(many, name)[:] = w
    np.testing.assert_allclose(few(x).data, many(x).data, atol=1e-6)


def test_dropout_depends_on_the_key_alone():
    (x,) = arrays((2, 4, E))
    layer = nn.MultiHeadAttention(H, p=0.5)
    first, again, other = (layer(x, train=Train(seed=s)).data for s in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.array_equal(layer(x).data, layer(x).data)


def test_a_net_trains_as_a_program_of_lanes():
    """Self-attention over short sequences is native, and the program learns what the tape does."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 6, E)).astype(np.float32)
    labels = x[:, :, 0].argmax(1) % 3
    made = []
    for compiled in (True, False):
        net = nn.Sequential(
            nn.PositionalEncoding(), nn.MultiHeadAttention(H, causal=True), nn.Flatten(), nn.Linear(3)
        )
        nbdl.fit(net, (x, labels), epochs=2, batch_size=32, seed=0, compiled=compiled, progress=False)
        made.append(net(x).data)
    np.testing.assert_allclose(*made, atol=1e-4)


def numpy_pooling(scores, values, lengths):
    scores = np.where(np.arange(values.shape[1]) < lengths[:, None, None], scores, -np.inf)
    e = np.exp(scores - scores.max(axis=2, keepdims=True))
    return e / e.sum(axis=2, keepdims=True) @ values


def test_additive_and_bilinear_scores():
    x, keys, values = arrays((2, 3, 5), (2, 4, 6), (2, 4, 7))
    lengths = np.array([4, 2])
    additive, bilinear = nn.AdditiveAttention(8), nn.BilinearAttention()
    y, z = additive(x, keys, values, lengths), bilinear(x, keys, values, lengths)
    wq, wk, wv, w = (p.data for p in (additive.wq, additive.wk, additive.wv, bilinear.w))
    hidden = np.tanh((x @ wq)[:, :, None] + (keys @ wk)[:, None])
    np.testing.assert_allclose(y.data, numpy_pooling((hidden @ wv)[..., 0], values, lengths), atol=1e-5)
    np.testing.assert_allclose(z.data, numpy_pooling(x @ w @ keys.swapaxes(1, 2), values, lengths), atol=1e-5)
    keys[1, 2:], values[1, 2:] = np.nan, np.inf
    for layer, want in ((additive, y), (bilinear, z)):
        again = layer(x, keys, values, lengths)
        np.testing.assert_array_equal(again.data, want.data)
        again.sum().backward()
        assert all(np.isfinite(p.grad).all() and p.grad.any() for p in nn.parameters(layer))


def test_positions():
    (x,) = arrays((2, 5, E))
    y = nn.PositionalEncoding()(x).data - x
    t, i = np.arange(5)[:, None], np.arange(0, E, 2)
    np.testing.assert_allclose(y[1][:, ::2], np.sin(t / 10000 ** (i / E)), atol=1e-6)
    np.testing.assert_allclose(y[1][:, 1::2], np.cos(t / 10000 ** (i / E)), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "inputs", "error", "text"),
    [
        (lambda: nn.MultiHeadAttention(3), ((2, 4, 8),), ShapeError, "`features` must be a multiple"),
        (lambda: nn.MultiHeadAttention(4, groups=3), (), OptionError, "`groups` must divide `heads`"),
        (lambda: nn.MultiHeadAttention(4, p=2), (), OptionError, "`p` must be from 0 to 1"),
        (lambda: nn.MultiHeadAttention(2), ((4, 8),), ShapeError, "`x` must have shape"),
        (lambda: nn.MultiHeadAttention(2), ((2, 4, 8), (3, 4, 8)), ShapeError, "`keys` must have shape"),
        (lambda: nn.PositionalEncoding(), ((4, 8),), ShapeError, "`x` must have shape"),
    ],
)
def test_what_is_refused(make, inputs, error, text):
    with pytest.raises(error, match=text):
        make()(*arrays(*inputs))


def test_lengths_are_integers():
    (x,) = arrays((2, 4, E))
    with pytest.raises(DtypeError, match="`lengths` must be integers"):
        nn.MultiHeadAttention(H)(x, lengths=np.ones(2))
