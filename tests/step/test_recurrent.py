"""Recurrent nets as programs: the same as on the tape, in one loop for any number of steps."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import LabelError
from nbdl.step import report


class Last:
    """Sequences (N, T, D), a state to begin with, lengths: from all states, and from the last."""

    def __init__(self, **options):
        self.start, self.rnn, self.head = nn.Linear(5), nn.RNN(5, **options), nn.Linear(2)

    def __call__(self, x, before, lengths, train=None):
        y, h = self.rnn(x, self.start(before), lengths)
        return self.head(y.sum(axis=1) + 2.0 * h)


class LastOfLSTM(Last):
    """The same of an LSTM: from all states, and from the last state and memory."""

    def __init__(self, **options):
        super().__init__()
        self.rnn = nn.LSTM(5, **options)

    def __call__(self, x, before, lengths, train=None):
        start = self.start(before)
        y, (h, c) = self.rnn(x, (start, 0.5 * start), lengths)
        return self.head(y.sum(axis=1) + 2.0 * h - c)


class LastOfStack(Last):
    """The same of two layers of a GRU in both directions."""

    def __init__(self, **options):
        super().__init__()
        self.rnn = nn.Stack(nn.GRU(5, **options), nn.GRU(5, **options), bidirectional=True)

    def __call__(self, x, before, lengths, train=None):
        start = self.start(before)
        y, ((first, _), (_, last)) = self.rnn(x, ((start, None), (None, 2.0 * start)), lengths)
        return self.head(nbdl.concatenate([y.sum(axis=1), first - last], axis=1))


def tokens(N, T):
    ids = np.random.default_rng(1).integers(0, 7, (N, T + 1))
    return ids[:, :-1].copy(), ids[:, 1:].copy()


def sequences(N, T, dtype="float32"):
    rng = np.random.default_rng(2)
    x, before = rng.standard_normal((N, T, 3)).astype(dtype), rng.standard_normal((N, 4)).astype(dtype)
    inputs = {"x": x, "before": before, "lengths": rng.integers(0, T + 1, N)}
    return inputs, rng.standard_normal((N, 2)).astype(dtype)


def part(x, rows):
    return {k: v[rows] for k, v in x.items()} if isinstance(x, dict) else x[rows]


def agree(make, x, y, n, loss, dtype="float32", within=2e-5):
    """Three steps of SGD by a program and on the tape give the same losses and parameters."""
    nets = [nn.init(make(), part(x, slice(1)), 3, dtype) for _ in range(2)]
    step = nbdl.compile_step(nets[0], loss=loss, optimizer="sgd", example=(part(x, slice(1)), y[:1]), lr=0.1)
    order = np.random.default_rng(4).permutation(len(y))[: 3 * n]
    losses = step.run(x, y, order, n, np.full(3, 0.1))
    for i, ours in enumerate(losses):
        rows = order[i * n : (i + 1) * n]
        given = part(x, rows)
        out = nets[1](**given) if isinstance(x, dict) else nets[1](given)
        found = getattr(nn, loss)(out, y[rows])
        found.backward()
        assert ours == pytest.approx(found.item(), rel=within)
        for p in nn.parameters(nets[1]):
            p[...] = p.data - 0.1 * p.grad
            p.grad = None
    ours, theirs = (nn.state_dict(net) for net in nets)
    for name, expected in theirs.items():
        largest = np.abs(expected).max()
        np.testing.assert_allclose(ours[name], expected, rtol=0, atol=within * largest, err_msg=name)
    assert step.program.native
    return step


@pytest.mark.parametrize(("n", "T"), [(1, 4), (3, 1)])
def test_few_sequences_and_one_step(next_token, n, T):
    x, y = tokens(3 * n, T)
    agree(lambda: next_token(7, 3, 5), x, y, n, "softmax_cross_entropy")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_lengths_a_state_before_and_both_results(activation, reverse):
    x, y = sequences(3 * 19, 4, "float64")
    agree(lambda: Last(activation=activation, reverse=reverse), x, y, 19, "mse", "float64", 1e-11)


@pytest.mark.parametrize("reverse", [False, True])
def test_an_lstm_with_peepholes(reverse):
    x, y = sequences(3 * 19, 4, "float64")
    agree(lambda: LastOfLSTM(reverse=reverse, peephole=True), x, y, 19, "mse", "float64", 1e-11)


def test_an_lstm_has_the_same_bits_on_any_number_of_threads(weights):
    x, y = sequences(150, 4)
    found = []
    for threads in (1, 2):
        net = nn.init(LastOfLSTM(), part(x, slice(1)), 3)
        step = nbdl.compile_step(net, loss="mse", example=(part(x, slice(1)), y[:1]), threads=threads, lr=0.1)
        found.append(([step(x, y) for _ in range(3)], weights(net)))
        assert step.program.native
    assert found[0] == found[1]


@pytest.mark.parametrize("reset", ["after", "before"])
def test_a_stack_of_gru_in_both_directions(reset):
    x, y = sequences(3 * 19, 4, "float64")
    agree(lambda: LastOfStack(reset=reset), x, y, 19, "mse", "float64", 1e-11)


def test_two_layers_and_two_directions(next_token):
    class Two(next_token):
        def __init__(self):
            super().__init__(7, 3, 5)
            self.back, self.above = nn.RNN(5, reverse=True), nn.RNN(5, bias=False)

        def __call__(self, x, train=None):
            z = self.embedding(x)
            return self.head(self.above(self.rnn(z)[0] * self.back(z)[0])[0])

    x, y = tokens(3 * 19, 4)
    agree(Two, x, y, 19, "softmax_cross_entropy")


def test_the_program_does_not_grow_with_time(next_token):
    found = set()
    for T in (32, 256):
        x, y = tokens(20, T)
        net = nn.init(next_token(7, 3, 5), x[:1], 3)
        step = nbdl.compile_step(net, example=(x[:1], y[:1]), lr=0.1)
        lines = report(step, 20).lines
        (forward,) = (line for line in lines if line.op == f"rnn_scan x {T}")
        (back,) = (line for line in lines if line.op == f"rnn_scan gradients x {T}")
        assert forward.flops == back.flops == 20 * T * 2 * 5 * 5
        assert sum(line.flops for line in lines if "rnn_scan" in line.op) == 3 * forward.flops
        step.program.reserve(20)
        ((groups, phases, ops),) = step.program.memory.tables
        found.add((len(lines), groups.shape, phases.shape, ops.shape))
    assert len(found) == 1


def test_lengths_that_are_refused_change_nothing(weights):
    x, y = sequences(19, 4)
    net = nn.init(Last(), part(x, slice(1)), 3)
    step = nbdl.compile_step(net, loss="mse", example=(part(x, slice(1)), y[:1]), lr=0.1)
    before, x["lengths"][7] = weights(net), 5
    with pytest.raises(LabelError, match=r"`lengths` must be from 0 to 4, .* got 5 at position 7"):
        step(x, y)
    assert weights(net) == before
    x["lengths"][7] = 4
    assert np.isfinite(step(x, y))
