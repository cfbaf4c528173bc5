r"""Sequence to sequence with attention: the decoder looks at all states of the encoder at each step.

.. math:: a_t = softmax_s(w_v^T \tanh(s_{t-1} W_q + h^{enc}_s W_k)),\qquad
          c_t = \sum_s a_{ts} h^{enc}_s,\qquad s_t = f([e(y_{t-1});\, c_t],\, s_{t-1})

Bahdanau, Cho, Bengio 2015; Zhang et al., Dive into Deep Learning, section 11.4. Of several layers the lowest
attends, by its own state, as in Wu et al. 2016; in the book it is the state of the highest that asks.
"""

from nbdl.array_functions import stack
from nbdl.errors import ShapeError
from nbdl.models._seq2seq import Seq2Seq
from nbdl.nn import GRU, AttentionGRU, Dropout, Embedding, Linear, Stack
from nbdl.nn._options import positive
from nbdl.tape import as_tensor

__all__ = ["BahdanauDecoder", "BahdanauEncoder", "bahdanau"]


class BahdanauEncoder:
    """Token ids (N, S) to the states of gated recurrent layers: what a `BahdanauDecoder` attends.

    ``encoder(source, source_length)`` gives ``{"state": (N, layers, hidden), "keys": (N, S, hidden),
    "key_length": (N,)}``: the last state of each layer, and the states of the highest one at all tokens.

    Parameters
    ----------
    vocabulary, features, hidden, layers : int
        `features` are those of an embedding.
    dropout : float
        Probability, between the layers.
    """

    def __init__(self, vocabulary, features=256, hidden=256, layers=2, dropout=0.2):
        self.vocabulary, self.features, self.dropout = vocabulary, features, dropout
        self.hidden, self.layers = hidden, positive("BahdanauEncoder: `layers`", layers)
        self.embedding = Embedding(vocabulary, features, init=_standard_normal)
        self.stack = Stack(*(GRU(hidden) for _ in range(layers)), dropout=dropout)

    def __call__(self, source, source_length, train=None):
        y, states = self.stack(self.embedding(source), None, source_length, train)
        return {"state": stack(states, axis=1), "keys": y, "key_length": source_length}


class BahdanauDecoder:
    """Token ids (N, T) to logits (N, T, vocabulary) of the tokens that follow them.

    ``decoder(target, state, keys, key_length)`` begins in the state (N, layers, hidden), attends keys
    (N, S, ...), as many as `key_length` (N,) says, and gives ``(logits, {"state": ...})``: so it can be
    called token by token. The parameters are those of `BahdanauEncoder`, of which `layers` and `hidden` must
    be equal.
    """

    def __init__(self, vocabulary, features=256, hidden=256, layers=2, dropout=0.2):
        self.vocabulary, self.features, self.dropout = vocabulary, features, dropout
        self.hidden, self.layers = hidden, positive("BahdanauDecoder: `layers`", layers)
        self.embedding = Embedding(vocabulary, features, init=_standard_normal)
        self.attention = AttentionGRU(hidden)
        self.drop = Dropout(dropout)
        self.stack = Stack(*(GRU(hidden) for _ in range(layers - 1)), dropout=dropout) if layers > 1 else None
        self.logits = Linear(vocabulary)

    def __call__(self, target, state, keys, key_length, train=None):
        state = as_tensor(state)
        if state.shape[1:] != (self.layers, self.hidden):
            text = "BahdanauDecoder: `state` must have the shape (N, {}, {}), got {}"
            raise ShapeError(text, self.layers, self.hidden, state.shape)
        y, h = self.attention(self.embedding(target), keys, state[:, 0], key_length, train=train)
        states = (h,)
        if self.stack is not None:
            above = tuple(state[:, i] for i in range(1, self.layers))
            y, above = self.stack(self.drop(y, train=train), above, None, train)
            states += above
        return self.logits(y), {"state": stack(states, axis=1)}


def bahdanau(
    source_vocabulary=10, target_vocabulary=10, features=256, hidden=256, layers=2, dropout=0.2
):  # fmt: skip
    """From one language to another by recurrent layers; the decoder attends the encoder. Section 11.4."""
    options = {"features": features, "hidden": hidden, "layers": layers, "dropout": dropout}
    return Seq2Seq(
        BahdanauEncoder(source_vocabulary, **options), BahdanauDecoder(target_vocabulary, **options)
    )


def _standard_normal(rng, shape, fan_in, fan_out):
    """As in the book: from smaller embeddings attention soon sees one token alone."""
    return rng.standard_normal(shape)
