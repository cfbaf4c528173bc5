"""`compile_step`: a net, its loss and its optimizer as one native program."""

import functools
import math

import numpy as np

from nbdl import nn
from nbdl._cores import thread_count
from nbdl.errors import DataError, DtypeError, OptionError, ShapeError, UsageError
from nbdl.nn._inputs import call, each, named, numbers, taken
from nbdl.nn._options import below, positive
from nbdl.nn._own_loss import check_loss_options, loss_record
from nbdl.nn._parameter import per_sample_buffers, ready
from nbdl.optim import Updater
from nbdl.records import resolve
from nbdl.step._diverged import diverged
from nbdl.step._driver import aligned
from nbdl.step._forms import Takes, of_samples
from nbdl.step._graph import differentiate
from nbdl.step._plan import build
from nbdl.step._program import Program
from nbdl.step._storage import Storage, aligned_like
from nbdl.step._trace import trace
from nbdl.step._update import Update


def compile_step(
    net, loss="softmax_cross_entropy", optimizer="sgd", *, example, threads="auto", lr=0.01, seed=0,
    loss_options=None, optimizer_options=None, groups=None, clip_norm=None, clip_value=None,
):  # fmt: skip
    """Compile a training step: forward, backward and update as one native program.

    Parameters
    ----------
    net : callable
        Its parameters are drawn with `seed` if they have no values yet. The step moves them into memory of
        its own and leaves views: the net and the step see the same values.
    loss : str or function
        A name in the registry, or ``loss(prediction, y)`` that makes a tensor of one element of tensors.
    optimizer : str
        A name in the registry.
    example : (x, y)
        One or more samples, as the step will see them: each an array, or several by name (``{"ids": ...,
        "lengths": ...}``), which the net takes as keyword arguments and the loss as a dict. Floats are cast
        to the dtype of the net, integers stay integers for a net that takes them.
    threads : int or "auto"
        At most one for each core; "auto" finds out how many are the fastest. The same bits for any number.
    lr : float
        Learning rate, where a call gives no other.
    seed : int
        Of the parameters and of dropout: from 0 to 2^63 - 1.
    loss_options, optimizer_options : dict, optional
    groups : dict or callable, optional
        Options of some parameters: see `nbdl.optim.Updater`.
    clip_norm : float, optional
        Gradients are scaled down together so that the norm of all of them is at most this.
    clip_value : float, optional
        Each element of the gradients is brought between -`clip_value` and `clip_value`, before their norm is
        looked at.

    Returns
    -------
    CompiledStep
        ``step(x, y, lr)`` for one minibatch, ``step.run(x, y, order, batch_size, lr)`` for many in one call,
        which costs less where a step is small.

    Raises
    ------
    TapeError
        If the net looks at the values it computes, or depends on the number of samples in another way than by
        its multiples.
    """
    if not isinstance(example, (tuple, list)) or len(example) != 2:
        shape = getattr(example, "shape", None)
        what = type(example).__name__ if shape is None else f"one array of shape {shape}"
        raise UsageError("`example` must be (x, y), some samples and their targets, got {}", what)
    below(63, "compile_step: `seed`", seed)
    x, y = example
    x, y = numbers("`example`", x, np.float64), numbers("`example`", y, np.float64)
    if not ready(net):
        nn.init(net, x, seed, keep=True)
    updater = Updater(
        optimizer, net, lr, groups=groups, clip_norm=clip_norm, clip_value=clip_value,
        **(optimizer_options or {}),
    )  # fmt: skip
    return CompiledStep(net, loss, updater, (x, y), threads, seed, loss_options or {})


class CompiledStep:
    """A compiled training step (see `compile_step`). `updater` has the optimizer's state and counts steps."""

    def __init__(self, net, loss, updater, example, threads="auto", seed=0, loss_options=None):
        thread_count(threads, every="auto")  # what is wrong is said before anything is done
        self.net, self.updater, self.seed = net, updater, seed
        record = loss_record(loss)
        compute = resolve(record.compute)
        check_loss_options(record, loss_options, ())
        self._loss = functools.partial(compute, **loss_options)
        parameters = nn.named_parameters(net)
        if not parameters:
            raise UsageError("there is nothing to train: the net has no parameters")
        dtypes = {p.dtype for p in parameters.values()}
        if len(dtypes) != 1:
            raise DtypeError("a step needs parameters of one dtype, got {}", sorted(map(str, dtypes)))
        self.dtype = dtypes.pop()
        x, y = example
        self._storage = Storage({**parameters, **nn.named_buffers(net)}, training=True)
        with updater.freezing():
            self.graph = trace(net, (x, y), self.dtype, self._loss)
        result, inputs = self.graph.result, len(named(x))
        if result.batched or result.shape or len(self.graph.results) > 1:
            shape = of_samples(result.shape) if result.batched else result.shape
            raise ShapeError("loss `{}` must be one number, got an array of shape {}", record.name, shape)
        differentiate(self.graph)
        self._x, self._y = Takes("x", x, self.graph.data[:inputs]), Takes("y", y, self.graph.data[inputs:])
        learning = {v.name for v in self.graph.values if v.source == "parameter" and v.grad}
        self._names = {n: p for n, p in updater.parameters.items() if n in learning}
        if not learning:
            raise UsageError("there is nothing to train: the loss depends on no parameter")
        flat = {n: self._storage.flat[n] for n in self._names}
        states = {n: {} for n in self._names}
        for name in self._names:
            for s, array in updater.state[name].items():
                states[name][s], updater.state[name][s] = aligned_like(array)
        gradients = {n: aligned(a.size, self.dtype) for n, a in flat.items()}
        self._update = Update(updater, flat, states, gradients)
        carried = per_sample_buffers(net)
        flat = {**self._storage.flat, **carried}
        self.plan = build(self.graph, flat, gradients, self._update.groups())
        self.program = Program(self.plan, self.graph, threads, {**self._storage.stored, **carried})
        self.gradients = {n: gradients[n][: p.size].reshape(p.shape) for n, p in self._names.items()}

    @property
    def threads(self):
        """The most that a call takes."""
        return self.program.threads

    def __call__(self, x, y, lr=None):
        """One step on the minibatch x, y; returns its loss, a number."""
        data, n = self._data(x, y)
        if not n:
            raise ShapeError("`x` must hold at least one sample, got shape {}", np.shape(data[0]))
        return float(self._train(data, None, n, self._rates(lr, 1))[0])

    def run(self, x, y, order, batch_size, lr=None):
        """Steps on the samples `order` of x and y, `batch_size` at a time, in one native call.

        Parameters
        ----------
        x : (N, ...) array
        y : (N, ...) array
        order : (M,) integers
            Sample numbers, M a multiple of `batch_size`.
        batch_size : int
        lr : float or (M / batch_size,) array, optional

        Returns
        -------
        (M / batch_size,) float64 array: the loss of each step.

        Raises
        ------
        NbdlError
            What the eager kernels raise for the first minibatch that cannot be trained on; `NumericError` if
            a loss is not finite. The parameters are then those after the step before it.
        """
        data, n = self._data(x, y)
        order, batch_size = np.asarray(order), positive("`batch_size`", batch_size)
        if order.ndim != 1 or len(order) % batch_size or not len(order):
            raise ShapeError(
                "`order` must hold a positive multiple of `batch_size` ({}) sample numbers, got shape {}",
                batch_size, order.shape,
            )  # fmt: skip
        if order.dtype.kind not in "iu":
            raise DtypeError("`order` must hold integers, got {}", order.dtype)
        if order.min() < 0 or order.max() >= n:
            raise DataError(
                "`order` must hold sample numbers from 0 to {}, got {} to {}",
                n - 1,
                order.min(),
                order.max(),
            )
        steps = len(order) // batch_size
        order = np.ascontiguousarray(order, np.int64)
        return self._train(data, order, batch_size, self._rates(lr, steps))

    def _rates(self, lr, steps):
        """A learning rate for each step."""
        lr = self.updater.lr if lr is None else lr
        if isinstance(lr, float) and 0 <= lr < math.inf:
            return [lr] * steps
        rates = np.asarray(lr)
        fits = rates.shape in ((), (steps,)) and rates.dtype.kind in "iuf"
        if not (fits and np.isfinite(rates).all() and (rates >= 0).all()):
            raise OptionError("`lr` must be one or {} finite numbers, none negative, got {!r}", steps, lr)
        return np.broadcast_to(rates.astype(np.float64), (steps,))

    def _train(self, data, order, n, rates):
        with self.program.exclusive():
            self._storage.check()
            first, carried = self.updater.steps, [rows.stored for rows in self.plan.carried]
            had = [len(buffer) if buffer.ready else 0 for buffer in carried]
            try:
                self.program.reserve(n)
                losses = self._run_steps(data, order, n, rates)
            finally:
                for p in self._names.values():
                    p._version[0] += 1
                if self.updater.steps == first:  # none was finished: what it would have filled goes
                    for buffer, rows in zip(carried, had):
                        buffer.shrink(rows)
        done = len(losses)
        if done < len(rates):
            rows = np.arange(n) if order is None else order[done * n :][:n]
            self._explain(data, rows, rates[done])
        return losses

    def _run_steps(self, data, order, n, rates):
        """The losses of the steps that were finished: all in one call, or one by one with Python's part."""
        losses, several = [], len(rates) if self.program.native else 1
        for i in range(0, len(rates), several):
            self.program.rate, self.program.done, first = rates[i], 0, self.updater.steps
            rows, factors = order, self._update.factors(rates[i : i + several])
            if several < len(rates):
                rows = order[i * n :][:n]
            try:
                done, found = self.program.run(data, rows, n, factors, first, self.seed)
            finally:
                self.updater.steps = first + self.program.done
            losses.append(found)
            if done < several:
                break
        return np.concatenate(losses) if len(losses) > 1 else losses[0]

    def _data(self, x, y):
        """The arrays of the program, and how many samples they hold."""
        shapes = [each(np.shape, a) for a in (x, y)]
        x, y = self._x.arrays(x), self._y.arrays(y)
        if not (self._x.fit(x) and self._y.fit(y)) or len({len(a) for a in (*x.values(), *y.values())}) > 1:
            raise ShapeError(
                "the step was compiled for x {} and y {}, got {} and {}",
                self._x.shapes(), self._y.shapes(), *shapes,
            )  # fmt: skip
        for takes, arrays in ((self._x, x), (self._y, y)) if self.plan.gathered else ():
            takes.exact(arrays, self.plan.gathered, self.dtype)
        return [*x.values(), *y.values()], len(next(iter(x.values())))

    def _explain(self, data, rows, rate):
        """Raise what the eager kernels say about a minibatch that the program would not train on."""
        train, inputs = nn.Train(self.seed, self.updater.steps), len(self._x.values)
        x, y = self._x.joined(data[:inputs]), self._y.joined(data[inputs:])
        value = self._loss(call(self.net, taken(x, rows), train=train), taken(y, rows)).item()
        raise diverged(value, self.updater.steps + 1, rate, x, y, rows, self.net)
