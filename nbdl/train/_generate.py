"""`generate`: text from a language model, token by token."""

import math
import warnings

import numpy as np

from nbdl import registry
from nbdl.data._ngrams import as_ids
from nbdl.data._text import LENGTH, named
from nbdl.errors import NbdlError, OptionError, ShapeError, UsageError
from nbdl.kernels import greedy_token, sample_token
from nbdl.nn._options import below
from nbdl.nn._parameter import per_sample_buffers
from nbdl.train._beam import beam_search
from nbdl.train._loop import Run
from nbdl.train._measure import predictor
from nbdl.train._stream import Stream


def generate(
    net, prefix, tokens, vocabulary=None, *, length=None, temperature=1.0, top_k=0, top_p=1.0, greedy=False,
    beam=0, seed=0,
):  # fmt: skip
    """Go on with a text by a language model.

    Parameters
    ----------
    net : Run or net
        A run of `nbdl.fit` or `nbdl train` brings its vocabulary and its length.
    prefix : str or (T,) integers
        What comes before, at least one token. Tokens that the vocabulary does not hold are read as ``<unk>``,
        with a warning.
    tokens : int
        How many to add.
    vocabulary : nbdl.data.Vocabulary, optional
        Of the net: needed for a prefix that is text.
    length : int, optional
        How many tokens the net reads at a time, as it was trained to (32 for a net without a run). Before a
        shorter prefix a net that reads a whole window (one that gives (N, V)) sees ``<pad>``, a space or
        ``<unk>``, the first of these that the vocabulary holds. A net that carries a state (`nn.Stateful`)
        reads the prefix from its first token on, and each token once.
    temperature, top_k, top_p, seed
        See `nbdl.kernels.sample_token`.
    greedy : bool
        Take the most probable token each time; nothing is drawn.
    beam : int
        Above 0: the most probable text that so wide a `beam_search` finds; nothing is drawn.

    Returns
    -------
    str or (T + tokens,) int64
        The prefix and what follows, in the form of the prefix.

    Raises
    ------
    UsageError, OptionError
        For an option out of its range, or a vocabulary that is not that of the net.
    ShapeError
        For a net that does not take ids (N, length), or gives no logits (N, V) or (N, T, V).

    Examples
    --------
    >>> nbdl.generate(run, "it has", 20, temperature=0.8, seed=1)
    """
    _check(tokens, temperature, top_k, top_p, beam, seed)
    swap = {}
    if isinstance(net, Run):
        run, net = net, net.net
        vocabulary = vocabulary or run.preparation.vocabularies.get("text")
        length, swap = length or run.data.train.x.shape[1], run.config.swap
    text = isinstance(prefix, str)
    if text and vocabulary is None:
        raise UsageError("`prefix` is text: a `vocabulary` is needed to read it, or the run of a text")
    size = None if vocabulary is None else len(vocabulary)
    start = encoded(prefix, vocabulary) if text else as_ids("generate", prefix, size)
    if not len(start):
        raise UsageError("`prefix` must hold at least one token, got {!r}", prefix)
    with registry.swap(**swap):
        carries = per_sample_buffers(net)
        follow = Stream(net) if carries else _Windows(net, length or LENGTH, vocabulary)
        _check_logits(follow.logits, vocabulary)
        if beam:
            ids = beam_search(follow, start, tokens, beam)[0][0]
            return vocabulary.decode(ids) if text else ids
        ids = np.concatenate([start, np.zeros(tokens, np.int64)])
        for token in start[:-1] if carries and tokens else ():
            follow.read(token)
        for i in range(tokens):
            so_far = ids[: len(start) + i]
            logits = follow.read(so_far[-1]) if carries else follow(so_far)
            if greedy:
                token = greedy_token(logits)
            else:
                token = sample_token(
                    logits, int(seed), i, 0, float(temperature), int(top_k), float(top_p)
                )  # fmt: skip
            ids[len(start) + i] = token
    return vocabulary.decode(ids) if text else ids


class _Windows:
    """``follow(ids)``: the logits (V,) of the next token, from the last `length` tokens."""

    def __init__(self, net, length, vocabulary):
        self._row = np.zeros((1, length), np.int64)
        try:
            self._predict = predictor(net, self._row, threads=1)
            self.logits = self._predict(self._row)
        except NbdlError as error:
            text = "the net does not take ids of shape (N, `length`), (N, {}): {}"
            raise ShapeError(text, length, error) from error
        known = [t for t in ("<pad>", " ", "<unk>") if vocabulary is not None and t in vocabulary]
        self._pad = vocabulary.ids(known[:1])[0] if known else 0

    def __call__(self, ids):
        row, last = self._row, ids[-self._row.shape[1] :]
        row[:] = self._pad
        if self.logits.ndim == 3:  # each position sees those before it: what is behind them has no effect
            row[0, : len(last)] = last
            return self._predict(row)[0, len(last) - 1]
        row[0, row.shape[1] - len(last) :] = last
        return self._predict(row)[0]


def _check_logits(found, vocabulary):
    """Raise an error unless a net gave logits, as many as the vocabulary has tokens."""
    if not isinstance(found, np.ndarray) or found.ndim not in (2, 3) or not found.shape[-1]:
        given = found.shape if isinstance(found, np.ndarray) else type(found).__name__
        raise ShapeError("the net must give logits (N, V) or (N, T, V), got {}", given)
    if vocabulary is not None and found.shape[-1] != len(vocabulary):
        raise UsageError(
            "the net gives {} logits, the vocabulary has {} tokens: it is not that of the net",
            found.shape[-1], len(vocabulary),
        )  # fmt: skip


def encoded(prefix, vocabulary):
    """The ids of a text, at least one; what the vocabulary does not hold is said."""
    strangers, ids = vocabulary.strangers(prefix), vocabulary.encode(prefix)
    if strangers and np.all(ids == vocabulary.unknown):
        warnings.warn(
            f"the vocabulary, of {named(vocabulary)}, holds nothing of the prefix {prefix!r}: "
            "all of it is read as <unk>",
            stacklevel=3,
        )
    elif strangers:
        warnings.warn(
            f"the vocabulary does not hold {_shown(strangers)} of the prefix: read as <unk>", stacklevel=3
        )
    if vocabulary.normalize is True:
        lost = [c for c in dict.fromkeys(prefix) if (c.isalnum() and not c.isascii()) or c.isdigit()]
        if lost:
            are = "are" if len(lost) > 1 else "is"
            text = f"texts of this net have letters a to z alone: {_shown(lost)} of the prefix {are} left out"
            warnings.warn(text, stacklevel=3)
    if not len(ids):
        text = "`prefix` must hold at least one token, of {}, got {!r}"
        raise UsageError(text, named(vocabulary), prefix)
    return ids


def _shown(some):
    return ", ".join(map(repr, some[:8])) + (", ..." if len(some) > 8 else "")


def _check(tokens, temperature, top_k, top_p, beam, seed):
    ranges = (32, "tokens", tokens), (63, "top_k", top_k), (31, "beam", beam), (63, "seed", seed)
    for bits, name, value in ranges:
        below(bits, f"`{name}`", value)
    if not 0 < temperature < math.inf:
        text = "`temperature` must be above 0 and finite, got {}. Try greedy, the limit at 0"
        raise OptionError(text, temperature)
    if not 0 < top_p <= 1:
        raise OptionError("`top_p` must be above 0 and at most 1, got {}", top_p)
