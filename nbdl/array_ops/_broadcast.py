"""Gradients of operands that were broadcast."""


def add_to(da, g):
    """da += g, summing g over the axes along which `da` was broadcast."""
    extra = g.ndim - da.ndim
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(da.shape) if n == 1 and g.shape[i + extra] != 1
    )
    g = g.sum(axis=axes, keepdims=True) if axes else g
    da += g.reshape(da.shape)
