"""The kernels, callable from Python and from your own compiled functions. See docs/kernels.md.

The page of a kernel is imported when a name of it is first used: whoever needs one does not wait for all.
"""
# ruff: noqa: F401 - the imports are the list of the public names, read by editors and by `_lazy`

from typing import TYPE_CHECKING

from nbdl import (
    _jit,  # compiled code that Numba's cache has of a caller needs what this import installs
    _lazy,
)

if TYPE_CHECKING:
    from nbdl.kernels.activation.elementwise import relu, relu_dx, sigmoid, sigmoid_dx, tanh, tanh_dx
    from nbdl.kernels.activation.exponential_linear import celu, celu_dx, elu, elu_dx, selu, selu_dx
    from nbdl.kernels.activation.gelu import gelu, gelu_dx, gelu_tanh, gelu_tanh_dx
    from nbdl.kernels.activation.glu import glu, glu_dx, swiglu, swiglu_dx
    from nbdl.kernels.activation.hard_sigmoid import hard_sigmoid, hard_sigmoid_dx, hard_swish, hard_swish_dx
    from nbdl.kernels.activation.leaky_relu import leaky_relu, leaky_relu_dx
    from nbdl.kernels.activation.prelu import prelu, prelu_dw, prelu_dx
    from nbdl.kernels.activation.silu import silu, silu_dx
    from nbdl.kernels.activation.softmax import log_softmax, log_softmax_dx, softmax, softmax_dx
    from nbdl.kernels.activation.softplus import mish, mish_dx, softplus, softplus_dx
    from nbdl.kernels.activation.softsign import softsign, softsign_dx
    from nbdl.kernels.algebra.angle import angle, angle_dx, angle_dy
    from nbdl.kernels.algebra.ball_projection import ball_projection, ball_projection_dx
    from nbdl.kernels.algebra.box_projection import box_projection, box_projection_dx
    from nbdl.kernels.algebra.cosine_similarity import (
        cosine_similarity,
        cosine_similarity_dx,
        cosine_similarity_dy,
    )
    from nbdl.kernels.algebra.eigenvalues import gershgorin_discs, growth_rates, power_iteration
    from nbdl.kernels.algebra.halfspace_projection import (
        halfspace_projection,
        halfspace_projection_dx,
        hyperplane_distance,
    )
    from nbdl.kernels.algebra.norm import norm, norm_dx
    from nbdl.kernels.algebra.simplex_projection import simplex_projection, simplex_projection_dx
    from nbdl.kernels.algebra.taylor_polynomial import taylor_polynomial
    from nbdl.kernels.attention.attention_pooling import attention_pooling
    from nbdl.kernels.attention.attention_weights import attention_weights
    from nbdl.kernels.attention.key_value_cache import cache_rows, next_places
    from nbdl.kernels.attention.masked_softmax import masked_softmax, masked_softmax_dx
    from nbdl.kernels.attention.positional_encoding import positional_encoding, rotary_angles
    from nbdl.kernels.attention.rotary_embedding import rotary_embedding, rotary_embedding_dx
    from nbdl.kernels.attention.scaled_dot_product_attention import (
        scaled_dot_product_attention,
        scaled_dot_product_attention_backward,
        scaled_dot_product_attention_dk,
        scaled_dot_product_attention_dq,
        scaled_dot_product_attention_dv,
        scaled_dot_product_attention_shape,
    )
    from nbdl.kernels.augmentation.gaussian_noise import gaussian_noise, gaussian_noise_dx
    from nbdl.kernels.augmentation.random_crop import random_crop, random_crop_dx
    from nbdl.kernels.augmentation.random_flip import random_flip, random_flip_dx
    from nbdl.kernels.convolution.conv1d import conv1d, conv1d_db, conv1d_dw, conv1d_dx, conv1d_shape
    from nbdl.kernels.convolution.conv2d import (
        conv2d,
        conv2d_backward,
        conv2d_db,
        conv2d_dw,
        conv2d_dx,
        conv2d_shape,
    )
    from nbdl.kernels.convolution.conv_transpose2d import (
        conv_transpose2d,
        conv_transpose2d_db,
        conv_transpose2d_dw,
        conv_transpose2d_dx,
        conv_transpose2d_shape,
    )
    from nbdl.kernels.convolution.convolve2d import convolve2d, convolve2d_dw, convolve2d_dx
    from nbdl.kernels.convolution.pad2d import pad2d, pad2d_dx, pad2d_shape
    from nbdl.kernels.convolution.unfold2d import fold2d, fold2d_dx, unfold2d, unfold2d_dx, unfold2d_shape
    from nbdl.kernels.decoding.sample_token import greedy_token, sample_token
    from nbdl.kernels.dense.linear import (
        linear,
        linear_backward,
        linear_db,
        linear_dw,
        linear_dx,
        linear_shape,
    )
    from nbdl.kernels.dense.linear_transposed import (
        linear_transposed,
        linear_transposed_backward,
        linear_transposed_db,
        linear_transposed_dw,
        linear_transposed_dx,
        linear_transposed_shape,
    )
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
    from nbdl.kernels.door.options import integer, pair, shape3, shape4, sides
    from nbdl.kernels.door.results import as_grad, as_out, as_state
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
    from nbdl.kernels.information.entropy import (
        entropy,
        entropy_dp,
        joint_entropy,
        perplexity,
        self_information,
    )
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
    from nbdl.kernels.latent.gaussian_sample import (
        gaussian_sample,
        gaussian_sample_dlog_var,
        gaussian_sample_dmean,
        gaussian_sample_noise,
    )
    from nbdl.kernels.lookup.embedding import check_ids, embedding, embedding_dw
    from nbdl.kernels.lookup.one_hot import one_hot
    from nbdl.kernels.loss.binary_cross_entropy import (
        binary_cross_entropy_with_logits,
        binary_cross_entropy_with_logits_dtarget,
        binary_cross_entropy_with_logits_dx,
    )
    from nbdl.kernels.loss.cross_entropy import (
        softmax_cross_entropy,
        softmax_cross_entropy_dx,
        softmax_cross_entropy_each,
        softmax_cross_entropy_each_dx,
        softmax_cross_entropy_soft,
        softmax_cross_entropy_soft_dx,
    )
    from nbdl.kernels.loss.gaussian_kl import gaussian_kl, gaussian_kl_dlog_var, gaussian_kl_dmean
    from nbdl.kernels.loss.gaussian_nll import (
        gaussian_nll,
        gaussian_nll_dlog_var,
        gaussian_nll_dtarget,
        gaussian_nll_dx,
    )
    from nbdl.kernels.loss.hinge import hinge, hinge_dx
    from nbdl.kernels.loss.huber import huber, huber_dtarget, huber_dx, l1, l1_dtarget, l1_dx
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
    from nbdl.kernels.normalization.group_norm import (
        group_norm,
        group_norm_backward,
        group_norm_dbeta,
        group_norm_dgamma,
        group_norm_dx,
    )
    from nbdl.kernels.normalization.instance_norm import (
        instance_norm,
        instance_norm_backward,
        instance_norm_dbeta,
        instance_norm_dgamma,
        instance_norm_dx,
    )
    from nbdl.kernels.normalization.layer_norm import (
        layer_norm,
        layer_norm_backward,
        layer_norm_dbeta,
        layer_norm_dgamma,
        layer_norm_dx,
    )
    from nbdl.kernels.normalization.local_response_norm import local_response_norm, local_response_norm_dx
    from nbdl.kernels.normalization.lp_normalize import lp_normalize, lp_normalize_dx
    from nbdl.kernels.normalization.rms_norm import rms_norm, rms_norm_backward, rms_norm_dgamma, rms_norm_dx
    from nbdl.kernels.pooling.adaptive_avg_pool2d import (
        adaptive_avg_pool2d,
        adaptive_avg_pool2d_dx,
        global_avg_pool2d,
        global_avg_pool2d_dx,
    )
    from nbdl.kernels.pooling.adaptive_max_pool2d import (
        adaptive_max_pool2d,
        adaptive_max_pool2d_argmax,
        adaptive_max_pool2d_dx,
        global_max_pool2d,
        global_max_pool2d_argmax,
        global_max_pool2d_dx,
    )
    from nbdl.kernels.pooling.avg_pool2d import avg_pool2d, avg_pool2d_dx
    from nbdl.kernels.pooling.bins import adaptive_pool2d_shape
    from nbdl.kernels.pooling.lp_pool2d import lp_pool2d, lp_pool2d_dx
    from nbdl.kernels.pooling.max_pool2d import max_pool2d, max_pool2d_argmax, max_pool2d_dx
    from nbdl.kernels.pooling.max_unpool2d import max_unpool2d, max_unpool2d_dx
    from nbdl.kernels.pooling.pool1d import (
        avg_pool1d,
        avg_pool1d_dx,
        max_pool1d,
        max_pool1d_argmax,
        max_pool1d_dx,
        pool1d_shape,
    )
    from nbdl.kernels.pooling.pool2d import pool2d_shape
    from nbdl.kernels.probability.bernoulli import bernoulli_log_likelihood
    from nbdl.kernels.probability.moments import covariance, covariance_dx, expectation, variance
    from nbdl.kernels.probability.naive_bayes import naive_bayes
    from nbdl.kernels.probability.normal import normal_density, normal_log_density
    from nbdl.kernels.probability.posterior import posterior
    from nbdl.kernels.recurrent.attention_gru_scan import attention_gru_scan
    from nbdl.kernels.recurrent.attention_gru_scan_back import (
        attention_gru_scan_backward,
        attention_gru_scan_dbh,
        attention_gru_scan_dh0,
        attention_gru_scan_dkeys,
        attention_gru_scan_dvalues,
        attention_gru_scan_dwh,
        attention_gru_scan_dwq,
        attention_gru_scan_dwv,
        attention_gru_scan_dz,
    )
    from nbdl.kernels.recurrent.gru import gru, gru_backward
    from nbdl.kernels.recurrent.gru_cell import gru_cell
    from nbdl.kernels.recurrent.gru_gates import gru_gates
    from nbdl.kernels.recurrent.gru_scan import gru_scan
    from nbdl.kernels.recurrent.gru_scan_back import (
        gru_scan_backward,
        gru_scan_dbh,
        gru_scan_dh0,
        gru_scan_dwh,
        gru_scan_dz,
    )
    from nbdl.kernels.recurrent.lstm import lstm, lstm_backward
    from nbdl.kernels.recurrent.lstm_cell import lstm_cell
    from nbdl.kernels.recurrent.lstm_gates import lstm_gates
    from nbdl.kernels.recurrent.lstm_scan import lstm_scan
    from nbdl.kernels.recurrent.lstm_scan_back import (
        lstm_scan_backward,
        lstm_scan_dc0,
        lstm_scan_dh0,
        lstm_scan_dpeepholes,
        lstm_scan_dwh,
        lstm_scan_dz,
    )
    from nbdl.kernels.recurrent.rnn import rnn, rnn_backward, rnn_cell
    from nbdl.kernels.recurrent.rnn_scan import (
        rnn_scan,
        rnn_scan_backward,
        rnn_scan_dh0,
        rnn_scan_dwh,
        rnn_scan_dz,
    )
    from nbdl.kernels.regularization.dropout import (
        dropout,
        dropout_dx,
        dropout_mask,
        masked_scale,
        masked_scale_dx,
    )
    from nbdl.kernels.update.adadelta import adadelta_update
    from nbdl.kernels.update.adagrad import adagrad_update
    from nbdl.kernels.update.adam import adam_update, adamw_update
    from nbdl.kernels.update.adamax import adamax_update
    from nbdl.kernels.update.amsgrad import amsgrad_update
    from nbdl.kernels.update.lamb import lamb_update
    from nbdl.kernels.update.lars import lars_update
    from nbdl.kernels.update.momentum import momentum_update
    from nbdl.kernels.update.nadam import nadam_update
    from nbdl.kernels.update.rmsprop import rmsprop_update
    from nbdl.kernels.update.sgd import sgd_update
    from nbdl.kernels.update.yogi import yogi_update

__all__, __getattr__, __dir__ = _lazy.pages(__spec__)
