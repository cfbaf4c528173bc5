"""Recurrent language models: the next token at each position, from all that came before."""

from functools import partial

from nbdl.errors import UsageError
from nbdl.nn import GRU, LSTM, RNN, Dropout, Embedding, Linear, OneHot, Sequential, Stateful

__all__ = ["gru_lm", "lstm_lm", "rnn_lm"]


def rnn_lm(
    vocabulary=28, hidden=32, layers=1, features=None, tied=False, dropout=0.0, carry=False,
    init="lecun_uniform",
):  # fmt: skip
    """A language model of simple recurrent layers: ids (N, T) to logits (N, T, vocabulary).

    Zhang et al., Dive into Deep Learning, sections 9.4 to 9.6.

    Parameters
    ----------
    vocabulary : int
    hidden : int
        Numbers of a state.
    layers : int
        Recurrent layers, one on the states of the other.
    features : int, optional
        Of an embedding of the tokens; by default they come in as one-hot rows.
    tied : bool
        The embedding is the matrix of the output layer too, with `hidden` features. Press and Wolf 2017.
    dropout : float
        Probability that a state is 0 for what is above it; no step sees it of the one before. Zaremba 2014.
    carry : bool
        Whether minibatches of training go on with the states of those before, see `nbdl.nn.Stateful`.
        `nbdl train` sets it where the windows follow each other (``data_options.partition=sequential``).
    init : str
        Initializer of all matrices but the embedding; by default that of PyTorch, which the book uses.
    """
    return _lm(RNN, 1, vocabulary, hidden, layers, features, tied, dropout, carry, init)


def gru_lm(
    vocabulary=28, hidden=32, layers=1, features=None, tied=False, dropout=0.0, carry=False,
    init="lecun_uniform",
):  # fmt: skip
    """`rnn_lm` of gated recurrent units. Section 10.2."""
    return _lm(GRU, 1, vocabulary, hidden, layers, features, tied, dropout, carry, init)


def lstm_lm(
    vocabulary=28, hidden=32, layers=1, features=None, tied=False, dropout=0.0, carry=False,
    init="lecun_uniform", forget_bias=0.0,
):  # fmt: skip
    """`rnn_lm` of long short-term memories, whose state is two arrays. Section 10.1.

    `forget_bias` is where the bias of the forget gates begins: 1, which helps where what counts is far away,
    learns the short ties of characters more slowly.
    """
    layer = partial(LSTM, forget_bias=forget_bias)
    return _lm(layer, 2, vocabulary, hidden, layers, features, tied, dropout, carry, init)


def _lm(layer, states, vocabulary, hidden, layers, features, tied, dropout, carry, init):
    """A language model of recurrent layers of this kind, whose state are so many arrays."""
    if isinstance(layers, bool) or layers < 1:
        raise UsageError("model option `layers` must be at least 1, got {!r}", layers)
    if tied and features not in (None, hidden):
        text = "model option `features` must be `hidden`, {}, for a matrix that is `tied`, got {}"
        raise UsageError(text, hidden, features)
    features = hidden if tied else features
    first = OneHot(vocabulary) if features is None else Embedding(vocabulary, features)
    body = []
    for _ in range(layers):
        body.append(Stateful(layer(hidden, init=init), states=states, carry=carry))
        body += [Dropout(dropout)] if dropout else []
    last = Linear(vocabulary, weight=first.w) if tied else Linear(vocabulary, init=init)
    return Sequential(first, *body, last)
