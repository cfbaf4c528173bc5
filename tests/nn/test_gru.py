"""The GRU layer, held to PyTorch's, to its formula, and to itself on parts of sequences."""

import numpy as np
import pytest

import nbdl
from nbdl import nn, registry
from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.kernels import gru_gates
from nbdl.kernels.recurrent.gru_scan_truth import gru_scan as truth
from nbdl.testing import gradcheck

RNG = np.random.default_rng(0)
X, H0 = RNG.standard_normal((3, 4, 5)), RNG.standard_normal((3, 6))
LENGTHS = np.array([4, 1, 3])


def layer(dtype="float64", **options):
    gru = nn.init(nn.GRU(6, **options), X.astype(dtype), 1, dtype)
    for b in (gru.b, gru.bh):
        if b is not None:
            b[...] = RNG.standard_normal(18).astype(dtype)
    return gru


@pytest.mark.parametrize("reset", ["after", "before"])
def test_it_is_its_formula(reset):
    gru = layer(reset=reset)
    y, h = gru(X, H0, LENGTHS)
    bh = gru.bh.data if reset == "after" else None
    wanted = truth(X @ gru.wx.data + gru.b.data, H0, gru.wh.data, bh, LENGTHS, reset)
    np.testing.assert_allclose(y.data, wanted[0], atol=1e-13)
    np.testing.assert_allclose(h.data, wanted[1], atol=1e-13)
    names = ["wx", "wh", "b", "bh"] if reset == "after" else ["wx", "wh", "b"]
    assert list(nn.named_parameters(gru)) == names


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_gradient_is_that_of_pytorch(dtype, reverse):
    """Of both results, to 1e-5 (1e-10 in float64) of the largest; one of two directions in reverse."""
    torch = pytest.importorskip("torch")
    gru = layer(dtype, reverse=reverse)
    x, h0 = (nbdl.tensor(a.astype(dtype), requires_grad=True) for a in (X, H0))
    dy, dh = RNG.standard_normal((3, 4, 6)).astype(dtype), RNG.standard_normal((3, 6)).astype(dtype)
    y, h = gru(x, h0, lengths=LENGTHS)
    ((y * dy).sum() + (h * dh).sum()).backward()

    peer = torch.nn.GRU(5, 6, batch_first=True, bidirectional=reverse).to(getattr(torch, dtype))
    end = "l0_reverse" if reverse else "l0"
    theirs = [getattr(peer, f"{name}_{end}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    ours = [gru.wx, gru.wh, gru.b, gru.bh]
    with torch.no_grad():
        for a, p in zip(theirs, ours):
            a.copy_(torch.from_numpy(p.data.T.copy()))
            np.testing.assert_array_equal(gru_gates(a.numpy(), "torch"), p.data)
    tx, th = (torch.from_numpy(a.data.copy()).requires_grad_() for a in (x, h0))
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        tx, torch.from_numpy(LENGTHS), batch_first=True, enforce_sorted=False
    )
    ty, last = peer(packed, torch.stack([th] * (1 + reverse)))
    ty, _ = torch.nn.utils.rnn.pad_packed_sequence(ty, batch_first=True, total_length=4)
    ty, last = ty[..., -6:], last[-1]
    ((ty * torch.from_numpy(dy)).sum() + (last * torch.from_numpy(dh)).sum()).backward()
    within = 1e-5 if dtype == "float32" else 1e-10
    pairs = [(y.data, ty), (h.data, last), (x.grad, tx.grad), (h0.grad, th.grad)]
    for found, wanted in [*pairs, *((p.grad.T, a.grad) for p, a in zip(ours, theirs))]:
        wanted = wanted.detach().numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=within * np.abs(wanted).max())


def test_gradients_without_a_state_before():
    assert gradcheck(layer(state=False, bias=False, reset="before"), X)


def test_two_parts_of_sequences_are_the_whole():
    gru = layer()
    y, h = gru(X, H0)
    first, state = gru(X[:, :3], H0)
    second, last = gru(X[:, 3:], state)
    np.testing.assert_allclose(np.concatenate([first.data, second.data], axis=1), y.data, rtol=1e-12)
    np.testing.assert_allclose(last.data, h.data, rtol=1e-12)


@pytest.mark.parametrize("reset", ["after", "before"])
def test_padding_counts_for_nothing(reset):
    gru, other = layer(reset=reset), X.copy()
    other[1, 1:] = np.nan
    x = nbdl.tensor(other, requires_grad=True)
    y, h = gru(x, H0, LENGTHS)
    assert (y.data[1, 1:] == 0).all() and (y.data[2, 3:] == 0).all()
    np.testing.assert_array_equal(h.data[1], y.data[1, 0])
    (y.sum() + h.sum()).backward()
    assert (x.grad[1, 1:] == 0).all()
    assert all(np.isfinite(p.grad).all() for p in nn.parameters(gru))


def test_what_it_is_not_given():
    gru = layer()
    with pytest.raises(ShapeError, match=r"GRU: `x` must have 3 dimensions .* got shape \(3, 5\)"):
        gru(X[:, 0])
    with pytest.raises(ShapeError, match=r"GRU: `h0` must have shape \(3, 6\), got \(2, 6\)"):
        gru(X, H0[:2])
    with pytest.raises(OptionError, match=r"GRU: `hidden`"):
        nn.GRU(0)
    with pytest.raises(OptionError, match=r"GRU: `reset` must be one of after, before, got 'between'"):
        nn.GRU(3, reset="between")
    with pytest.raises(UsageError, match=r"nn\.GRU\(32\)"):
        nn.GRU(5, 6)  # torch's sizes of input and state


def test_it_is_registered_saved_and_loaded(tmp_path):
    assert "GRU" in registry.default().names("layer")
    net = nn.Sequential(nn.GRU(6, reverse=True, reset="before", state=False), nn.Linear(2))
    y = nn.init(net, X, 0, "float64")(X)
    nbdl.save(net, tmp_path / "net.safetensors")
    np.testing.assert_array_equal(nbdl.load(tmp_path / "net.safetensors")(X).data, y.data)
