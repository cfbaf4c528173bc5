"""How well a model does on samples that it has not seen: k-fold cross-validation, and learning curves."""

import copy
import dataclasses
import math
from functools import partial

import numpy as np

from nbdl.data import Split, k_folds
from nbdl.errors import OptionError, UsageError
from nbdl.nn._inputs import count, taken
from nbdl.train._config import Config
from nbdl.train._model import net_of
from nbdl.train._samples import as_data
from nbdl.train._start import _run, fit


@dataclasses.dataclass(eq=False)
class CrossValidation:
    """What k nets do, each on the samples that it was trained on and on the fold that it has not seen.

    `rows` has a dict for each fold: ``train_loss`` and ``valid_loss``, and the metrics of both; `runs` the
    `nbdl.train.Run` of each. ``print`` shows a table.
    """

    rows: list
    runs: list

    @property
    def mean(self):
        """The mean of each figure over the folds, as a dict."""
        return {name: float(np.mean([row[name] for row in self.rows])) for name in self.rows[0]}

    @property
    def standard_error(self):
        """Of each mean: the deviation of the folds over sqrt(k); a rough one, as their nets share samples."""
        k = len(self.rows)
        return {n: float(np.std([r[n] for r in self.rows], ddof=1)) / math.sqrt(k) for n in self.rows[0]}

    def predict(self, x):
        """The mean of what all k nets predict, values, for inputs (N, ...) in the form of the data."""
        answers = [run.predict(x) for run in self.runs]
        if any(not isinstance(a, np.ndarray) or a.dtype.kind != "f" for a in answers):
            raise UsageError("only predictions of values have a mean: of classes ask each of the `runs`")
        return np.mean(answers, axis=0, dtype=np.float64).astype(answers[0].dtype)

    def __str__(self):
        names = list(self.rows[0])
        lines = [("fold", *(n.replace("_", " ") for n in names))]
        named = [*enumerate(self.rows, 1), ("mean", self.mean), ("s.e.", self.standard_error)]
        lines += [(str(fold), *(f"{row[n]:.4g}" for n in names)) for fold, row in named]
        widths = [max(map(len, column)) for column in zip(*lines)]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in lines)


def cross_validate(make, data, k=5, *, seed=0, progress=None, **settings):
    """k-fold cross-validation: k nets, each trained on all samples but a fold, and measured on both.

    All that is fitted (weights, means of columns, categories) comes from the samples of training alone. The
    test part of the data is left alone.

    Parameters
    ----------
    make : callable or Config
        ``make()`` returns a new net; or the settings of a model, as `nbdl.train.resolve` gives them.
    data : nbdl.data.Data, (x, y) pair, data set name or path
    k : int
        How many folds. As many as samples is leave-one-out.
    seed : int
        Of the folds, the weights and the order.
    progress : callable, optional
        ``progress("fold", fold=1, folds=k, **row)`` after each fold.
    **settings
        Of `nbdl.fit`: `lr`, `epochs`, `optimizer` ...; with a `Config` they stand in it.

    Returns
    -------
    CrossValidation

    Raises
    ------
    OptionError
        For fewer than 2 folds, or more than samples.
    UsageError
        For windows of a text that lie elsewhere in each epoch: they share tokens.

    Notes
    -----
    Zhang et al., Dive into Deep Learning, section 3.6.3.

    Examples
    --------
    >>> found = cross_validate(lambda: nn.Sequential(nn.Linear(1)), (x, y), 5, lr=0.1, epochs=20)
    >>> found.mean["valid_loss"], found.standard_error["valid_loss"]
    """
    trained, data = _trainer(make, data, seed, settings)
    rows, runs, n = [], [], count(data.train.x)
    if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or not 2 <= k <= n:
        text = "cross_validate: `k` must be an integer from 2 to {}, the training samples, got {!r}"
        raise OptionError(text, n, k)
    for train, valid in k_folds(n, k, seed):
        run, row = _measured(trained, data, train, Split(*(taken(a, valid) for a in data.train)))
        runs.append(run)
        rows.append(row)
        if progress is not None:
            progress("fold", fold=len(rows), folds=k, **row)
    return CrossValidation(rows, runs)


def learning_curve(make, data, sizes, *, seed=0, **settings):
    """Errors against the number of samples: nets trained on ever more of the training samples.

    Parameters
    ----------
    make, data, seed, **settings
        As in `cross_validate`. The data must have a test part: on it ``valid_loss`` is measured.
    sizes : sequence of int
        How many training samples; each part holds those of the smaller ones.

    Returns
    -------
    list of dict
        For each size ``samples``, ``train_loss`` and ``valid_loss``, and the metrics of both.

    Raises
    ------
    OptionError
        For a size below 1 or above the number of training samples.
    UsageError
        Without a test part.
    """
    trained, data = _trainer(make, data, seed, settings)
    n = count(data.train.x)
    if not count(data.test.x):
        raise UsageError("`data` have no test part to measure on. Try an nbdl.data.Data with one")
    for size in sizes:
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or not 1 <= size <= n:
            text = "`sizes` must be integers from 1 to {}, the training samples, got {!r}"
            raise OptionError(text, n, size)
    order = np.random.default_rng(seed).permutation(n)
    return [
        {"samples": int(size), **_measured(trained, data, np.sort(order[:size]), data.test)[1]}
        for size in sizes
    ]


def _trainer(make, data, seed, settings):
    """A function that trains a new net on a `Data`, and the data."""
    data = as_data(data)
    if data.order is not None:
        raise UsageError("windows of a text that lie elsewhere in each epoch share tokens: no folds")
    if not isinstance(make, Config):
        return (lambda part: fit(make(), part, seed=seed, **settings)), data
    if settings:
        raise UsageError("with a Config the settings stand in it: leave out {}", ", ".join(settings))
    return partial(_of_config, make, seed), data


def _of_config(config, seed, data):
    config = dataclasses.replace(copy.deepcopy(config), seed=seed)
    return _run(net_of(config, data), data, config, None, None, None)


def _measured(trained, data, train, held):
    """A run on some of the training samples, and its figures on these and on `held`."""
    seen = Split(*(taken(a, train) for a in data.train))
    none = Split(*(taken(a, slice(0, 0)) for a in held))  # what is held out is measured once, at the end
    part = dataclasses.replace(data, train=seen, test=none, about="")
    run = trained(part)
    row = {}
    for name, split in (("train", seen), ("valid", held)):
        row |= {f"{name}_{key}": value for key, value in run.evaluate(split).items()}
    return run, row
