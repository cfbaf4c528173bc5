r"""What is done to a table before a net sees it, and to what the net answers.

.. math:: x'_d = \frac{x_d - \mu_d}{\sigma_d},\qquad y'_q = \frac{y_q - \nu_q}{s}

with the mean and the standard deviation of each column of the training part. All values share one scale s,
the root of their mean variance, so that the squared error of y' is that of y over s^2: the same minimum.
A missing number becomes the mean of its column, a column of categories an indicator for each of them
(`_categories.py`), and y is the logarithm of targets that are to be learnt so. All of it is found in the
training part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from nbdl.data import _categories
from nbdl.data._data import Split
from nbdl.data._fault import fault
from nbdl.data._vocabulary import read_vocabularies
from nbdl.errors import DataError, ShapeError, UsageError

LOSS = "mse"  # values are standardised for this loss alone: the options of others are in units of the values


@dataclass(eq=False)
class Preparation:
    """Means and scales of a table's columns, names of its classes, vocabularies of a text: saved with a run.

    Without any of them it leaves everything as it is.
    """

    labels: tuple = ()  # what class i is called, where that is not i
    columns: tuple = ()  # names of the inputs, where the table has a header
    target: str = ""  # that of the target
    mean: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (D,)
    scale: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (D,), 0 of a constant: it becomes 0
    target_mean: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (Q,)
    target_scale: float = 1.0
    vocabularies: Mapping = field(default_factory=dict)  # of token ids, by name
    categories: tuple = ()  # of each column: what the codes in it stand for, () of one of numbers
    known: tuple = ()  # of each column: the codes that training met, each with an indicator
    log_target: bool = False

    @classmethod
    def of(cls, data, loss):
        """That of a `Data`, from its training part."""
        made = cls(data.labels, data.columns, data.target, vocabularies=data.vocabularies)
        made.log_target = data.log_target
        if data.standardize:
            x = np.asarray(data.train.x, np.float64)
            made.mean, made.scale = _moments(x)
            if data.categories:
                made.categories = data.categories
                made.known = tuple(
                    _categories.held(c) if names else () for c, names in zip(x.T, data.categories)
                )
                text = np.array([bool(names) for names in data.categories])
                made.mean[text], made.scale[text] = 0.0, 1.0
            if data.classes is None and loss == LOSS:
                y = made.logs(np.asarray(data.train.y, np.float64))
                made.target_mean, each = _moments(y.reshape(len(y), -1))
                made.target_scale = float(np.sqrt(np.mean(each**2))) or 1.0
        return made

    def inputs(self, x):
        """Inputs (N, D) as the net takes them, (N, F): one column for each of `features`.

        NaN is a missing number, which becomes the mean of its column, and so 0.
        """
        if not self.mean.size:
            return x
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.mean.size:
            raise ShapeError("inputs must be of shape (N, {}), got {}", self.mean.size, x.shape)
        away = x.astype(np.float64) - self.mean
        away = np.divide(away, self.scale, out=np.zeros_like(away), where=self.scale > 0)
        away[np.isnan(away)] = 0.0
        return _categories.spread(x, away, self.categories, self.known) if self.categories else away

    @property
    def features(self):
        """What the columns that the net sees are called: ``size``, and ``zone=RL`` of a category."""
        names = self.columns or tuple(map(str, range(self.mean.size)))
        return _categories.features(names, self.categories, self.known) if self.categories else names

    def codes(self, y):
        """Targets with the numbers of their classes in place of text."""
        if isinstance(y, Mapping):
            return y
        y = np.asarray(y)
        if not self.labels or y.dtype.kind not in "USO":
            return y
        return self._codes(y.ravel().tolist(), "targets").reshape(y.shape)

    def targets(self, y):
        """Targets as the net takes them: numbers of classes, or standardised values (N, Q)."""
        y = self.logs(self.codes(y))
        if not self.target_mean.size:
            return y
        return (y.reshape(len(y), -1).astype(np.float64) - self.target_mean) / self.target_scale

    def logs(self, y):
        """Targets as losses and metrics take them: their logarithms, if it is these that are learnt."""
        if not self.log_target:
            return y
        y = np.asarray(y)
        if not (y > 0).all():
            raise DataError("targets whose logarithm is learnt must be above 0, got {}", y[~(y > 0)].flat[0])
        return np.log(y, dtype=np.float64).astype(np.result_type(y, np.float32), copy=False)

    def values(self, prediction, logs=False):
        """Predictions of a net in the units of the targets; those of classes as they are.

        With `logs` those of a target that is learnt as logarithm stay logarithms.
        """
        dtype = getattr(prediction, "dtype", None)
        if self.target_mean.size:
            mean = self.target_mean if prediction.ndim > 1 else self.target_mean[0]
            prediction = (prediction * self.target_scale + mean).astype(dtype)
        return (
            np.exp(prediction, dtype=np.float64).astype(dtype) if self.log_target and not logs else prediction
        )

    def names(self, classes):
        """What classes (N, ...), as numbers, are called."""
        if not self.labels:
            return classes
        if np.max(classes, initial=0) >= len(self.labels):
            raise UsageError(
                "class {} was predicted, but there are {} labels: the net must have as many outputs",
                np.max(classes),
                len(self.labels),
            )
        return np.array(self.labels)[classes]

    def agree(self, data, where):
        """Another `Data`, of the file `where`, with these columns in their order and these classes.

        `DataError` if that cannot be, or its token ids do not mean what those of the run mean.
        """
        self._check_vocabularies(data, where)
        data = self._same_columns(data, where)
        if self.labels and data.classes is None:
            raise fault(
                f"the targets are values, the model was trained on {len(self.labels)} classes",
                where,
                "the data option target=NAME, or task=classification",
            )
        if data.classes is None or data.labels == self.labels:
            return data
        theirs = data.labels or tuple(range(data.classes))
        codes = np.array(self._codes(theirs, where, data))
        train, test = (Split(s.x, codes[s.y]) for s in (data.train, data.test))
        classes = len(self.labels) or data.classes
        return replace(data, train=train, test=test, labels=self.labels, classes=classes)

    def order(self, names, where):
        """At which places of `names` the columns stand; `DataError` for one that is missing."""
        missing = [c for c in self.columns if c not in names]
        if missing:
            shown = ", ".join(missing[:12]) + (", ..." if len(missing) > 12 else "")
            raise fault(
                f"columns that the model was trained on are missing: {shown}",
                where,
                f"a table with the columns {', '.join(self.columns[:12])}",
            )
        return [names.index(c) for c in self.columns]

    def _check_vocabularies(self, data, where):
        for name, ours in self.vocabularies.items():
            theirs = data.vocabularies.get(name)
            if theirs is None:
                raise fault("it is no text, and the model reads text", where, "a text, data option text=true")
            if theirs == ours:
                continue
            why = f"it has {len(theirs)} tokens, that of the run {len(ours)}"
            new = next((t for t in theirs.tokens if t not in ours), None)
            why += "" if new is None else f"; {new!r} is not among them"
            hint = "nbdl.data.load(..., vocabularies=run.preparation.vocabularies)"
            raise fault(f"the vocabulary of this text is not that of the run: {why}", where, hint)

    def _same_columns(self, data, where):
        if self.columns and data.columns and self.columns != data.columns:
            places = self.order(list(data.columns), where)
            train, test = (Split(s.x[:, places], s.y) for s in (data.train, data.test))
            theirs = tuple(data.categories[i] for i in places) if data.categories else ()
            data = replace(data, train=train, test=test, columns=self.columns, categories=theirs)
        return self._same_categories(data, where) if self.categories or data.categories else data

    def _same_categories(self, data, where):
        """Another `Data` with the codes of these categories in place of its own."""
        if self.categories == data.categories:
            return data
        names = self.columns or tuple(map(str, range(self.mean.size)))
        ours, theirs = (c or ((),) * len(names) for c in (self.categories, data.categories))
        splits = data.train, data.test
        xs = _categories.in_codes_of(ours, theirs, [split.x for split in splits], names, where)
        train, test = (Split(x, split.y) for x, split in zip(xs, splits))
        return replace(data, train=train, test=test, categories=self.categories)

    def _codes(self, labels, where, data=None):
        """The numbers of the classes that labels stand for."""
        number = {label: i for i, label in enumerate(self.labels)}
        if not self.labels:  # classes are their own names
            number = {i: i for i in labels if isinstance(i, int) and i >= 0}
        for i, label in enumerate(labels):
            used = data is None or any((s.y == i).any() for s in (data.train, data.test))
            if label not in number and used:
                known = ", ".join(map(str, self.labels[:12])) + (", ..." if len(self.labels) > 12 else "")
                raise fault(
                    f"the label {label!r} is none that the model was trained on: {known or 'numbers from 0'}",
                    where,
                    "a table with these labels, or the data option target=NAME",
                )
        return np.array([number.get(label, 0) for label in labels], np.int64)

    def document(self):
        """Itself as data of JSON, which `read` takes back to the same bits."""
        return {
            "labels": list(self.labels), "columns": list(self.columns), "target": self.target,
            "mean": self.mean.tolist(), "scale": self.scale.tolist(),
            "target_mean": self.target_mean.tolist(), "target_scale": self.target_scale,
            "vocabularies": {name: v.document() for name, v in self.vocabularies.items()},
            "categories": list(map(list, self.categories)), "known": list(map(list, self.known)),
            "log_target": self.log_target,
        }  # fmt: skip

    @classmethod
    def read(cls, document, where):
        """From a document; `DataError` if it is none."""
        if document is None:
            return cls()
        try:
            numbers = {k: np.array(document[k], np.float64) for k in ("mean", "scale", "target_mean")}
            labels, columns, target = (document[k] for k in ("labels", "columns", "target"))
            made = cls(tuple(labels), tuple(columns), target, **numbers)
            made.target_scale = float(document["target_scale"])
            made.categories = tuple(map(tuple, document.get("categories", ())))
            made.known = tuple(map(tuple, document.get("known", ())))
            made.log_target = document.get("log_target", False)
            right = (
                made.mean.shape == made.scale.shape
                and all(a.ndim == 1 and np.isfinite(a).all() for a in numbers.values())
                and all(isinstance(label, (str, int)) for label in made.labels)
                and all(isinstance(name, str) for name in (*made.columns, made.target))
                and (made.scale >= 0).all()
                and 0 < made.target_scale < np.inf
                and len(set(made.labels)) == len(made.labels)
                and len(made.categories) == len(made.known) in (0, made.mean.size)
                and all(isinstance(name, str) for names in made.categories for name in names)
                and all(c in range(len(n)) for n, known in zip(made.categories, made.known) for c in known)
                and isinstance(made.log_target, bool)
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            right = False
        if not right:
            raise DataError("{} is damaged: what it says of the columns of its table is wrong", where)
        made.vocabularies = read_vocabularies(document.get("vocabularies", {}), where)
        return made

    def __bool__(self):
        return bool(self.labels or self.columns or self.mean.size or self.vocabularies or self.log_target)


def _moments(a):
    """Mean and deviation of what stands in each column; a deviation that is rounding alone is 0."""
    there = ~np.isnan(a)
    if there.all():
        mean, scale = a.mean(axis=0), a.std(axis=0)
    else:
        n = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, a, 0).sum(axis=0) / n
        scale = np.sqrt((np.where(there, a - mean, 0) ** 2).sum(axis=0) / n)
    return mean, np.where(scale > 1e-12 * np.abs(mean), scale, 0.0)
