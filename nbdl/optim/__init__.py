"""Optimizers run over a net's parameters, clipping, and learning-rate schedules; minimizing of functions."""

from nbdl.optim._average import WeightAverage
from nbdl.optim._clip import clip_norm, clip_value
from nbdl.optim._convexity import Convexity, convexity, set_convexity
from nbdl.optim._derivatives import (
    gradient,
    hessian,
    jacobian,
    numeric_gradient,
    numeric_hessian,
    numeric_jacobian,
)
from nbdl.optim._functions import FUNCTIONS
from nbdl.optim._minimize import Trace, minimize
from nbdl.optim._picture import trace_picture
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
    "FUNCTIONS",
    "Convexity",
    "Trace",
    "Updater",
    "WeightAverage",
    "clip_norm",
    "clip_value",
    "constant",
    "convexity",
    "cosine",
    "exponential",
    "factor",
    "gradient",
    "hessian",
    "jacobian",
    "minimize",
    "multi_factor",
    "numeric_gradient",
    "numeric_hessian",
    "numeric_jacobian",
    "one_cycle",
    "piecewise",
    "polynomial",
    "set_convexity",
    "square_root",
    "trace_picture",
]
