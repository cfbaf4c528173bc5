"""Tokens of a text, and the vocabulary that numbers them.

Zhang et al., Dive into Deep Learning, section 9.2.
"""

import functools
import re
import string
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nbdl.errors import DataError, LabelError, UsageError

UNITS = {"char": "characters", "word": "words"}
UNKNOWN = "<unk>"
_WORDS = re.compile(r"\w+(?:['\u2019-]\w+)*|[^\w\s]")  # a word, with apostrophes and hyphens; else a mark


def tokenize(text, unit="char", normalize=True):
    """The tokens of a text, a list.

    Parameters
    ----------
    text : str
    unit : "char" or "word"
    normalize : bool or "lower"
        True, as in the book: letters are made small, and all between words, A to Z alone, becomes one space.
        False: the text as it is, every character; or words with their case, and each punctuation mark by
        itself (white space is no token). "lower": so too, in small letters.

    Examples
    --------
    >>> tokenize("Time-Traveller's", "word")
    ['time', 'traveller', 's']
    >>> tokenize("It's me, Wells!", "word", normalize=False)
    ["It's", 'me', ',', 'Wells', '!']
    """
    check_tokens(unit, normalize)
    if normalize is True:
        text = re.sub("[^A-Za-z]+", " ", text).lower()
        return list(text) if unit == "char" else text.split()
    text = text.lower() if normalize else text
    return list(text) if unit == "char" else _WORDS.findall(text)


def check_tokens(unit, normalize):
    """Raise `UsageError` for an option out of its range."""
    if unit not in UNITS:
        raise UsageError("data option `tokens` must be {}, got {!r}", " or ".join(UNITS), unit)
    if not isinstance(normalize, bool) and normalize != "lower":
        raise UsageError("data option `normalize` must be true, false or lower, got {!r}", normalize)


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by their ids, and how a text is cut into them: all that a model of text needs to read one.

    Parameters
    ----------
    tokens : tuple of str
        The token of id i is ``tokens[i]``. ``<unk>`` is among them: it stands for every token that is not.
    unit : "char" or "word"
    normalize : bool or "lower"
        See `tokenize`.

    Raises
    ------
    UsageError
        If a token is no text or occurs twice, or ``<unk>`` is missing.

    Examples
    --------
    >>> v = Vocabulary.of(tokenize("the cat sat on the mat", "word"), min_freq=2, unit="word")
    >>> v.tokens, v.encode("the dog").tolist()
    (('<unk>', 'the'), [1, 0])
    """

    tokens: tuple
    unit: str = "char"
    normalize: bool | str = True

    def __post_init__(self):
        object.__setattr__(self, "tokens", tuple(self.tokens))
        check_tokens(self.unit, self.normalize)
        for token, n in Counter(self.tokens).items():
            if not isinstance(token, str) or n > 1:
                rule = "differ from each other" if isinstance(token, str) else "be text"
                raise UsageError("the tokens of a vocabulary must {}, got {!r}", rule, token)
        if UNKNOWN not in self.tokens:
            raise UsageError("a vocabulary needs the token {}, got {} others", UNKNOWN, len(self.tokens))

    @classmethod
    def of(cls, tokens, min_freq=1, reserved=(), unit="char", normalize=True):
        """The vocabulary of the tokens of a text.

        Parameters
        ----------
        tokens : iterable of str
        min_freq : int
            A token that occurs less often becomes ``<unk>``.
        reserved : list of str
            Tokens that are in it though the text may not hold them, such as ``<pad>``. Like ``<unk>`` they
            stand among the others, in the order of the alphabet.
        unit, normalize
            How the text was cut, see `tokenize`.
        """
        if isinstance(min_freq, bool) or not isinstance(min_freq, int) or min_freq < 1:
            raise UsageError("data option `min_freq` must be an integer of at least 1, got {!r}", min_freq)
        if not isinstance(reserved, (list, tuple)) or not all(isinstance(t, str) and t for t in reserved):
            raise UsageError("data option `reserved` must be a list of tokens, got {!r}", reserved)
        found = {token for token, n in Counter(tokens).items() if n >= min_freq}
        return cls(tuple(sorted({UNKNOWN, *reserved, *found})), unit, normalize)

    def __len__(self):
        return len(self.tokens)

    @functools.cached_property
    def _number(self):
        return {token: i for i, token in enumerate(self.tokens)}

    @property
    def unknown(self):
        """The id of ``<unk>``."""
        return self._number[UNKNOWN]

    def __contains__(self, token):
        return token in self._number

    def ids(self, tokens):
        """The ids of tokens, int64 of their number; of a token that it does not hold that of ``<unk>``."""
        tokens = list(tokens)
        number, unknown = self._number, self.unknown
        return np.fromiter((number.get(t, unknown) for t in tokens), np.int64, len(tokens))

    def split(self, text):
        """The tokens of a text, as this vocabulary counts them."""
        return tokenize(text, self.unit, self.normalize)

    def encode(self, text):
        """The ids of the tokens of a text."""
        return self.ids(self.split(text))

    def decode(self, ids):
        """The text of ids: characters as they follow, words with a space between.

        Raises
        ------
        LabelError
            For an id out of range.
        """
        ids = np.asarray(ids).ravel()
        if ids.size and not (0 <= ids.min() and ids.max() < len(self)):
            text = "`ids` must be from 0 to {}, got {} to {}"
            raise LabelError(text, len(self) - 1, ids.min(), ids.max())
        return ("" if self.unit == "char" else " ").join(self.tokens[i] for i in ids)

    def strangers(self, text):
        """Tokens of a text that it does not hold, each once, in the order in which they come."""
        return [t for t in dict.fromkeys(self.split(text)) if t not in self._number]

    def document(self):
        """Itself as data of JSON, which `read` takes back."""
        return {"tokens": list(self.tokens), "unit": self.unit, "normalize": self.normalize}

    @classmethod
    def read(cls, document, where):
        """From a document; `DataError` if it is none."""
        try:
            return cls(**document)
        except (TypeError, UsageError) as error:
            raise DataError("{} is damaged: what it says of its vocabulary is wrong", where) from error


def read_vocabularies(document, where):
    """Vocabularies by name, from a document; `DataError` if it is none."""
    if not isinstance(document, Mapping):
        raise DataError("{} is damaged: what it says of its vocabulary is wrong", where)
    return {name: Vocabulary.read(d, where) for name, d in document.items()}


BOOK = Vocabulary((" ", UNKNOWN, *string.ascii_lowercase))  # of every normalised text; <unk> is never met
