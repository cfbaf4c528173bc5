"""Kernels as programs for one sample, run on L samples at once. See `nbdl.kernels.lanes.twin`."""

from nbdl.kernels.activation.elementwise_lanes import elementwise, relu, sigmoid, tanh
from nbdl.kernels.activation.softmax_lanes import log_softmax, softmax
from nbdl.kernels.convolution.conv2d_lanes import conv2d
from nbdl.kernels.dense.linear_lanes import linear
from nbdl.kernels.lanes.twin import Gradient, LossTwin, Row, Site, Twin, Unfit, UpdateTwin, pitch, planes
from nbdl.kernels.loss.cross_entropy_lanes import softmax_cross_entropy, softmax_cross_entropy_soft
from nbdl.kernels.loss.mse_lanes import mse
from nbdl.kernels.loss.nll_lanes import nll_loss
from nbdl.kernels.pooling.avg_pool2d_lanes import avg_pool2d
from nbdl.kernels.pooling.max_pool2d_lanes import max_pool2d
from nbdl.kernels.regularization.dropout_lanes import dropout
from nbdl.kernels.update.update_lanes import adam_update, adamw_update, momentum_update, sgd_update

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
