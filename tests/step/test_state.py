"""Compiled nets that carry their state from call to call."""

import numpy as np
import pytest
from numba import njit

import nbdl
from nbdl import models, nn
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError, UsageError
from nbdl.kernels import sample_token
from nbdl.step import _function
from nbdl.tape import apply

IDS = np.random.default_rng(0).integers(0, 28, (3, 12))


@pytest.fixture(scope="module")
def net():
    return nn.init(models.rnn_lm(hidden=16, layers=2), IDS, seed=1)


def zeros(state, n):
    return tuple(np.zeros((n, *s.shape[1:]), s.dtype) for s in state)


@pytest.mark.parametrize("params", [False, True])
def test_token_by_token_is_the_whole_text(net, params):
    whole = net(IDS).data
    found = nbdl.jit_predict(net, IDS[:, :1], params=params, state=True)
    f, state = found[0], found[-1]
    given = found[1:-1]
    assert [s.shape for s in state] == [(3, 16)] * 2 and not any(s.any() for s in state)
    assert {s.dtype for s in state} == {whole.dtype}
    found = np.concatenate([f(*given, state, IDS[:, t : t + 1]) for t in range(12)], axis=1)
    np.testing.assert_allclose(found, whole, atol=1e-6)
    again = np.concatenate(
        [
            f(*given, s := zeros(state, 1), IDS[1, :1]),
            *(f(*given, s, IDS[1, t : t + 1]) for t in range(1, 12)),
        ]
    )
    np.testing.assert_array_equal(again, found[1])  # a stream of its own, one sample without its axis
    f(*given, zeros(state, 0), IDS[:0, :1])


def test_in_compiled_code_the_state_is_that_of_the_caller(net):
    f, state = nbdl.jit_predict(net, IDS[:1, :1], state=True)

    @njit
    def write(ids, state, seed):
        for t in range(1, ids.size):
            ids[t] = sample_token(f(state, ids[t - 1 : t])[0], seed, t, 0, 1.0, 0, 1.0)
        return ids

    ids = write(np.full(20, 7), state, 3)
    logits = net(ids[None]).data[0]
    for t in range(1, 20):
        assert ids[t] == sample_token(logits[t - 1], 3, t, 0, 1.0, 0, 1.0)
    carried = [s.copy() for s in state]
    assert (write(np.full(20, 7), zeros(state, 1), 3) == ids).all()
    assert all((s == c).all() for s, c in zip(state, carried))


def test_the_weights_are_followed_and_what_training_carries_is_left_alone():
    net = nn.init(models.rnn_lm(hidden=16, layers=2, carry=True), IDS)
    train = nn.Train()
    net(IDS, train=train)
    train.commit()
    kept = net[1].state[0].data.copy()
    f, state = nbdl.jit_predict(net, IDS[:, :1], state=True)
    first = f(state, IDS[:, :1])
    np.testing.assert_allclose(first, net(IDS[:, :1]).data, atol=1e-6)
    np.testing.assert_array_equal(net[1].state[0].data, kept)
    net[3].b[...] = 1.0
    np.testing.assert_allclose(f(zeros(state, 3), IDS[:, :1]), first + 1, atol=1e-6)


class Swapped:
    """Two states that change places: each call reads what the other was."""

    def __init__(self):
        self.w, self.a, self.b = nn.Parameter("ones"), nn.Buffer(per_sample=True), nn.Buffer(per_sample=True)

    def __call__(self, x, train=None):
        if not self.w.ready:
            self.w.fill((2,))
        x = nn._parameter.cast(x, self.w)
        a, b = (buffer.rows((2,), like=x, train=train) for buffer in (self.a, self.b))
        self.a.keep(b, train=train)
        self.b.keep(a + x, train=train)
        return (a - b) * self.w


def test_all_states_are_read_before_any_is_written():
    net = nn.init(Swapped(), np.ones((1, 2)), dtype="float64")
    f, state = nbdl.jit_predict(net, np.ones((1, 2)), state=True)
    found = [f(state, np.full((1, 2), 1.0 + t))[0, 0] for t in range(4)]
    a = b = 0.0
    for t in range(4):
        assert found[t] == a - b
        a, b = b, a + 1 + t
    assert (state[0][0, 0], state[1][0, 0]) == (a, b)


class Cached:
    """A cache with room for 3 rows of 2 numbers, which are the result; with `old`, less what they were."""

    def __init__(self, old):
        self.w, self.old = nn.Parameter("ones"), old
        self.rows, self.seen = nn.Buffer(per_sample=True), nn.Buffer(per_sample=True)

    def __call__(self, x, train=None):
        if not self.w.ready:
            self.w.fill((2,))
        x = nn._parameter.cast(x, self.w)
        old = self.rows.rows((1, 3, 2), like=x, train=train)
        seen = self.seen.rows((1,), like=x, train=train)
        new = apply("cache_rows", old, x.reshape(-1, 1, 1, 2), apply("next_places", seen, count=1, room=3))
        self.rows.keep(new, train=train)
        self.seen.keep(seen + 1, train=train)
        return (new - old if self.old else new) * self.w


@pytest.mark.parametrize("old", [False, True])
def test_a_cache_is_written_in_place_where_nobody_reads_what_it_was(old, monkeypatch):
    texts = []
    define = _function._define
    monkeypatch.setattr(_function, "_define", lambda text, *a: texts.append(text) or define(text, *a))
    net = nn.init(Cached(old), np.ones((2, 2)), dtype="float64")
    f, state = nbdl.jit_predict(net, np.ones((2, 2)), state=True)
    assert ("out=s0)" in texts[0]) is not old
    rows = np.arange(12.0).reshape(2, 3, 2)
    for t in range(3):
        found, expected = f(state, rows[:, t])[:, 0], rows.copy()
        expected[:, t + 1 :] = 0
        if old:
            expected[:, :t] = 0
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(OptionError, match="the context is full"):
        f(state, rows[:, 0])
    np.testing.assert_array_equal(state[0][:, 0], rows)


def test_an_error_leaves_the_state_as_it_was(net):
    f, state = nbdl.jit_predict(net, IDS[:, :1], state=True)
    f(state, IDS[:, :1])
    before = [s.copy() for s in state]
    with pytest.raises(LabelError, match="must be from 0 to 27"):
        f(state, np.array([[3], [28], [0]]))
    assert all((s == b).all() for s, b in zip(state, before))


def test_messages(net):
    f, state = nbdl.jit_predict(net, IDS[:, :1], state=True)
    one = IDS[:, :1]
    for given, error, message in (
        (state[:1], DtypeError, "`state` must be a tuple of 2 arrays, got 1 of them"),
        (state[0], DtypeError, "`state` must be a tuple of 2 arrays, got (a 2-D|float32 3x16)"),
        (zeros(state, 2), ShapeError, r"`state\[0\]` must have shape \(3, 16\), got \(2, 16\)"),
        (tuple(s.astype("f8") for s in state), DtypeError, r"`state\[0\]` must be a writable, C-contiguous"),
        ((state[0], np.zeros((16, 3), state[0].dtype).T), DtypeError, r"`state\[1\]` must be a writable, C-"),
    ):
        with pytest.raises(error, match=message):
            f(given, one)
    plain = nn.init(nn.Sequential(nn.Linear(2)), np.zeros((1, 3)))
    with pytest.raises(UsageError, match=r"carries no `state`. Try nn.Stateful"):
        nbdl.jit_predict(plain, np.zeros((1, 3)), state=True)

    class Forgets(Swapped):
        def __call__(self, x, train=None):
            return (
                self.a.rows((2,), like=x, train=train) + x * self.w if self.w.ready else super().__call__(x)
            )

    net = nn.init(Forgets(), np.ones((1, 2)))
    with pytest.raises(
        UsageError, match=r"reads its state `a` and hands none over .* buffer.keep\(value, tr"
    ):
        nbdl.jit_predict(net, np.ones((1, 2)), state=True)
