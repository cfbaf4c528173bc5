"""What flows through a net: how large activations and gradients are, layer by layer."""

import math
from dataclasses import dataclass

import numpy as np

from nbdl import nn, tape
from nbdl._calls import walk
from nbdl.errors import UsageError
from nbdl.nn._inputs import call, each, numbers
from nbdl.nn._own_loss import check_loss_options, loss_record, of_tensors
from nbdl.nn._parameter import dtype_of, named_arrays, ready
from nbdl.records import resolve
from nbdl.step._report import _aligned

PLUMBING = {"reshape", "transpose", "getitem", "astype"}  # they change no number
NEAR = 0.01  # of its range: how close to an end a result is saturated
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0), "hard_sigmoid": (0.0, 1.0)}


@dataclass(frozen=True)
class Activation:
    """The results of one call of a kernel, over all samples and elements.

    `saturated` is the share within a hundredth of the range of an end of it, for activations that are bounded
    (sigmoid, tanh, softsign, hard_sigmoid); else None. `gradient` is the root mean square of the gradient of
    the loss with respect to the results; None where none is asked for, or none flows.
    """

    layer: str  # the path of its parameters; "" where it has none
    op: str
    mean: float
    std: float
    zeros: float  # the share of elements that are 0
    saturated: float | None
    gradient: float | None


@dataclass(frozen=True)
class Weights:
    """The Euclidean norms of a parameter and of the gradient of the loss with respect to it."""

    name: str
    norm: float
    gradient: float | None


@dataclass(frozen=True)
class Statistics:
    """The `activations` of a net in their order, and its `parameters`. ``print`` gives a table."""

    activations: list
    parameters: list

    def __str__(self):
        table = [["", "layer", "op", "mean", "std", "zeros", "saturated", "gradient"]]
        for i, a in enumerate(self.activations):
            shares = [_share(a.zeros), _share(a.saturated)]
            table.append([str(i), a.layer, a.op, _shown(a.mean), _shown(a.std), *shares, _shown(a.gradient)])
        other = [["parameter", "norm", "gradient"]]
        other += [[p.name, _shown(p.norm), _shown(p.gradient)] for p in self.parameters]
        return "\n".join([*_aligned(table, {0, 3, 4, 5, 6, 7}), "", *_aligned(other, {1, 2})])


def statistics(net, x, y=None, loss=None, *, seed=0, step=0, loss_options=None):
    """How large the results of a net's layers are, and the gradients that flow back to them.

    The net is called for training, kernel by kernel, once; no parameter, buffer or gradient of it changes.
    Where results or gradients shrink or grow from layer to layer, learning does (Glorot and Bengio 2010,
    "Understanding the difficulty of training deep feedforward neural networks").

    Parameters
    ----------
    net : callable
        Its parameters are drawn from `seed` if they have no values yet.
    x : array, or arrays by name
        A minibatch.
    y : array, or arrays by name, optional
        Its targets; without them there are no gradients.
    loss : str, optional
        Name of a loss, by default softmax_cross_entropy for integers and mse for floats.
    seed, step : int
        Of dropout, as in `nbdl.nn.Train`.
    loss_options : dict, optional

    Returns
    -------
    Statistics

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(4), nn.Sigmoid(), nn.Linear(2))
    >>> found = statistics(net, np.zeros((8, 3)), np.arange(8) % 2)
    >>> [(a.layer, a.op, a.mean) for a in found.activations]
    [('0', 'linear', 0.0), ('', 'sigmoid', 0.5), ('2', 'linear', 0.0)]
    """
    if not ready(net):
        nn.init(net, x, seed, keep=True)
    x = numbers("statistics: `x`", x, dtype_of(net, x))
    if y is None and loss is not None:
        raise UsageError("statistics: a `loss` needs targets `y`")
    compute = None
    if y is not None:
        y = numbers("statistics: `y`", y, dtype_of(net, x))
        if loss is None and not isinstance(y, np.ndarray):
            raise UsageError("statistics: targets of several names need a `loss`")
        loss = loss or ("mse" if y.dtype.kind == "f" else "softmax_cross_entropy")
        record = loss_record(loss)
        check_loss_options(record, loss_options or {})
        function = of_tensors(resolve(record.compute))

        def compute(prediction):
            return function(prediction, y, **(loss_options or {}))

    return measured(net, each(np.asarray, x), compute, nn.Train(seed, step))


def measured(net, x, compute, train):
    """The `Statistics` of a net on inputs as it takes them; `compute` is its loss, or None."""
    parameters = nn.named_parameters(net)
    kept = {name: p.grad for name, p in parameters.items()}
    try:
        for p in parameters.values():
            p.grad = None
        gradients = {}
        with tape.record() as calls:
            prediction = call(net, x, train=train)
        if compute is not None:
            loss = compute(prediction)
            if loss.requires_grad:
                walk(loss, np.ones((), loss.dtype), False, look=_noting(gradients))
        layers = {id(p): name.rpartition(".")[0] for name, p in named_arrays(net).items()}
        found = [
            _activation(made, result, layers, gradients.get(made))
            for made, result in calls
            if made.record.name not in PLUMBING and result.dtype.kind == "f" and result.size
        ]
        return Statistics(found, [_weights(name, p) for name, p in parameters.items()])
    finally:
        for name, p in parameters.items():
            p.grad = kept[name]


def _noting(gradients):
    def note(made, given):
        if given[0] is not None:
            gradients[made] = _norm(given[0]) / math.sqrt(max(given[0].size, 1))

    return note


def _activation(made, result, layers, gradient):
    values, op = np.asarray(result.data, np.float64), made.record.op
    layer = next((layers[id(t)] for t in made.inputs if id(t) in layers), "")
    saturated = None
    if op in RANGES:
        low, high = RANGES[op]
        near = NEAR * (high - low)
        saturated = float(np.mean((values < low + near) | (values > high - near)))
    with np.errstate(invalid="ignore", over="ignore"):  # of a net that has diverged
        mean, std = float(values.mean()), float(values.std())
    return Activation(layer, op, mean, std, float(np.mean(values == 0)), saturated, gradient)


def _weights(name, p):
    return Weights(name, _norm(p.data), None if p.grad is None else _norm(p.grad))


def _norm(a):
    """The Euclidean norm; squares of the largest float32 have a place in float64."""
    with np.errstate(over="ignore"):
        return float(np.sqrt(np.sum(np.square(a, dtype=np.float64))))


def _shown(value):
    return "" if value is None else f"{value:.3g}"


def _share(value):
    return "" if value is None else f"{value:.0%}"
