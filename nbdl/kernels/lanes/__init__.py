"""Kernels as programs for one sample, run on L samples at once. See `nbdl.kernels.lanes._twin`."""

from nbdl.kernels.lanes._activation import elementwise, relu, sigmoid, tanh
from nbdl.kernels.lanes._avg_pool2d import avg_pool2d
from nbdl.kernels.lanes._conv2d import conv2d
from nbdl.kernels.lanes._cross_entropy import softmax_cross_entropy, softmax_cross_entropy_soft
from nbdl.kernels.lanes._dropout import dropout
from nbdl.kernels.lanes._linear import linear
from nbdl.kernels.lanes._max_pool2d import max_pool2d
from nbdl.kernels.lanes._mse import mse
from nbdl.kernels.lanes._nll import nll_loss
from nbdl.kernels.lanes._softmax import log_softmax, softmax
from nbdl.kernels.lanes._twin import Gradient, LossTwin, Row, Site, Twin, Unfit, UpdateTwin, pitch, planes
from nbdl.kernels.lanes._update import adam_update, adamw_update, momentum_update, sgd_update

__all__ = [
    "Gradient",
    "LossTwin",
    "Row",
    "Site",
    "Twin",
    "Unfit",
    "UpdateTwin",
    "adam_update",
    "adamw_update",
    "avg_pool2d",
    "conv2d",
    "dropout",
    "elementwise",
    "linear",
    "log_softmax",
    "max_pool2d",
    "momentum_update",
    "mse",
    "nll_loss",
    "pitch",
    "planes",
    "relu",
    "sgd_update",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_soft",
    "tanh",
]
