"""Layers, parameters, initializers and losses."""

from nbdl.nn import _activations
from nbdl.nn._activations import *  # noqa: F403 - these are named on their page alone
from nbdl.nn._adaptive_pool2d import AdaptiveAvgPool2d, AdaptiveMaxPool2d, GlobalAvgPool2d, GlobalMaxPool2d
from nbdl.nn._batch_norm import BatchNorm
from nbdl.nn._conv1d import Conv1d
from nbdl.nn._conv2d import Conv2d
from nbdl.nn._conv_transpose2d import ConvTranspose2d
from nbdl.nn._embedding import Embedding
from nbdl.nn._linear import Linear
from nbdl.nn._losses import (
    cross_entropy,
    info_nce,
    js_divergence,
    kl_divergence,
    mse,
    softmax_cross_entropy,
)
from nbdl.nn._pad2d import Pad2d
from nbdl.nn._parameter import (
    Buffer,
    Parameter,
    init,
    load_state_dict,
    named_buffers,
    named_parameters,
    parameters,
    state_dict,
)
from nbdl.nn._pool1d import AvgPool1d, MaxPool1d
from nbdl.nn._pool2d import AvgPool2d, LpPool2d, MaxPool2d
from nbdl.nn._sequential import Sequential, build, config
from nbdl.nn._train import Train

__all__ = [
    *_activations.__all__,
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm",
    "Buffer",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Embedding",
    "GlobalAvgPool2d",
    "GlobalMaxPool2d",
    "Linear",
    "LpPool2d",
    "MaxPool1d",
    "MaxPool2d",
    "Pad2d",
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
    "named_buffers",
    "named_parameters",
    "parameters",
    "softmax_cross_entropy",
    "state_dict",
]
