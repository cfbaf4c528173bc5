"""Sentences of two languages: lines with a tab between, as token ids for an encoder and a decoder.

Zhang et al., Dive into Deep Learning, section 10.5.
"""

from pathlib import Path

import numpy as np

from nbdl.data._data import Data, Split, check_test
from nbdl.data._fault import fault
from nbdl.data._reading import read_text
from nbdl.data._vocabulary import Vocabulary, check_tokens, tokenize
from nbdl.errors import UsageError

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
IGNORED = -100  # the target after the end of a sentence: losses and metrics do not count it
SIDES = ("source", "target")
LENGTH = 10  # tokens of a sentence, if nothing is said


def pairs(
    path, length=LENGTH, lines=None, test_fraction=0.2, seed=0, *, testing="random", tokens="word",
    normalize="lower", min_freq=2, vocabularies=None,
):  # fmt: skip
    """Read lines of a sentence, a tab and its translation.

    Inputs are ``source`` (N, length): a sentence, ``<eos>``, then ``<pad>``; ``source_length`` (N,), how many
    of these come before the padding; and ``target`` (N, length), ``<bos>`` and the translation, as a decoder
    sees it that is taught. Targets (N, length) are the translation and ``<eos>``; behind it stands -100,
    which losses ignore: a mean is over tokens that count.

    Parameters
    ----------
    path : Path
        A file in UTF-8. What stands after a second tab is left out, and so are empty lines.
    length : int
        Tokens of a sentence with its ``<eos>``; of longer ones the rest is cut off.
    lines : int, optional
        Read the first so many pairs only.
    test_fraction, seed
        This share of the sources, chosen at random, is for testing; all translations of a sentence stay on
        one side.
    testing : "random" or "last"
        "last": the last share of the lines instead, as in the book.
    tokens : "char" or "word"
    normalize : bool or "lower"
        See `tokenize`. By default small letters, each punctuation mark a token.
    min_freq : int
        Tokens that are met less often in the training part become ``<unk>``.
    vocabularies : dict, optional
        Those of a run, ``"source"`` and ``"target"``: the three options before have no say then.

    Returns
    -------
    Data
        With ``vocabularies`` "source" and "target".
    """
    for name, value, least in (("length", length, 2), ("lines", 2 if lines is None else lines, 2)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UsageError(
                "data option `{}` must be an integer of at least {}, got {!r}", name, least, value
            )
    check_tokens(tokens, normalize)
    path = Path(path)
    sentences = read_sentences(path, lines)
    held = held_out(sentences["source"], path, test_fraction, seed, testing)
    given = vocabularies or {}
    cut, made = {}, {}
    for side in SIDES:
        ours = given.get(side)
        how = (ours.unit, ours.normalize) if ours else (tokens, normalize)
        cut[side] = [tokenize(sentence, *how) for sentence in sentences[side]]
        made[side] = ours or Vocabulary.of(
            (t for tokens_, test in zip(cut[side], held) if not test for t in tokens_),
            min_freq, (PAD, BOS, EOS), *how,
        )  # fmt: skip
    source, lengths = rows_of_ids(cut["source"], made["source"], length)
    target, counts = rows_of_ids(cut["target"], made["target"], length)
    taught = np.column_stack([np.full(len(target), made["target"].ids([BOS])[0]), target[:, :-1]])
    answers = np.where(np.arange(length) < counts[:, None], target, IGNORED)
    x = {"source": source, "source_length": lengths, "target": taught}
    parts = [Split({k: a[rows] for k, a in x.items()}, answers[rows]) for rows in (~held, held)]
    longer = sum(len(t) >= length for side in SIDES for t in cut[side])
    about = f"{len(source)} pairs of {path.name}, " + " and ".join(f"{len(v)}" for v in made.values())
    about += " symbols" + (f"; {longer} sentences are cut to {length} tokens" if longer else "")
    target = made["target"]
    return Data(
        path.stem, *parts, len(target), about, target.tokens, metrics=("perplexity",), vocabularies=made
    )


def read_sentences(path, lines=None):
    """The sentences of both sides of a file, by its name; of the first so many `lines`."""
    found = {side: [] for side in SIDES}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) < 2:
            raise fault(f"line {number} has no tab between two sentences", path, "source, a tab, target")
        for side, sentence in zip(SIDES, columns):
            if not sentence:
                raise fault(f"line {number} has an empty {side}", path, "a sentence on both sides of the tab")
            found[side].append(sentence)
        if len(found["source"]) == lines:
            break
    return found


def held_out(sources, path, test_fraction=0.2, seed=0, testing="random"):
    """Which pairs are for testing, (N,) bool; the options are those of `pairs`."""
    check_test(test_fraction, seed)
    if testing not in ("random", "last"):
        raise UsageError("data option `testing` must be random or last, got {!r}", testing)
    known, where = np.unique(np.array(sources, dtype=str), return_inverse=True)
    if len(known) < 2:
        raise fault(f"it has {len(known)} different sources, training and testing need 2", path, "more lines")
    last = testing == "last"
    n = len(sources) if last else len(known)
    order = np.arange(n)[::-1] if last else np.random.default_rng(seed).permutation(n)
    test = np.zeros(n, bool)
    test[order[: min(max(round(test_fraction * n), 1), n - 1)]] = True
    return test if last else test[where.ravel()]


def rows_of_ids(sentences, vocabulary, length):
    """Sentences with their end as rows of ids, padded or cut to `length`, and how many tokens each has."""
    pad, eos = vocabulary.ids([PAD, EOS])
    rows, lengths = np.full((len(sentences), length), pad), np.zeros(len(sentences), np.int64)
    for row, (i, tokens) in zip(rows, enumerate(sentences)):
        ids = np.append(vocabulary.ids(tokens), eos)[:length]
        row[: len(ids)], lengths[i] = ids, len(ids)
    return rows, lengths
