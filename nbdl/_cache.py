"""The folder of compiled code: where it is, what is in it, and how a file says that it is whole."""

import contextlib
import functools
import hashlib
import os
import re
import stat
import warnings
from pathlib import Path


@functools.cache
def warn_once(message):
    """A `RuntimeWarning`, once in a process."""
    warnings.warn(message, RuntimeWarning, stacklevel=4)


@functools.cache
def cache_folder():
    """The folder of compiled code (``NBDL_CACHE``, else the user's cache folder); None if none is usable.

    Cached machine code is run when it is loaded, so the folder must belong to this user alone. A relative
    one is looked up when it is first needed, and is the same folder whatever the current one is later.
    """
    folder = os.environ.get("NBDL_CACHE", "").strip()
    try:
        folder = Path(os.path.abspath(folder)) if folder else _users_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.stat()
        if hasattr(os, "getuid") and (
            info.st_uid != os.getuid() or info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        ):
            raise PermissionError("the folder can be written by other users")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError("the folder cannot be written")
    except OSError as error:
        warn_once(
            f"nbdl: compiled code is not cached in {folder or 'the home folder'}: {error}. "
            "Set NBDL_CACHE to a private folder."
        )
        return None
    return folder


def _users_folder():
    import platformdirs

    with contextlib.suppress(RuntimeError):
        folder = Path(platformdirs.user_cache_dir("nbdl")) / "compiled"
        if folder.is_absolute():  # or "~", for which nothing stands
            return folder
    raise FileNotFoundError("HOME is not set, and the user has none")


def cache_info():
    """Folder of the disk cache, and its number of functions and of bytes."""
    folder = cache_folder()
    files = [f for child in _our_folders(folder) for f in child.iterdir() if _is_ours(f)]
    return {
        "folder": str(folder) if folder else None,
        "functions": sum(f.suffix in (".nbi", ".nbl") for f in files),
        "bytes": sum(f.stat().st_size for f in files),
    }


def cache_clear():
    """Delete all compiled code of nbdl on this machine; returns what `cache_info` said before."""
    info = cache_info()
    folder = cache_folder()
    for child in _our_folders(folder):
        with contextlib.suppress(OSError):
            for file in filter(_is_ours, child.iterdir()):
                file.unlink()
            child.rmdir()  # refused while anything else is in it
    return info


def _our_folders(folder):
    """The folders that this module made: those named by a fingerprint."""
    children = folder.iterdir() if folder else ()
    return [c for c in children if re.fullmatch("[0-9a-f]{20}", c.name) and c.is_dir() and not c.is_symlink()]


def _is_ours(file):
    """Index, machine code, or what a process that was killed left of them: ``name.nbi.tmp.x``."""
    return re.search(r"\.nb[icl](\.tmp\..*)?$", file.name) and file.is_file()


def sealed(data):
    """Bytes for a file of the cache, their digest behind them: what they become is run, not only read."""
    return data + hashlib.sha256(data).digest()


def unsealed(data):
    """The bytes that `sealed` was given; `ValueError` if any has changed."""
    if hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise ValueError("a file of the cache is damaged")
    return data[:-32]
