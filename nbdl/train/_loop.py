"""The training loop: minibatches, checkpoints, measurements, how a run stops and goes on.

A run is a function of its settings alone: the order of the samples is keyed by (seed, epoch), dropout by
(seed, operation, step). So a run that was stopped at any step goes on to the same bits.
"""

import contextlib
import dataclasses
import json
import math
import time
import warnings
from collections.abc import Mapping
from functools import partial

import numpy as np

from nbdl import nn, registry, tape
from nbdl.data import Split
from nbdl.errors import NbdlError, NumericError, OptionError, TapeError, UsageError
from nbdl.nn._inputs import call, count, each, taken
from nbdl.nn._losses import class_axis
from nbdl.nn._options import check_options, is_number
from nbdl.nn._own_loss import loss_record
from nbdl.optim import Updater
from nbdl.records import reason
from nbdl.records import resolve as code
from nbdl.step import CompiledPredict, CompiledStep, advice, diverged, spoilt
from nbdl.train import _files, _plot
from nbdl.train._best import Best
from nbdl.train._callbacks import listeners, tell
from nbdl.train._interrupt import Interrupt
from nbdl.train._measure import (
    counted_numbers,
    eager,
    evaluated,
    joined,
    native,
    of_loss,
    parts,
    worse_than_a_constant,
)
from nbdl.train._samples import cast
from nbdl.train._save import save
from nbdl.train._statistics import as_row, measured

CHECKPOINT, MODEL, LOG, CONFIG, CURVES, STATISTICS, FLOW = (
    "checkpoint.safetensors", "model.safetensors", "log.jsonl", "config.toml", "curves.png",
    "statistics.jsonl", "statistics.png",
)  # fmt: skip


UNSCALED = 10  # a deviation of a column above this asks for standardised columns


class Run:
    """A training run: `net`, `config`, `history` (a dict for each epoch), `folder` (or None), `seconds`.

    `steps` counts updates, `batches` those of an epoch; `interrupted` says that Ctrl-C stopped it early.
    `valid` are the samples that were held out; `best` is the row of the history for the epoch whose net this
    is. `preparation` is what is done to inputs and targets before the net sees them: `data`, `evaluate` and
    `predict` are in the units of the data, and so are all losses that are reported.

    `statistics` has a dict for each epoch after which activations and gradients were measured, with what
    `nbdl.train.Statistics` holds; epoch 0 is the net before its first step.

    While it trains, `epoch` counts the epochs that are done and `loss` is that of the last minibatch; `lr`,
    which the schedule multiplies, may be set. See `nbdl.fit` for callbacks.
    """

    def __init__(self, net, data, config, preparation, floats=(), valid=None, loss=None, callbacks=None):
        self.net, self.data, self.config, self.folder = net, data, config, None
        self.preparation = preparation
        x, y = preparation.inputs(data.train.x), preparation.targets(data.train.y)
        self._floats = floats  # the inputs that the net takes as floats
        self._train = cast(Split(x, y), config.dtype, floats)
        self._n = count(self._train.x)
        self._size = min(config.batch_size, self._n)  # of a minibatch
        self._samples = len(self._order(0))  # of an epoch
        if not self._samples:
            text = "`batch_size` must be at most {}, as many windows as the text has, got {}"
            raise UsageError(text, self._n // data.order.length, config.batch_size)
        self.batches = -(-self._samples // self._size)
        self._unit = preparation.target_scale**2  # of the squared error of what the net sees
        self.history, self.seconds, self.steps, self.interrupted = [], 0.0, 0, False
        self._measured = loss_record(config.loss if loss is None else loss)
        self._loss = code(self._measured.compute)
        self._updater = Updater(
            config.optimizer, net, config.lr, groups=config.groups, clip_norm=config.clip_norm or None,
            clip_value=config.clip_value or None, **config.optimizer_options,
        )  # fmt: skip
        self._step = self._predict = self._numbers = None
        self._rate = code(registry.default().get("schedule", config.schedule).rate)
        check_options(
            f"loss `{config.loss}`", self._loss, config.loss_options, ("prediction", "target", "reduction")
        )
        check_options(f"schedule `{config.schedule}`", self._rate, config.schedule_options, ("step", "steps"))
        self._epoch, self._batch, self._sum, self._count = 0, 0, 0.0, 0
        self._callbacks, self._logged, self.loss = listeners(callbacks), {}, math.nan
        self.statistics = []
        self._stopped, self._skipped = False, 0  # by a callback; how many steps of epochs were left out by it
        self._saved = None  # the step of the last checkpoint
        self.valid, self._best = valid, Best(config.patience, config.min_delta)

    @property
    def best(self):
        """The row of the history for the epoch whose values the net has."""
        return self.history[self._best.epoch - 1]  # the last one if none is the best

    @property
    def epoch(self):
        """How many epochs are done."""
        return self._epoch

    @property
    def lr(self):
        """The learning rate, before the factor of the schedule."""
        return self._updater.lr

    @lr.setter
    def lr(self, value):
        if not is_number(value) or not 0 <= value < math.inf:
            raise OptionError("`lr` must be a finite number from 0, got {!r}", value)
        self._updater.lr = float(value)

    def stop(self):
        """End training after this event; what is done of the epoch is measured like a whole one."""
        self._stopped = True

    def log(self, name, value):
        """Add a number to the row of this epoch in the history and in the log; the last of a name counts.

        Raises `UsageError` for a name like those of losses and metrics, `OptionError` unless `value` is a
        finite number.
        """
        if not isinstance(name, str) or not name or is_figure(name) or name == "event":
            raise UsageError("log: `name` must be text, and no figure that runs have, got {!r}", name)
        if not is_number(value) or not math.isfinite(value):
            raise OptionError("log: `value` of `{}` must be a finite number, got {!r}", name, value)
        self._logged[name] = float(value)

    def evaluate(self, split):
        """Loss and metrics of the net on a `Split`, or a pair (x, y), in the form of the data, as a dict."""
        x, y = split
        config, split = self.config, Split(self._inputs(np.asarray(x) if isinstance(x, list) else x), y)
        with registry.swap(**config.swap):
            return evaluated(
                self._predictor(), split, self.preparation, self._measured, config.loss_options,
                self.data.metrics,
            )  # fmt: skip

    def predict(self, x):
        """Predictions for inputs (N, ...) in the form of the data.

        Values in the units of the targets, (N,) where these are; of classes what the most probable one is
        called, in the form of the targets: (N,), or (N, T) for each position. What a net gives that returns
        several arrays comes back in its form.
        """
        x = self._inputs(x)
        with registry.swap(**self.config.swap):
            answers = joined(self._answer(found) for _, found in parts(self._predictor(), x))
        return self.preparation.names(answers) if self._classes(answers) else answers

    def _classes(self, answers):
        """Whether what the net gives are scores of classes."""
        alone = isinstance(answers, np.ndarray) and not isinstance(self._train.y, Mapping)
        return alone and "accuracy" in self._measured.metrics

    def _answer(self, found):
        """What the net gives for some samples in the form of the targets: classes as their numbers."""
        answers, y = self.preparation.values(found), self.data.train.y
        if self._classes(answers):
            axis = -1
            if answers.ndim > 2:
                target, soft = (len(answers), *np.shape(y)[1:]), np.asarray(y).dtype.kind == "f"
                given = self.config.loss_options.get("axis")
                axis = class_axis("predict", answers.shape, target, given, soft)
            return answers.argmax(axis=axis)
        alone = isinstance(answers, np.ndarray) and not isinstance(y, Mapping)
        return answers[:, 0] if alone and np.ndim(y) == 1 and answers.shape[1:] == (1,) else answers

    def _inputs(self, x):
        """Inputs in the form of the data as the net takes them."""
        own, given = (list(a) if isinstance(a, Mapping) else "one array" for a in (self._train.x, x))
        if own != given and sorted(own) != sorted(given):
            raise UsageError("`x` must be {}, as in the training data, got {}", own, given)
        return cast(Split(self.preparation.inputs(x), np.zeros(0)), self.config.dtype, self._floats).x

    def _predictor(self):
        """A function from inputs of the net to what it gives."""
        if self._predict is None:
            if self.config.compiled and native():
                example = taken(self._train.x, slice(0, 1))
                self._predict = CompiledPredict(self.net, example, self._threads())
            else:
                self._predict = partial(eager, self.net)
        return self._predict

    # --- the loop -------------------------------------------------------------------------------------------

    def go(self, progress):
        """Train to the end of the last epoch, or until Ctrl-C."""
        config, start = self.config, time.perf_counter() - self.seconds
        n, size, batches = self._samples, self._size, self.batches
        progress("start", epochs=config.epochs, steps=batches, samples=n, folder=self.folder)
        with Interrupt() as stop, registry.swap(**config.swap), self._kept():
            if self._epoch < config.epochs:
                if config.compiled and native():
                    self._step = self._program([taken(a, slice(0, size)) for a in self._train])
                    self._train = Split(*(each(_as_programs_do, a) for a in self._train))
                self._numbers = counted_numbers(self.net, self._train, config, self._measured)
            progress("ready")
            if not self.steps:
                self._measure_flow()
            some = 1  # steps of one call
            while self._epoch < config.epochs and not (self._stopped or self._best.over(self._epoch)):
                order = self._order(self._epoch)
                if not self._batch:
                    nn.reset_state(self.net)
                while self._batch < batches:
                    full = n // size - self._batch
                    rows = order[self._batch * size :][: max(1, min(some, full)) * size]
                    begun = time.perf_counter()
                    losses = self._go(rows, min(size, len(rows)), batches)
                    if self._step is not None and not self._callbacks["step"]:
                        some = _some(len(losses), time.perf_counter() - begun)
                    self._batch += len(losses)
                    self.loss = float(losses[-1] * self._unit)
                    progress("step", epoch=self._epoch + 1, step=self._batch, steps=batches, loss=self.loss)
                    tell(self._callbacks["step"], "step", self)
                    if stop.asked:
                        self._check_finite()
                        self.seconds, self.interrupted = time.perf_counter() - start, True
                        self.save_checkpoint()
                        return
                    if self._stopped:
                        self._skipped += batches - self._batch
                        break
                self.seconds = time.perf_counter() - start
                self._end_epoch(progress)
                self.save_checkpoint()
            self._best.restore(self.net)
        self._remark()

    def _order(self, epoch):
        """The samples of an epoch in their order."""
        rng = np.random.Generator(np.random.Philox(key=[self.config.seed, epoch]))
        order = self.data.order
        return rng.permutation(self._n) if order is None else order(self._n, self._size, rng)

    def _remark(self):
        """Warn of a net that is worse than a constant, with one thing to try."""
        part, split = ("test", self.data.test) if count(self.data.test.x) else ("train", self.data.train)
        last, first = self.best, self.history[0]
        figures = {k.removeprefix(f"{part}_"): v for k, v in last.items()}
        if self.config.loss_options or not self.lr:
            return
        remark = worse_than_a_constant(figures, split.y, self.config.loss, part)
        if remark is None:
            return
        x = self._train.x
        columns = not isinstance(x, Mapping) and x.ndim == 2 and x.dtype.kind == "f"
        if columns and not self.preparation.mean.size and np.std(x, axis=0).max() > UNSCALED:
            advice = "standardised columns, (x - mean) / deviation"
            if self.config.data:
                advice = "--set data_options.standardize=true"
        elif last["train_loss"] > 0.9 * first["train_loss"] and len(self.history) > 1:
            advice = f"a smaller learning rate than {self.lr:g}"
        else:
            advice = f"more epochs than {self.config.epochs}, or another model"
        warnings.warn(f"{remark}. Try {advice}", stacklevel=5)

    def _program(self, example):
        """The step as one native program."""
        config = self.config
        try:
            return CompiledStep(
                self.net, self._measured, self._updater, example, self._threads(), config.seed,
                config.loss_options,
            )  # fmt: skip
        except NbdlError:
            raise
        except Exception as error:  # their Python was run with tensors that have no values yet
            with tape.no_grad():  # where it fails on values too, that is the fault
                self._loss(call(self.net, example[0]), example[1], **config.loss_options)
            raise TapeError(
                "the net or its loss cannot become a native program ({}). Try compiled=False (on the command "
                "line --set compiled=false): slower, but for any Python",
                reason(error),
            ) from error

    def _go(self, rows, size, batches):
        """Steps on the samples `rows`, `size` at a time; returns their losses."""
        steps, config = len(rows) // size, self.config
        total = batches * config.epochs
        factors = [self._rate(self.steps + i, total, **config.schedule_options) for i in range(steps)]
        rates = np.multiply(self.lr, factors)
        if self._step is not None:
            losses = self._step.run(self._train.x, self._train.y, rows, size, rates)
        else:
            losses = [self._eager(rows, rates[0])]
        of = [size] * steps  # how many numbers a loss is the mean of, or samples, if these count alike
        if self._numbers is not None:
            of = self._numbers[rows].reshape(steps, size).sum(axis=1).tolist()
        for loss, n in zip(losses, of):  # in their order: the sum does not depend on how many ran at once
            self._sum, self._count = self._sum + float(loss) * n, self._count + n
        self.steps += steps
        return losses

    def _eager(self, rows, rate):
        """Forward, backward and update by the tape, on the samples `rows`; returns the loss."""
        x, y = (taken(a, rows) for a in self._train)
        train = nn.Train(self.config.seed, self.steps)
        with self._updater.freezing():
            loss = self._loss(call(self.net, x, train=train), y, **self.config.loss_options)
        value = loss.item()
        if not np.isfinite(value):
            raise diverged(value, self.steps + 1, rate, *self.data.train, rows, self.net)
        loss.backward()
        self._updater.step(rate)
        train.commit()
        return value

    def _threads(self):
        return self.config.threads or "auto"

    def _end_epoch(self, progress):
        self._check_finite()
        self._epoch += 1
        loss, config = self._sum / (self._count or 1) * self._unit, self.config
        row = {"epoch": self._epoch, "step": self.steps, "train_loss": loss}
        figures = of_loss(loss, self._measured, config.loss_options, self.data.metrics)
        row |= {f"train_{k}": v for k, v in figures.items()}
        if count(self.data.test.x):
            row |= {f"test_{k}": v for k, v in self.evaluate(self.data.test).items()}
        if not np.isfinite(row.get("test_loss", 0.0)):
            text = "the test loss is {} after epoch {}: training diverged. {}"
            raise NumericError(text, row["test_loss"], self._epoch, advice(self.lr))
        if self.valid is not None:
            row |= {f"valid_{k}": v for k, v in self.evaluate(self.valid).items()}
            self._best.look(self._epoch, row["valid_loss"], self.net)
        row["seconds"] = round(self.seconds, 3)
        self.history.append(row)
        self._measure_flow()
        tell(self._callbacks["epoch"], "epoch", self)
        row |= self._logged
        self._logged = {}
        self._batch, self._sum, self._count = 0, 0.0, 0
        progress("epoch", **row)

    def _measure_flow(self):
        """Note how large activations and gradients are on the first minibatch of the data, if it is time."""
        every, config = self.config.statistics, self.config
        if not every or self._epoch % every:
            return
        x, y = (taken(a, slice(0, config.batch_size)) for a in self._train)

        def compute(prediction):
            return self._loss(prediction, y, **config.loss_options)

        with self._updater.freezing():
            found = measured(self.net, x, compute, nn.Train(config.seed, self.steps))
        self.statistics.append(as_row(self._epoch, found))

    def _check_finite(self):
        """Raise `NumericError` before anything is saved of a net that is no longer one."""
        error = spoilt(self.net, self.steps, self.lr)
        if error is not None:
            raise error

    @contextlib.contextmanager
    def _kept(self):
        """A `NumericError` of the block says which checkpoint is still there."""
        try:
            yield
        except NumericError as error:
            if self.folder is not None and self._saved is not None:
                error.add_note(f"where: {self.folder}, whose checkpoint is that of step {self._saved}")
            raise

    # --- files ----------------------------------------------------------------------------------------------

    def save_checkpoint(self):
        """All that is needed to go on, in one file; and the log so far."""
        if self.folder is None:
            return
        arrays = {f"net/{k}": a for k, a in nn.state_dict(self.net, per_sample=True).items()}
        arrays |= {f"optimizer/{k}": a for k, a in self._updater.state_dict().items()}
        arrays |= {f"best/{k}": a for k, a in self._best.state.items()}
        document = {
            "kind": "checkpoint", "config": dataclasses.asdict(self.config), "epoch": self._epoch,
            "batch": self._batch, "steps": self.steps, "sum": self._sum, "count": self._count,
            "history": self.history, "seconds": self.seconds, "preparation": self.preparation.document(),
            "best": self._best.epoch, "lr": self.lr, "skipped": self._skipped, "logged": self._logged,
        }  # fmt: skip
        log = "".join(json.dumps(row) + "\n" for row in self.history)
        _files.write_bytes(self.folder / LOG, log.encode())
        if self.config.statistics:
            text = "".join(json.dumps(row) + "\n" for row in self.statistics)
            _files.write_bytes(self.folder / STATISTICS, text.encode())
        _files.write(self.folder / CHECKPOINT, arrays, document)
        self._saved = self.steps

    def restore(self, arrays, document):
        """Go back to a checkpoint's state."""
        part = lambda p: {k.removeprefix(p): a for k, a in arrays.items() if k.startswith(p)}  # noqa: E731
        nn.load_state_dict(self.net, part("net/"))
        self._updater.load_state_dict(part("optimizer/"), document["steps"])
        self._epoch, self._batch, self.steps = document["epoch"], document["batch"], document["steps"]
        self._sum, self._count = document["sum"], document["count"]
        self.history, self.seconds, self._saved = document["history"], document["seconds"], self.steps
        self.lr, self._skipped, self._logged = document["lr"], document["skipped"], document["logged"]
        best = document["best"]
        if best:
            state = {name: np.array(a) for name, a in part("best/").items()}
            self._best.epoch, self._best.state = best, state
            self._best.loss = self.history[best - 1]["valid_loss"]

    def finish(self, progress):
        """Save the model and the picture of the curves."""
        save(self.net, self.folder / MODEL, self.preparation)
        progress("saved", path=self.folder / MODEL)
        title = f"{self.config.model or 'net'} on {self.data.name}"
        pictures = {CURVES: _plot.curves(self.history, title)}
        if self.statistics:
            pictures[FLOW] = _plot.flow(self.statistics, title)
        for name, picture in pictures.items():
            if picture is not None:
                _files.write_bytes(self.folder / name, picture)
                progress("saved", path=self.folder / name)


def is_figure(name):
    """Whether a key of a row of the history is one that runs make, and not their callbacks."""
    return name in ("epoch", "step", "seconds") or name.startswith(("train_", "test_", "valid_"))


def _as_programs_do(a):
    """Integers in the dtype of a program, once and not at each call."""
    return a.astype(np.int64) if a.dtype.kind in "iub" and np.can_cast(a.dtype, np.int64) else a


def _some(steps, seconds):
    """How many steps to run in the next call: what takes a twentieth of a second."""
    return max(1, round(0.05 * steps / max(seconds, 1e-6)))
