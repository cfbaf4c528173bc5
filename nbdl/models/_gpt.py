"""A decoder-only Transformer that writes text."""

from nbdl.errors import UsageError
from nbdl.nn import Embedding, LayerNorm, Linear, PositionalEmbedding, Sequential, TransformerEncoderBlock

__all__ = ["gpt"]


def gpt(
    vocabulary=28, context=64, features=128, blocks=4, heads=4, hidden=512, dropout=0.0, tied=False,
    init="xavier_uniform",
):  # fmt: skip
    """A decoder-only language model: ids (N, T) to logits (N, T, vocabulary), T up to `context`.

    Radford et al. 2019, Language Models are Unsupervised Multitask Learners, section 2.3; Zhang et al., Dive
    into Deep Learning, section 11.9.3.

    Parameters
    ----------
    vocabulary : int
    context : int
        The most tokens that are seen at a time. `nbdl train` takes the length of its windows.
    features, blocks, heads : int
        Features of a token, a multiple of `heads`.
    hidden : int
        Features inside the feed-forward nets.
    dropout : float
        Probability, in each block and behind the embeddings.
    tied : bool
        The embedding is the matrix of the output layer too. Press and Wolf 2017.
    init : str
        Initializer of all matrices but the embeddings.
    """
    tokens = "normal" if tied else "he_normal"  # below what blocks add to them, they would be hard to tell
    first = Embedding(vocabulary, features, init=tokens)
    body = blocks_of("gpt", blocks, heads, hidden, dropout, init, causal=True, cache=context)
    last = Linear(vocabulary, weight=first.w) if tied else Linear(vocabulary, init=init)
    return Sequential(first, PositionalEmbedding(context, p=dropout, init=tokens), *body, LayerNorm(), last)


def blocks_of(model, blocks, heads, hidden, dropout, init, **options):
    """The blocks of a model, with their norms first."""
    if isinstance(blocks, bool) or blocks < 1:
        raise UsageError("model `{}`: option `blocks` must be at least 1, got {!r}", model, blocks)
    options = {"norm_first": True, "activation": "gelu", "p": dropout, "init": init, **options}
    return [TransformerEncoderBlock(heads, hidden, **options) for _ in range(blocks)]
