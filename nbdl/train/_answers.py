"""What the net of a run says of samples, in the form of the run's data."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from nbdl import registry
from nbdl.data import Split
from nbdl.errors import UsageError
from nbdl.nn._inputs import taken
from nbdl.nn._losses import class_axis
from nbdl.step import CompiledPredict
from nbdl.train._measure import eager, evaluated, joined, native, parts
from nbdl.train._samples import cast


class Answers:
    """Predictions and figures of a net, of inputs that the `Preparation` of its run brings into its form.

    Parameters
    ----------
    net : callable
    config : Config
    preparation : Preparation
    record : Loss
    data : Data
        Of the run: the form of its inputs and targets.
    floats : collection of str
        The inputs that the net takes as floats.
    """

    def __init__(self, net, config, preparation, record, data, floats):
        self.net, self.config, self.preparation, self.record = net, config, preparation, record
        self._data, self._floats, self._predict = data, floats, None

    def evaluate(self, split):
        """Loss and metrics of a split, or pair (x, y)."""
        x, y = split
        config, split = self.config, Split(self._inputs(np.asarray(x) if isinstance(x, list) else x), y)
        with registry.swap(**config.swap):
            return evaluated(
                self._predictor(), split, self.preparation, self.record, config.loss_options,
                self._data.metrics,
            )  # fmt: skip

    def predict(self, x):
        """Predictions in the form of the targets."""
        x = self._inputs(x)
        with registry.swap(**self.config.swap):
            answers = joined(self._answer(found) for _, found in parts(self._predictor(), x))
        return self.preparation.names(answers) if self._classes(answers) else answers

    def _classes(self, answers):
        """Whether what the net gives are scores of classes."""
        alone = isinstance(answers, np.ndarray) and not isinstance(self._data.train.y, Mapping)
        return alone and "accuracy" in self.record.metrics

    def _answer(self, found):
        """What the net gives for some samples in the form of the targets: classes as their numbers."""
        answers, y = self.preparation.values(found), self._data.train.y
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
        form = self._data.train.x
        own, given = (list(a) if isinstance(a, Mapping) else "one array" for a in (form, x))
        if own != given and sorted(own) != sorted(given):
            raise UsageError("`x` must be {}, as in the training data, got {}", own, given)
        return cast(Split(self.preparation.inputs(x), np.zeros(0)), self.config.dtype, self._floats).x

    def _predictor(self):
        """A function from inputs of the net to what it gives."""
        if self._predict is None:
            if self.config.compiled and native():
                example = self._inputs(taken(self._data.train.x, slice(0, 1)))
                self._predict = CompiledPredict(self.net, example, self.config.threads or "auto")
            else:
                self._predict = partial(eager, self.net)
        return self._predict
