"""A net that carries a state, as it reads a text token by token.

A net with a cache of keys and values has room for so many tokens. When it is full, the newer half of them is
read anew, from an empty cache, and the text goes on: each token is read twice at most, and sees at least
half as many as there is room for.
"""

import numpy as np

from nbdl import tape
from nbdl.errors import NbdlError, ShapeError, TapeError, UsageError
from nbdl.nn._attention import room
from nbdl.nn._inputs import call
from nbdl.nn._parameter import carrying, per_sample_buffers
from nbdl.step import jit_predict
from nbdl.train._measure import native


class Stream:
    """``read(token)``: the logits (V,) of the token that follows on all that were read, one after the other.

    `state` are the arrays that the net carries, (1, ...) each, in the order of its buffers per sample;
    `window` are the tokens that it has in them, of a net whose `room` is limited.
    """

    def __init__(self, net):
        self._row, self.room, self.window = np.zeros((1, 1), np.int64), room(net), []
        try:
            self._predict, self.state = _with_state(net, self._row)
            found = self._predict(tuple(s.copy() for s in self.state), self._row)
        except NbdlError as error:
            raise ShapeError("the net does not take ids of shape (N, T), (1, 1): {}", error) from error
        self.logits = found  # of a first token: what can be said of them before anything is read
        self._known = {b"": (self.state, [])}

    def read(self, token):
        if self.room is not None:
            if len(self.window) == self.room:
                kept = self.window[self.room - self.room // 2 :]
                self._begin()
                for old in kept:
                    self.read(old)
            self.window.append(token)
        self._row[0, 0] = token
        found = self._predict(self.state, self._row)
        return found[0, 0] if found.ndim == 3 else found[0]

    def _begin(self):
        """Have read nothing."""
        self.window = []
        for array in self.state:
            array[...] = 0

    def __call__(self, ids):
        """The same after ids (T,): a search reads each with the state behind all but the last."""
        before, known = ids[:-1].tobytes(), self._known.get(ids[:-1].tobytes())
        if known is None:
            self.state = tuple(np.zeros_like(s) for s in self.state)
            self._begin()
            for token in ids[:-1]:
                self.read(token)
            known = self.state, self.window
        self._known = {k: s for k, s in self._known.items() if len(k) >= len(before)} | {before: known}
        self.state, self.window = tuple(s.copy() for s in known[0]), list(known[1])
        logits = self.read(ids[-1])
        self._known[ids.tobytes()] = self.state, self.window
        return logits


def _with_state(net, example):
    """``(f, state)`` with ``f(state, x)``: compiled, or kernel by kernel where it cannot be."""
    if native():
        try:
            return jit_predict(net, example, state=True)
        except Exception as error:  # its Python looks at values, or calls what has no compiled form
            if isinstance(error, NbdlError) and not isinstance(error, TapeError | UsageError):
                raise
    buffers, given = per_sample_buffers(net), _Given({})
    with tape.no_grad(), carrying(given):
        call(net, example)
    for name, buffer in buffers.items():
        if id(buffer) not in given.kept:
            text = "it hands over no `{}` in a prediction. Try buffer.keep(value, train=train), with no `if`"
            raise UsageError(text, name)
    buffers = buffers.values()

    def predict(state, x):
        given = _Given(dict(zip(map(id, buffers), map(tape.as_tensor, state))))
        with tape.no_grad(), carrying(given):
            y = call(net, x).numpy()
        for array, buffer in zip(state, buffers):
            array[...] = given.kept[id(buffer)].data
        return y

    return predict, tuple(np.zeros_like(given.kept[id(b)].data) for b in buffers)


class _Given:
    """What a prediction reads of buffers per sample, and hands over."""

    def __init__(self, state):
        self._state, self.kept = state, {}

    def rows(self, buffer, fresh):
        return self.kept.get(id(buffer), self._state.get(id(buffer), fresh))

    def keep(self, buffer, value):
        self.kept[id(buffer)] = tape.as_tensor(value)
