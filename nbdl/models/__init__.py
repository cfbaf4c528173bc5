"""The models of the book, as functions that build nets; and those that count: n-grams, Markov chains."""
# ruff: noqa: F401 - the imports are the list of the public names, read by editors and by `_lazy`

from typing import TYPE_CHECKING

from nbdl import _lazy

if TYPE_CHECKING:
    from nbdl.models._bahdanau import BahdanauDecoder, BahdanauEncoder, bahdanau
    from nbdl.models._convolutional import (
        alexnet,
        densenet,
        googlenet,
        nin,
        resnet18,
        resnet20,
        resnext,
        vgg11,
    )
    from nbdl.models._first import (
        bigram_lm,
        bn_lenet,
        lenet,
        lenet_modern,
        linear_regression,
        mlp,
        softmax_regression,
        window_lm,
    )
    from nbdl.models._gpt import gpt
    from nbdl.models._markov import MarkovChain
    from nbdl.models._ngram import NgramModel
    from nbdl.models._recurrent import gru_lm, lstm_lm, rnn_lm
    from nbdl.models._seq2seq import Seq2Seq, SequenceDecoder, SequenceEncoder, seq2seq
    from nbdl.models._transformer import TransformerDecoder, TransformerEncoder, transformer
    from nbdl.models._vae import VAE, conv_vae, vae
    from nbdl.models._vit import vit

__all__, __getattr__, __dir__ = _lazy.pages(__spec__)
