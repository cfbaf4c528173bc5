"""Optimizers run over a net's parameters, and learning-rate schedules."""

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
