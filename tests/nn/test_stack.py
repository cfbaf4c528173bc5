"""Stacks of recurrent layers, held to PyTorch's, and to the layers that they are made of."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import OptionError, ShapeError, UsageError

RNG = np.random.default_rng(0)
X, LENGTHS = RNG.standard_normal((3, 4, 5)), np.array([4, 1, 3])
KINDS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}


def stack(kind="GRU", dtype="float64", **options):
    net = nn.init(nn.Stack(KINDS[kind](6), KINDS[kind](6), **options), X.astype(dtype), 1, dtype)
    for p in nn.parameters(net):
        p[...] = RNG.uniform(-0.5, 0.5, p.shape).astype(dtype)
    return net


def state_of(kind, dtype="float64", directions=2):
    """A state for each of two layers: one, or a pair for two directions; that of an LSTM is itself a pair."""

    def one():
        made = [nbdl.tensor(RNG.standard_normal((3, 6)).astype(dtype), requires_grad=True) for _ in range(2)]
        return tuple(made) if kind == "LSTM" else made[0]

    return tuple(one() if directions == 1 else (one(), one()) for _ in range(2))


def leaves(states):
    return [a for s in states for a in leaves(s)] if isinstance(states, tuple) else [states]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_values_states_and_gradients_are_those_of_pytorch(kind, bidirectional):
    """To 1e-5 of the largest, in float32; of two layers, with lengths."""
    torch = pytest.importorskip("torch")
    net = stack(kind, "float32", bidirectional=bidirectional)
    directions = 1 + bidirectional
    states = state_of(kind, "float32", directions)
    x = nbdl.tensor(X.astype(np.float32), requires_grad=True)
    y, last = net(x, states, LENGTHS)
    weights = [RNG.standard_normal(a.shape).astype(np.float32) for a in (y, *leaves(last))]
    sum((a * w).sum() for a, w in zip((y, *leaves(last)), weights)).backward()

    peer = getattr(torch.nn, kind)(5, 6, num_layers=2, bidirectional=bidirectional, batch_first=True)
    pairs = []
    for i in range(2):
        for layer, end in ((net.layers[i], ""), *([(net.back[i], "_reverse")] if bidirectional else [])):
            names = ("weight_ih", layer.wx), ("weight_hh", layer.wh), ("bias_ih", layer.b)
            extra = getattr(layer, "bh", None)
            for name, p in (*names, ("bias_hh", extra)):
                theirs = getattr(peer, f"{name}_l{i}{end}")
                with torch.no_grad():
                    theirs.copy_(torch.zeros_like(theirs) if p is None else torch.from_numpy(p.data.T.copy()))
                if p is not None:
                    pairs.append((p, theirs))
    parts = leaves(states)
    tensors = [torch.from_numpy(a.data.copy()).requires_grad_() for a in parts]
    tx = torch.from_numpy(x.data.copy()).requires_grad_()
    before = torch.stack(tensors)
    before = (before[::2], before[1::2]) if kind == "LSTM" else before
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        tx, torch.from_numpy(LENGTHS), batch_first=True, enforce_sorted=False
    )
    ty, after = peer(packed, before)
    ty, _ = torch.nn.utils.rnn.pad_packed_sequence(ty, batch_first=True, total_length=4)
    theirs = [ty, *(after if kind != "LSTM" else [a for pair in zip(*after) for a in pair])]
    sum((a * torch.from_numpy(w)).sum() for a, w in zip(theirs, weights)).backward()
    found = [(a.data, b) for a, b in zip((y, *leaves(last)), theirs)]
    found += [(x.grad, tx.grad), *((a.grad, b.grad) for a, b in zip(parts, tensors))]
    found += [(p.grad.T, b.grad) for p, b in pairs]
    assert len(found) == 1 + 2 * len(parts) + 1 + len(pairs)
    for ours, wanted in found:
        wanted = wanted.detach().numpy()
        np.testing.assert_allclose(ours, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_its_layers(kind):
    net, states = stack(kind), state_of(kind, directions=1)
    y, last = net(X, states, LENGTHS)
    z, first = net.layers[0](X, states[0], LENGTHS)
    z, second = net.layers[1](z, states[1], LENGTHS)
    np.testing.assert_array_equal(y.data, z.data)
    for ours, theirs in zip(leaves(last), leaves((first, second))):
        np.testing.assert_array_equal(ours.data, theirs.data)


def test_directions_are_layers_of_their_own():
    net = stack("RNN", bidirectional=True)
    layers = "0", "1", "back.0", "back.1"
    assert list(nn.named_parameters(net)) == [f"{i}.{name}" for i in layers for name in ("wx", "wh", "b")]
    assert [layer.reverse for layer in (*net.layers, *net.back)] == [False, False, True, True]
    assert net.layers[1].wx.shape == (12, 6)
    y, _ = net(X, None, LENGTHS)
    turned, _ = net.back[0](X, None, LENGTHS)
    below, _ = net.layers[0](X, None, LENGTHS)
    both = np.concatenate([below.data, turned.data], axis=2)
    np.testing.assert_array_equal(net.layers[1](both, None, LENGTHS)[0].data, y.data[..., :6])
    assert (y.data[1, 1:] == 0).all()


def test_dropout_lies_between_layers():
    net = stack(dropout=0.5)
    x, train = X.astype(np.float64), lambda: nn.Train(3, 0)
    y = net(x, train=train())[0].data
    np.testing.assert_array_equal(y, net(x, train=train())[0].data)
    below = net.layers[0](x)[0]
    dropped = nn.Dropout(0.5)(below, train=train())
    assert (dropped.data == 0).any()
    np.testing.assert_array_equal(y, net.layers[1](dropped)[0].data)
    np.testing.assert_array_equal(net(x)[0].data, net.layers[1](below)[0].data)


def test_layers_of_other_sizes_and_kinds():
    net = nn.init(nn.Stack(nn.LSTM(7), nn.GRU(4, reverse=True), nn.RNN(2)), X)
    y, (first, second, third) = net(X)
    assert y.shape == (3, 4, 2)
    assert [a.shape for a in (*first, second, third)] == [(3, 7), (3, 7), (3, 4), (3, 2)]


def test_it_is_saved_and_loaded(tmp_path):
    net = nn.Sequential(nn.Stack(nn.GRU(6), nn.LSTM(3), bidirectional=True, state=False), nn.Linear(2))
    y = nn.init(net, X, 0, "float64")(X)
    assert y.shape == (3, 4, 2)
    nbdl.save(net, tmp_path / "net.safetensors")
    again = nbdl.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(again(X).data, y.data)
    assert "0.back.1.wx" in nn.named_parameters(again)
    rows = nbdl.summary(net, X).rows
    assert {"0.0", "0.1", "0.back.0", "0.back.1", "1"} <= {row.layer for row in rows}


def test_what_it_is_not_given():
    net = stack(bidirectional=True)
    with pytest.raises(UsageError, match="Stack: `states` must have one state for each of 2 layers"):
        net(X, (None,))
    with pytest.raises(UsageError, match=r"Stack: the state of layer 1 must be a pair, .* got ndarray"):
        net(X, (None, np.zeros((3, 6))))
    with pytest.raises(ShapeError, match=r"GRU: `h0` must have shape \(3, 6\), got \(2, 6\)"):
        net(X, (None, (np.zeros((3, 6)), np.zeros((2, 6)))))
    with pytest.raises(OptionError, match=r"Stack: layer 1 must return its state: RNN\(\.\.\.\) without"):
        nn.Stack(nn.RNN(3), nn.RNN(3, state=False))
    with pytest.raises(OptionError, match="layers that can walk in `reverse`, layer 0, Linear, cannot"):
        nn.Stack(nn.Linear(3), bidirectional=True)
    with pytest.raises(OptionError, match="Stack: `dropout` must be at least 0 and below 1, got 1"):
        nn.Stack(nn.RNN(3), dropout=1)
    with pytest.raises(UsageError, match="Stack needs at least one layer"):
        nn.Stack()
    with pytest.raises(UsageError, match="Stack takes its layers one by one"):
        nn.Stack([nn.RNN(3), nn.RNN(3)])
