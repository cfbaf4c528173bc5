"""What the machine code of a function depends on, as one hash: the name of its cache folder.

Sources count by folder: the ground of `kernels/` for every function, and each family of kernels that it
reaches, so that an edit in one family leaves the code of the others cached; the plugin's own package for its
kernels. Truth files and those of other targets do not count. The functions that can be reached count by their
bytecode, and what they refer to by its value: sources may have been edited since they were imported, and a
function typed at a prompt has none.
"""

import contextlib
import dis
import enum
import functools
import hashlib
import re
import sys
import sysconfig
import types
from pathlib import Path

import llvmlite
import numba
import numpy as np
from numba import config

_HERE = Path(__file__).resolve().parent
_GROUND = [_HERE / "kernels" / folder for folder in ("simd", "door", "lanes")]
_GROUND += [_HERE / file for file in ("_jit.py", "_fingerprint.py", "errors.py")]
_LIBRARIES = {"numba", "numpy", "llvmlite", "scipy"}  # their versions count, not their sources


class Unseen(Exception):
    """A function depends on a value whose changes the fingerprint would not see."""


def fingerprint(function, flags):
    """SHA-256 over all that the machine code of `function` depends on (hex)."""
    roots, facts = _reached(function)
    parts = [numba.__version__, llvmlite.__version__, np.__version__, sys.version, sorted(flags)]
    parts += [config.BOUNDSCHECK, config.OPT, config.DEBUGINFO_DEFAULT, config.LOOP_VECTORIZE]
    parts += [[_hash_files(root) for root in sorted(roots)], facts]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _reached(function):
    """What `function` can reach: source roots (a package folder or a single file), and facts.

    Facts are the bytecode and the values as they were imported: sources may have been edited since, and a
    function typed at a prompt has none. Raises `Unseen` for a value that is neither hashed nor followed.
    """
    reach = _Reach()
    reach.describe(function)
    for f in reach.functions:  # grows as they are read
        reach.read(f)
    return reach.roots, reach.facts


class _Reach:
    """Collects functions, roots and facts; every value becomes a text that is the same in all processes."""

    def __init__(self):
        self.roots, self.facts = set(map(str, _GROUND)), []
        self.functions, self._numbers = [], {}

    def read(self, f):
        """Take in a function: its code, its defaults, and the values of the names that it uses."""
        self.roots.update(_module_root(sys.modules.get(f.__module__), f.__code__.co_filename))
        found = [f"{f.__module__} {f.__qualname__}", *map(_code, _codes(f.__code__))]
        try:
            what = "a default argument"
            found.append(self.describe([f.__defaults__, f.__kwdefaults__]))
            for what, value in _values(f).items():
                try:
                    found.append(f"{what} = {self.describe(value)}")
                except Unseen:
                    if not _is_attribute(f, what):
                        raise
        except Unseen as unseen:
            raise Unseen(
                f"`{f.__qualname__}` uses {what}, and no one can tell when {unseen} changes"
            ) from None
        self.facts.append(found)

    def describe(self, value):
        """A text for a value; a function stands for itself by its number, and is read later."""
        if isinstance(value, enum.Enum):
            return f"{self._class(type(value))}.{value.name}"
        if value is None or value is ... or isinstance(value, (bool, int, float, complex, str, bytes, range)):
            return repr(value)
        if isinstance(value, (np.generic, np.ndarray)) and not value.dtype.hasobject:
            layout = value.flags.c_contiguous, value.flags.f_contiguous
            content = hashlib.sha256(value.tobytes()).hexdigest()
            return f"{value.dtype!r} {value.shape} {layout} {content}"
        if isinstance(value, (tuple, list)):
            kind = type(value)
            return f"{'' if kind is tuple else self._class(kind)}({', '.join(map(self.describe, value))})"
        if isinstance(value, dict):
            return f"{{{', '.join(f'{self.describe(k)}: {self.describe(v)}' for k, v in value.items())}}}"
        if isinstance(value, (set, frozenset)):
            return f"{{{', '.join(sorted(map(self.describe, value)))}}}"
        if isinstance(value, types.ModuleType):
            self.roots.update(_module_root(value))
            return value.__name__
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.FunctionType):
            if _is_library(value.__module__, value.__code__.co_filename):
                return f"{value.__module__}.{value.__qualname__}"
            if value not in self._numbers:
                self._numbers[value] = len(self.functions)
                self.functions.append(value)
            return f"function {self._numbers[value]}"
        for name in (
            "py_func",
            "_defn",
            "__wrapped__",
        ):  # a dispatcher; an intrinsic; a callback, a decorator
            inner = getattr(value, name, None)
            if isinstance(inner, types.FunctionType):
                options = getattr(value, "targetoptions", {})
                return f"{type(value).__name__} {self.describe(options)} {self.describe(inner)}"
        library = type(value).__module__.partition(".")[0] in _LIBRARIES
        if isinstance(value, types.BuiltinFunctionType) or (library and not hasattr(value, "__len__")):
            text = repr(value)
            if "jitclass" not in text:
                return re.sub(r" (at|of) .*0x[0-9a-f]+", "", text)
        raise Unseen(f"a {type(value).__module__}.{type(value).__qualname__}")

    def _class(self, value):
        """A class counts by its sources; of an enumeration or a named tuple the content too."""
        seen = [f"{value.__module__}.{value.__qualname__}"]
        for base in value.__mro__:
            module = sys.modules.get(base.__module__)
            if _is_library(base.__module__, getattr(module, "__file__", None)):
                continue
            root = _module_root(module)
            self.roots.update(root)
            if isinstance(base, enum.EnumMeta):
                seen += [f"{name} {self.describe(m.value)}" for name, m in base.__members__.items()]
            elif issubclass(base, tuple) and hasattr(base, "_fields"):
                seen += base._fields
            elif not root and not issubclass(base, BaseException):
                raise Unseen(f"the class {base.__qualname__}")
        return " ".join(seen)


def _values(f):
    """The values of all names that a function uses: globals, attributes of modules, closed-over variables."""
    names, values = _names(f.__code__), {}
    spaces = [("", f.__globals__.__getitem__)]
    for where, look_up in spaces:
        for name in names:
            if where + name in values:
                continue
            try:
                value = values[where + name] = look_up(name)
            except Exception:  # no such name; or a module that finds its names at first use fails in that
                continue
            if isinstance(value, types.ModuleType) and not _is_library(
                value.__name__, getattr(value, "__file__", None)
            ):
                spaces.append((f"{value.__name__}.", functools.partial(getattr, value)))
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or ()):
        with contextlib.suppress(ValueError):  # an empty cell
            values[name] = cell.cell_contents
    return values


def _codes(code):
    """A code object and those of the functions defined inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


@functools.cache
def _code(code):
    """A digest of bytecode, constants and names: the bytecode has no more than their numbers."""
    constants = [_Reach().describe(c) for c in code.co_consts if not isinstance(c, types.CodeType)]
    counts = code.co_flags, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    parts = code.co_code, getattr(code, "co_exceptiontable", b""), constants, counts, names
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@functools.cache
def _names(code):
    return [name for inner in _codes(code) for name in inner.co_names]


def _is_attribute(f, name):
    """Whether a name is that of an attribute (``x.name``) alone: a global of that name is not used."""
    used = (i for code in _codes(f.__code__) for i in dis.get_instructions(code) if i.argval == name)
    return name in f.__globals__ and not any(
        i.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF") for i in used
    )


@functools.cache
def _is_library(name, filename):
    """Whether a module is of the numeric libraries or of Python itself: their versions say all."""
    top = (name or "").partition(".")[0]
    if top in _LIBRARIES:
        return True
    if filename is None:
        return top in sys.builtin_module_names
    if filename.startswith("<frozen "):
        return True
    path = Path(filename).resolve()
    return path.is_relative_to(_stdlib()) and "site-packages" not in path.parts


@functools.cache
def _stdlib():
    return Path(sysconfig.get_path("stdlib")).resolve()


def _module_root(module, filename=None):
    """The set of source roots of a module: empty for the libraries, and where there is no file."""
    name = module.__name__ if module else ""
    top = name.partition(".")[0]
    filename = getattr(module, "__file__", None) or filename
    if filename is None or _is_library(name, filename):
        return set()
    if top == "nbdl":
        return {_room(filename)}
    path = _resolved(filename)
    package = sys.modules.get(top)
    if top != "__main__" and getattr(package, "__file__", None) and hasattr(package, "__path__"):
        return {str(_resolved(package.__file__).parent)}
    return {str(path)} if path.exists() else set()


@functools.cache
def _room(filename):
    """Each room of the house is a root of its own; the floor below is always in."""
    path = _resolved(filename)
    return str(path.parent if path.parent != _HERE else path)


@functools.cache
def _resolved(filename):
    return Path(filename).resolve()


@functools.cache
def _hash_files(root):
    root = Path(root)
    files = sorted(root.rglob("*.py")) if root.is_dir() else [root] if root.is_file() else []
    if not files:
        raise Unseen("the sources that it was made of are not on disk, and no one can tell when they change")
    files = [f for f in files if not f.stem.endswith(("_truth", "_cuda"))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.name).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
