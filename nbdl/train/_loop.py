"""The training loop: minibatches, measurements, how a run stops and goes on.

A run is a function of its settings alone: the order of the samples is keyed by (seed, epoch), dropout by
(seed, operation, step). So a run that was stopped at any step goes on to the same bits.
"""

import contextlib
import math
import time

import numpy as np

from nbdl import nn, registry
from nbdl.data import Split
from nbdl.errors import NumericError, OptionError, UsageError
from nbdl.nn._inputs import count
from nbdl.nn._options import is_number
from nbdl.nn._own_loss import loss_record
from nbdl.step import advice, spoilt
from nbdl.train._answers import Answers
from nbdl.train._best import Best
from nbdl.train._callbacks import listeners, noted, tell
from nbdl.train._checkpoint import write_checkpoint
from nbdl.train._flow import flow
from nbdl.train._interrupt import Interrupt
from nbdl.train._measure import compared, of_loss
from nbdl.train._remark import remark
from nbdl.train._samples import cast
from nbdl.train._updates import Updates


class Run:
    """A training run: `net`, `config`, `history` (a dict for each epoch), `folder` (or None), `seconds`.

    `steps` counts updates, `batches` those of an epoch; `interrupted` says that Ctrl-C stopped it early.
    `valid` are the samples that were held out; `best` is the row of the history for the epoch whose net this
    is. `preparation` is what is done to inputs and targets before the net sees them: `data`, `evaluate` and
    `predict` are in the units of the data, and so are all losses that are reported.

    `statistics` has a dict for each epoch after which activations and gradients were measured, with what
    `nbdl.train.Statistics` holds; epoch 0 is the net before its first step. ``print(run.statistics[-1])``
    gives a table. `vocabulary` is that of a text.

    While it trains, `epoch` counts the epochs that are done and `loss` is that of the last minibatch; `lr`,
    which the schedule multiplies, may be set. See `nbdl.fit` for callbacks.
    """

    def __init__(self, net, data, config, preparation, floats=(), valid=None, loss=None, callbacks=None):
        self.net, self.data, self.config, self.folder = net, data, config, None
        self.preparation = preparation
        x, y = preparation.inputs(data.train.x), preparation.targets(data.train.y)
        self._measured = loss_record(config.loss if loss is None else loss)
        train = compared(self._measured, cast(Split(x, y), config.dtype, floats))
        self._n = count(train.x)
        self._size = min(config.batch_size, self._n)  # of a minibatch
        self._samples = len(self._order(0))  # of an epoch
        if not self._samples:
            text = "`batch_size` must be at most {}, as many windows as the text has, got {}"
            raise UsageError(text, self._n // data.order.length, config.batch_size)
        if config.drop_last:
            self._samples -= self._samples % self._size
        self.batches = -(-self._samples // self._size)
        self._unit = preparation.target_scale**2  # of the squared error of what the net sees
        self.history, self.seconds, self.steps, self.interrupted = [], 0.0, 0, False
        self._updates = Updates(net, config, self._measured, train, data.train)
        self._answers = Answers(net, config, preparation, self._measured, data, floats)
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
    def vocabulary(self):
        """The `nbdl.data.Vocabulary` of a text, with `encode` and `decode`; None of other data."""
        return self.preparation.vocabularies.get("text")

    @property
    def epoch(self):
        """How many epochs are done."""
        return self._epoch

    @property
    def lr(self):
        """The learning rate, before the factor of the schedule."""
        return self._updates.updater.lr

    @lr.setter
    def lr(self, value):
        if not is_number(value) or not 0 <= value < math.inf:
            raise OptionError("`lr` must be a finite number from 0, got {!r}", value)
        self._updates.updater.lr = float(value)

    def stop(self):
        """End training after this event; what is done of the epoch is measured like a whole one."""
        self._stopped = True

    def log(self, name, value):
        """Add a number to the row of this epoch in the history and in the log; the last of a name counts.

        Raises `UsageError` for a name like those of losses and metrics, `OptionError` unless `value` is a
        finite number.
        """
        self._logged[name] = noted(name, value)

    def evaluate(self, split):
        """Loss and metrics of the net on a `Split`, or a pair (x, y), in the form of the data, as a dict."""
        return self._answers.evaluate(split)

    def predict(self, x):
        """Predictions for inputs (N, ...) in the form of the data.

        Values in the units of the targets, (N,) where these are; of classes what the most probable one is
        called, in the form of the targets: (N,), or (N, T) for each position. What a net gives that returns
        several arrays comes back in its form.
        """
        return self._answers.predict(x)

    # --- the loop -------------------------------------------------------------------------------------------

    def go(self, progress):
        """Train to the end of the last epoch, or until Ctrl-C."""
        config, start = self.config, time.perf_counter() - self.seconds
        n, size, batches = self._samples, self._size, self.batches
        progress("start", epochs=config.epochs, steps=batches, samples=n, folder=self.folder)
        with Interrupt() as stop, registry.swap(**config.swap), self._kept():
            if self._epoch < config.epochs:
                self._updates.prepare(size)
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
                    losses = self._go(rows, min(size, len(rows)))
                    if self._updates.step is not None and not self._callbacks["step"]:
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
        remark(self)

    def _order(self, epoch):
        """The samples of an epoch in their order."""
        rng = np.random.Generator(np.random.Philox(key=[self.config.seed, epoch]))
        order = self.data.order
        return rng.permutation(self._n) if order is None else order(self._n, self._size, rng)

    def _go(self, rows, size):
        """Steps on the samples `rows`, `size` at a time; returns their losses."""
        losses, weights = self._updates.run(rows, size, self.batches * self.config.epochs)
        for loss, n in zip(losses, weights):  # in order: the sum does not depend on how many ran at once
            self._sum, self._count = self._sum + float(loss) * n, self._count + n
        self.steps += len(weights)
        return losses

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
        """Note how large activations and gradients are, if it is time."""
        every = self.config.statistics
        if every and not self._epoch % every:
            self.statistics.append(flow(self.net, self._updates, self._epoch))

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

    def save_checkpoint(self):
        """All that is needed to go on, in the run's folder, if it has one."""
        if self.folder is not None:
            write_checkpoint(self)
            self._saved = self.steps


def _some(steps, seconds):
    """How many steps to run in the next call: what takes a twentieth of a second."""
    return max(1, round(0.05 * steps / max(seconds, 1e-6)))
