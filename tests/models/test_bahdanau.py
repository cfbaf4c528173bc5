"""The decoder that attends, against PyTorch's cells and the formula of the book."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.errors import OptionError, ShapeError

N, T, V, W, H = 6, 5, 12, 11, 16
RNG = np.random.default_rng(0)
X = {
    "source": RNG.integers(0, V, (N, T)), "source_length": np.array([5, 1, 3, 2, 5, 4]),
    "target": RNG.integers(0, W, (N, T)),
}  # fmt: skip
Y = np.where(np.arange(T) < RNG.integers(1, T + 1, (N, 1)), RNG.integers(0, W, (N, T)), -100)


def gru(torch, v, name, x, h):
    """PyTorch's cell with the weights of a layer of ours."""
    names = ("wx", "wh", "b", "bh")
    wx, wh, b, bh = (v[f"{name}.{n}"] for n in names)
    return torch.gru_cell(x, h, wx.T, wh.T, b, bh)


def of_torch(torch, v):
    """Logits, sentence after sentence without padding, the context in the input of the cell."""
    found = []
    for source, length, target in zip(*(torch.tensor(a) for a in X.values())):
        below = v["encoder.embedding.w"][source[:length]]
        states = []
        for i in range(2):
            h, all_of_them = torch.zeros(1, H, dtype=below.dtype), []
            for x in below:
                h = gru(torch, v, f"encoder.stack.{i}", x[None], h)
                all_of_them.append(h)
            below = torch.cat(all_of_them)
            states.append(h)
        w = {n: v[f"decoder.attention.{n}"] for n in ("wx", "wc", "wh", "wk", "wq", "wv", "b", "bh")}
        logits = []
        for x in v["decoder.embedding.w"][target]:
            scores = torch.tanh(states[0] @ w["wq"] + below @ w["wk"]) @ w["wv"]
            context = torch.softmax(scores, 0) @ below
            both = torch.cat([x, context])[None]
            weights = torch.cat([w["wx"], w["wc"]]).T
            states[0] = torch.gru_cell(both, states[0], weights, w["wh"].T, w["b"], w["bh"])
            states[1] = gru(torch, v, "decoder.stack.0", states[0], states[1])
            logits.append(states[1] @ v["decoder.logits.w"] + v["decoder.logits.b"])
        found.append(torch.cat(logits))
    return torch.stack(found)


def test_every_gradient_is_that_of_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = nn.init(models.bahdanau(V, W, H, H, dropout=0.0), X, 3, "float64")
    v = {name: torch.tensor(a, requires_grad=True) for name, a in nn.state_dict(net).items()}
    logits = of_torch(torch, v)
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(Y).flatten()).backward()
    found = net(**X)
    np.testing.assert_allclose(found.data, logits.detach().numpy(), rtol=1e-9, atol=1e-12)
    nn.softmax_cross_entropy(found, Y).backward()
    for name, p in nn.named_parameters(net).items():
        theirs = v[name].grad.numpy()
        assert np.linalg.norm(p.grad - theirs) <= 1e-9 * np.linalg.norm(theirs), name


def test_a_step_is_one_native_program():
    """With dropout, and the same loss and gradients as kernel by kernel."""
    net = nn.init(models.bahdanau(V, W, H, H, dropout=0.1), X, 3)
    loss = nn.softmax_cross_entropy(net(**X, train=nn.Train(5, 0)), Y)
    loss.backward()
    gradients = {name: p.grad.copy() for name, p in nn.named_parameters(net).items()}
    step = nbdl.compile_step(net, example=(X, Y), lr=0.0, seed=5)
    assert step.program.native
    assert step(X, Y) == pytest.approx(loss.item(), rel=1e-5)
    largest = max(np.abs(g).max() for g in gradients.values())
    for name, g in gradients.items():
        assert np.abs(step.gradients[name] - g).max() <= 1e-5 * largest, name


def test_token_by_token_it_is_the_whole():
    net = nn.init(models.bahdanau(V, W, H, H), X, 3, "float64")
    whole, memory = net(**X).data, net.encoder(X["source"], X["source_length"])
    for t in range(T):
        logits, changed = net.decoder(X["target"][:, t : t + 1], **memory)
        memory |= changed
        np.testing.assert_allclose(logits.data[:, 0], whole[:, t], rtol=1e-9)


def test_what_the_layer_refuses():
    layer, x, keys = nn.AttentionGRU(3), np.zeros((2, 4, 5)), np.zeros((2, 6, 5))
    assert [a.shape for a in layer(x, keys)] == [(2, 4, 3), (2, 3)]
    for arguments, text in (
        ((x, keys[:1]), r"AttentionGRU: `keys` must have shape \(2, S, K\) and at least 1 key"),
        ((x, keys[:, :0]), r"`keys` must have shape"), ((x[0], keys), "`x` must have 3 dimensions"),
        ((x, keys, np.zeros((2, 4))), r"`h0` must have shape \(2, 3\), got \(2, 4\)"),
        ((x, keys, None, np.array([1, 2, 3])), r"`lengths` must have shape \(2,\)"),
    ):  # fmt: skip
        with pytest.raises(ShapeError, match=text):
            layer(*arguments)
    with pytest.raises(OptionError, match="AttentionGRU: `units` must be"):
        nn.AttentionGRU(3, units=0)
    with pytest.raises(ShapeError, match=r"`state` must have the shape \(N, 2, 16\), got \(6, 1, 16\)"):
        net = models.BahdanauDecoder(W, H, H)
        net(X["target"], np.zeros((N, 1, H)), np.zeros((N, T, H)), X["source_length"])
