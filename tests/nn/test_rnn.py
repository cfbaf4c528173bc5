"""The recurrent layer, held to PyTorch's, and to itself on parts of sequences."""

import numpy as np
import pytest

import nbdl
from nbdl import nn, registry
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError, UsageError
from nbdl.testing import gradcheck

RNG = np.random.default_rng(0)
X, H0 = RNG.standard_normal((3, 4, 5)), RNG.standard_normal((3, 6))
LENGTHS = np.array([4, 1, 3])


def layer(dtype="float64", **options):
    return nn.init(nn.RNN(6, **options), X.astype(dtype), 1, dtype)


def test_states_step_by_step():
    rnn = layer(activation="relu")
    y, h = rnn(X, H0)
    state = H0
    for t in range(4):
        state = np.maximum(X[:, t] @ rnn.wx.data + state @ rnn.wh.data + rnn.b.data, 0)
        np.testing.assert_allclose(y.data[:, t], state)
    np.testing.assert_allclose(h.data, state)
    assert list(nn.named_parameters(rnn)) == ["wx", "wh", "b"]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_gradient_is_that_of_pytorch(dtype, activation, reverse):
    """Of both results, to 1e-4 (1e-10 in float64) of the largest; one of two directions in reverse."""
    torch = pytest.importorskip("torch")
    rnn = layer(dtype, activation=activation, reverse=reverse)
    x, h0 = (nbdl.tensor(a.astype(dtype), requires_grad=True) for a in (X, H0))
    dy, dh = RNG.standard_normal((3, 4, 6)).astype(dtype), RNG.standard_normal((3, 6)).astype(dtype)
    y, h = rnn(x, h0, lengths=LENGTHS)
    ((y * dy).sum() + (h * dh).sum()).backward()

    peer = torch.nn.RNN(5, 6, batch_first=True, nonlinearity=activation, bidirectional=reverse)
    peer = peer.to(getattr(torch, dtype))
    end = "l0_reverse" if reverse else "l0"
    with torch.no_grad():
        for name, p in (("weight_ih", rnn.wx), ("weight_hh", rnn.wh), ("bias_ih", rnn.b)):
            getattr(peer, f"{name}_{end}").copy_(torch.from_numpy(p.data.T.copy()))
        getattr(peer, f"bias_hh_{end}").zero_()
    tx, th = (torch.from_numpy(a.data.copy()).requires_grad_() for a in (x, h0))
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        tx, torch.from_numpy(LENGTHS), batch_first=True, enforce_sorted=False
    )
    ty, last = peer(packed, torch.stack([th] * (1 + reverse)))
    ty, _ = torch.nn.utils.rnn.pad_packed_sequence(ty, batch_first=True, total_length=4)
    ty, last = ty[..., -6:], last[-1]
    ((ty * torch.from_numpy(dy)).sum() + (last * torch.from_numpy(dh)).sum()).backward()
    within = 1e-4 if dtype == "float32" else 1e-10
    for ours, theirs in (
        (y.data, ty), (h.data, last), (x.grad, tx.grad), (h0.grad, th.grad),
        (rnn.wx.grad.T, getattr(peer, f"weight_ih_{end}").grad),
        (rnn.wh.grad.T, getattr(peer, f"weight_hh_{end}").grad),
        (rnn.b.grad, getattr(peer, f"bias_ih_{end}").grad),
    ):  # fmt: skip
        theirs = theirs.detach().numpy()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=within * np.abs(theirs).max())


def test_gradients_without_a_state_before():
    rnn = layer(state=False, bias=False)
    assert gradcheck(rnn, X)


def test_two_parts_of_sequences_are_the_whole():
    rnn = layer()
    y, h = rnn(X, H0)
    first, state = rnn(X[:, :3], H0)
    second, last = rnn(X[:, 3:], state)
    np.testing.assert_allclose(np.concatenate([first.data, second.data], axis=1), y.data, rtol=1e-12)
    np.testing.assert_allclose(last.data, h.data, rtol=1e-12)


def test_lengths_and_directions():
    """Behind its end a sequence has no states, and does not matter; in reverse it begins at its end."""
    rnn, other = layer(), X.copy()
    other[1, 1:] = np.nan
    y, h = rnn(other, H0, lengths=LENGTHS)
    assert (y.data[1, 1:] == 0).all() and (y.data[2, 3:] == 0).all()
    np.testing.assert_array_equal(h.data[1], y.data[1, 0])
    backwards = layer(reverse=True)
    y, h = backwards(X, H0, lengths=LENGTHS)
    turned, last = layer()(X[2:, 2::-1], H0[2:])
    np.testing.assert_allclose(y.data[2:, 2::-1], turned.data)
    np.testing.assert_allclose(h.data[2:], last.data)


def test_what_it_is_not_given():
    rnn = layer()
    with pytest.raises(ShapeError, match=r"RNN: `x` must have 3 dimensions .* got shape \(3, 5\)"):
        rnn(X[:, 0])
    with pytest.raises(ShapeError, match=r"RNN: `x` .* at least 1 step, got shape \(3, 0, 5\)"):
        rnn(X[:, :0])
    with pytest.raises(ShapeError, match=r"RNN: `h0` must have shape \(3, 6\), got \(2, 6\)"):
        rnn(X, H0[:2])
    with pytest.raises(ShapeError, match=r"RNN: `lengths` must have shape \(3,\), got \(2,\)"):
        rnn(X, lengths=LENGTHS[:2])
    with pytest.raises(DtypeError, match=r"RNN: `lengths` \(N,\) must be integers, got float64"):
        rnn(X, lengths=LENGTHS * 1.0)
    with pytest.raises(LabelError, match=r"`lengths` must be from 0 to 4, .* got 5 at position 1"):
        rnn(X, lengths=np.array([4, 5, 0]))
    with pytest.raises(OptionError, match=r"RNN: `hidden`"):
        nn.RNN(0)
    with pytest.raises(OptionError, match=r"RNN: `activation` must be one of tanh, relu, got 'elu'"):
        nn.RNN(3, activation="elu")
    with pytest.raises(UsageError, match=r"nn\.RNN\(32\)"):
        nn.RNN(5, 6)  # torch's sizes of input and state


def test_it_is_registered_saved_and_loaded(tmp_path):
    assert "RNN" in registry.default().names("layer")
    net = nn.Sequential(nn.RNN(6, reverse=True, state=False), nn.Linear(2))
    y = nn.init(net, X, 0, "float64")(X)
    assert y.shape == (3, 4, 2)
    nbdl.save(net, tmp_path / "net.safetensors")
    np.testing.assert_array_equal(nbdl.load(tmp_path / "net.safetensors")(X).data, y.data)


@pytest.mark.parametrize("compiled", [True, False])
def test_what_stands_behind_the_length_of_a_sequence_counts_for_nothing(compiled):
    x, found = np.ones((2, 3, 2), np.float32), []

    class Last:
        def __init__(self):
            self.rnn, self.head = nn.RNN(4), nn.Linear(2)

        def __call__(self, x, lengths, train=None):
            return self.head(self.rnn(x, None, lengths)[1])

    for behind in (0.0, np.nan, np.inf):
        x[0, 2] = behind
        data, y = {"x": x, "lengths": np.array([2, 3])}, np.array([0, 1])
        net = nn.init(Last(), data)
        if compiled:
            step = nbdl.compile_step(net, example=(data, y), lr=0.1)
            step(data, y)
            assert step.program.native
        else:
            nn.softmax_cross_entropy(net(**data), y).backward()
        found.append(net.rnn.wx.data if compiled else net.rnn.wx.grad)
    assert np.isfinite(found[0]).all() and all((a == found[0]).all() for a in found)


def test_a_net_in_sequence_takes_the_states_alone():
    with pytest.raises(ShapeError, match=r"layer 0, RNN, gives 2 tensors, .* Try RNN\(\.\.\., state=False\)"):
        nn.Sequential(nn.RNN(3), nn.Linear(2))(X)
