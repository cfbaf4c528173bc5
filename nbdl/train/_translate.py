"""`translate`: sentences of one language as sentences of another, token by token, greedily or by a beam."""

import math
import warnings
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from nbdl import registry
from nbdl.data._pairs import BOS, EOS, LENGTH, SIDES, rows_of_ids
from nbdl.errors import OptionError, UsageError
from nbdl.train._beam import beam_search_at_once
from nbdl.train._bleu import bleu
from nbdl.train._loop import Run
from nbdl.train._measure import predictor


class Translation(NamedTuple):
    """A sentence, its translation as text and as tokens, and log P / L^alpha of it: see `beam_search`."""

    source: str
    text: str
    tokens: tuple
    score: float


def translate(net, sentences, vocabularies=None, *, length=None, beam=1, length_penalty=0.75):
    """Translate sentences by a net with an encoder and a decoder.

    Parameters
    ----------
    net : Run or nbdl.models.Seq2Seq
        A run of `nbdl.fit` or `nbdl train` on pairs brings its vocabularies and its length. Of any other net
        two parts are needed: ``encoder(source, source_length)`` gives arrays by name, ``decoder(target,
        **arrays)`` logits (N, T, V) and those of the arrays that have changed. A decoder that has
        ``from_start = True`` keeps nothing: each time it is given all tokens, and what stands behind them.
    sentences : str or list of str
        They are cut into tokens as the training text was. Tokens that the vocabulary does not hold are read
        as ``<unk>``, of more than `length` of them with the end of the sentence the rest is cut off, both
        with a warning.
    vocabularies : dict, optional
        "source" and "target" of the net, as ``run.preparation.vocabularies`` has them.
    length : int, optional
        Tokens of a sentence with its ``<eos>``, as the net was trained to (10 for a net without a run); a
        translation has at most as many.
    beam : int
        1 takes the most probable token each time, more follow so many sentences at once (`beam_search`).
    length_penalty : float
        From 0: what log P is divided by is L to this power. The larger it is, the longer are translations.

    Returns
    -------
    str or list of str
        Tokens with spaces between (characters without).

    Raises
    ------
    UsageError, OptionError
        For a sentence without tokens, a net that does not translate, or an option out of its range.

    Examples
    --------
    >>> nbdl.translate(run, ["go .", "i lost ."], beam=2)
    """
    alone = isinstance(sentences, str)
    found = translations(
        net, [sentences] if alone else sentences, vocabularies, length=length, beam=beam,
        length_penalty=length_penalty,
    )  # fmt: skip
    return found[0].text if alone else [t.text for t in found]


def translations(net, sentences, vocabularies=None, *, length=None, beam=1, length_penalty=0.75):
    """`translate` with all that is known of each: a list of `Translation`."""
    if isinstance(beam, bool) or not isinstance(beam, int | np.integer) or beam < 1:
        raise OptionError("`beam` must be an integer of at least 1, got {!r}", beam)
    if not 0 <= length_penalty < math.inf:
        raise OptionError("`length_penalty` must be from 0 and finite, got {}", length_penalty)
    swap = {}
    if isinstance(net, Run):
        run, net = net, net.net
        vocabularies = vocabularies or run.preparation.vocabularies
        swap = run.config.swap
        if isinstance(run.data.train.x, Mapping) and "source" in run.data.train.x:
            length = length or run.data.train.x["source"].shape[1]
    if not set(SIDES) <= set(vocabularies or {}):
        raise UsageError("the net has no vocabularies of two languages: it translates nothing")
    if not all(callable(getattr(net, part, None)) for part in ("encoder", "decoder")):
        raise UsageError("`net` must have an `encoder` and a `decoder`, got {}", type(net).__name__)
    source, target = (vocabularies[side] for side in SIDES)
    length = length or LENGTH
    bos, eos = (int(i) for i in target.ids([BOS, EOS]))
    rows, lengths = rows_of_ids(cut_sentences(sentences, source, length), source, length)
    found = []
    with registry.swap(**swap):
        memory = _encoded(net, {"source": rows, "source_length": lengths})
        for i, sentence in enumerate(sentences):
            start = {name: a[i : i + 1] for name, a in memory.items()}
            if not i:
                steps, size = (_Whole, length) if getattr(net.decoder, "from_start", False) else (_Steps, 1)
                decoder = predictor(net.decoder, {"target": np.full((1, size), bos), **start}, threads=1)
            follow = steps(decoder, start, length)
            ids, score = beam_search_at_once(follow, [bos], length, beam, eos, length_penalty)[0]
            ids = ids[1:-1] if ids[-1] == eos else ids[1:]
            tokens = tuple(target.tokens[i] for i in ids)
            found.append(Translation(sentence, target.decode(ids), tokens, score))
    return found


def best_bleu(found, references, k=2):
    """`bleu` of a `Translation` against the reference that it is nearest to; `references` are of tokens."""
    return max(bleu(found.tokens, reference, k) for reference in references)


def _encoded(net, inputs):
    """What the encoder gives for all sentences, as arrays by name."""
    memory = predictor(net.encoder, {k: a[:1] for k, a in inputs.items()}, threads=1)(inputs)
    if not isinstance(memory, Mapping):
        text = "the encoder of the net must give arrays by name, got {}"
        raise UsageError(text, type(memory).__name__)
    return memory


class _Steps:
    """Logits of the token after each of several beginnings; what the decoder keeps is held for the next."""

    def __init__(self, decoder, start, length):
        self._decoder, self._start, self._kept = decoder, start, {}

    def __call__(self, many):
        before = [self._kept.get(tuple(ids[:-1]), self._start) for ids in many]
        memory = {name: np.concatenate([each[name] for each in before]) for name in self._start}
        logits, changed = self._decoder({"target": np.array([ids[-1:] for ids in many]), **memory})
        self._kept = {
            tuple(ids): {**each, **{name: a[i : i + 1] for name, a in changed.items()}}
            for i, (ids, each) in enumerate(zip(many, before))
        }
        return logits[:, -1]


class _Whole:
    """The same of a decoder that reads all of a beginning each time: what it is given has one size."""

    def __init__(self, decoder, start, length):
        self._decoder, self._start, self._length = decoder, start, length

    def __call__(self, many):
        begun = np.array(many)
        target = np.zeros((len(begun), self._length), np.int64)
        target[:, : begun.shape[1]] = begun
        memory = {name: np.repeat(array, len(begun), axis=0) for name, array in self._start.items()}
        logits, _ = self._decoder({"target": target, **memory})
        return logits[:, begun.shape[1] - 1]


def cut_sentences(sentences, vocabulary, length):
    """The tokens of each sentence; what the net cannot read is said."""
    found = [vocabulary.split(sentence) for sentence in sentences]
    for sentence, tokens in zip(sentences, found):
        if not tokens:
            raise UsageError("a sentence must hold at least one token, got {!r}", sentence)
    strange = [[t for t in tokens if t not in vocabulary] for tokens in found]
    if any(strange):
        words = dict.fromkeys(t for tokens in strange for t in tokens)
        warnings.warn(f"the vocabulary does not hold {shown(words)}: read as <unk>", stacklevel=4)
    lost = [s for s, tokens, bad in zip(sentences, found, strange) if len(tokens) == len(bad)]
    if lost:
        warnings.warn(f"nothing is known of {shown(lost)}: the translation says nothing", stacklevel=4)
    longer = [s for s, tokens in zip(sentences, found) if len(tokens) >= length]
    if longer:
        text = f"the net reads {length - 1} tokens of a sentence: the rest of {shown(longer)} is cut off"
        warnings.warn(text, stacklevel=4)
    return found


def shown(some, most=8):
    """The first of some texts, as they stand in a message."""
    some = list(some)
    return ", ".join(map(repr, some[:most])) + (f" and {len(some) - most} more" if some[most:] else "")
