"""What a net attends: the weights of all its attention for one sentence, and a picture of them."""

import io
from collections import Counter
from typing import NamedTuple

import numpy as np

from nbdl import kernels, registry
from nbdl._calls import history
from nbdl.data._pairs import BOS, EOS, LENGTH, SIDES, rows_of_ids
from nbdl.errors import UsageError
from nbdl.tape import Tensor
from nbdl.train._generate import encoded
from nbdl.train._loop import Run
from nbdl.train._translate import cut_sentences, translations

MARKS = {" ": "\u2423", "\n": "\u21b5", "\t": "\u21e5"}  # how white space is shown
OPTIONS = "scale", "causal", "softcap", "window", "offset"  # of attention that weights depend on


class AttentionMap(NamedTuple):
    """How much each query attends each key: `weights` (heads, T, S), T `queries` and S `keys`, as tokens.

    `name` is such as "decoder 0 cross": where, the number of those like it from the first on, and whether a
    sequence attends itself ("self") or another one ("cross").
    """

    name: str
    weights: np.ndarray
    queries: tuple
    keys: tuple


def attention(net, sentence, vocabularies=None, *, target=None, length=None):
    """The weights of all attention in a net, for one sentence.

    Parameters
    ----------
    net : Run or net
        That translates (an `nbdl.models.Seq2Seq`), or a language model. A run brings its vocabularies.
    sentence : str
    vocabularies : dict, optional
        "source" and "target" of a net that translates, "text" of a language model, as
        ``run.preparation.vocabularies`` has them.
    target : str, optional
        A translation that the decoder is given; None: the one that it finds (`translate`).
    length : int, optional
        As of `translate`.

    Returns
    -------
    list of AttentionMap
        In the order in which they are computed. Rows of a decoder's "self" are the tokens that it reads, from
        ``<bos>`` on; those of a "cross" are the tokens that it finds there, up to ``<eos>``.

    Raises
    ------
    UsageError
        For a net without attention or vocabularies, or a sentence without tokens.

    Examples
    --------
    >>> for name, weights, queries, keys in nbdl.train.attention(run, "go ."):
    ...     print(name, weights.shape)
    encoder 0 self (4, 3, 3)
    encoder 1 self (4, 3, 3)
    decoder 0 self (4, 3, 3)
    decoder 0 cross (4, 3, 3)
    decoder 1 self (4, 3, 3)
    decoder 1 cross (4, 3, 3)
    """
    swap = {}
    if isinstance(net, Run):
        run, net = net, net.net
        vocabularies, swap = vocabularies or run.preparation.vocabularies, run.config.swap
        length = length or run.config.data_options.get("length")
    vocabularies = vocabularies or {}
    with registry.swap(**swap):
        if set(SIDES) <= set(vocabularies):
            found = _of_a_translation(net, sentence, vocabularies, target, length or LENGTH)
        elif "text" in vocabularies and target is None:
            ids = encoded(sentence, vocabularies["text"])
            tokens = tuple(vocabularies["text"].tokens[i] for i in ids)
            found = _maps("net", net(np.array(ids)[None]), tokens, tokens, tokens)
        else:
            raise UsageError("attention: the net has no vocabularies: it reads no sentences")
    if not found:
        raise UsageError("attention: there is none in the net. Try a run of bahdanau or transformer")
    return found


def _of_a_translation(net, sentence, vocabularies, target, length):
    source, words = (vocabularies[side] for side in SIDES)
    if target is None:
        (said,) = translations(net, [sentence], vocabularies, length=length)
        cut, tokens = [source.split(sentence)], said.tokens
    else:
        cut, tokens = cut_sentences([sentence], source, length), words.split(target)
    ids = [int(i) for i in words.ids([BOS, *tokens, EOS])]
    rows, lengths = rows_of_ids(cut, source, length)
    end = int(lengths[0])
    memory = net.encoder(rows, lengths)
    logits, _ = net.decoder(np.array([ids[:-1]]), **{k: np.asarray(_array(a)) for k, a in memory.items()})
    read, spoken = tuple(source.tokens[i] for i in rows[0, :end]), tuple(words.tokens[i] for i in ids)
    return [
        *_maps("encoder", memory.values(), read, read, read),
        *_maps("decoder", [logits], spoken[:-1], spoken[1:], read),
    ]


def _array(a):
    return a.numpy() if isinstance(a, Tensor) else a


def _maps(part, results, read, found, others):
    """The maps of the calls that made the results; tokens that are read, found there, and attended."""
    results = [results] if isinstance(results, Tensor) else results
    calls = {call for result in results if isinstance(result, Tensor) for call in history(result)}
    maps, numbers = [], Counter()
    for call in sorted(calls, key=lambda call: call.serial):
        weights = _weights(call)
        if weights is None:
            continue
        alone = part == "encoder" or read is others or call.constants.get("causal", False)
        kind = "self" if alone else "cross"
        queries, keys = (read, read) if alone else (found, others)
        name = f"{part} {numbers[kind]} {kind}"
        numbers[kind] += 1
        maps.append(AttentionMap(name, weights[:, : len(queries), : len(keys)], queries, keys))
    return maps


def _weights(call):
    """The weights (heads, T, S) of a call of attention on one sample, or None."""
    if call.record.name == "scaled_dot_product_attention":
        q, k, _, mask, lengths = (None if t is None else t.numpy() for t in call.inputs)
        options = {name: call.constants[name] for name in OPTIONS if name in call.constants}
        return kernels.attention_weights(q, k, mask, lengths, **options)[0]
    if call.record.name == "attention_gru_scan":
        return call.outputs[2]
    return call.outputs[0] if call.record.name == "masked_softmax" else None


def attention_picture(maps, title=""):
    """PNG bytes of the maps of `attention`: one beside the other by head, tokens on both axes.

    White is 0, the darkest 1. Needs matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError('a picture needs matplotlib: pip install "nbdl[plot]"') from error
    columns = max(len(m.weights) for m in maps)
    high = [max(len(m.queries), 2) for m in maps]
    wide = max(len(m.keys) for m in maps)
    longest = max(len(t) for m in maps for t in (*m.queries, *m.keys))
    cell, room = 0.26, 0.075 * min(longest, 12) + 0.3
    figure = Figure(
        figsize=(columns * (cell * wide + room) + 1.4, sum(cell * h + room + 0.25 for h in high) + 0.6),
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(maps), columns, squeeze=False, height_ratios=high)
    for row, (name, weights, queries, keys) in zip(grid, maps):
        for axis in row[len(weights) :]:
            axis.set_axis_off()
        for head, axis in enumerate(row[: len(weights)]):
            drawn = axis.imshow(weights[head], vmin=0, vmax=1, cmap="Blues", interpolation="nearest")
            axis.set_xticks(range(len(keys)), [MARKS.get(t, t) for t in keys], fontsize=7, rotation=90)
            axis.set_yticks(range(len(queries)), [MARKS.get(t, t) for t in queries], fontsize=7)
            axis.tick_params(length=0)
            axis.set_title(f"{name}, head {head}" if len(weights) > 1 else name, fontsize=7)
    bar = figure.colorbar(drawn, ax=grid, pad=0.01, shrink=0.6)
    bar.ax.tick_params(labelsize=6)
    bar.set_label("weight", fontsize=7)
    for axis in grid[:, 0]:
        axis.set_ylabel("queries", fontsize=7)
    for axis in grid[-1]:
        axis.set_xlabel("keys", fontsize=7)
    figure.suptitle(title, fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
