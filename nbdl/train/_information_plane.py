r"""The information plane of a net: what its layers know of the inputs and of the labels, epoch by epoch.

.. math:: I(X;T) \quad \text{and} \quad I(T;Y)

of T, what each layer with parameters is given by those before it, and what the net gives, for a fixed set of
samples. A net without randomness has no channel: T is a
function of X, and where T is continuous I(X;T) is infinite. What is plotted are estimates, which measure how
finely T is looked at:

========= ==========================================================================================
"binned"  each unit of T in bins of equal width, all units of a layer together one symbol: I(X;T) is
          the entropy H(T), I(T;Y) = H(T) - H(T|Y). At most log N, where each sample is alone
"ksg"     nearest neighbours, for mixtures of values that recur and values that do not, as ReLU gives
          (Gao, Kannan, Oh and Viswanath 2017)
========= ==========================================================================================

Beside each estimate stands what the same estimator says of the same samples with X, or Y, shuffled, where the
truth is 0: its bias. For the binned H(T) it is that of the counts, -(K - 1) / 2N of K symbols (Miller 1955).
Tishby and Zaslavsky 2015; Shwartz-Ziv and Tishby 2017; what the bins do: Saxe et al. 2018, On the information
bottleneck theory of deep learning.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from nbdl import info, tape
from nbdl.errors import DataError, OptionError, UsageError
from nbdl.info._counts import encode
from nbdl.nn._inputs import call, numbers
from nbdl.nn._parameter import dtype_of, named_arrays
from nbdl.train._plot import information_plane
from nbdl.train._statistics import PLUMBING

ESTIMATORS = ("binned", "ksg")
LIMITED = {"sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0)}


@dataclass(frozen=True)
class PlanePoint:
    """Estimates of one layer after one epoch, in nats, each with its bias: see `InformationPlane`."""

    epoch: int
    layer: int  # from 0 on, the last is what the net gives
    op: str  # that made it
    units: int
    estimator: str
    x_t: float
    x_t_bias: float
    t_y: float
    t_y_bias: float


class InformationPlane:
    """A callback of `nbdl.fit` that estimates I(X;T) and I(T;Y) of the layers of a net while it trains.

    T is what each layer with parameters is given, but for the first, and last what the net gives.

    Parameters
    ----------
    x : (N, ...) array
        Samples as the net takes them, a few hundred: the same after each epoch.
    y : (N,) integers or text
        Their labels.
    estimators : tuple of "binned" and "ksg"
    bins : int
        For each unit, of equal width: over the range of the activation where it is bounded (tanh, sigmoid
        ...), else from the least to the largest value of the layer.
    every : int
        Epochs from one measurement to the next.
    k : int
        Neighbours of "ksg".
    seed : int
        Of the shuffles.

    Attributes
    ----------
    points : list of PlanePoint

    Raises
    ------
    DataError, OptionError
        For samples and labels that do not fit, or options out of their range.

    Examples
    --------
    >>> plane = nbdl.train.InformationPlane(x[:400], y[:400])
    >>> run = nbdl.fit(net, (x, y), callbacks={"epoch": plane})
    >>> plane.points[0].t_y <= np.log(10)
    True
    """

    def __init__(self, x, y, *, estimators=ESTIMATORS, bins=30, every=1, k=3, seed=0):
        self._x, self._y = np.asarray(x), np.asarray(y)
        if self._y.shape != self._x.shape[:1] or len(self._y) < 2:
            text = "InformationPlane: `y` must have one label for each of two or more samples, got {} and {}"
            raise DataError(text, self._x.shape, self._y.shape)
        if self._y.dtype.kind == "f":
            raise DataError("InformationPlane: `y` must be labels, integers or text, got {}", self._y.dtype)
        for name, value, least in (("bins", bins, 2), ("every", every, 1), ("k", k, 1), ("seed", seed, 0)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                text = "InformationPlane: `{}` must be an integer from {}, got {!r}"
                raise OptionError(text, name, least, value)
        self.estimators = (estimators,) if isinstance(estimators, str) else tuple(estimators)
        for name in self.estimators:
            if name not in ESTIMATORS:
                text = "InformationPlane: `estimators` are {}, got {!r}"
                raise OptionError(text, " and ".join(ESTIMATORS), name)
        if k >= len(self._y):
            raise OptionError("InformationPlane: `k` must be below the {} samples, got {}", len(self._y), k)
        self.bins, self.every, self.k, self.seed, self.points = bins, every, k, seed, []

    def __call__(self, run):
        """Measure the net of a run after an epoch."""
        if run.epoch % self.every == 0:
            self.measure(run.net, run.epoch)

    def measure(self, net, epoch=0):
        """Measure a net and keep the points: that before training is epoch 0."""
        x = numbers("InformationPlane: `x`", self._x, dtype_of(net, self._x))
        found = _representations(net, x)
        order = np.random.Generator(np.random.Philox(key=[self.seed, epoch])).permutation(len(x))
        flat = x.reshape(len(x), -1).astype(np.float64)
        labels = np.unique(self._y, return_inverse=True)[1].astype(np.int64)
        for i, (op, values) in enumerate(found):
            t = values.reshape(len(values), -1).astype(np.float64)
            for name in self.estimators:
                figures = self._binned(op, t, labels, order) if name == "binned" else None
                figures = figures or self._ksg(flat, t, labels, order)
                self.points.append(PlanePoint(epoch, i, op, t.shape[1], name, *figures))

    def _binned(self, op, t, labels, order):
        """H(T) and its bias, I(T;Y) and that of shuffled labels, of symbols that are bins of all units."""
        low, high = LIMITED.get(op, (t.min(), t.max()))
        codes = np.floor((t - low) / max(high - low, 1e-300) * self.bins)
        symbols, _ = encode(np.clip(codes, 0, self.bins - 1).astype(np.int64))
        seen = np.unique(symbols).size
        both = _entropy(symbols) + _entropy(labels)
        shared, shuffled = (
            both - _entropy(encode(np.stack([symbols, y], 1))[0]) for y in (labels, labels[order])
        )
        return _entropy(symbols), -(seen - 1) / (2 * len(t)), shared, shuffled

    def _ksg(self, x, t, labels, order):
        estimate = info.mutual_information
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that recur, which this estimator is for
            return (
                *(float(estimate(a, t, "gao", discrete=False, k=self.k)) for a in (x, x[order])),
                *(float(estimate(t, y, "gao", discrete=(False, True), k=self.k))
                  for y in (labels, labels[order])),
            )  # fmt: skip

    def table(self):
        """The points as the rows of a table, a dict each."""
        return [vars(point) for point in self.points]

    def picture(self, title=""):
        """PNG bytes: for each estimator the plane, a line for each layer, its points coloured by the epoch.

        Below, the bias of both: what the same estimator says of shuffled samples. Needs matplotlib.
        """
        if not self.points:
            raise UsageError("InformationPlane: nothing was measured yet: give it to nbdl.fit as a callback")
        return information_plane(self.points, self.estimators, len(self._y), title)


def _representations(net, x):
    """(operation, values) of what each layer with parameters is given, and of what the net gives."""
    weights = {id(p) for p in named_arrays(net).values()}
    with tape.no_grad(), tape.record() as calls:
        given = call(net, x)
    made = {}  # by id of a tensor: the operation that made it, itself aside from changes of its shape
    for one, result in calls:
        source = made.get(id(one.inputs[0])) if one.record.name in PLUMBING else one.record.op
        if source is not None:
            made[id(result)] = source
    found = {}
    for one, _ in calls:
        if any(id(t) in weights for t in one.inputs if t is not None) and id(one.inputs[0]) in made:
            found[id(one.inputs[0])] = one.inputs[0]
    if not isinstance(given, tape.Tensor):
        raise UsageError("InformationPlane: the net must give one array, got {}", type(given).__name__)
    found[id(given)] = given
    return [(made.get(i, ""), np.asarray(t.data)) for i, t in found.items()]


def _entropy(codes):
    counts = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(-(counts * np.log(counts)).sum())
