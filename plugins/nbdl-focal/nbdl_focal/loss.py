"""The focal loss on the tape."""

from nbdl import apply


def focal(prediction, target, gamma=2.0):
    """Mean focal loss of logits (N, C) for labels (N,)."""
    return apply("focal_loss", prediction, target, gamma=gamma)
