"""Blocks of Transformers: against torch, as programs, saved and loaded; padding; what they refuse."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import OptionError, ShapeError
from nbdl.step import report

E, H, F = 8, 2, 12


def arrays(*shapes):
    rng = np.random.default_rng(1)
    return [rng.standard_normal(s).astype(np.float32) for s in shapes]


def torch_layer(torch, block):
    """The layer of torch with the parameters of a block, and its parameters by the names of ours."""
    theirs = torch.nn.TransformerEncoderLayer(
        E, H, F, 0.0, block.activation, batch_first=True, norm_first=block.norm_first
    )
    ours, att = block.attention, theirs.self_attn
    pairs = {
        "feed_forward.w1": theirs.linear1.weight, "feed_forward.b1": theirs.linear1.bias,
        "feed_forward.w2": theirs.linear2.weight, "feed_forward.b2": theirs.linear2.bias,
        "attention.wo": att.out_proj.weight, "attention.bo": att.out_proj.bias,
        "norm1.gamma": theirs.norm1.weight, "norm1.beta": theirs.norm1.bias,
        "norm2.gamma": theirs.norm2.weight, "norm2.beta": theirs.norm2.bias,
    }  # fmt: skip
    named = nn.named_parameters(block)
    with torch.no_grad():
        for name, p in pairs.items():
            p[:] = torch.from_numpy(named[name].data.T.copy())
        att.in_proj_weight[:] = torch.from_numpy(
            np.concatenate([w.data.T for w in (ours.wq, ours.wk, ours.wv)])
        )
        att.in_proj_bias[:] = torch.from_numpy(np.concatenate([b.data for b in (ours.bq, ours.bk, ours.bv)]))
    return theirs, pairs


@pytest.mark.parametrize(
    ("norm_first", "activation", "causal"), [(False, "relu", False), (True, "gelu", True)]
)
def test_as_torch_does(norm_first, activation, causal):
    """Forward and all gradients, with padding where it is not causal."""
    torch = pytest.importorskip("torch")
    x, dy = arrays((3, 5, E), (3, 5, E))
    block = nn.TransformerEncoderBlock(H, F, norm_first=norm_first, activation=activation, causal=causal)
    nn.init(block, x, initializers={"*.b*": "uniform", "*.beta": "uniform"})
    lengths = None if causal else np.array([5, 2, 1])
    there = np.ones((3, 5, 1), bool) if causal else np.arange(5)[:, None] < lengths[:, None, None]
    theirs, pairs = torch_layer(torch, block)
    leaf = torch.from_numpy(x * there).requires_grad_()
    mask = torch.ones(5, 5).triu(1).bool() if causal else None
    padding = None if causal else torch.from_numpy(~there[..., 0])
    want = theirs(leaf, src_mask=mask, src_key_padding_mask=padding)
    ours = nbdl.tensor(np.where(there, x, np.nan).astype(np.float32), requires_grad=True)
    y = block(ours, lengths)
    (y * (dy * there)).sum().backward()
    want.backward(torch.from_numpy((dy * there).astype(np.float32)))
    np.testing.assert_allclose(y.data * there, want.detach().numpy() * there, atol=1e-5)
    np.testing.assert_allclose(ours.grad, leaf.grad.numpy() * there, atol=1e-4)
    named = nn.named_parameters(block)
    for name, p in pairs.items():
        np.testing.assert_allclose(named[name].grad, p.grad.numpy().T, atol=1e-4, err_msg=name)
    grads = np.concatenate([named[f"attention.w{i}"].grad.T for i in "qkv"])
    np.testing.assert_allclose(grads, theirs.self_attn.in_proj_weight.grad.numpy(), atol=1e-4)


def net_of_blocks(p=0.0):
    block = nn.TransformerEncoderBlock(H, F, norm_first=True, causal=True, activation="gelu", p=p)
    return nn.Sequential(nn.Embedding(10, E), block, nn.LayerNorm(), nn.Linear(10))


def test_a_net_of_blocks_is_one_native_program():
    """No row of it is Python; it learns what the tape does, and the same bits on one thread and on two."""
    x = np.random.default_rng(0).integers(0, 10, (40, 6))
    step = nbdl.compile_step(nn.init(net_of_blocks(), x), example=(x, x), threads=1)
    assert {line.target for line in report(step, samples=40).lines} == {"lanes"}
    found = []
    for options in ({"compiled": False}, {"threads": 1}, {"threads": 2}):
        net = net_of_blocks()
        nbdl.fit(net, (x, np.roll(x, -1, 1)), epochs=2, batch_size=20, seed=0, progress=False, **options)
        found.append(nn.state_dict(net))
    for name, value in found[0].items():
        np.testing.assert_allclose(value, found[1][name], atol=1e-5, err_msg=name)
        np.testing.assert_array_equal(found[1][name], found[2][name], err_msg=name)


def test_saved_and_loaded(tmp_path):
    x = np.random.default_rng(0).integers(0, 10, (2, 6))
    net = nn.init(net_of_blocks(), x)
    nbdl.save(net, tmp_path / "net.safetensors")
    np.testing.assert_array_equal(nbdl.load(tmp_path / "net.safetensors")(x).data, net(x).data)


def test_dropout_depends_on_the_key_alone():
    (x,) = arrays((2, 5, E))
    block = nn.init(nn.TransformerEncoderBlock(H, F, p=0.5), x)
    one, two, other = (block(x, train=nn.Train(seed)).data for seed in (0, 0, 1))
    assert np.array_equal(one, two) and not np.array_equal(one, other)
    feed = nn.init(nn.FeedForward(F, p=0.5, features=3), x)
    assert feed(x).shape == (2, 5, 3) and not np.array_equal(feed(x).data, feed(x, train=nn.Train()).data)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: nn.TransformerEncoderBlock(0, 4), OptionError, "TransformerEncoderBlock: `heads` must be"),
        (lambda: nn.TransformerEncoderBlock(2, 4, p=2), OptionError, "Block: `p` must be from 0 to 1, got 2"),
        (lambda: nn.FeedForward(4, activation="elu"), OptionError, "`activation` must be one of gelu, "),
        (lambda: nn.TransformerEncoderBlock(3, 4)(np.ones((2, 4, 8))), ShapeError, "multiple of `heads`"),
        (lambda: nn.TransformerEncoderBlock(2, 4)(np.ones((4, 8))), ShapeError, r"shape \(N, T, D\), got"),
        (lambda: nn.FeedForward(4)(np.ones(3)), ShapeError, "`x` must have at least 2 dimensions"),
    ],
)
def test_what_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()
