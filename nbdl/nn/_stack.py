"""Recurrent layers one above the other, in one direction or in both."""

import copy

from nbdl.array_functions import concatenate
from nbdl.errors import OptionError, UsageError
from nbdl.nn._activations import Dropout
from nbdl.nn._sequential import checked_layers


class Stack:
    """Recurrent layers one above the other: x (N, T, D) to y (N, T, hidden) and the states of all layers.

    A layer reads the states of the one below it at all steps. They may be of any kinds and sizes: `RNN`,
    `GRU`, `LSTM`, or a layer of yours that is called as they are, ``layer(x, state, lengths, train=train)``,
    and returns (y, state). Zhang et al., Dive into Deep Learning, sections 10.3 and 10.4.

    Parameters
    ----------
    *layers : layers
        The lowest first.
    bidirectional : bool
        Give each layer a partner that walks the other way (a layer of its own, `back`, with parameters of
        its own); y of both are joined, (N, T, 2 hidden), the layer's before its partner's.
    dropout : float
        While training, each number that goes from one layer to the next is zero with this probability, as
        `Dropout` has it.
    state : bool
        Return (y, states), else y alone, as a `Sequential` needs it.

    ``stack(x, states, lengths)`` starts from `states`, one for each layer in a tuple, else from zeros: such
    as it returns. With two directions that of a layer is a pair, its own and its partner's. `lengths` (N,)
    are those of all layers.

    Examples
    --------
    >>> stack = nn.Stack(nn.GRU(8), nn.GRU(8), bidirectional=True, dropout=0.1)
    >>> y, states = stack(np.zeros((5, 7, 3)))
    >>> y.shape, len(states), states[1][0].shape
    ((5, 7, 16), 2, (5, 8))
    """

    def __init__(self, *layers, bidirectional=False, dropout=0.0, state=True):
        if not layers:
            raise UsageError("Stack needs at least one layer: nn.Stack(nn.GRU(64), nn.GRU(64))")
        checked_layers("Stack", layers)
        for i, layer in enumerate(layers):
            if getattr(layer, "state", True) is not True:
                text = "Stack: layer {} must return its state: {}(...) without state=False"
                raise OptionError(text, i, type(layer).__name__)
            if bidirectional and not hasattr(layer, "reverse"):
                text = "Stack: `bidirectional` needs layers that can walk in `reverse`, layer {}, {}, cannot"
                raise OptionError(text, i, type(layer).__name__)
        if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
            raise OptionError("Stack: `dropout` must be at least 0 and below 1, got {!r}", dropout)
        self.layers, self.bidirectional = list(layers), bool(bidirectional)
        self.dropout, self.state = float(dropout), bool(state)
        self.back = [_turned(layer) for layer in layers] if bidirectional else []

    def __call__(self, x, states=None, lengths=None, train=None):
        if states is None:
            states = (None,) * len(self.layers)
        elif not isinstance(states, (tuple, list)) or len(states) != len(self.layers):
            text = "Stack: `states` must have one state for each of {} layers in a tuple, got {}"
            raise UsageError(text, len(self.layers), _described(states))
        found, drop = [], Dropout(self.dropout)
        for i, (layer, state) in enumerate(zip(self.layers, states)):
            if i and self.dropout:
                x = drop(x, train=train)
            if self.bidirectional:
                x, after = self._both(i, x, state, lengths, train)
            else:
                x, after = layer(x, state, lengths, train=train)
            found.append(after)
        return (x, tuple(found)) if self.state else x

    def _both(self, i, x, state, lengths, train):
        if state is None:
            state = None, None
        elif not isinstance(state, (tuple, list)) or len(state) != 2:
            text = "Stack: the state of layer {} must be a pair, one for each direction, got {}"
            raise UsageError(text, i, _described(state))
        forth, after = self.layers[i](x, state[0], lengths, train=train)
        back, before = self.back[i](x, state[1], lengths, train=train)
        return concatenate([forth, back], axis=2), (after, before)


def _turned(layer):
    """A layer like this one that walks the other way."""
    turned = copy.deepcopy(layer)
    turned.reverse = not layer.reverse
    return turned


def _described(state):
    return f"{len(state)}" if isinstance(state, (tuple, list)) else type(state).__name__
