"""The encoder and decoder with each kind of cell, against PyTorch's own layers."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn

N, T, V, W, H = 6, 5, 12, 11, 16
RNG = np.random.default_rng(0)
X = {
    "source": RNG.integers(0, V, (N, T)), "source_length": np.array([5, 1, 3, 2, 5, 4]),
    "target": RNG.integers(0, W, (N, T)),
}  # fmt: skip
Y = np.where(np.arange(T) < RNG.integers(1, T + 1, (N, 1)), RNG.integers(0, W, (N, T)), -100)


def of_torch(torch, cell, v):
    """The logits by an nn.Embedding, a stack of two layers and a linear layer on each side."""
    stacks, weights = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}, {}
    for side, name in (("encoder", "encoder.stack"), ("decoder", "decoder.stack")):
        weights[side] = {}
        for i in range(2):
            part = f"{name}.{i}"
            bias = v.get(f"{part}.bh", torch.zeros_like(v[f"{part}.b"]))
            for theirs, values in (
                ("weight_ih", v[f"{part}.wx"].T), ("weight_hh", v[f"{part}.wh"].T),
                ("bias_ih", v[f"{part}.b"]), ("bias_hh", bias),
            ):  # fmt: skip
                weights[side][f"{theirs}_l{i}"] = values

    def layers(side, size, x, state):
        stack = stacks[cell](size, H, 2, batch_first=True, device="meta")
        return torch.func.functional_call(stack, weights[side], (x, state))

    x = v["encoder.embedding.w"][torch.tensor(X["source"])]
    x = torch.nn.utils.rnn.pack_padded_sequence(
        x, torch.tensor(X["source_length"]), batch_first=True, enforce_sorted=False
    )
    _, state = layers("encoder", H, x, None)
    last = state[0] if cell == "lstm" else state
    x = v["decoder.embedding.w"][torch.tensor(X["target"])]
    x = torch.cat([x, last[-1][:, None].expand(-1, T, -1)], 2)
    y, _ = layers("decoder", 2 * H, x, state)
    return y @ v["decoder.logits.w"] + v["decoder.logits.b"]


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_every_gradient_is_that_of_torch(cell):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = nn.init(models.seq2seq(V, W, H, H, dropout=0.0, cell=cell), X, 3, "float64")
    v = {name: torch.tensor(a, requires_grad=True) for name, a in nn.state_dict(net).items()}
    logits = of_torch(torch, cell, v)
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(Y).flatten())
    expected.backward()
    found = net(**X)
    np.testing.assert_allclose(found.data, logits.detach().numpy(), rtol=1e-9, atol=1e-12)
    loss = nn.softmax_cross_entropy(found, Y)
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    for name, p in nn.named_parameters(net).items():
        theirs = v[name].grad.numpy()
        assert np.linalg.norm(p.grad - theirs) <= 1e-9 * np.linalg.norm(theirs), name


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_token_by_token_it_is_the_whole(cell):
    """What the decoder gives with the state that it gave before."""
    net = nn.init(models.seq2seq(V, W, H, H, cell=cell), X, 3, "float64")
    whole = net(**X).data
    memory = net.encoder(X["source"], X["source_length"])
    assert memory["state"].shape == (N, 2, H * (2 if cell == "lstm" else 1))
    for t in range(T):
        logits, changed = net.decoder(X["target"][:, t : t + 1], **memory)
        memory |= changed
        np.testing.assert_allclose(logits.data[:, 0], whole[:, t], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_programs_of_the_other_cells(cell):
    net = nn.init(models.seq2seq(V, W, H, H, dropout=0.1, cell=cell), X, 3)
    step = nbdl.compile_step(net, example=(X, Y), lr=0.0, seed=5)
    assert step.program.native
    loss = nn.softmax_cross_entropy(net(**X, train=nn.Train(5, 0)), Y)
    loss.backward()
    assert step(X, Y) == pytest.approx(loss.item(), rel=1e-5)
    largest = max(np.abs(p.grad).max() for p in nn.parameters(net))
    for name, p in nn.named_parameters(net).items():
        assert np.abs(step.gradients[name] - p.grad).max() <= 1e-5 * largest, name
