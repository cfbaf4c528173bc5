"""Batch norm folded into the layer before it, for prediction."""

import copy
from collections import Counter

import numpy as np

from nbdl.errors import UsageError
from nbdl.nn._batch_norm import BatchNorm
from nbdl.nn._conv1d import Conv1d
from nbdl.nn._conv2d import Conv2d
from nbdl.nn._inputs import call, numbers
from nbdl.nn._linear import Linear
from nbdl.nn._parameter import Parameter, Stored, dtype_of, inside, ready
from nbdl.nn._sequential import Sequential
from nbdl.tape import Tensor, no_grad

FOLDED = Conv1d, Conv2d, Linear


def fold_batch_norm(net, example):
    r"""A copy of a trained net in which no batch norm is left behind a convolution or dense layer.

    For prediction a batch norm is a fixed scale and shift of each channel,

    .. math:: \gamma\,\frac{w x + b - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta = w' x + b',
        \qquad w' = s w, \quad b' = s (b - \mu) + \beta, \quad s = \gamma / \sqrt{\sigma^2 + \epsilon}

    so the layer before it can do both. Folded is what follows directly on a `Conv2d`, `Conv1d` or `Linear`
    layer in the same `Sequential`, wherever that is in the net, if both are used once. All other batch norms
    stay. The net itself is left as it is. Jacob et al. 2018, section 3.2.

    Parameters
    ----------
    net : callable
        Trained: its batch norms have running averages.
    example : array, or arrays by name
        One or more samples, on which both nets are compared.

    Returns
    -------
    net
        Equal to the first one for prediction, up to rounding. Not for training: its statistics are fixed.

    Raises
    ------
    UsageError
        If an array of the net has no values yet, there is nothing to fold, or the copy predicts something
        else: a batch norm behind a `Linear` layer on (N, T, D) has the T as its channels.

    Examples
    --------
    >>> x = np.zeros((1, 4))
    >>> net = init(Sequential(Linear(3), BatchNorm(), Linear(2)), x)
    >>> [type(layer).__name__ for layer in fold_batch_norm(net, x).layers]
    ['Linear', 'Linear']
    """
    if not ready(net):
        raise UsageError("fold_batch_norm: the net has arrays without values: train it, or see nbdl.nn.init")
    given, net = net, copy.deepcopy(net)
    lists, uses = [], Counter()
    todo, seen = [net], set()
    while todo:
        thing = todo.pop()
        uses[id(thing)] += 1
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Stored):
            thing.home = None  # of programs that were compiled for the net itself
        else:
            todo += [item for _, item in inside(thing)]
            lists += [thing] if isinstance(thing, Sequential) else []
    folded = 0
    for sequence in lists:
        layers = []
        for layer in sequence.layers:
            before = layers[-1] if layers else None
            once = uses[id(before)] == uses[id(layer)] == 1 and uses[id(getattr(before, "w", None))] == 1
            pair = isinstance(layer, BatchNorm) and isinstance(before, FOLDED) and once
            if pair and _channels(before) == layer.running_var.size:
                _fold(before, layer)
                folded += 1
            else:
                layers.append(layer)
        sequence.layers = layers
    if not folded:
        text = "fold_batch_norm: no BatchNorm follows directly on a Conv2d, Conv1d or Linear layer in a "
        raise UsageError(text + "Sequential, both used once")
    for one, other in zip(_predictions(given, example), _predictions(net, example)):
        size = np.abs(one[np.isfinite(one)]).max(initial=0)
        if not np.allclose(one, other, rtol=1e-3, atol=1e-3 * size, equal_nan=True):
            text = "fold_batch_norm: the copy predicts something else: is there a BatchNorm behind a Linear "
            raise UsageError(text + "layer on (N, T, D), whose channels are the T?")
    return net


def _predictions(net, example):
    with no_grad():
        result = call(net, numbers("fold_batch_norm: `example`", example, dtype_of(net, example)))
    found = (
        result.values()
        if isinstance(result, dict)
        else result
        if isinstance(result, (tuple, list))
        else [result]
    )
    return [np.asarray(t.data if isinstance(t, Tensor) else t, np.float64) for t in found]


def _channels(layer):
    return layer.w.shape[1] if isinstance(layer, Linear) else layer.w.shape[0]


def _fold(layer, norm):
    """Have `layer` do what `norm` does after it; computed in float64."""
    w, dtype = np.asarray(layer.w.data, np.float64), layer.w.dtype
    mean, var = (np.asarray(a.data, np.float64) for a in (norm.running_mean, norm.running_var))
    gamma, beta = (None if a is None else np.asarray(a.data, np.float64) for a in (norm.gamma, norm.beta))
    scale = (1 if gamma is None else gamma) / np.sqrt(var + norm.eps)
    b = 0 if layer.b is None else np.asarray(layer.b.data, np.float64)
    shift = scale * (b - mean) + (0 if beta is None else beta)
    axis = slice(None) if isinstance(layer, Linear) else (slice(None), *[None] * (w.ndim - 1))
    layer.w.assign((w * scale[axis]).astype(dtype))
    if layer.b is None:
        layer.bias, layer.b = True, Parameter("zeros")
    layer.b.assign(shift.astype(dtype))
