"""The kernels, callable from Python and from your own compiled functions. See docs/kernels.md."""

from nbdl.kernels._activation import relu, relu_dx, sigmoid, sigmoid_dx, tanh, tanh_dx
from nbdl.kernels._avg_pool2d import avg_pool2d, avg_pool2d_dx
from nbdl.kernels._conv2d import conv2d, conv2d_backward, conv2d_db, conv2d_dw, conv2d_dx, conv2d_shape
from nbdl.kernels._cross_entropy import (
    softmax_cross_entropy,
    softmax_cross_entropy_dx,
    softmax_cross_entropy_each,
    softmax_cross_entropy_each_dx,
    softmax_cross_entropy_soft,
    softmax_cross_entropy_soft_dx,
)
from nbdl.kernels._distance import (
    bhattacharyya_distance,
    chi_squared_divergence,
    hellinger_distance,
    total_variation,
)
from nbdl.kernels._divergence import (
    cross_entropy,
    cross_entropy_dp,
    cross_entropy_dq,
    jeffreys_divergence,
    kl_divergence,
    kl_divergence_dp,
    kl_divergence_dq,
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
from nbdl.kernels._entropy import entropy, entropy_dp, joint_entropy, perplexity, self_information
from nbdl.kernels._info_nce import info_nce, info_nce_bound, info_nce_dx, info_nce_dy
from nbdl.kernels._jensen_shannon import js_distance, js_divergence, js_divergence_dp, js_divergence_dq
from nbdl.kernels._labels import check_labels
from nbdl.kernels._linear import linear, linear_backward, linear_db, linear_dw, linear_dx, linear_shape
from nbdl.kernels._max_pool2d import max_pool2d, max_pool2d_argmax, max_pool2d_dx
from nbdl.kernels._mse import mse, mse_dtarget, mse_dx
from nbdl.kernels._mutual_information import (
    conditional_entropy,
    conditional_mutual_information,
    mutual_information,
    mutual_information_dp,
)
from nbdl.kernels._nll import nll_loss, nll_loss_dx, nll_loss_each, nll_loss_each_dx
from nbdl.kernels._pointwise import (
    normalized_pointwise_mutual_information,
    pointwise_mutual_information,
    positive_pointwise_mutual_information,
)
from nbdl.kernels._pool2d import pool2d_shape
from nbdl.kernels._renyi import renyi_divergence, renyi_entropy, tsallis_entropy
from nbdl.kernels._softmax import log_softmax, log_softmax_dx, softmax, softmax_dx
from nbdl.kernels._total_correlation import dual_total_correlation, total_correlation
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
    "bhattacharyya_distance",
    "check_labels",
    "chi_squared_divergence",
    "conditional_entropy",
    "conditional_mutual_information",
    "conv2d",
    "conv2d_backward",
    "conv2d_db",
    "conv2d_dw",
    "conv2d_dx",
    "conv2d_shape",
    "cross_entropy",
    "cross_entropy_dp",
    "cross_entropy_dq",
    "dropout",
    "dropout_dx",
    "dropout_mask",
    "dual_total_correlation",
    "entropy",
    "entropy_dp",
    "hellinger_distance",
    "info_nce",
    "info_nce_bound",
    "info_nce_dx",
    "info_nce_dy",
    "integer",
    "jeffreys_divergence",
    "joint_entropy",
    "js_distance",
    "js_divergence",
    "js_divergence_dp",
    "js_divergence_dq",
    "kl_divergence",
    "kl_divergence_dp",
    "kl_divergence_dq",
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
    "mutual_information",
    "mutual_information_dp",
    "nll_loss",
    "nll_loss_dx",
    "nll_loss_each",
    "nll_loss_each_dx",
    "normalized_pointwise_mutual_information",
    "pair",
    "perplexity",
    "pointwise_mutual_information",
    "pool2d_shape",
    "positive_pointwise_mutual_information",
    "relu",
    "relu_dx",
    "renyi_divergence",
    "renyi_entropy",
    "self_information",
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
    "total_correlation",
    "total_variation",
    "tsallis_entropy",
]
