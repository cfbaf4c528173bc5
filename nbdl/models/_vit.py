"""A Transformer that looks at images."""

from nbdl.models._gpt import blocks_of
from nbdl.nn import Lambda, LayerNorm, Linear, PatchEmbedding, PositionalEmbedding, Sequential

__all__ = ["vit"]


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
    return Sequential(
        PatchEmbedding(features, patch, init=init), PositionalEmbedding(p=dropout),
        *blocks_of("vit", blocks, heads, hidden, dropout, init),
        LayerNorm(), Lambda("mean", {"axis": 1}), Linear(outputs, init=init),
    )  # fmt: skip
