"""Prediction: a net as a program for minibatches, and as a function for other compiled code."""

import numpy as np

from nbdl import nn
from nbdl._cores import thread_count
from nbdl.errors import ShapeError
from nbdl.nn._parameter import dtype_of
from nbdl.step._plan import build
from nbdl.step._program import Program
from nbdl.step._storage import Storage
from nbdl.step._trace import trace
from nbdl.tape import real


class CompiledPredict:
    """``predict(x)``: predictions (N, ...) for inputs (N, ...), by one native program.

    Parameters
    ----------
    net : callable
        Whose parameters have their shapes; it and the program see the same values.
    example : array
        One or more inputs.
    threads : int or "auto"
        At most one for each core; "auto" finds out how many are the fastest. The same bits for any number.
    batch_size : int
        Inputs of one call of the program.
    """

    def __init__(self, net, example, threads="auto", batch_size=512):
        thread_count(threads, every="auto")  # what is wrong is said before anything is done
        parameters = nn.named_parameters(net)
        self.dtype = dtype_of(net, example)
        self._shape, self._batch = np.shape(example)[1:], batch_size
        self._storage = Storage(parameters)
        self.graph = trace(net, (example, None), self.dtype)
        self.plan = build(self.graph, self._storage.flat)
        self.program = Program(self.plan, self.graph, threads, parameters)

    def __call__(self, x):
        x = np.ascontiguousarray(real("predict: `x`", x), self.dtype)
        if x.shape[1:] != self._shape or not len(x):
            raise ShapeError(
                "predict: `x` must be one or more samples of shape {}, got {}", self._shape, x.shape
            )
        parts, out = [], self.plan.outputs
        with self.program.alone():
            self._storage.check()
            self.program.reserve(min(len(x), self._batch))
            for first in range(0, len(x), self._batch):
                order = np.arange(first, min(len(x), first + self._batch))
                self.program.run(x, None, order, len(order))
                parts.append(out(self.program, len(order)).copy())
        return np.concatenate(parts)
