r"""The Transformer: an encoder and a decoder of attention alone.

.. math:: x_0 = \sqrt{D}\, e(tokens) + \mathrm{positions}, \qquad x_i = \mathrm{block}_i(x_{i-1}), \qquad
          P(y_t \mid y_{<t}, x) = softmax(x_L W + b)

Vaswani et al. 2017, Attention Is All You Need; Zhang et al., Dive into Deep Learning, section 11.7.
"""

from nbdl.errors import ShapeError
from nbdl.models._seq2seq import Seq2Seq
from nbdl.nn import (
    Embedding,
    LayerNorm,
    Linear,
    PositionalEncoding,
    TransformerDecoderBlock,
    TransformerEncoderBlock,
)
from nbdl.nn._options import positive

__all__ = ["TransformerDecoder", "TransformerEncoder", "transformer"]


class TransformerEncoder:
    """Token ids (N, S) to what a `TransformerDecoder` attends.

    ``encoder(source, source_length)`` gives ``{"keys": (N, S, features), "key_length": (N,)}``. What is
    behind the end of a sentence is not attended.

    Parameters
    ----------
    vocabulary, features, blocks, heads, hidden : int
        `features` of a token at each position, a multiple of `heads`; `hidden` are those inside the
        feed-forward nets.
    dropout : float
        Probability, of positions, weights of attention, and what blocks add.
    norm_first : bool
        As of `nbdl.nn.TransformerEncoderBlock`.
    """

    def __init__(
        self, vocabulary, features=256, blocks=2, heads=4, hidden=64, dropout=0.2, norm_first=False
    ):  # fmt: skip
        self.vocabulary, self.features, self.heads, self.hidden = vocabulary, features, heads, hidden
        self.blocks, self.dropout = positive("TransformerEncoder: `blocks`", blocks), dropout
        self.norm_first, options = bool(norm_first), {"norm_first": norm_first, "p": dropout}
        self.start = _Start("TransformerEncoder", vocabulary, features, heads, dropout)
        self.stack = [TransformerEncoderBlock(heads, hidden, **options) for _ in range(blocks)]
        self.norm = LayerNorm() if norm_first else None

    def __call__(self, source, source_length, train=None):
        x = self.start(source, train=train)
        for block in self.stack:
            x = block(x, source_length, train=train)
        return {"keys": self.norm(x) if self.norm else x, "key_length": source_length}


class TransformerDecoder:
    """Token ids (N, T) to logits (N, T, vocabulary) of the tokens that follow them.

    ``decoder(target, keys, key_length)`` attends the tokens up to each position, and keys (N, S, features),
    as many as `key_length` (N,) says; it gives ``(logits, {})``: it keeps nothing, and is given all tokens
    from the first on (`from_start`) when it is called token by token. The parameters are those of
    `TransformerEncoder`.
    """

    from_start = True

    def __init__(
        self, vocabulary, features=256, blocks=2, heads=4, hidden=64, dropout=0.2, norm_first=False
    ):  # fmt: skip
        self.vocabulary, self.features, self.heads, self.hidden = vocabulary, features, heads, hidden
        self.blocks, self.dropout = positive("TransformerDecoder: `blocks`", blocks), dropout
        self.norm_first, options = bool(norm_first), {"norm_first": norm_first, "p": dropout}
        self.start = _Start("TransformerDecoder", vocabulary, features, heads, dropout)
        self.stack = [TransformerDecoderBlock(heads, hidden, **options) for _ in range(blocks)]
        self.norm = LayerNorm() if norm_first else None
        self.logits = Linear(vocabulary)

    def __call__(self, target, keys, key_length, train=None):
        x = self.start(target, train=train)
        for block in self.stack:
            x = block(x, keys, key_length, train=train)
        return self.logits(self.norm(x) if self.norm else x), {}


class _Start:
    """Token ids (N, T) to their rows of a table times sqrt(features), with the codes of their positions."""

    def __init__(self, where, vocabulary, features, heads, dropout):
        features, heads = positive(f"{where}: `features`", features), positive(f"{where}: `heads`", heads)
        if features % heads:
            text = "{}: `features` must be a multiple of `heads`, got {} features for {} heads"
            raise ShapeError(text, where, features, heads)
        self.embedding, self.features = Embedding(vocabulary, features), features
        self.positions = PositionalEncoding(dropout)

    def __call__(self, ids, train=None):
        return self.positions(self.embedding(ids) * self.features**0.5, train=train)


def transformer(
    source_vocabulary=10, target_vocabulary=10, features=256, blocks=2, heads=4, hidden=64, dropout=0.2,
    norm_first=False,
):  # fmt: skip
    """From the sentences of one language to those of another, by attention alone. Section 11.7."""
    options = {
        "features": features, "blocks": blocks, "heads": heads, "hidden": hidden, "dropout": dropout,
        "norm_first": norm_first,
    }  # fmt: skip
    return Seq2Seq(
        TransformerEncoder(source_vocabulary, **options), TransformerDecoder(target_vocabulary, **options)
    )
