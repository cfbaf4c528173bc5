"""The updates of a run, minibatch by minibatch: as one native program, or kernel by kernel on the tape."""

import numpy as np

from nbdl import nn, registry, tape
from nbdl.data import Split
from nbdl.errors import NbdlError, TapeError
from nbdl.nn._inputs import call, each, taken
from nbdl.nn._options import check_options
from nbdl.nn._own_loss import check_loss_options, of_tensors
from nbdl.optim import Updater
from nbdl.records import reason
from nbdl.records import resolve as code
from nbdl.step import CompiledStep, diverged
from nbdl.train._measure import counted_numbers, native


class Updates:
    """What a run does to its net: forward, backward and update.

    Parameters
    ----------
    net : callable
    config : Config
    record : Loss
    train : Split
        The training samples as the net and the loss take them.
    given : Split
        The same samples as the user has them: for messages.
    """

    def __init__(self, net, config, record, train, given):
        self.net, self.config, self.record, self.train, self._given = net, config, record, train, given
        self.loss = of_tensors(code(record.compute))
        self.updater = Updater(
            config.optimizer, net, config.lr, groups=config.groups, clip_norm=config.clip_norm or None,
            clip_value=config.clip_value or None, **config.optimizer_options,
        )  # fmt: skip
        self._rate = code(registry.default().get("schedule", config.schedule).rate)
        check_loss_options(record, config.loss_options)
        check_options(f"schedule `{config.schedule}`", self._rate, config.schedule_options, ("step", "steps"))
        self.step = self._numbers = None

    @property
    def threads(self):
        return self.config.threads or "auto"

    def prepare(self, size):
        """Compile the step for minibatches of about `size` samples, if it is to be compiled."""
        if self.config.compiled and native():
            self.step = self._program([taken(a, slice(0, size)) for a in self.train])
            self.train = Split(*(each(_as_programs_do, a) for a in self.train))
        self._numbers = counted_numbers(self.net, self.train, self.config, self.record)

    def run(self, rows, size, total):
        """Updates by the samples `rows`, `size` at a time, of `total` in the whole run.

        Returns
        -------
        losses : list of float
        weights : list
            Of how many numbers each loss is the mean, or samples, if these count alike.
        """
        steps, done = len(rows) // size, self.updater.steps
        factors = [self._rate(done + i, total, **self.config.schedule_options) for i in range(steps)]
        rates = np.multiply(self.updater.lr, factors)
        if self.step is not None:
            losses = self.step.run(self.train.x, self.train.y, rows, size, rates)
        else:
            losses = [self._eager(rows, rates[0])]
        weights = [size] * steps
        if self._numbers is not None:
            weights = self._numbers[rows].reshape(steps, size).sum(axis=1).tolist()
        return losses, weights

    def _program(self, example):
        """The step as one native program."""
        config = self.config
        try:
            return CompiledStep(
                self.net, self.record, self.updater, example, self.threads, config.seed, config.loss_options
            )
        except NbdlError:
            raise
        except Exception as error:  # their Python was run with tensors that have no values yet
            with tape.no_grad():  # where it fails on values too, that is the fault
                self.loss(call(self.net, example[0]), example[1], **config.loss_options)
            raise TapeError(
                "the net or its loss cannot become a native program ({}). Try compiled=False (on the command "
                "line --set compiled=false): slower, but for any Python",
                reason(error),
            ) from error

    def _eager(self, rows, rate):
        """Forward, backward and update by the tape, on the samples `rows`; returns the loss."""
        x, y = (taken(a, rows) for a in self.train)
        train = nn.Train(self.config.seed, self.updater.steps)
        with self.updater.freezing():
            loss = self.loss(call(self.net, x, train=train), y, **self.config.loss_options)
        value = loss.item()
        if not np.isfinite(value):
            raise diverged(value, self.updater.steps + 1, rate, *self._given, rows, self.net)
        loss.backward()
        self.updater.step(rate)
        train.commit()
        return value


def _as_programs_do(a):
    """Integers in the dtype of a program, once and not at each call."""
    return a.astype(np.int64) if a.dtype.kind in "iub" and np.can_cast(a.dtype, np.int64) else a
