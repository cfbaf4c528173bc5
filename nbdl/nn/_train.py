"""What a call for training brings along: the keys of random numbers, and what layers hand over."""

import numpy as np

from nbdl.errors import DtypeError, ShapeError, UsageError
from nbdl.nn._options import below
from nbdl.nn._parameter import Buffer
from nbdl.tape import as_tensor, computed


class Train:
    """Says that a net is called for training, keys its random numbers, and collects new values of buffers.

    A net is called as ``net(x)`` for its prediction and ``net(x, train=Train(seed, step))`` for training:
    the same seed, step and net give the same dropout masks, whatever ran before.

    No call writes to a buffer. A layer hands its new value to `keep`, and whoever runs the step calls
    `commit` after the update: a step that fails leaves every buffer as it was.

    Attributes
    ----------
    seed, step : int
    kept : list of (Buffer, Tensor)
        What `commit` will write, in the order in which buffers were first handed over.
    read : list of (Buffer, Tensor)
        What was read of buffers per sample.
    """

    def __init__(self, seed=0, step=0):
        self.seed, self.step = below(63, "Train: `seed`", seed), below(32, "Train: `step`", step)
        self._ops = 0
        self.kept, self.read = [], []

    def next_op(self):
        """A number for the next random operation of this call."""
        self._ops += 1
        return self._ops - 1

    def keep(self, buffer, value):
        """Hand over the new value of a buffer, a tensor of its shape and dtype; a later one takes its place.

        Of a buffer per sample, one row for each sample of the minibatch, as `Buffer.rows` gave them: `commit`
        writes these and leaves all further rows alone.

        Raises `UsageError`, `ShapeError` or `DtypeError` for what is no buffer, or does not fit it.
        """
        rows = isinstance(buffer, Buffer) and buffer.per_sample
        if not isinstance(buffer, Buffer) or not (buffer.ready or rows):
            raise UsageError("Train.keep: `buffer` must be a nn.Buffer that has values, got {!r}", buffer)
        value, text = as_tensor(value), "Train.keep: `value` must have {} {}, that of the buffer, got {}"
        wanted = _found(buffer, self.read) if rows else buffer
        if wanted is None:
            raise UsageError(
                "Train.keep: read the buffer per sample first, by buffer.rows(shape, like=x, ...)"
            )
        if value.shape != wanted.shape:
            raise ShapeError(text, "shape", wanted.shape, value.shape)
        if rows and value.dtype != wanted.dtype:
            text = "Train.keep: `value` is {}, and the buffer per sample was read as {}. Try `dtype` there"
            raise UsageError(text, value.dtype, wanted.dtype)
        if value.dtype != wanted.dtype:
            raise DtypeError(text, "dtype", wanted.dtype, value.dtype)
        for i, (known, _) in enumerate(self.kept):
            if known is buffer:
                self.kept[i] = buffer, value
                return
        self.kept.append((buffer, value))

    def value(self, buffer):
        """What was handed over for a buffer in this call, else the buffer itself."""
        value = _found(buffer, self.kept)
        return buffer if value is None else value

    def rows(self, buffer, fresh):
        """What `Buffer.rows` gives in a call for training; `fresh` are zeros of the shape that is wanted."""
        value = _found(buffer, [*self.kept, *self.read])
        if value is None:
            if buffer.ready:
                n = min(len(buffer), len(fresh))
                if (buffer.shape[1:], buffer.dtype) != (fresh.shape[1:], fresh.dtype):
                    raise ShapeError(
                        _OTHER_ROWS, buffer.dtype, buffer.shape[1:], fresh.dtype, fresh.shape[1:]
                    )
                fresh._array[:n] = buffer._array[:n]
            self.read.append((buffer, computed(fresh)))
            return fresh
        if (value.shape, value.dtype) != (fresh.shape, fresh.dtype):
            raise ShapeError(_OTHER_ROWS, value.dtype, value.shape, fresh.dtype, fresh.shape)
        return value

    def commit(self):
        """Write what was handed over into the buffers, once the step has succeeded."""
        values = [(b, np.array(value.data)) for b, value in self.kept]  # one may be a view of another buffer
        self.kept, self.read = [], []
        for buffer, value in values:
            buffer.assign(value)


_OTHER_ROWS = (
    "a buffer per sample has rows {} {}, and is read as {} {}; nbdl.nn.init(net, example) forgets them"
)


def _found(buffer, pairs):
    """What is noted of a buffer, or None."""
    return next((value for known, value in pairs if known is buffer), None)


def training(layer, train):
    """`train` itself; `UsageError` where it is no `Train`: in other libraries it is a truth value."""
    if not isinstance(train, Train):
        text = "{}: `train` must be None or nn.Train(seed, step), got {!r}"
        name = layer if isinstance(layer, str) else type(layer).__name__
        raise UsageError(text, name, train)
    return train
