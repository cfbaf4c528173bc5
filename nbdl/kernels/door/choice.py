"""Options that are one of some words."""

import numpy as np
from numba import types
from numba.extending import overload

from nbdl.errors import DtypeError, OptionError
from nbdl.kernels.door.describe import describe_type, name_in, raiser

_NOT_TEXT = "{} must be a text, got {}"
_NO_WORD = "{} must be one of {}, got `{}`"


def choice(where, word, words):
    """The place of `word` among `words`, a tuple of texts; else `OptionError`."""
    if not isinstance(word, str):
        raise DtypeError(_NOT_TEXT, where, type(word).__name__)
    if word not in words:
        raise OptionError(_NO_WORD, where, ", ".join(words), word)
    return words.index(word)


@overload(choice, prefer_literal=True)
def _choice(where, word, words):
    if not isinstance(word, (types.UnicodeType, types.StringLiteral)):
        fail = raiser(DtypeError, _NOT_TEXT.format(name_in(where), describe_type(word)))

        def refuse(where, word, words):
            fail()
            return np.int64(0)

        return refuse
    message = _NO_WORD.replace("{}", name_in(where), 1)

    def impl(where, word, words):
        for i in range(len(words)):
            if words[i] == word:
                return np.int64(i)
        raise OptionError(message, ", ".join(words), word)

    return impl
