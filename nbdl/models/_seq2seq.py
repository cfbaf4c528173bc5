r"""Sequence to sequence without attention: an encoder, and a decoder that starts from its last state.

.. math:: c = h^{enc}_{T},\qquad s_0 = h^{enc}_T,\qquad
          s_t = f([e(y_{t-1});\, c],\, s_{t-1}),\qquad P(y_t \mid y_{<t}, x) = softmax(s_t W + b)

Sutskever, Vinyals, Le 2014; Cho et al. 2014; Zhang et al., Dive into Deep Learning, sections 10.6 and 10.7.
The encoder stops at the end of each sentence; in the book it goes on through the padding.
"""

from nbdl.array_functions import concatenate, stack, tile
from nbdl.errors import OptionError, ShapeError
from nbdl.nn import GRU, LSTM, RNN, Embedding, Linear, Stack
from nbdl.nn._options import positive
from nbdl.tape import as_tensor

__all__ = ["Seq2Seq", "SequenceDecoder", "SequenceEncoder", "seq2seq"]

CELLS = {"gru": GRU, "lstm": LSTM, "rnn": RNN}
STATES = {"gru": 1, "lstm": 2, "rnn": 1}  # arrays of a state, which lie side by side in one


class SequenceEncoder:
    """Token ids (N, T) to the last state of recurrent layers: what a `SequenceDecoder` starts from.

    ``encoder(source, source_length)`` gives ``{"state": (N, layers, S), "context": (N, hidden)}``, the states
    of all layers behind the last token of each sentence, and that of the last layer. S is `hidden`; of "lstm"
    twice that, with the memory.

    Parameters
    ----------
    vocabulary, features, hidden, layers : int
        `features` are those of an embedding.
    dropout : float
        Probability, between the layers.
    cell : "gru", "lstm" or "rnn"
    """

    def __init__(self, vocabulary, features=256, hidden=256, layers=2, dropout=0.2, cell="gru"):
        self.vocabulary, self.features, self.dropout = vocabulary, features, dropout
        self.hidden, self.layers, self.cell = hidden, layers, cell
        self.embedding = Embedding(vocabulary, features)
        self.stack = _stack("SequenceEncoder", cell, hidden, layers, dropout)

    def __call__(self, source, source_length, train=None):
        _, states = self.stack(self.embedding(source), None, source_length, train)
        state = _joined(states)
        return {"state": state, "context": state[:, -1, : self.hidden]}


class SequenceDecoder:
    """Token ids (N, T) to logits (N, T, vocabulary) of the tokens that follow them.

    ``decoder(target, state, context)`` begins in the state (N, layers, S), sees the context (N, hidden)
    beside each token, and gives ``(logits, {"state": ...})``: so it can be called token by token. The
    parameters are those of `SequenceEncoder`, of which `layers` and `hidden` must be equal.
    """

    def __init__(self, vocabulary, features=256, hidden=256, layers=2, dropout=0.2, cell="gru"):
        self.vocabulary, self.features, self.dropout = vocabulary, features, dropout
        self.hidden, self.layers, self.cell = hidden, layers, cell
        self.embedding = Embedding(vocabulary, features)
        self.stack = _stack("SequenceDecoder", cell, hidden, layers, dropout)
        self.logits = Linear(vocabulary)

    def __call__(self, target, state, context, train=None):
        x, state, context = self.embedding(target), as_tensor(state), as_tensor(context)
        wanted = self.layers, self.hidden * STATES[self.cell]
        if state.shape[1:] != wanted:
            text = "SequenceDecoder: `state` must have the shape (N, {}, {}), got {}"
            raise ShapeError(text, *wanted, state.shape)
        N, T, _ = x.shape
        x = concatenate([x, tile(context.reshape(N, 1, -1), (1, T, 1))], axis=2)
        x, states = self.stack(x, self._parted(state), None, train)
        return self.logits(x), {"state": _joined(states)}

    def _parted(self, state):
        """The states of the layers, each as its cell takes it."""
        H, each = self.hidden, [state[:, i] for i in range(self.layers)]
        return [(s[:, :H], s[:, H:]) for s in each] if STATES[self.cell] == 2 else each


class Seq2Seq:
    """An encoder and a decoder as one net, which is taught the right token before each that it gives.

    ``net(source, source_length, target)`` are logits (N, T, V) of the tokens after each of `target`, which
    begins with ``<bos>``: see `nbdl.data.load` with ``pairs=True`` for the three. `nbdl.translate` calls the
    two parts, token by token.

    Parameters
    ----------
    encoder : callable
        ``encoder(source, source_length, train=None)`` gives arrays by name.
    decoder : callable
        ``decoder(target, **arrays, train=None)`` gives the logits, and those of the arrays that have changed.
    """

    def __init__(self, encoder, decoder):
        self.encoder, self.decoder = encoder, decoder

    def __call__(self, source, source_length, target, train=None):
        memory = self.encoder(source, source_length, train=train)
        logits, _ = self.decoder(target, **memory, train=train)
        return logits


def seq2seq(
    source_vocabulary=10, target_vocabulary=10, features=256, hidden=256, layers=2, dropout=0.2, cell="gru"
):
    """From the sentences of one language to those of another, by recurrent layers. Section 10.7."""
    options = {"features": features, "hidden": hidden, "layers": layers, "dropout": dropout, "cell": cell}
    return Seq2Seq(
        SequenceEncoder(source_vocabulary, **options), SequenceDecoder(target_vocabulary, **options)
    )


def _stack(where, cell, hidden, layers, dropout):
    if cell not in CELLS:
        raise OptionError("{}: `cell` must be one of {}, got {!r}", where, ", ".join(CELLS), cell)
    layers = positive(f"{where}: `layers`", layers)
    return Stack(*(CELLS[cell](hidden) for _ in range(layers)), dropout=dropout)


def _joined(states):
    """The states of all layers in one array (N, layers, S)."""
    return stack([concatenate(s, axis=1) if isinstance(s, tuple) else s for s in states], axis=1)
