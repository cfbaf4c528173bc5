"""Optimizers run over a net's parameters, clipping, and learning-rate schedules; minimizing of functions.

What minimizes functions is imported when a name of it is first used: a net that trains does not wait for it.
"""

import importlib

from nbdl.optim._average import WeightAverage
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

_PAGES = {
    "_convexity": ("Convexity", "convexity", "set_convexity"),
    "_derivatives": (
        "gradient", "hessian", "jacobian", "numeric_gradient", "numeric_hessian", "numeric_jacobian",
    ),
    "_functions": ("FUNCTIONS",),
    "_minimize": ("Trace", "minimize"),
    "_picture": ("trace_picture",),
}  # fmt: skip
_HOME = {name: page for page, names in _PAGES.items() for name in names}

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


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    page = importlib.import_module(f"{__name__}.{_HOME[name]}")
    value = globals()[name] = getattr(page, name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
