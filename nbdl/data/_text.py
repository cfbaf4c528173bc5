"""Text as token ids: a file of one's own, or The Time Machine by H. G. Wells (1895).

Tokens are characters. As in Dive into Deep Learning, section 9.2, letters are made small, and all between
words becomes one space. So the vocabulary is the same for every text, and a model of one reads all others.
"""

import re
import string

import numpy as np

from nbdl.data._data import Data, Split
from nbdl.data._download import downloaded
from nbdl.data._fault import fault, reading
from nbdl.errors import UsageError

VOCABULARY = (" ", "<unk>", *string.ascii_lowercase)  # in the book's order; <unk> is never met
LENGTH = 32  # tokens of a window, if nothing is said
HOME = "http://d2l-data.s3-accelerate.amazonaws.com/"
SHA256 = "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516"


def timemachine(length=LENGTH, stride=None, test_fraction=0.2, last=False):
    """The Time Machine: 173,428 characters. The options are those of `text`."""
    check_windows(length, stride, test_fraction, last)
    folder = downloaded(
        "timemachine", HOME, {"timemachine.txt": SHA256}, "--data with the path of a text file"
    )
    return text(folder / "timemachine.txt", length, stride, test_fraction, last)


def text(path, length=LENGTH, stride=None, test_fraction=0.2, last=False):
    """Read a text file as windows of token ids: x (N, length), and y the tokens that come next.

    Parameters
    ----------
    path : Path
        In UTF-8.
    length : int
        Tokens of a window.
    stride : int, optional
        How far one window begins after the one before; by default `length`, so that they do not overlap.
    test_fraction : float
        This last share of the text is for testing. No window reaches across the border.
    last : bool
        Whether y (N,) is the token after the window alone, else y (N, length) is that after each of x.
    """
    check_windows(length, stride, test_fraction, last)
    with reading(path, "text file in UTF-8", "a text file, saved as UTF-8"):
        ids = encoded(path.read_text(encoding="utf-8"))
    cut = len(ids) - round(test_fraction * len(ids))
    if min(cut, len(ids) - cut) <= length:
        raise fault(
            f"of its {len(ids)} letters and spaces {cut} are for training and {len(ids) - cut} for testing; "
            f"both must be more than `length`, {length}",
            path,
            "a longer text, or the data option length=8",
        )
    train, test = (_windows(part, length, stride or length, last) for part in (ids[:cut], ids[cut:]))
    about = f"{len(ids)} characters of {path.name}, {len(VOCABULARY)} symbols"
    return Data(path.stem, train, test, len(VOCABULARY), about, VOCABULARY, metrics=("perplexity",))


def ends_of_lines(path, length):
    """The last `length` tokens of each line of a text file, (N, length); empty lines are left out."""
    with reading(path, "text file in UTF-8", "a text file, saved as UTF-8"):
        lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        found = {number: encoded(line) for number, line in lines if line}
    for number, ids in found.items():
        if len(ids) < length:
            text = f"line {number} has {len(ids)} letters and spaces, the model reads {length}"
            raise fault(text, path, "longer lines")
    if not found:
        raise fault("it is empty", path, "a line of text for each prediction")
    return np.stack([ids[-length:] for ids in found.values()])


def encoded(characters):
    """A text as the ids of its characters, int64."""
    known = {symbol: i for i, symbol in enumerate(VOCABULARY)}
    return np.array([known[c] for c in re.sub("[^A-Za-z]+", " ", characters).lower()], np.int64)


def _windows(ids, length, stride, last):
    found = np.lib.stride_tricks.sliding_window_view(ids, length + 1)[::stride]
    return Split(found[:, :-1].copy(), found[:, -1].copy() if last else found[:, 1:].copy())


def check_windows(length, stride, test_fraction, last):
    """Raise `UsageError` for an option out of its range."""
    for name, value in (("length", length), ("stride", 1 if stride is None else stride)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError("data option `{}` must be an integer of at least 1, got {!r}", name, value)
    if not isinstance(test_fraction, (int, float)) or not 0 < test_fraction < 1:
        raise UsageError("data option `test_fraction` must be between 0 and 1, got {!r}", test_fraction)
    if not isinstance(last, bool):
        raise UsageError("data option `last` must be true or false, got {!r}", last)
