"""What a call for training brings along: the keys of random numbers, and what layers hand over."""

import numpy as np

from nbdl.errors import DtypeError, OptionError, ShapeError, UsageError
from nbdl.kernels.door.options import integer
from nbdl.nn._parameter import Buffer
from nbdl.tape import as_tensor


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
    """

    def __init__(self, seed=0, step=0):
        self.seed, self.step, self._ops = _below(63, "seed", seed), _below(32, "step", step), 0
        self.kept = []

    def next_op(self):
        """A number for the next random operation of this call."""
        self._ops += 1
        return self._ops - 1

    def keep(self, buffer, value):
        """Hand over the new value of a buffer, a tensor of its shape and dtype; a later one takes its place.

        Raises `UsageError`, `ShapeError` or `DtypeError` for what is no buffer, or does not fit it.
        """
        if not isinstance(buffer, Buffer) or not buffer.ready:
            raise UsageError("Train.keep: `buffer` must be a nn.Buffer that has values, got {!r}", buffer)
        value, text = as_tensor(value), "Train.keep: `value` must have {} {}, that of the buffer, got {}"
        if value.shape != buffer.shape:
            raise ShapeError(text, "shape", buffer.shape, value.shape)
        if value.dtype != buffer.dtype:
            raise DtypeError(text, "dtype", buffer.dtype, value.dtype)
        for i, (known, _) in enumerate(self.kept):
            if known is buffer:
                self.kept[i] = buffer, value
                return
        self.kept.append((buffer, value))

    def value(self, buffer):
        """What was handed over for a buffer in this call, else the buffer itself."""
        return next((value for known, value in self.kept if known is buffer), buffer)

    def commit(self):
        """Write what was handed over into the buffers, once the step has succeeded."""
        values = [(b, np.array(value.data)) for b, value in self.kept]  # one may be a view of another buffer
        self.kept = []
        for buffer, value in values:
            buffer.assign(value)


def training(layer, train):
    """`train` itself; `UsageError` where it is no `Train`: in other libraries it is a truth value."""
    if not isinstance(train, Train):
        text = "{}: `train` must be None or nn.Train(seed, step), got {!r}"
        raise UsageError(text, type(layer).__name__, train)
    return train


def _below(bits, name, value):
    """`value` as an integer from 0 to 2^bits - 1: what keys the random numbers of a kernel."""
    value = integer(f"Train: `{name}`", value)
    if not 0 <= value < 2**bits:
        raise OptionError("Train: `{}` must be from 0 to 2^{} - 1, got {}", name, bits, value)
    return value
