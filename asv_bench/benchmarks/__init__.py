"""Benchmarks of nbdl: see README.md beside this folder."""

import numpy as np


def kernel(name):
    """The kernel of that name. A commit that has none is skipped: NotImplementedError says so to asv."""
    from nbdl import kernels

    if not hasattr(kernels, name):
        raise NotImplementedError(f"there is no kernel {name}")
    return getattr(kernels, name)


def normal(*shape, dtype="float32"):
    """Normal random numbers, the same at each call."""
    return np.random.default_rng(0).standard_normal(shape, dtype)


def integers(n, below):
    """Random labels, the same at each call."""
    return np.random.default_rng(1).integers(0, below, n)
