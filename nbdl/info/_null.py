"""What chance makes of a measure: which rows a permutation test moves, and the estimate after each move.

=========================================== =============================================================
(conditional) mutual information, storage,  the rows of the first sample, which the others do not know then
transfer and conditional entropy
agreement of labels                         the same; all of them follow from I(X;Y), H(X) and H(Y)
total correlation                           the rows of every sample but the last, each in an order of its own
Kullback-Leibler divergence                 rows of both samples together, dealt again: a test of two samples
=========================================== =============================================================

A null has the estimate of the samples as they are, `observed`, and a function of a seed and a number, the
estimate after that shuffle, in nats.
"""

import math

import numpy as np

from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.info._estimate import by_counts, by_estimator, each_without_missing, prepared
from nbdl.info._labels import OF_INFORMATION, of_information
from nbdl.info._repeated import Repeated
from nbdl.info._samples import read, said_of
from nbdl.info._shuffle import Anywhere

ARGUMENTS = {  # how many samples a measure takes, at least and at most
    "active_information_storage": (1, 1),
    "mutual_information": (2, 2),
    "conditional_entropy": (2, 2),
    "transfer_entropy": (2, 3),
    "conditional_mutual_information": (3, 3),
    "total_correlation": (2, math.inf),
    "kl_divergence": (2, 2),
    **dict.fromkeys(OF_INFORMATION, (2, 2)),
}
LESS = ("conditional_entropy", "variation_of_information")  # small where the samples depend


def check_measure(measure, samples, known):
    """Raise unless `measure` is one of the names in `known`, and takes as many samples."""
    if measure not in known:
        raise UsageError("`measure` must be one of {}, got {!r}", ", ".join(known), measure)
    fewest, most = known[measure]
    if not fewest <= len(samples) <= most:
        wanted = str(fewest) if most == fewest else f"{fewest} or {'more' if most == math.inf else most}"
        raise ShapeError("`{}` takes {} samples, got {}", measure, wanted, len(samples))


def null_of(measure, samples, estimator, nan_policy, options, **shuffling):
    """The null of a measure by name; `shuffling` is how: method, block, neighbours."""
    check_measure(measure, samples, ARGUMENTS)
    make = {"total_correlation": Together, "kl_divergence": Pooled}.get(measure, Dependence)
    make = Labellings if measure in OF_INFORMATION else make
    return make(measure, samples, estimator, nan_policy, options, **shuffling)


class Dependence(Repeated):
    """The rows of the first sample move."""

    def __init__(self, measure, samples, estimator, nan_policy, options, **shuffling):
        super().__init__(measure, samples, estimator, nan_policy, options)
        self.order, self.value_after = self.shuffler(**shuffling), self.shuffled()
        self.observed = self.value(np.arange(self.rows))

    def __call__(self, seed, number):
        return self.value_after(self.order(seed, number))


class Labellings:
    """The rows of the first labelling move; the measure is a function of the mutual information."""

    def __init__(self, measure, samples, estimator, nan_policy, options, **shuffling):
        if estimator not in (None, "ml"):
            raise UsageError("`{}` takes no estimator, got `{}`", measure, estimator)
        options = dict(options)
        said = {"discrete": options.pop("discrete", None)}
        self.information = Dependence("mutual_information", samples, "ml", nan_policy, said, **shuffling)
        self.value = of_information(measure, *(s.values for s in self.information.samples), **options)
        self.observed = self.value(self.information.observed)

    def __call__(self, seed, number):
        return self.value(self.information(seed, number))


class Together:
    """The rows of every sample but the last move, each in an order of its own."""

    def __init__(self, measure, samples, estimator, nan_policy, options, **shuffling):
        self.work = Repeated(measure, samples, estimator, nan_policy, options)
        self.order = self.work.shuffler(**shuffling)
        self.observed = self._estimate(self.work.samples)

    def __call__(self, seed, number):
        *moving, last = self.work.samples
        first = number * len(moving)
        moved = [s.taking(self.order(seed, first + i)) for i, s in enumerate(moving)]
        return self._estimate([*moved, last])

    def _estimate(self, samples):
        return _estimate(self.work.record, self.work.measure, samples, self.work.given)


class Pooled:
    """The rows of both samples are put together and dealt again, as many to each as it had."""

    def __init__(self, measure, samples, estimator, nan_policy, options, method, block, neighbours):
        if nan_policy not in ("raise", "omit"):
            raise OptionError('`nan_policy` must be "raise" or "omit", got {!r}', nan_policy)
        if method not in (None, "global") or block is not None or neighbours is not None:
            got = method or ("block" if block is not None else "neighbours")
            raise OptionError('`{}` is tested by the method "global" alone, got {!r}', measure, got)
        self.measure, self.options = measure, dict(options)
        said = said_of(self.options.pop("discrete", None), ["x", "y"])
        samples = [read(name, x, kind) for name, x, kind in zip("xy", samples, said)]
        samples = each_without_missing(samples, nan_policy)
        self.record, self.samples, _ = prepared(measure, samples, estimator, self.options)
        self.first = len(self.samples[0].values)
        self.values = np.concatenate([s.values for s in self.samples])
        self.order = Anywhere(len(self.values))
        self.observed = self._estimate(np.arange(len(self.values)))

    def __call__(self, seed, number):
        return self._estimate(self.order(seed, number))

    def _estimate(self, order):
        dealt = order[: self.first], order[self.first :]
        samples = [s._replace(values=self.values[rows], ends=None) for s, rows in zip(self.samples, dealt)]
        return _estimate(self.record, self.measure, samples, self.options)


def _estimate(record, measure, samples, options):
    """The measure of samples that are read, in nats, on one thread."""
    if record.data == "discrete":
        return by_counts(record, measure, samples, None, False, dict(options))
    return by_estimator(record, measure, samples, False, 1, options)
