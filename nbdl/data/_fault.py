"""The error of a file: what is wrong, where, and one thing to try; and the one rule by which files are read.

The place and the advice are notes of the exception: a traceback prints them below the message, and the
command line prints them as its second and third line.
"""

import contextlib
import difflib
import os
import stat
from pathlib import Path

from nbdl.errors import DataError, NbdlError, PluginError
from nbdl.records import reason

AGAIN = "copying or downloading it again"


def fault(what, where, hint):
    """A `DataError` to raise: `where` is the file with key, column or row, `hint` completes "try: ..."."""
    error = DataError(what)
    _note(error, where, hint)
    return error


def _note(error, where, hint):
    error.add_note(f"where: {where}")
    error.add_note(f"try: {hint}")


@contextlib.contextmanager
def reading(path, kind, hint=AGAIN, most=None, passing=()):
    """A block that reads the file `path` and makes sense of it: whatever it raises is a `DataError`.

    What parsers raise on damaged bytes is an open set, so all of it counts. Only regular files are let in (a
    pipe or a device may never end), and none that is larger than the memory, or than `most` bytes.

    Parameters
    ----------
    path : path
    kind : str
        What the file should be, as in "no valid {kind}".
    hint : str
        Completes "try: ...".
    most : int, optional
        Bytes that such a file can have.
    passing : tuple of exception classes
        What the block raises of the caller's own arguments, not of the file.
    """
    status = look(path)
    if status is None:
        raise fault("there is no such file", path, near(path) or "a path that exists")
    if stat.S_ISDIR(status.st_mode):
        raise fault(f"it is a folder; a file is needed: {kind}", path, "a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise fault("it is a pipe or a device; only regular files are read", path, "saving it to a file")
    check_size(status.st_size, path, most)
    try:
        yield
    except (PluginError, *passing):
        raise
    except DataError as error:
        if not getattr(error, "__notes__", ()):  # it knows no place
            _note(error, path, hint)
        raise
    except OSError as error:
        raise fault(f"it cannot be read: {error.strerror or error}", path, hint) from error
    except Exception as error:
        why = str(error) if isinstance(error, (NbdlError, ValueError)) else reason(error)
        raise fault(f"it is no valid {kind}: {why}", path, hint) from error


def check_size(size, path, most=None):
    """Raises unless so many bytes, of a file or of what it unpacks to, are allowed and fit the memory."""
    if most is not None and size > most:
        raise fault(f"it has {size} bytes, such files have {most} at most", path, "another file")
    if size > _memory():
        raise fault(f"it has {size} bytes, more than the memory of this machine", path, "a part of it")


def look(path):
    """What the system says of `path` (an `os.stat_result`), None if nothing is there.

    A path that cannot be looked at (a name too long, a folder that is not ours) is a fault.
    """
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a null character
        text = getattr(error, "strerror", None) or error
        raise fault(f"the file cannot be read: {text}", path, "another path") from error


def expanded(text):
    """The path of a text; where ``~`` or ``~name`` has no folder, it is a name like any other."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def near(path):
    """A path beside `path` with a name much like its own, or None."""
    path = Path(path)
    try:
        names = [p.name for p in path.parent.iterdir()]
    except (OSError, ValueError):
        return None
    found = difflib.get_close_matches(path.name, names, n=1)
    return str(path.parent / found[0]) if found else None


def _memory():
    """Bytes of this machine's memory."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on every system
        return 2**63
