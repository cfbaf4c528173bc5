"""The Transformer, against PyTorch's own encoder and decoder layers."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.errors import LabelError, ShapeError
from nbdl.kernels import positional_encoding

N, T, V, W, D, HEADS, F = 6, 5, 12, 11, 16, 2, 8
RNG = np.random.default_rng(0)
X = {
    "source": RNG.integers(0, V, (N, T)), "source_length": np.array([5, 1, 3, 2, 5, 4]),
    "target": RNG.integers(0, W, (N, T)),
}  # fmt: skip
Y = np.where(np.arange(T) < RNG.integers(1, T + 1, (N, 1)), RNG.integers(0, W, (N, T)), -100)


def made(dtype="float32", **options):
    return nn.init(models.transformer(V, W, D, 2, HEADS, F, **options), X, 3, dtype)


def named(v, block, attentions):
    """The weights of a block by PyTorch's names."""
    found = {}
    for theirs, ours in attentions.items():
        wq, wk, wv, wo, bq, bk, bv, bo = (v[f"{block}.{ours}.{n}"] for n in "wq wk wv wo bq bk bv bo".split())
        found[f"{theirs}.in_proj_weight"] = np.concatenate([wq.T, wk.T, wv.T])
        found[f"{theirs}.in_proj_bias"] = np.concatenate([bq, bk, bv])
        found[f"{theirs}.out_proj.weight"], found[f"{theirs}.out_proj.bias"] = wo.T, bo
    for i in (1, 2):
        found[f"linear{i}.weight"] = v[f"{block}.feed_forward.w{i}"].T
        found[f"linear{i}.bias"] = v[f"{block}.feed_forward.b{i}"]
    for i in range(1, 2 + len(attentions)):
        found[f"norm{i}.weight"] = v[f"{block}.norm{i}.gamma"]
        found[f"norm{i}.bias"] = v[f"{block}.norm{i}.beta"]
    return found


def of_torch(torch, v, norm_first):
    def layer(kind, block, attentions):
        options = {"dropout": 0.0, "batch_first": True, "norm_first": norm_first, "dtype": torch.float64}
        made = kind(D, HEADS, F, **options)
        made.load_state_dict({k: torch.tensor(a) for k, a in named(v, block, attentions).items()})
        return made

    def start(side, ids):
        codes = torch.tensor(positional_encoding(T, D))
        return torch.tensor(v[f"{side}.start.embedding.w"])[torch.tensor(ids)] * D**0.5 + codes

    def last(side, x):
        if norm_first:
            x = torch.nn.functional.layer_norm(
                x, (D,), torch.tensor(v[f"{side}.norm.gamma"]), torch.tensor(v[f"{side}.norm.beta"])
            )
        return x

    padding = torch.arange(T) >= torch.tensor(X["source_length"])[:, None]
    x, layers = start("encoder", X["source"]), []
    for i in range(2):
        block = layer(torch.nn.TransformerEncoderLayer, f"encoder.stack.{i}", {"self_attn": "attention"})
        x = block(x, src_key_padding_mask=padding)
        layers.append((f"encoder.stack.{i}", block))
    keys, x = last("encoder", x), start("decoder", X["target"])
    causal = torch.ones(T, T, dtype=torch.bool).triu(1)
    for i in range(2):
        both = {"self_attn": "attention", "multihead_attn": "cross_attention"}
        block = layer(torch.nn.TransformerDecoderLayer, f"decoder.stack.{i}", both)
        x = block(x, keys, tgt_mask=causal, memory_key_padding_mask=padding)
        layers.append((f"decoder.stack.{i}", block))
    x = last("decoder", x)
    return x @ torch.tensor(v["decoder.logits.w"]) + torch.tensor(v["decoder.logits.b"]), layers


@pytest.mark.parametrize("norm_first", [False, True])
def test_as_torch_does(norm_first):
    """Logits, and the gradients of all matrices of attention and of the feed-forward nets."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = made("float64", dropout=0.0, norm_first=norm_first)
    logits, layers = of_torch(torch, nn.state_dict(net), norm_first)
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(Y).flatten()).backward()
    found = net(**X)
    np.testing.assert_allclose(found.data, logits.detach().numpy(), rtol=1e-9, atol=1e-12)
    nn.softmax_cross_entropy(found, Y).backward()
    ours = {name: p.grad for name, p in nn.named_parameters(net).items()}
    for block, layer in layers:
        theirs = {name: p.grad.numpy() for name, p in layer.named_parameters()}
        attentions = {"self_attn": "attention"}
        if "multihead_attn.in_proj_bias" in theirs:
            attentions["multihead_attn"] = "cross_attention"
        for name, wanted in named(ours, block, attentions).items():
            error = np.linalg.norm(wanted - theirs[name])
            assert error <= 1e-9 * max(np.linalg.norm(theirs[name]), 1e-3), (block, name)


def test_a_step_is_one_native_program():
    """With dropout of positions, weights and blocks, and the same loss and gradients as kernel by kernel."""
    net = made(dropout=0.2)
    loss = nn.softmax_cross_entropy(net(**X, train=nn.Train(5, 0)), Y)
    loss.backward()
    gradients = {name: p.grad.copy() for name, p in nn.named_parameters(net).items()}
    step = nbdl.compile_step(net, example=(X, Y), lr=0.0, seed=5)
    assert step.program.native
    assert step(X, Y) == pytest.approx(loss.item(), rel=1e-5)
    largest = max(np.abs(g).max() for g in gradients.values())
    for name, g in gradients.items():
        assert np.abs(step.gradients[name] - g).max() <= 1e-5 * largest, name


def test_what_comes_later_and_what_is_padding_has_no_effect():
    net, other = made("float64"), {name: a.copy() for name, a in X.items()}
    whole = net(**X).data
    other["target"][:, 3:] = (other["target"][:, 3:] + 1) % W
    for row, length in zip(other["source"], X["source_length"]):
        row[length:] = (row[length:] + 1) % V
    found = net(**other).data
    np.testing.assert_allclose(found[:, :3], whole[:, :3], rtol=1e-12)
    assert (np.abs(found[:, 3:] - whole[:, 3:]).max(axis=(1, 2)) > 1e-3).all()
    memory = net.encoder(X["source"], X["source_length"])
    for t in range(1, T):
        logits, changed = net.decoder(X["target"][:, :t], **memory)
        assert changed == {}
        np.testing.assert_allclose(logits.data[:, -1], whole[:, t - 1], rtol=1e-12)


def test_what_is_refused():
    with pytest.raises(ShapeError, match="`features` must be a multiple of `heads`, got 16 features for 3"):
        models.transformer(V, W, 16, 2, 3)
    net = made()
    for length in (-1, T + 1):
        with pytest.raises(LabelError, match=f"`lengths` must be from 0 to {T}"):
            net(X["source"], np.full(N, length), X["target"])
    block = nn.TransformerDecoderBlock(2, 4)
    with pytest.raises(ShapeError, match=r"`keys` must have shape \(N, T, D\), N of `x`, got \(1, 3, 4\)"):
        block(np.zeros((2, 3, 4)), np.zeros((1, 3, 4)))
    with pytest.raises(ShapeError, match="`mask` of shape"):
        block(np.zeros((2, 3, 4)), np.zeros((2, 3, 4)), mask=np.ones((2, 1, 3, 2), bool))


def test_a_sentence_without_tokens_attends_nothing():
    """A source of length 0: its decoder sees no keys, and its logits are finite."""
    net, lengths = made(), X["source_length"].copy()
    lengths[0] = 0
    assert np.isfinite(net(X["source"], lengths, X["target"]).data).all()
