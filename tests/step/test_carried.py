"""Programs that carry state from minibatch to minibatch: that of the tape, and of PyTorch."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import NumericError, UsageError
from nbdl.step import measure, report

SIZES = 40, 19, 40, 33, 5, 40  # ragged minibatches, and larger ones after them


def eager(whole, net, x, y, seed=3):
    """The loss and the gradients of a step on the tape, which also commits what is carried."""
    train = nn.Train(seed, 0)
    for p in nn.parameters(net):
        p.grad = None
    loss = whole.loss(net(x, train=train), y)
    loss.backward()
    train.commit()
    return loss.item()


@pytest.mark.parametrize("whole", ["elman"], indirect=True)
def test_one_program_without_a_row_of_python(whole):
    step = whole.step(whole.net(), threads=2)
    text = str(report(step, 40))
    assert step.program.native and "read h" in text and "commit h" in text
    assert "linear_transposed" in text and next(iter(nn.named_parameters(step.net))) == "embedding.w"


@pytest.mark.parametrize("whole", ["elman"], indirect=True)
def test_state_and_gradients_of_every_minibatch_are_those_of_the_tape(whole):
    ours, theirs = whole.net(), whole.net()
    step = whole.step(ours, lr=0.0, threads=2)
    for n in SIZES:
        x, y = whole.some(slice(0, n))
        assert step(x, y) == pytest.approx(eager(whole, theirs, x, y), rel=1e-5)
        np.testing.assert_allclose(ours.h.data, theirs.h.data, rtol=1e-5, atol=1e-6)
        for name, p in nn.named_parameters(theirs).items():
            scale = max(np.abs(q.grad).max() for q in nn.parameters(theirs))
            assert np.abs(step.gradients[name] - p.grad).max() <= 1e-5 * scale, (n, name)


@pytest.mark.parametrize("whole", ["elman"], indirect=True)
def test_training_is_that_of_torch(whole):
    """Six minibatches by SGD: every gradient, and the state that is carried, cut from the tape."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    net = whole.net()
    v = {k: torch.tensor(a, requires_grad=True) for k, a in nn.state_dict(net).items()}
    step, state, lr = whole.step(net, threads=2), torch.zeros(40, 12), 0.5
    for n in SIZES:
        x, y = (torch.tensor(a[:n]) for a in (whole.x, whole.y))
        h, states = state[:n], []
        inputs = torch.nn.functional.embedding(x, v["embedding.w"]) @ v["wx.w"] + v["wx.b"]
        for t in range(x.shape[1]):
            h = torch.tanh(inputs[:, t] + h @ v["wh.w"])
            states.append(h)
        logits = torch.stack(states, 1) @ v["embedding.w"].T + v["last.b"]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        gradients = dict(zip(v, torch.autograd.grad(loss, list(v.values()))))
        assert step(*whole.some(slice(0, n)), lr=lr) == pytest.approx(loss.item(), rel=1e-5)
        with torch.no_grad():
            state[:n] = h
            for name, gradient in gradients.items():
                error = np.linalg.norm(step.gradients[name] - gradient.numpy())
                assert error <= 1e-4 * np.linalg.norm(gradient), (n, name)
                v[name] -= lr * gradient
        np.testing.assert_allclose(net.h.data[:n], state[:n], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("whole", ["elman", "bn_lenet"], indirect=True)
def test_measuring_leaves_buffers_as_they_were(whole):
    net = whole.net()
    step, (x, y) = whole.step(net, threads=1), whole.some(slice(0, 19))
    step(x, y)
    before = nn.state_dict(net, per_sample=True)
    measure(step, x, y)
    for name, array in nn.state_dict(net, per_sample=True).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


class Both:
    """x and a state that is read twice, on lanes or, through a product of arrays, in Python."""

    def __init__(self, python):
        self.w, self.h, self.python = nn.Linear(3, bias=False), nn.Buffer(per_sample=True), python

    def __call__(self, x, train=None):
        for _ in range(2):
            h = self.w(x) + 0.5 * self.h.rows((3,), like=x, train=train)
            h = h @ np.eye(3, dtype="f4") if self.python else h
            if train is not None:
                train.keep(self.h, h)
        return h


@pytest.mark.parametrize("python", [False, True])
def test_a_second_read_sees_the_pending_value_and_a_failed_step_commits_nothing(python):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(33, 3)).astype("f4") for _ in range(2))
    ours, theirs = (nn.init(Both(python), x, seed=1) for _ in range(2))
    step = nbdl.compile_step(ours, loss="mse", example=(x, y), threads=2, lr=0.0)
    assert step.program.native is not python
    for n in (20, 33):
        train = nn.Train(0, 0)
        theirs(x[:n], train=train)
        train.commit()
        step(x[:n], y[:n])
        np.testing.assert_allclose(ours.h.data, theirs.h.data, rtol=1e-5, atol=1e-6)
    before, spoilt = ours.h.data.copy(), y.copy()
    spoilt[7] = np.inf
    with pytest.raises(NumericError), np.errstate(all="ignore"):
        step(x, spoilt)
    np.testing.assert_array_equal(ours.h.data, before)


@pytest.mark.parametrize("python", [False, True])
def test_a_failed_step_leaves_as_many_rows_as_the_last_good_one(python):
    x = np.random.default_rng(0).normal(size=(33, 3)).astype("f4")
    net = nn.init(Both(python), x, seed=1)
    step, spoilt = nbdl.compile_step(net, loss="mse", example=(x, x), threads=1, lr=0.0), x.copy()
    spoilt[2] = np.inf
    with pytest.raises(NumericError), np.errstate(all="ignore"):
        step(x[:8], spoilt[:8])
    assert not net.h.ready
    step(x[:8], x[:8])
    before = net.h.data.copy()
    with pytest.raises(NumericError), np.errstate(all="ignore"):
        step(x, spoilt)
    np.testing.assert_array_equal(net.h.data, before)
    with pytest.raises(NumericError), np.errstate(all="ignore"):  # the second of two: the first has its rows
        step.run(x, spoilt, np.r_[16:32, 0:16], 16)
    assert net.h.shape == (16, 3)


def test_rows_that_moved_are_found_and_programs_share_them():
    """A larger minibatch on the tape, and another program, give the rows another place."""
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(70, 3)).astype("f4") for _ in range(2))
    ours, theirs = (nn.init(Both(False), x, seed=1) for _ in range(2))
    steps = [nbdl.compile_step(ours, loss="mse", example=(x, y), threads=1, lr=0.0) for _ in range(2)]
    for n, run in ((8, steps[0]), (20, steps[1]), (8, steps[0]), (70, None), (8, steps[0]), (33, steps[1])):
        pair = [(theirs, None), (ours, run)]
        for net, program in pair:
            if program is not None:
                program(x[:n], y[:n])
                continue
            train = nn.Train(0, 0)
            net(x[:n], train=train)
            train.commit()
        np.testing.assert_allclose(ours.h.data, theirs.h.data, rtol=1e-5, atol=1e-6)


def test_rows_of_another_dtype_than_the_net_are_refused():
    class Ids:
        def __init__(self):
            self.embedding, self.h = nn.Embedding(5, 3), nn.Buffer(per_sample=True)

        def __call__(self, ids, train=None):
            y = self.embedding(ids)
            h = y + self.h.rows((3,), like=ids, train=train)
            if train is not None:
                train.keep(self.h, h)
            return h

    ids = np.arange(5)
    net = nn.init(Ids(), ids, dtype="float64")
    with pytest.raises(UsageError, match=r"`value` is float64, .* was read as float32. Try `dtype` there"):
        nbdl.compile_step(net, loss="mse", example=(ids, np.zeros((5, 3))))
