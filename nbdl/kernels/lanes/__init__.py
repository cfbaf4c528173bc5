"""Kernels as programs for one sample, run on L samples at once. See `nbdl.kernels.lanes._twin`."""

from nbdl.kernels.lanes._activation import elementwise, relu, sigmoid, tanh
from nbdl.kernels.lanes._conv2d import conv2d
from nbdl.kernels.lanes._linear import linear
from nbdl.kernels.lanes._twin import Gradient, LossTwin, Row, Site, Twin, Unfit, UpdateTwin

__all__ = [
    "Gradient",
    "LossTwin",
    "Row",
    "Site",
    "Twin",
    "Unfit",
    "UpdateTwin",
    "conv2d",
    "elementwise",
    "linear",
    "relu",
    "sigmoid",
    "tanh",
]
