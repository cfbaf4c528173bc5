"""The kernels, callable from Python and from your own compiled functions. See docs/kernels.md."""

from nbdl.kernels.activation.elementwise import relu, relu_dx, sigmoid, sigmoid_dx, tanh, tanh_dx
from nbdl.kernels.activation.gelu import gelu, gelu_dx
from nbdl.kernels.activation.softmax import log_softmax, log_softmax_dx, softmax, softmax_dx
from nbdl.kernels.convolution.conv2d import (
    conv2d,
    conv2d_backward,
    conv2d_db,
    conv2d_dw,
    conv2d_dx,
    conv2d_shape,
)
from nbdl.kernels.dense.linear import linear, linear_backward, linear_db, linear_dw, linear_dx, linear_shape
from nbdl.kernels.dense.matmul import (
    bmm,
    bmm_da,
    bmm_db,
    bmm_shape,
    matmul,
    matmul_da,
    matmul_db,
    matmul_shape,
)
from nbdl.kernels.door.inputs import as_float, as_labels, as_like, as_mask, as_optional
from nbdl.kernels.door.labels import check_labels
from nbdl.kernels.door.options import integer, pair, shape4, sides
from nbdl.kernels.door.results import as_grad, as_out, as_state
from nbdl.kernels.embedding.embedding import check_ids, embedding, embedding_dw
from nbdl.kernels.information.distance import (
    bhattacharyya_distance,
    chi_squared_divergence,
    hellinger_distance,
    total_variation,
)
from nbdl.kernels.information.divergence import (
    cross_entropy,
    cross_entropy_dp,
    cross_entropy_dq,
    jeffreys_divergence,
    kl_divergence,
    kl_divergence_dp,
    kl_divergence_dq,
)
from nbdl.kernels.information.entropy import entropy, entropy_dp, joint_entropy, perplexity, self_information
from nbdl.kernels.information.jensen_shannon import (
    js_distance,
    js_divergence,
    js_divergence_dp,
    js_divergence_dq,
)
from nbdl.kernels.information.mutual_information import (
    conditional_entropy,
    conditional_mutual_information,
    mutual_information,
    mutual_information_dp,
)
from nbdl.kernels.information.pointwise import (
    normalized_pointwise_mutual_information,
    pointwise_mutual_information,
    positive_pointwise_mutual_information,
)
from nbdl.kernels.information.renyi import renyi_divergence, renyi_entropy, tsallis_entropy
from nbdl.kernels.information.total_correlation import dual_total_correlation, total_correlation
from nbdl.kernels.loss.cross_entropy import (
    softmax_cross_entropy,
    softmax_cross_entropy_dx,
    softmax_cross_entropy_each,
    softmax_cross_entropy_each_dx,
    softmax_cross_entropy_soft,
    softmax_cross_entropy_soft_dx,
)
from nbdl.kernels.loss.info_nce import info_nce, info_nce_bound, info_nce_dx, info_nce_dy
from nbdl.kernels.loss.mse import mse, mse_dtarget, mse_dx
from nbdl.kernels.loss.nll import nll_loss, nll_loss_dx, nll_loss_each, nll_loss_each_dx
from nbdl.kernels.normalization.batch_norm import (
    batch_norm,
    batch_norm_backward,
    batch_norm_dbeta,
    batch_norm_dgamma,
    batch_norm_dx,
)
from nbdl.kernels.normalization.batch_norm_inference import (
    batch_norm_inference,
    batch_norm_inference_dbeta,
    batch_norm_inference_dgamma,
    batch_norm_inference_dx,
)
from nbdl.kernels.pooling.avg_pool2d import avg_pool2d, avg_pool2d_dx
from nbdl.kernels.pooling.max_pool2d import max_pool2d, max_pool2d_argmax, max_pool2d_dx
from nbdl.kernels.pooling.pool2d import pool2d_shape
from nbdl.kernels.regularization.dropout import (
    dropout,
    dropout_dx,
    dropout_mask,
    masked_scale,
    masked_scale_dx,
)
from nbdl.kernels.update.adam import adam_update, adamw_update
from nbdl.kernels.update.momentum import momentum_update
from nbdl.kernels.update.sgd import sgd_update

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
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_dbeta",
    "batch_norm_dgamma",
    "batch_norm_dx",
    "batch_norm_inference",
    "batch_norm_inference_dbeta",
    "batch_norm_inference_dgamma",
    "batch_norm_inference_dx",
    "bhattacharyya_distance",
    "bmm",
    "bmm_da",
    "bmm_db",
    "bmm_shape",
    "check_ids",
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
    "embedding",
    "embedding_dw",
    "entropy",
    "entropy_dp",
    "gelu",
    "gelu_dx",
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
    "matmul",
    "matmul_da",
    "matmul_db",
    "matmul_shape",
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
