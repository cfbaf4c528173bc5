"""Benchmarks of nbdl: see README.md beside this folder."""

import importlib

import numpy as np


def part(module, name):
    """nbdl.`module`.`name`. A commit that has none is skipped: NotImplementedError says so to asv."""
    try:
        return getattr(importlib.import_module(f"nbdl.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise NotImplementedError(f"there is no nbdl.{module}.{name}") from error


def kernel(name):
    return part("kernels", name)


def measure(name):
    return part("info", name)


def normal(*shape, dtype="float32"):
    """Normal random numbers, the same at each call."""
    return np.random.default_rng(0).standard_normal(shape, dtype)


def integers(n, below):
    """Random labels, the same at each call."""
    return np.random.default_rng(1).integers(0, below, n)
