"""Warnings as the user reads them: at the line that called this package, with the user's names, each once."""

import contextlib
import re
import sys
import warnings
from contextvars import ContextVar


class Telling:
    """What is said while an estimator works: `names` are what its arguments are called outside."""

    def __init__(self):
        self.names, self.texts = {}, set()


def renamed(text, names):
    """A text in which other words stand for some of the `names` in it, all at once."""
    return re.sub("`([^`]*)`", lambda found: names.get(found[1], found[0]), text)


_NOW = ContextVar("telling", default=None)


@contextlib.contextmanager
def telling(now):
    """While `now`, a `Telling`, is in force; where it is False nothing at all is said, whatever follows."""
    token = _NOW.set(False if _NOW.get() is False else now)
    try:
        yield now
    finally:
        _NOW.reset(token)


def warn(text, category=RuntimeWarning):
    """A warning at the line that called this package."""
    now = _NOW.get()
    if now is False:
        return
    if now is not None:
        text = renamed(text, now.names)
        if text in now.texts:
            return
        now.texts.add(text)
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("nbdl.info"):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
