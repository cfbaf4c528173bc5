"""The kernels, callable from Python and from your own compiled functions. See docs/kernels.md."""

from nbdl.kernels._activation import relu, relu_dx, sigmoid, sigmoid_dx, tanh, tanh_dx
from nbdl.kernels._avg_pool2d import avg_pool2d, avg_pool2d_dx
from nbdl.kernels._conv2d import (
    conv2d,
    conv2d_backward,
    conv2d_db,
    conv2d_dw,
    conv2d_dx,
    conv2d_shape,
)
from nbdl.kernels._cross_entropy import (
    softmax_cross_entropy,
    softmax_cross_entropy_dx,
    softmax_cross_entropy_each,
    softmax_cross_entropy_each_dx,
    softmax_cross_entropy_soft,
    softmax_cross_entropy_soft_dx,
)
from nbdl.kernels._door import (
    as_float,
    as_grad,
    as_labels,
    as_like,
    as_mask,
    as_optional,
    as_out,
    as_state,
    integer,
    pair,
    shape4,
    sides,
)
from nbdl.kernels._dropout import dropout, dropout_dx, dropout_mask, masked_scale, masked_scale_dx
from nbdl.kernels._labels import check_labels
from nbdl.kernels._linear import linear, linear_backward, linear_db, linear_dw, linear_dx, linear_shape
from nbdl.kernels._max_pool2d import max_pool2d, max_pool2d_argmax, max_pool2d_dx
from nbdl.kernels._mse import mse, mse_dtarget, mse_dx
from nbdl.kernels._nll import nll_loss, nll_loss_dx, nll_loss_each, nll_loss_each_dx
from nbdl.kernels._pool2d import pool2d_shape
from nbdl.kernels._softmax import log_softmax, log_softmax_dx, softmax, softmax_dx
from nbdl.kernels._update import adam_update, adamw_update, momentum_update, sgd_update

__all__ = [
    "adam_update",
    "adamw_update",
    "as_float",
    "as_grad",
    "as_labels",
    "as_like",
    "as_mask",
    "as_optional",
    "as_out",
    "as_state",
    "avg_pool2d",
    "avg_pool2d_dx",
    "check_labels",
    "conv2d",
    "conv2d_backward",
    "conv2d_db",
    "conv2d_dw",
    "conv2d_dx",
    "conv2d_shape",
    "dropout",
    "dropout_dx",
    "dropout_mask",
    "integer",
    "linear",
    "linear_backward",
    "linear_db",
    "linear_dw",
    "linear_dx",
    "linear_shape",
    "log_softmax",
    "log_softmax_dx",
    "masked_scale",
    "masked_scale_dx",
    "max_pool2d",
    "max_pool2d_argmax",
    "max_pool2d_dx",
    "momentum_update",
    "mse",
    "mse_dtarget",
    "mse_dx",
    "nll_loss",
    "nll_loss_dx",
    "nll_loss_each",
    "nll_loss_each_dx",
    "pair",
    "pool2d_shape",
    "relu",
    "relu_dx",
    "sgd_update",
    "shape4",
    "sides",
    "sigmoid",
    "sigmoid_dx",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_dx",
    "softmax_cross_entropy_each",
    "softmax_cross_entropy_each_dx",
    "softmax_cross_entropy_soft",
    "softmax_cross_entropy_soft_dx",
    "softmax_dx",
    "tanh",
    "tanh_dx",
]
