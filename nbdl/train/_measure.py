"""Predictions of a net, and how good they are, part by part of the samples."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from numba import config as numba_config

from nbdl import registry, tape
from nbdl.data import Preparation, Split
from nbdl.errors import DataError, DtypeError, NbdlError, ShapeError, TapeError
from nbdl.nn._inputs import call, count, each, named, numbers, taken
from nbdl.nn._losses import elements, rows
from nbdl.nn._own_loss import check_loss_options, loss_record, of_tensors
from nbdl.nn._parameter import dtype_of
from nbdl.nn._variational import samples as samples_of_losses
from nbdl.records import resolve as code
from nbdl.step import CompiledPredict
from nbdl.step._forms import flat, put_together
from nbdl.step._trace import trace
from nbdl.tape import unmasked

HELD = 2**26  # bytes of predictions that are held at once


def predict(net, x, batch_size=512):
    """Predictions of a net for inputs x (N, ...), one array or several by name, in the form that it gives."""
    x = _samples(net, x)
    return predictor(net, taken(x, slice(0, 1)), batch_size)(x)


def predictor(net, example, batch_size=512, threads="auto"):
    """A function from inputs (N, ...) to predictions (N, ...): a native program, or the net's own Python."""
    if native():
        try:
            return CompiledPredict(net, example, threads, batch_size)
        except Exception as error:
            if isinstance(error, NbdlError) and not isinstance(error, TapeError):
                raise  # else its Python looks at values, or takes arrays alone: it cannot be a program
    return lambda x: eager(net, _samples(net, x), batch_size)


def eager(net, x, batch_size=512):
    """Predictions kernel by kernel; integers become floats for a net that takes floats alone."""
    with tape.no_grad():
        try:
            return joined(
                call(net, taken(x, slice(i, i + batch_size))) for i in range(0, count(x), batch_size)
            )
        except DtypeError:
            dtype = dtype_of(net, x)
            if all(a.dtype.kind == "f" for a in named(x).values()):
                raise
    return eager(net, each(lambda a: a.astype(dtype), x), batch_size)


def joined(answers):
    """What a net gives for one part of the samples after the other, as arrays of all samples."""
    found = [flat(answer) for answer in answers]
    tensors = zip(*([t.numpy() for t in tensors] for tensors, _ in found))
    return put_together(found[0][1], map(np.concatenate, tensors))


def _samples(net, x):
    """One or more inputs in the dtype of the net."""
    x = each(lambda a: unmasked("predict: `x`", a), x)
    if not count(x):
        raise ShapeError("predict: `x` must hold at least one sample, got shape {}", each(np.shape, x))
    return numbers("predict: `x`", x, dtype_of(net, x))


def parts(predict, x, size=None):
    """(slice of the samples, predictions) for one part of x after the other, `size` samples in each.

    Without a size it is such that not more than `HELD` bytes of predictions are held at once.
    """
    n = count(x)
    if size is None:
        bytes_of_one = sum(t.numpy().nbytes for t in flat(predict(taken(x, slice(0, 1))))[0])
        size = int(np.clip(HELD // max(bytes_of_one, 1), 1, 512))
    for i in range(0, n, size):
        part = slice(i, min(n, i + size))
        yield part, predict(taken(x, part))


def evaluate(net, split, loss, preparation=None, *, metrics=(), standard_error=False, **loss_options):
    r"""Mean loss and its metrics of a net on a `Split` or pair (x, y), as a dict ("loss", "accuracy" ...).

    With the `Preparation` of a run the split is in the form of its data, and so are loss and metrics. Further
    `metrics` are names in the registry; the loss is one too, or a function as `nbdl.fit` takes it.

    On samples that were held out the mean is an estimate of the expected loss, and with `standard_error` the
    dict has "loss_standard_error" too: how far off it is likely to be,

    .. math:: \frac{1}{\sum_n c_n} \sqrt{\frac{N}{N-1} \sum_n c_n^2 (l_n - \bar l)^2}

    of samples that are independent, where c is how much of the mean a sample counts (of the plain mean 1). It
    is left out for a loss that is no mean of the losses of its samples, and for one sample alone.
    """
    record, preparation, split = loss_record(loss), preparation or Preparation(), Split(*split)
    check_loss_options(record, loss_options, ())
    x = _samples(net, preparation.inputs(split.x))
    predict = predictor(net, taken(x, slice(0, 1)))
    return evaluated(predict, Split(x, split.y), preparation, record, loss_options, metrics, standard_error)


def evaluated(predict, split, preparation, loss, loss_options, metrics=(), standard_error=False):
    """Loss (a `Loss`) and metrics of `predict` on a split of its inputs, in the units of the targets.

    Each is a mean over what it counts in each part of the samples, and no more than one part is held. Only
    for a loss or a metric whose record does not say what it counts, all predictions are.
    """
    y = compared(loss, Split(split.x, preparation.logs(preparation.codes(split.y)))).y
    samples, targets = count(split.x), count(y, "y")
    if samples != targets:
        raise DataError("{} inputs but {} targets", samples, targets)
    figures = figures_of(loss, loss_options, metrics)
    whole = any(counted is None for _, counted in figures.values())
    means, totals, alone = dict.fromkeys(figures, 0.0), dict.fromkeys(figures, 0), []
    for part, prediction in parts(predict, split.x, samples if whole else None):
        pair = preparation.values(prediction, logs=True), taken(y, part)
        if standard_error and isinstance(prediction, np.ndarray):
            alone += _alone(*pair, *figures["loss"])
        for name, (compute, counted) in figures.items():
            n = 1 if whole else counted(*pair)
            if n:
                totals[name] += n
                means[name] += (compute(*pair) - means[name]) * (n / totals[name])
    if not totals["loss"]:
        means["loss"] = figures["loss"][0](*pair)  # of no labels: the loss says what it is
    for name in set(means) - {"loss"}:
        metric = registry.default().get("metric", name)
        means[name] = code(metric.finish)(means[name]) if metric.finish else means[name]
    of_all = means | of_loss(means["loss"], loss, loss_options, metrics)
    if len(alone) > 1:
        of_all["loss_standard_error"] = _standard_error(np.array(alone), means["loss"])
    return of_all


def _alone(prediction, y, compute, counted):
    """(loss, of how many numbers it is the mean) of each sample by itself; none where that has no meaning."""
    ones = (slice(i, i + 1) for i in range(count(prediction))) if counted else ()
    pairs = ((taken(prediction, one), taken(y, one)) for one in ones)
    return [(compute(*pair), n) for pair in pairs if (n := counted(*pair))]


def _standard_error(alone, mean):
    """Of the mean of losses (N, 2), each with its weight, as of a ratio of sums."""
    losses, weights = alone.T
    n = len(alone)
    return float(np.sqrt(n / (n - 1) * np.sum((weights * (losses - mean)) ** 2)) / weights.sum())


def compared(loss, split):
    """A split of what a net takes with what a loss (a `Loss`) compares its predictions with."""
    return Split(split.x, code(loss.target)(*split)) if loss.target else split


def counted_numbers(net, split, config, record):
    """Of how many numbers each sample's loss is the mean, (N,); None where all samples count alike.

    Of the labels those count that the loss does not ignore, classes may have weights: a minibatch has as
    much share in the loss of an epoch as it holds of what counts.

    Parameters
    ----------
    split : Split
        Inputs and targets as the net and the loss are given them in training.
    config : Config
    record : Loss
    """
    x, y = split
    counted, n = _count(record, config.loss_options), count(x)
    by_size = elements, rows, samples_of_losses  # they go by the size of a sample
    if counted is None or code(record.count) in by_size:
        return None
    one, distinct, where = slice(0, 1), y, slice(None)
    if config.compiled and native():  # recorded, not called: only the shape of what it gives is needed
        graph = trace(net, (taken(x, one), taken(y, one)), config.dtype, lambda prediction, y: prediction)
        given = put_together(graph.form, (np.zeros((1, *v.shape), v.dtype) for v in graph.results))
    else:
        given = eager(net, taken(x, one))
    if not isinstance(y, Mapping) and y.dtype.kind in "iub":  # what is alike counts alike
        distinct, where = np.unique(y, axis=0, return_inverse=True)
    numbers = np.array([counted(given, taken(distinct, slice(i, i + 1))) for i in range(count(distinct))])
    return None if (numbers == numbers[0]).all() else numbers[where].reshape(n)


def _count(record, loss_options):
    """``count(prediction, target)`` of a loss, if its record has one and it is a mean."""
    options = {k: v for k, v in loss_options.items() if k != "reduction"}
    mean = loss_options.get("reduction", "mean") == "mean"
    return partial(code(record.count), **options) if record.count and mean else None


def figures_of(loss, loss_options, metrics):
    """What computes each figure from predictions and targets, and of how many numbers it is the mean."""
    known, compute = registry.default(), of_tensors(code(loss.compute))

    def value(prediction, target):
        with tape.no_grad():
            return compute(prediction, target, **loss_options).item()

    figures = {"loss": (value, _count(loss, loss_options))}
    for name in (*loss.metrics, *metrics):
        metric = known.get("metric", name)
        if metric.of == "prediction":
            compute_it = code(metric.compute)
            taken_too = {k: v for k, v in loss_options.items() if k in registry.parameters(compute_it)}
            counted = partial(code(metric.count), **taken_too) if metric.count else None
            figures[name] = partial(compute_it, **taken_too), counted
    return figures


def of_loss(value, loss, loss_options, metrics):
    """The metrics that are functions of the loss, for a mean loss of this value.

    They are for the plain mean: not where options weigh it or change what it is.
    """
    known = registry.default()
    records = {name: known.get("metric", name) for name in (*loss.metrics, *metrics)}
    plain = set(loss_options) <= {"axis", "ignore_index"}
    return {name: code(r.compute)(value) for name, r in records.items() if r.of == "loss" and plain}


def native():
    """Whether nets run as programs: not where the JIT is disabled."""
    return not numba_config.DISABLE_JIT
