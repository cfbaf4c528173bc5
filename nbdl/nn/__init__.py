"""Layers, parameters, initializers and losses."""

from nbdl.nn import _activations
from nbdl.nn._activations import *  # noqa: F403 - these are named on their page alone
from nbdl.nn._conv2d import Conv2d
from nbdl.nn._linear import Linear
from nbdl.nn._losses import (
    cross_entropy,
    info_nce,
    js_divergence,
    kl_divergence,
    mse,
    softmax_cross_entropy,
)
from nbdl.nn._parameter import (
    Parameter,
    Train,
    init,
    load_state_dict,
    named_parameters,
    parameters,
    state_dict,
)
from nbdl.nn._pool2d import AvgPool2d, MaxPool2d
from nbdl.nn._sequential import Sequential, build, config

__all__ = [
    *_activations.__all__,
    "AvgPool2d",
    "Conv2d",
    "Linear",
    "MaxPool2d",
    "Parameter",
    "Sequential",
    "Train",
    "build",
    "config",
    "cross_entropy",
    "info_nce",
    "init",
    "js_divergence",
    "kl_divergence",
    "load_state_dict",
    "mse",
    "named_parameters",
    "parameters",
    "softmax_cross_entropy",
    "state_dict",
]
