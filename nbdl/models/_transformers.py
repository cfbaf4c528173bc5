"""Transformers that are a stack of blocks: of text, decoder-only, and of the patches of an image."""

from nbdl.errors import UsageError
from nbdl.nn import (
    Embedding,
    Lambda,
    LayerNorm,
    Linear,
    PatchEmbedding,
    PositionalEmbedding,
    Sequential,
    TransformerEncoderBlock,
)

__all__ = ["gpt", "vit"]


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
    _check("gpt", blocks)
    first = Embedding(vocabulary, features)
    body = _blocks(blocks, heads, hidden, dropout, init, causal=True, cache=context)
    last = Linear(vocabulary, weight=first.w) if tied else Linear(vocabulary, init=init)
    return Sequential(first, PositionalEmbedding(context, p=dropout), *body, LayerNorm(), last)


def vit(outputs=10, patch=7, features=64, blocks=4, heads=4, hidden=128, dropout=0.0, init="xavier_uniform"):
    """A vision Transformer: images as sequences of patches, whose mean is classified.

    Dosovitskiy et al. 2021, An Image is Worth 16x16 Words; the mean in the place of a class token: Beyer et
    al. 2022, Better Plain ViT Baselines; Zhang et al., Dive into Deep Learning, section 11.8.

    Parameters
    ----------
    outputs : int
    patch : int
        Pixels of a patch's side, which divides those of an image.
    features, blocks, heads, hidden, dropout, init
        As in `gpt`.
    """
    _check("vit", blocks)
    return Sequential(
        PatchEmbedding(features, patch, init=init), PositionalEmbedding(p=dropout),
        *_blocks(blocks, heads, hidden, dropout, init),
        LayerNorm(), Lambda("mean", {"axis": 1}), Linear(outputs, init=init),
    )  # fmt: skip


def _check(model, blocks):
    if isinstance(blocks, bool) or blocks < 1:
        raise UsageError("model `{}`: option `blocks` must be at least 1, got {!r}", model, blocks)


def _blocks(blocks, heads, hidden, dropout, init, **options):
    """Blocks with their norms first."""
    options = {"norm_first": True, "activation": "gelu", "p": dropout, "init": init, **options}
    return [TransformerEncoderBlock(heads, hidden, **options) for _ in range(blocks)]
