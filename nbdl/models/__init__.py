"""The models of the book, as functions that build nets; and those that count: n-grams, Markov chains."""

from nbdl.models import (
    _bahdanau,
    _convolutional,
    _first,
    _gpt,
    _recurrent,
    _seq2seq,
    _transformer,
    _vae,
    _vit,
)
from nbdl.models._bahdanau import *  # noqa: F403 - these are named on their page alone
from nbdl.models._convolutional import *  # noqa: F403
from nbdl.models._first import *  # noqa: F403
from nbdl.models._gpt import *  # noqa: F403
from nbdl.models._markov import MarkovChain
from nbdl.models._ngram import NgramModel
from nbdl.models._recurrent import *  # noqa: F403
from nbdl.models._seq2seq import *  # noqa: F403
from nbdl.models._transformer import *  # noqa: F403
from nbdl.models._vae import *  # noqa: F403
from nbdl.models._vit import *  # noqa: F403

__all__ = [
    *_bahdanau.__all__,
    *_convolutional.__all__,
    *_first.__all__,
    *_gpt.__all__,
    *_recurrent.__all__,
    *_seq2seq.__all__,
    *_transformer.__all__,
    *_vae.__all__,
    *_vit.__all__,
    "MarkovChain",
    "NgramModel",
]
