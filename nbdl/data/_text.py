"""Text as token ids: a file or a folder of one's own, or The Time Machine by H. G. Wells (1895).

Tokens are characters or words. As in Dive into Deep Learning, section 9.2, letters are made small, and all
between words becomes one space, unless the text is to be taken as it is. The vocabulary of normalised
characters is the same for every text, so that a model of one reads all others; any other is that of the
training part.
"""

from pathlib import Path

import numpy as np

from nbdl.data._data import Data, Split, check_test
from nbdl.data._download import downloaded
from nbdl.data._fault import fault
from nbdl.data._partition import Partition
from nbdl.data._reading import read_text, read_texts
from nbdl.data._vocabulary import BOOK, UNITS, UNKNOWN, Vocabulary, check_tokens, tokenize
from nbdl.errors import UsageError

PARTITIONS = ("fixed", "random", "sequential")
LENGTH = 32  # tokens of a window, if nothing is said
HOME = "http://d2l-data.s3-accelerate.amazonaws.com/"
SHA256 = "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516"


def timemachine(
    length=LENGTH, stride=None, test_fraction=0.2, last=False, *, partition="fixed", tokens="char",
    normalize=True, min_freq=1, reserved=(), vocabularies=None,
):  # fmt: skip
    """The Time Machine: 173,428 characters. The options are those of `text`."""
    check_windows(length, stride, test_fraction, last, partition)
    check_tokens(tokens, normalize)
    folder = downloaded(
        "timemachine", HOME, {"timemachine.txt": SHA256}, "--data with the path of a text file"
    )
    return text(
        folder / "timemachine.txt", length, stride, test_fraction, last, partition=partition, tokens=tokens,
        normalize=normalize, min_freq=min_freq, reserved=reserved, vocabularies=vocabularies,
    )  # fmt: skip


def text(
    path, length=LENGTH, stride=None, test_fraction=0.2, last=False, *, partition="fixed", tokens="char",
    normalize=True, min_freq=1, reserved=(), vocabularies=None,
):  # fmt: skip
    """Read a text as windows of token ids: x (N, length), and y the tokens that come next.

    Parameters
    ----------
    path : Path
        A file in UTF-8, or a folder of such (``.txt``), which are read in the order of their names.
    length : int
        Tokens of a window.
    stride : int, optional
        How far one window begins after the one before; by default `length`, so that they do not overlap.
    test_fraction : float
        This last share of the text is for testing. No window reaches across the border.
    last : bool
        Whether y (N,) is the token after the window alone, else y (N, length) is that after each of x.
    partition : "fixed", "random" or "sequential"
        "fixed": the same windows in each epoch, in random order. The others begin at another token in each
        epoch and do not overlap, see `Partition`; of the training part all windows are then made.
    tokens : "char" or "word"
    normalize : bool or "lower"
        Whether letters are made small and all between words becomes one space; see `tokenize`.
    min_freq : int
        Tokens that are met less often in the training part become ``<unk>``.
    reserved : list of str
        Further tokens of the vocabulary.
    vocabularies : dict, optional
        Those of a run: with its vocabulary ``"text"`` the text is read, and the four options before have no
        say.
    """
    check_windows(length, stride, test_fraction, last, partition)
    check_tokens(tokens, normalize)
    found = _cut(path, tokens, normalize, vocabularies)
    cut = len(found) - round(test_fraction * len(found))
    vocabulary = _vocabulary(found[:cut], tokens, normalize, min_freq, reserved, vocabularies)
    what = named(vocabulary)
    if min(cut, len(found) - cut) <= length:
        raise fault(
            f"of its {len(found)} {what} {cut} are for training and {len(found) - cut} for testing; "
            f"both must be more than `length`, {length}",
            path,
            "a longer text, or the data option length=8",
        )
    ids = vocabulary.ids(found)
    order = None if partition == "fixed" else Partition(length, partition == "sequential")
    if order is not None and cut < 2 * length:
        text = f"of its {len(ids)} {what} {cut} are for training; windows of {length} that move need "
        raise fault(f"{text}{2 * length}", path, "a longer text, or the data option partition=fixed")
    train = _windows(ids[:cut], length, stride or length if order is None else 1, last)
    test = _windows(ids[cut:], length, stride or length, last)
    strange = np.count_nonzero(ids == vocabulary.unknown)
    about = f"{len(ids)} {UNITS[vocabulary.unit]} of {path.name}, {len(vocabulary)} symbols"
    about += f"; {strange} are {UNKNOWN}" if strange else ""
    metrics = ("perplexity", "bits_per_character")[: 2 if vocabulary.unit == "char" else 1]
    return Data(
        path.stem, train, test, len(vocabulary), about, vocabulary.tokens, metrics=metrics,
        vocabularies={"text": vocabulary}, order=order,
    )  # fmt: skip


def _cut(path, unit, normalize, vocabularies):
    """The tokens of a file or folder."""
    content = read_texts(Path(path))
    return vocabularies["text"].split(content) if vocabularies else tokenize(content, unit, normalize)


def _vocabulary(tokens, unit, normalize, min_freq, reserved, vocabularies):
    """That of the run, else that of these tokens."""
    if vocabularies:
        return vocabularies["text"]
    if (unit, normalize, min_freq) == ("char", True, 1):  # the whole alphabet, whatever a text holds of it
        tokens = BOOK.tokens
    return Vocabulary.of(tokens, min_freq, reserved, unit, normalize)


def named(vocabulary):
    """What the tokens of a vocabulary are called in a message."""
    book = vocabulary.unit == "char" and vocabulary.normalize is True
    return "letters and spaces" if book else UNITS[vocabulary.unit]


def ends_of_lines(path, length, vocabulary=BOOK):
    """The last `length` tokens of each line of a text file, (N, length); empty lines are left out."""
    lines = enumerate(read_text(path).splitlines(), 1)
    found = {number: vocabulary.encode(line) for number, line in lines if line}
    for number, ids in found.items():
        if len(ids) < length:
            text = f"line {number} has {len(ids)} {named(vocabulary)}, the model reads {length}"
            raise fault(text, path, "longer lines")
    if not found:
        raise fault("it is empty", path, "a line of text for each prediction")
    return np.stack([ids[-length:] for ids in found.values()])


def _windows(ids, length, stride, last):
    found = np.lib.stride_tricks.sliding_window_view(ids, length + 1)[::stride]
    return Split(found[:, :-1].copy(), found[:, -1].copy() if last else found[:, 1:].copy())


def check_windows(length, stride, test_fraction, last, partition):
    """Raise `UsageError` for an option out of its range."""
    for name, value in (("length", length), ("stride", 1 if stride is None else stride)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError("data option `{}` must be an integer of at least 1, got {!r}", name, value)
    check_test(test_fraction)
    if not isinstance(last, bool):
        raise UsageError("data option `last` must be true or false, got {!r}", last)
    if partition not in PARTITIONS:
        text = "data option `partition` must be {}, got {!r}"
        raise UsageError(text, ", ".join(PARTITIONS), partition)
    if partition != "fixed" and stride not in (None, length):
        text = "data option `stride` must be `length`, {}, where `partition` is {}, got {}"
        raise UsageError(text, length, partition, stride)
