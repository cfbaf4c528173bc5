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
import types
from contextlib import nullcontext
from pathlib import Path

import numba
from numba.core.errors import TypingError

from nbdl import _link, _symbol
from nbdl._arguments import no_form, refuse, type_of
from nbdl._cache import cache_folder, sealed, unsealed, warn_once
from nbdl._fingerprint import Unseen, _codes, fingerprint

try:  # private names of Numba: without them everything works, with slower calls
    from numba._dispatcher import Dispatcher
    from numba.core.dispatcher import OmittedArg
except ImportError:  # pragma: no cover - a future Numba
    Dispatcher = None
try:  # without these it works, uncached
    from numba.core.caching import FunctionCache, IndexDataCacheFile, _CacheLocator
except ImportError:  # pragma: no cover - a future Numba
    FunctionCache = _CacheLocator = None
    IndexDataCacheFile = object

# No sign of zero, reciprocals, fused multiply-add, approximate functions, reordered sums: what kernels need
# to vectorise. Never nnan or ninf: NaN and infinity keep their meaning everywhere.
FAST = frozenset({"nsz", "arcp", "contract", "afn", "reassoc"})
# Information measures, distances, compensated sums and bit tricks: IEEE arithmetic as written.
STRICT = frozenset()


def jit(function=None, *, strict=False, inline=False, apart=False, cache=True):
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
        LLVM takes it into each caller, whatever its size: for inner loops, and for what a leaf calls, where
        no call may be left that could raise.
    apart : bool
        Callers call its machine code, which is compiled once for all of them, and hold no copy of it: for
        large functions that several kernels share.
    cache : bool
        Keep the machine code on disk; not for code that holds addresses of this process.
    """
    if function is None:
        return functools.partial(jit, strict=strict, inline=inline, apart=apart, cache=cache)
    flags = STRICT if strict else FAST
    options = {"nogil": True, "error_model": "numpy", "fastmath": set(flags)}
    if not _link.available():
        compiled = numba.njit(inline="always" if inline else "never", **options)(function)
    else:
        compiled = numba.njit(pipeline_class=_link.Outermost, **options)(function)
    if Dispatcher is not None and hasattr(compiled, "_fold_args"):  # not where the JIT is disabled
        _hand_defaults(compiled)
    if apart:
        _symbol.apart(compiled)
    elif hasattr(compiled, "get_call_template") and _link.available():
        form = _link.Inlined if inline else _link.Inner
        make = functools.partial(numba.njit, function, pipeline_class=form, **options)
        _link.inner_when_called(compiled, make)
    if hasattr(compiled, "_compile_for_args"):  # not where the JIT is disabled
        compiled._compile_for_args = functools.partial(_checked, function, compiled._compile_for_args)
        compiled.typeof_pyval = functools.partial(type_of, function, compiled.typeof_pyval)
    if cache and FunctionCache is not None and hasattr(compiled, "_cache"):
        compiled._cache = _DiskCache(function, flags)
    return compiled


def _hand_defaults(compiled):
    """Have numbers that a caller leaves out reach compiled code as numbers, not as Numba's `Omitted`.

    Numba finds the compiled form of a call by a fingerprint of its arguments. That of an omitted number is
    one for all numbers of its class: where two functions have different defaults, it looks into its tables
    in Python, for 40 us a call. And a call with an option that is given compiles once more.
    """
    defaults = compiled.__defaults__ or ()
    if not any(isinstance(value, int | float) for value in defaults):
        return
    with contextlib.suppress(AttributeError, TypeError):  # where Numba has moved, calls are slower
        fold, signature = compiled._compiler.fold_argument_types, compiled._compiler.pysig
        parameters = signature.parameters
        given = tuple(value if isinstance(value, int | float) else OmittedArg(value) for value in defaults)
        stars = any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters.values())
        Dispatcher.__init__(
            compiled, compiled._tm.get_pointer(), len(parameters), compiled._fold_args, tuple(parameters),
            given, False, stars, False,  # neither objects of Python instead, nor exact types alone
        )  # fmt: skip
        compiled._compiler.fold_argument_types = lambda args, kws: (
            signature, tuple(map(_number, fold(args, kws)[1])),
        )  # fmt: skip


def _number(kind):
    """The type of a number that was left out; any other type as it is."""
    omitted = isinstance(kind, numba.types.Omitted) and isinstance(kind.value, int | float)
    return numba.typeof(kind.value) if omitted else kind


def emitted(python):
    """Marks an intrinsic as the compiled form of a Python function, by which `plain` replaces it."""

    def mark(function):
        function.plain = python
        return function

    return mark


def plain(function):
    """The Python function that a compiled one was made of: so is all that it calls, and nothing compiles.

    One source, so that a rule that compiled code keeps can be asked without the compiler. Functions of
    `nbdl.kernels` that are Python already, with an overload for compiled code, call no compiled one either.
    """
    ours = isinstance(function, types.FunctionType) and function.__module__.startswith("nbdl.kernels.")
    if not hasattr(function, "py_func") and (hasattr(function, "plain") or not ours):
        return getattr(function, "plain", function)
    if function in plain.made:
        return plain.made[function]
    inner = getattr(function, "py_func", function)
    names = dict(inner.__globals__)
    python = types.FunctionType(inner.__code__, names, inner.__name__, inner.__defaults__, inner.__closure__)
    plain.made[function] = functools.update_wrapper(python, inner)
    for name in {n for code in _codes(inner.__code__) for n in code.co_names} & names.keys():
        names[name] = plain(names[name])
    return python


plain.made = {}  # no global: what a process has done so far must not count in the fingerprints of code


def _checked(function, compile_for_args, *args, **named):
    """Compile for new types of arguments, but refuse what Numba cannot hold in words of its own.

    Ordinary calls, whose types have been compiled, do not come here.
    """
    names, values = (*function.__code__.co_varnames[: len(args)], *named), (*args, *named.values())
    refuse(function, names, values)
    try:
        return compile_for_args(*args, **named)
    except TypingError:
        if not (function.__module__ or "").startswith("nbdl.kernels."):
            raise  # an error in other code is found by Numba's page
        raise no_form(function, names, values) from None


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
            if self._function.__module__ is None:
                text = "`{}` is of no module; exec it with {{'__name__': __name__}}"
                raise Unseen(text.format(self._function.__qualname__))
            stamp = fingerprint(self._function, self._flags)
            return _open_cache(self._function, folder / stamp[:20], stamp)
        except Unseen as unseen:
            warn_once(f"nbdl: compiled code is not cached: {unseen}")
        except OSError as error:
            warn_once(f"nbdl: compiled code is not cached: {error}")
        except (AttributeError, TypeError, RuntimeError) as error:
            warn_once(f"nbdl: compiled code is not cached, Numba's cache has changed ({error})")
        return None

    @property
    def cache_path(self):
        return self._files.cache_path if self._files else None

    def load_overload(self, sig, target_context):
        found = None
        if self._enabled and self._files is not None:
            try:
                with _link.loading(target_context.codegen()) if _link.available() else nullcontext():
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
        if getattr(data.library, "mutual", False):
            return  # Numba finds the addresses that it calls when it compiles: code from the disk has none
        try:
            self._files.save_overload(sig, data)
        except OSError as error:
            self._enabled = False
            warn_once(f"nbdl: compiled code is not cached: {error}")

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
    stands in the file, and the index is written last. A file that is damaged is as good as none.
    """

    def save(self, key, data):
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        name = f"{self._index_name.removesuffix('.nbi')}.{digest}.nbc"
        self._save_data(name, (key, data))
        self._save_index({**self._load_index(), key: name})

    def load(self, key):
        entry = super().load(key)
        return entry[1] if entry is not None and entry[0] == key else None

    def _dump(self, obj):
        return sealed(super()._dump(obj))

    def _save_index(self, overloads):
        self._save_data(self._index_name, (self._source_stamp, overloads))

    def _load_index(self):
        stamp, overloads = self._load_data(self._index_name) or (None, {})
        return overloads if stamp == self._source_stamp else {}

    def _load_data(self, name):
        try:
            unsealed(Path(self._data_path(name)).read_bytes())
            return super()._load_data(name)
        except (FileNotFoundError, ValueError):
            return None


_watchers = []


@contextlib.contextmanager
def watch(callback):
    """Within it `callback(name)` is called for each function of nbdl that must be compiled anew."""
    _watchers.append(callback)
    try:
        yield
    finally:
        _watchers.remove(callback)
