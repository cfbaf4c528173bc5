"""Optimizers run over a net's parameters, clipping, and learning-rate schedules."""

from nbdl.optim._clip import clip_norm, clip_value
from nbdl.optim._schedules import (
    constant,
    cosine,
    exponential,
    factor,
    multi_factor,
    one_cycle,
    piecewise,
    polynomial,
    square_root,
)
from nbdl.optim._updater import Updater

__all__ = [
    "Updater",
    "clip_norm",
    "clip_value",
    "constant",
    "cosine",
    "exponential",
    "factor",
    "multi_factor",
    "one_cycle",
    "piecewise",
    "polynomial",
    "square_root",
]
