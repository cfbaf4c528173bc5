"""Prediction: a net as a program for minibatches, and as a function for other compiled code."""

import numpy as np

from nbdl import nn
from nbdl._cores import thread_count
from nbdl.errors import ShapeError, UsageError
from nbdl.nn._inputs import call, count, each, numbers, taken
from nbdl.nn._parameter import dtype_of
from nbdl.step._forms import Takes, put_together
from nbdl.step._plan import build
from nbdl.step._program import Program
from nbdl.step._storage import Storage
from nbdl.step._trace import trace
from nbdl.tape import no_grad


class CompiledPredict:
    """``predict(x)``: predictions (N, ...) for inputs (N, ...), by one native program.

    Inputs of several names are a dict; what comes back has the form that the net gives.

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
        self._net, self.dtype, self._batch = net, dtype_of(net, example), batch_size
        example = numbers("predict: `x`", example, self.dtype)
        self._storage = Storage({**nn.named_parameters(net), **nn.named_buffers(net)})
        self.graph = trace(net, (example, None), self.dtype)
        self._x = Takes("x", example, self.graph.data)
        self.plan = build(self.graph, self._storage.flat)
        self.program = Program(self.plan, self.graph, threads, self._storage.stored)

    def __call__(self, x):
        given = self._x.arrays(x)
        n = count(given, "x")
        if not self._x.fit(given) or not n:
            raise ShapeError(
                "predict: `x` must be one or more samples of shape {}, got {}",
                self._x.shapes(), each(np.shape, x),
            )  # fmt: skip
        self._x.exact(given, self.plan.gathered, self.dtype)
        parts = [[] for _ in self.plan.outputs]
        of_all = any(v.source == "node" and not v.batched for v in self.graph.results)
        batch = n if of_all else self._batch  # what is computed of all samples needs them at once
        with self.program.exclusive():
            self._storage.check()
            self.program.reserve(min(n, batch))
            for first in range(0, n, batch):
                order = np.arange(first, min(n, first + batch))
                done, _ = self.program.run(list(given.values()), order, len(order))
                if not done:
                    self._explain(given, order)
                for part, out in zip(parts, self.plan.outputs):
                    part.append(np.array(out(self.program, len(order))))
        arrays = (np.concatenate(p) if v.batched else p[-1] for p, v in zip(parts, self.graph.results))
        return put_together(self.graph.form, arrays)

    def _explain(self, given, rows):
        """Raise what the eager kernels say about samples that a leaf refused."""
        with no_grad():
            call(self._net, taken(self._x.joined(list(given.values())), rows))
        raise UsageError("predict: the program refused samples that the net takes: {} on", rows[0])
