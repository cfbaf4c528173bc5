"""The one place with Numba flags, and a disk cache that is right across files.

Numba's own ``cache=True`` looks at the file of the cached function alone: after an edit of a callee in
another file it goes on serving the old machine code. Here the cache folder is named by a fingerprint of
everything the compiled code depends on: numba, llvmlite, Python, the flags, and the source files that the
function can reach. An edit anywhere among them misses; undoing the edit hits the old entry again. The
fingerprint is computed when a function first compiles, never at import.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import stat
import threading
import warnings
import weakref
from pathlib import Path

import llvmlite.binding
import numba
import numpy as np
from numba.core.registry import cpu_target

from nbdl._fingerprint import Unseen, fingerprint
from nbdl.errors import DtypeError

try:  # private names of Numba: without them everything works, uncached
    from numba.core.caching import FunctionCache, IndexDataCacheFile, _CacheLocator
except ImportError:  # pragma: no cover - a future Numba
    FunctionCache = _CacheLocator = None
    IndexDataCacheFile = object

# No sign of zero, reciprocals, fused multiply-add, approximate functions, reordered sums: what kernels need
# to vectorise. Never nnan or ninf: NaN and infinity keep their meaning everywhere.
FAST = frozenset({"nsz", "arcp", "contract", "afn", "reassoc"})
# Information measures, distances, compensated sums and bit tricks: IEEE arithmetic as written.
STRICT = frozenset()


def jit(function=None, *, strict=False, inline=False, cache=True):
    """Compile `function` with nbdl's flags and its disk cache; use it for your own kernels too.

    The function is compiled at its first call, for the argument types of that call (``nogil``, NumPy error
    model, fast-math set ``FAST``). Machine code is kept on disk and is found again by the next process, as
    long as no source file that the function can reach has changed.

    Parameters
    ----------
    function : callable
        A module-level Python function.
    strict : bool
        IEEE arithmetic without any fast-math flag, for code that relies on the order of operations.
    inline : bool
        Callers take in the source, not a call: loops around it can become vectors. They take longer to
        compile.
    cache : bool
        Keep the machine code on disk; not for code that holds addresses of this process.
    """
    if function is None:
        return functools.partial(jit, strict=strict, inline=inline, cache=cache)
    flags, inline = STRICT if strict else FAST, "always" if inline else "never"
    compiled = numba.njit(nogil=True, error_model="numpy", fastmath=set(flags), inline=inline)(function)
    if hasattr(compiled, "_compile_for_args"):  # not where the JIT is disabled
        compiled._compile_for_args = functools.partial(_checked, function, compiled._compile_for_args)
    if cache and FunctionCache is not None and hasattr(compiled, "_cache"):
        compiled._cache = _DiskCache(function, flags)
    return compiled


def _checked(function, compile_for_args, *args, **named):
    """Compile for new types of arguments, but refuse arrays that Numba cannot hold in words of its own."""
    for name, a in (*zip(function.__code__.co_varnames, args), *named.items()):
        if isinstance(a, np.ndarray) and (a.dtype == np.float16 or a.dtype.kind == "O"):
            text = (
                "{}: `{}` must not be an array of {}, which compiled code has not; cast it to another dtype"
            )
            raise DtypeError(text, function.__name__, name, a.dtype.name)
    return compile_for_args(*args, **named)


# --- leaves ---------------------------------------------------------------------------------------------

_leaves = {}


def leaf(function, *types):
    """Compile `function` for arguments of the Numba types `types` and no result; returns its address.

    For native callers that hold addresses. Functions with the same code and the same closed-over values share
    one. No fast-math flag: vector instructions carry their own.

    The disk keeps its object code alone, and LLVM links it: a process that finds all its leaves there does
    not start Numba's compiler. That needs a leaf without errors: one that can raise is compiled each time.
    """
    with _compiling:
        known = _addresses.setdefault(function, {})
        if types not in known:
            known[types] = _address(function, numba.void(*types))
        return known[types]


_addresses, _compiling = weakref.WeakKeyDictionary(), threading.RLock()


def _address(function, signature):
    try:
        stamp = fingerprint(function, STRICT)
    except Unseen as unseen:
        _warn_once(f"nbdl: compiled code is not cached: {unseen}")
        stamp = function
    if (stamp, signature) not in _leaves:
        file = _ObjectFile(function, stamp, signature) if stamp is not function and cache_folder() else None
        found = file and file.load()
        if not found:
            for callback in _watchers:
                callback(function.__name__)
            compiled = numba.cfunc(signature, error_model="numpy")(function)
            found = compiled.address, compiled
            if file:
                file.save(compiled)
        _leaves[stamp, signature] = found
    return _leaves[stamp, signature][0]


class _ObjectFile:
    """The object code of one leaf on disk, under a name that follows from all it depends on."""

    def __init__(self, function, stamp, signature):
        self._key = [stamp, str(signature), *map(str, cpu_target.target_context.codegen().magic_tuple())]
        digest = _digest(repr(self._key).encode())[:16]
        self._name, self._leaf = f"{function.__name__}.{digest}", function.__qualname__
        self._path = cache_folder() / stamp[:20] / f"{self._name}.nbl"

    def load(self):
        """(address, what keeps it valid); None if there is no file, or a truncated or foreign one."""
        try:
            head, _, code = self._path.read_bytes().partition(b"\n")
            key, symbol, digest = json.loads(head)
            return self._link(symbol, code) if key == self._key and digest == _digest(code) else None
        except Exception:
            return None

    def save(self, compiled):
        try:
            code = compiled._library.serialize_using_object_code()[2][0]
            self._link(compiled.native_name, code)
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = self._path.with_name(f"{self._path.name}.tmp.{os.getpid()}")
            head = json.dumps([self._key, compiled.native_name, _digest(code)])
            temporary.write_bytes(head.encode() + b"\n" + code)
            temporary.replace(self._path)
        except OSError as error:
            _warn_once(f"nbdl: compiled code is not cached: {error}")
        except RuntimeError:
            _warn_once(f"nbdl: the leaf `{self._leaf}` is not cached: it can raise")
        except (AttributeError, TypeError) as error:
            _warn_once(f"nbdl: compiled code is not cached, Numba's code library has changed ({error})")

    def _link(self, symbol, code):
        builder = llvmlite.binding.JITLibraryBuilder().add_object_img(code).add_current_process()
        for name in "numba_gil_ensure", "numba_gil_release":  # a callback refers to them, whatever is in it
            builder.import_symbol(name, llvmlite.binding.address_of_symbol(name))
        library = builder.export_symbol(symbol).link(_linker(), self._name)
        return library[symbol], library


def _digest(data):
    return hashlib.sha256(data).hexdigest()


@functools.cache
def _linker():
    return llvmlite.binding.create_lljit_compiler(use_jit_link=True, suppress_errors=True)


# --- the cache ------------------------------------------------------------------------------------------


class _DiskCache:
    """What a Numba dispatcher asks of a cache; opens the files at the first compilation."""

    def __init__(self, function, flags):
        self._function, self._flags, self._enabled = function, flags, True

    @functools.cached_property
    def _files(self):
        folder = cache_folder()
        if folder is None:
            return None
        try:
            stamp = fingerprint(self._function, self._flags)
            return _open_cache(self._function, folder / stamp[:20], stamp)
        except Unseen as unseen:
            _warn_once(f"nbdl: compiled code is not cached: {unseen}")
        except OSError as error:
            _warn_once(f"nbdl: compiled code is not cached: {error}")
        except (AttributeError, TypeError, RuntimeError) as error:
            _warn_once(f"nbdl: compiled code is not cached, Numba's cache has changed ({error})")
        return None

    @property
    def cache_path(self):
        return self._files.cache_path if self._files else None

    def load_overload(self, sig, target_context):
        found = None
        if self._enabled and self._files is not None:
            try:
                found = self._files.load_overload(sig, target_context)
            except Exception:  # a truncated or foreign file in the cache: begin anew, with an empty index
                with contextlib.suppress(OSError):
                    self._files.flush()
        if found is None:
            for callback in _watchers:
                callback(self._function.__name__)
        return found

    def save_overload(self, sig, data):
        if not self._enabled or self._files is None:
            return
        try:
            self._files.save_overload(sig, data)
        except OSError as error:
            self._enabled = False
            _warn_once(f"nbdl: compiled code is not cached: {error}")

    def enable(self):
        self._enabled = True

    def disable(self):
        self._enabled = False

    def flush(self):
        if self._files is not None:
            self._files.flush()


def _open_cache(function, folder, stamp):
    module = hashlib.sha256(function.__module__.encode()).hexdigest()[:8]

    class Locator(_CacheLocator):
        _py_file = function.__code__.co_filename

        def ensure_cache_path(self):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

        def get_cache_path(self):
            return str(folder)

        def get_source_stamp(self):
            return stamp

        def get_disambiguator(self):
            return f"{function.__code__.co_firstlineno}-{module}"

        @classmethod
        def from_function(cls, py_func, py_file):
            return cls()

    class Impl(FunctionCache._impl_class):
        _locator_classes = (Locator,)

    class Files(FunctionCache):
        _impl_class = Impl

        def _index_key(self, signature, codegen):
            """Closed-over values count in the stamp; Numba would pickle them, functions anew each time."""
            return signature, codegen.magic_tuple(), stamp

    files = Files(function)
    files._cache_file = _Entries(str(folder), files._impl.filename_base, stamp)
    return files


class _Entries(IndexDataCacheFile):
    """The files of one function, safe for processes that compile it at the same time.

    Numba numbers the data files: two processes that save different signatures can choose one number, and a
    third one then loads the code of one signature for the other. Here the name follows from the key, the key
    stands in the file, and the index is written last.
    """

    def save(self, key, data):
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        name = f"{self._index_name.removesuffix('.nbi')}.{digest}.nbc"
        self._save_data(name, (key, data))
        self._save_index({**self._load_index(), key: name})

    def load(self, key):
        entry = super().load(key)
        return entry[1] if entry is not None and entry[0] == key else None


@functools.cache
def _warn_once(message):
    warnings.warn(message, RuntimeWarning, stacklevel=4)


@functools.cache
def cache_folder():
    """The folder of compiled code (``NBDL_CACHE``, else the user's cache folder); None if none is usable.

    Cached machine code is run when it is loaded, so the folder must belong to this user alone.
    """
    if "NBDL_CACHE" in os.environ:
        folder = Path(os.environ["NBDL_CACHE"])
    else:
        import platformdirs

        folder = Path(platformdirs.user_cache_dir("nbdl")) / "compiled"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.stat()
        if hasattr(os, "getuid") and (
            info.st_uid != os.getuid() or info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        ):
            raise PermissionError("the folder can be written by other users")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError("the folder cannot be written")
    except OSError as error:
        _warn_once(
            f"nbdl: compiled code is not cached in {folder}: {error}. Set NBDL_CACHE to a private folder."
        )
        return None
    return folder


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


_watchers = []


@contextlib.contextmanager
def watch(callback):
    """Within it `callback(name)` is called for each function of nbdl that must be compiled anew."""
    _watchers.append(callback)
    try:
        yield
    finally:
        _watchers.remove(callback)
