"""Layers, parameters, initializers and losses."""
# ruff: noqa: F401 - the imports are the list of the public names, read by editors and by `_lazy`

from typing import TYPE_CHECKING

from nbdl import _lazy
from nbdl.nn import _activations
from nbdl.nn._activations import *  # noqa: F403 - these are named on their page alone

if TYPE_CHECKING:
    from nbdl.nn._adaptive_pool2d import (
        AdaptiveAvgPool2d,
        AdaptiveMaxPool2d,
        GlobalAvgPool2d,
        GlobalMaxPool2d,
    )
    from nbdl.nn._attention import (
        AdditiveAttention,
        BilinearAttention,
        MultiHeadAttention,
        PositionalEncoding,
    )
    from nbdl.nn._attention_gru import AttentionGRU
    from nbdl.nn._augmentation import GaussianNoise, RandomCrop, RandomFlip, RandomShift
    from nbdl.nn._batch_norm import BatchNorm
    from nbdl.nn._branches import Concat, Residual
    from nbdl.nn._conv1d import Conv1d
    from nbdl.nn._conv2d import Conv2d
    from nbdl.nn._conv_transpose2d import ConvTranspose2d
    from nbdl.nn._embedding import Embedding
    from nbdl.nn._fold import fold_batch_norm
    from nbdl.nn._freeze import freeze, unfreeze
    from nbdl.nn._group_norm import GroupNorm, InstanceNorm, LocalResponseNorm
    from nbdl.nn._gru import GRU
    from nbdl.nn._lambda import Lambda
    from nbdl.nn._layer_norm import LayerNorm, RMSNorm
    from nbdl.nn._linear import Linear
    from nbdl.nn._losses import (
        binary_cross_entropy_with_logits,
        cross_entropy,
        hinge,
        huber,
        info_nce,
        js_divergence,
        kl_divergence,
        l1,
        mse,
        softmax_cross_entropy,
    )
    from nbdl.nn._lstm import LSTM
    from nbdl.nn._one_hot import OneHot
    from nbdl.nn._pad2d import Pad2d
    from nbdl.nn._parameter import (
        Buffer,
        Parameter,
        init,
        load_state_dict,
        named_buffers,
        named_parameters,
        parameters,
        reset_state,
        state_dict,
    )
    from nbdl.nn._patch_embedding import PatchEmbedding
    from nbdl.nn._pool1d import AvgPool1d, MaxPool1d
    from nbdl.nn._pool2d import AvgPool2d, LpPool2d, MaxPool2d
    from nbdl.nn._positional_embedding import PositionalEmbedding
    from nbdl.nn._reshape import Reshape
    from nbdl.nn._rnn import RNN
    from nbdl.nn._sequential import Sequential, build, config
    from nbdl.nn._stack import Stack
    from nbdl.nn._stateful import Stateful
    from nbdl.nn._train import Train
    from nbdl.nn._transformer import FeedForward, TransformerDecoderBlock, TransformerEncoderBlock
    from nbdl.nn._variational import bernoulli_elbo, gaussian_elbo, gaussian_kl, reparameterize

__all__, __getattr__, __dir__ = _lazy.pages(__spec__)
__all__ += _activations.__all__
