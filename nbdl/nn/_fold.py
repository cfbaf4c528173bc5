"""Batch norm folded into the layer before it, for prediction."""

import copy
from collections import Counter

import numpy as np

from nbdl.errors import UsageError
from nbdl.nn._batch_norm import BatchNorm
from nbdl.nn._conv2d import Conv2d
from nbdl.nn._linear import Linear
from nbdl.nn._parameter import Parameter, Stored, inside, ready
from nbdl.nn._sequential import Sequential


def fold_batch_norm(net):
    r"""A copy of a trained net in which no batch norm is left behind a convolution or dense layer.

    For prediction a batch norm is a fixed scale and shift of each channel,

    .. math:: \gamma\,\frac{w x + b - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta = w' x + b',
        \qquad w' = s w, \quad b' = s (b - \mu) + \beta, \quad s = \gamma / \sqrt{\sigma^2 + \epsilon}

    so the layer before it can do both. Pairs that follow one another in a `Sequential` are folded, wherever
    it is in the net; all others stay. The net itself is left as it is. Jacob et al. 2018, section 3.2.

    Parameters
    ----------
    net : callable
        Trained: its batch norms have running averages.

    Returns
    -------
    net
        Equal to the first one for prediction, up to rounding. Not for training: its statistics are fixed.

    Raises
    ------
    UsageError
        If an array of the net has no values yet, or there is nothing to fold.

    Examples
    --------
    >>> net = init(Sequential(Linear(3), BatchNorm(), Linear(2)), np.zeros((1, 4)))
    >>> [type(layer).__name__ for layer in fold_batch_norm(net).layers]
    ['Linear', 'Linear']
    """
    if not ready(net):
        raise UsageError("fold_batch_norm: the net has arrays without values: train it, or see nbdl.nn.init")
    net = copy.deepcopy(net)
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
            if isinstance(layer, BatchNorm) and isinstance(before, (Conv2d, Linear)) and once:
                _fold(before, layer)
                folded += 1
            else:
                layers.append(layer)
        sequence.layers = layers
    if not folded:
        raise UsageError("fold_batch_norm: no BatchNorm follows a Conv2d or Linear layer in a Sequential")
    return net


def _fold(layer, norm):
    """Have `layer` do what `norm` does after it; computed in float64."""
    w, dtype = np.asarray(layer.w.data, np.float64), layer.w.dtype
    mean, var = (np.asarray(a.data, np.float64) for a in (norm.running_mean, norm.running_var))
    gamma, beta = (None if a is None else np.asarray(a.data, np.float64) for a in (norm.gamma, norm.beta))
    scale = (1 if gamma is None else gamma) / np.sqrt(var + norm.eps)
    b = 0 if layer.b is None else np.asarray(layer.b.data, np.float64)
    shift = scale * (b - mean) + (0 if beta is None else beta)
    axis = (slice(None), *[None] * (w.ndim - 1)) if isinstance(layer, Conv2d) else slice(None)
    layer.w.assign((w * scale[axis]).astype(dtype))
    if layer.b is None:
        layer.bias, layer.b = True, Parameter("zeros")
    layer.b.assign(shift.astype(dtype))
