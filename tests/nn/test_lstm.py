"""The LSTM layer, held to PyTorch's, and to itself on parts of sequences."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.kernels import lstm_gates
from nbdl.kernels.recurrent.lstm_scan_truth import lstm_scan as truth
from nbdl.testing import gradcheck

RNG = np.random.default_rng(0)
X, H0, C0 = RNG.standard_normal((3, 4, 5)), RNG.standard_normal((3, 6)), RNG.standard_normal((3, 6))
LENGTHS = np.array([4, 1, 3])


def layer(dtype="float64", **options):
    net = nn.init(nn.LSTM(6, **options), X.astype(dtype), 1, dtype)
    if net.peephole:
        net.peepholes[...] = RNG.standard_normal((3, 6))
    return net


def test_it_is_its_formula():
    net = layer(peephole=True, reverse=True)
    y, (h, c) = net(X, (H0, C0), LENGTHS)
    z, peepholes = X @ net.wx.data + net.b.data, net.peepholes.data
    wanted = truth(z, H0, C0, net.wh.data, peepholes, LENGTHS, reverse=True)
    for found, right in zip((y, h, c), wanted):
        np.testing.assert_allclose(found.data, right, rtol=0, atol=1e-14)
    assert {name: p.shape for name, p in nn.named_parameters(net).items()} == {
        "wx": (5, 24), "wh": (6, 24), "b": (24,), "peepholes": (3, 6)
    }  # fmt: skip


def test_where_the_biases_begin():
    np.testing.assert_array_equal(layer().b.data.reshape(4, 6), np.repeat([[0], [1], [0], [0]], 6, axis=1))
    assert (layer(forget_bias=0).b.data == 0).all() and layer(bias=False).b is None
    given = nn.init(nn.LSTM(6), X, initializers={"b": "ones"})
    assert (given.b.data == 1).all()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_gradient_is_that_of_pytorch(dtype, reverse):
    """Of all results, to 1e-4 (1e-10 in float64) of the largest; one of two directions in reverse."""
    torch = pytest.importorskip("torch")
    net = layer(dtype, reverse=reverse)
    x, h0, c0 = (nbdl.tensor(a.astype(dtype), requires_grad=True) for a in (X, H0, C0))
    dy, dh, dc = (RNG.standard_normal(shape).astype(dtype) for shape in ((3, 4, 6), (3, 6), (3, 6)))
    y, (h, c) = net(x, (h0, c0), LENGTHS)
    ((y * dy).sum() + (h * dh).sum() + (c * dc).sum()).backward()

    peer = torch.nn.LSTM(5, 6, batch_first=True, bidirectional=reverse).to(getattr(torch, dtype))
    end = "l0_reverse" if reverse else "l0"
    with torch.no_grad():
        for name, p in (("weight_ih", net.wx), ("weight_hh", net.wh), ("bias_ih", net.b)):
            getattr(peer, f"{name}_{end}").copy_(torch.from_numpy(p.data.T.copy()))
        getattr(peer, f"bias_hh_{end}").zero_()
    tx, th, tc = (torch.from_numpy(a.data.copy()).requires_grad_() for a in (x, h0, c0))
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        tx, torch.from_numpy(LENGTHS), batch_first=True, enforce_sorted=False
    )
    ty, (lh, lc) = peer(packed, tuple(torch.stack([a] * (1 + reverse)) for a in (th, tc)))
    ty, _ = torch.nn.utils.rnn.pad_packed_sequence(ty, batch_first=True, total_length=4)
    ty, lh, lc = ty[..., -6:], lh[-1], lc[-1]
    cotangents = (torch.from_numpy(a) for a in (dy, dh, dc))
    sum((a * b).sum() for a, b in zip((ty, lh, lc), cotangents)).backward()
    within = 1e-4 if dtype == "float32" else 1e-10
    for ours, theirs in (
        (y.data, ty), (h.data, lh), (c.data, lc), (x.grad, tx.grad), (h0.grad, th.grad), (c0.grad, tc.grad),
        (net.wx.grad.T, getattr(peer, f"weight_ih_{end}").grad),
        (net.wh.grad.T, getattr(peer, f"weight_hh_{end}").grad),
        (net.b.grad, getattr(peer, f"bias_ih_{end}").grad),
    ):  # fmt: skip
        theirs = theirs.detach().numpy()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=within * np.abs(theirs).max())


def test_gradients_with_peepholes_and_without_a_state_before():
    assert gradcheck(layer(state=False, peephole=True, bias=False), X)


def test_two_parts_of_sequences_are_the_whole():
    """What truncated backpropagation through time rests on: the state is an input, and a result."""
    net = layer(peephole=True)
    y, (h, c) = net(X, (H0, C0))
    first, state = net(X[:, :3], (H0, C0))
    second, (last, memory) = net(X[:, 3:], state)
    np.testing.assert_allclose(np.concatenate([first.data, second.data], axis=1), y.data, rtol=1e-12)
    np.testing.assert_allclose(last.data, h.data, rtol=1e-12)
    np.testing.assert_allclose(memory.data, c.data, rtol=1e-12)


def test_lengths_and_directions():
    """Behind its end a sequence has no states, and does not matter; in reverse it begins at its end."""
    net, other = layer(), X.copy()
    other[1, 1:] = np.nan
    y, (h, c) = net(other, (H0, C0), lengths=LENGTHS)
    assert (y.data[1, 1:] == 0).all() and (y.data[2, 3:] == 0).all()
    np.testing.assert_array_equal(h.data[1], y.data[1, 0])
    np.testing.assert_allclose(c.data[1], net(X[:, :1], (H0, C0))[1][1].data[1])
    (y.sum() + c.sum()).backward()
    assert all(np.isfinite(p.grad).all() for p in nn.parameters(net))
    y, (h, c) = layer(reverse=True)(X, (H0, None), lengths=LENGTHS)
    turned, (last, memory) = layer()(X[2:, 2::-1], (H0[2:], None))
    np.testing.assert_allclose(y.data[2:, 2::-1], turned.data)
    np.testing.assert_allclose(h.data[2:], last.data)
    np.testing.assert_allclose(c.data[2:], memory.data)


def test_what_it_is_not_given():
    net = layer()
    with pytest.raises(ShapeError, match=r"LSTM: `x` must have 3 dimensions .* got shape \(3, 5\)"):
        net(X[:, 0])
    with pytest.raises(ShapeError, match=r"LSTM: `c0` of `state` must have shape \(3, 6\), got \(2, 6\)"):
        net(X, (H0, C0[:2]))
    with pytest.raises(UsageError, match=r"LSTM: `state` must be a pair \(h0, c0\), each .* got ndarray"):
        net(X, H0)
    with pytest.raises(OptionError, match=r"LSTM: `hidden`"):
        nn.LSTM(0)
    with pytest.raises(OptionError, match=r"LSTM: `forget_bias` must be a finite number, got inf"):
        nn.LSTM(3, forget_bias=np.inf)
    with pytest.raises(UsageError, match=r"nn\.LSTM\(32\)"):
        nn.LSTM(5, 6)  # torch's sizes of input and state
    with pytest.raises(ShapeError, match=r"layer 0, LSTM, gives 2 tensors, .* Try LSTM\(\.\.\., state=F"):
        nn.Sequential(nn.LSTM(3), nn.Linear(2))(X)


def test_it_is_saved_and_loaded(tmp_path):
    net = nn.Sequential(nn.LSTM(6, reverse=True, peephole=True, state=False, forget_bias=2.0), nn.Linear(2))
    y = nn.init(net, X, 0, "float64")(X)
    assert y.shape == (3, 4, 2)
    nbdl.save(net, tmp_path / "net.safetensors")
    again = nbdl.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(again(X).data, y.data)
    assert again[0].forget_bias == 2.0


@pytest.mark.parametrize("source", ["torch", "keras", "onnx"])
def test_weights_of_other_libraries(source):
    gates = np.repeat(np.arange(4.0), 6)  # i f g o
    theirs = gates.reshape(4, 6)[[0, 3, 1, 2] if source == "onnx" else slice(None)].ravel()
    np.testing.assert_array_equal(lstm_gates(theirs, source), gates)
    matrix = theirs[:, None] + np.linspace(0, 0.5, 5)
    found = lstm_gates(matrix.T if source == "keras" else matrix, source)
    np.testing.assert_array_equal(found, gates + np.linspace(0, 0.5, 5)[:, None])


def test_weights_that_are_none():
    with pytest.raises(ShapeError, match=r"lstm_gates: `w` must have 4 gates of one size, got shape \(6,\)"):
        lstm_gates(np.ones(6), "torch")
    with pytest.raises(ShapeError, match=r"`w` must have 1 or 2 dimensions, got shape \(1, 4, 3\)"):
        lstm_gates(np.ones((1, 4, 3)), "onnx")
    with pytest.raises(OptionError, match="`source` must be one of torch, keras, onnx, got `mxnet`"):
        lstm_gates(np.ones((4, 1)), "mxnet")
