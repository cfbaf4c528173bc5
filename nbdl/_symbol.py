"""A kernel as a symbol: compiled code of others calls its machine code, and holds none of it.

So it is with public kernels in a user's code, and with large functions that several kernels share, in these.

Numba links all that a function calls into it, and optimises it again: a user's function around `conv2d` took
a second to compile in each process. What is linked instead is a stub, a function of the kernel's name that
jumps to where the kernel is. It looks that up at its first call, by a text that tells kernel and types, in a
table of LLVM's that needs no lock of Python. Where nothing is found there, in a process that has read a
user's code from Numba's disk cache, Python brings the kernel in. So a user's cached code is small, and never
holds old code of a kernel.
"""

import ctypes
import functools
import importlib
import inspect
import json
import sys
from typing import NamedTuple

import llvmlite.binding as llvm
import numba
from numba import types

from nbdl.errors import UsageError

PUBLIC = "nbdl.kernels"  # whose names are symbols; all else is linked, and may be inlined

STUB = """
{head}
@"slot" = internal global ptr null
@"key" = internal constant [{length} x i8] c"{key}\\00"
declare ptr @nbdl_search(ptr)
declare ptr @nbdl_resolve(ptr)

define linkonce_odr {result} @"{name}"({arguments}) {{
entry:
  %known = load atomic ptr, ptr @"slot" monotonic, align 8
  %missing = icmp eq ptr %known, null
  br i1 %missing, label %search, label %call
search:
  %found = call ptr @nbdl_search(ptr @"key")
  %absent = icmp eq ptr %found, null
  br i1 %absent, label %resolve, label %keep
resolve:
  %resolved = call ptr @nbdl_resolve(ptr @"key")
  br label %keep
keep:
  %new = phi ptr [%found, %search], [%resolved, %resolve]
  store atomic ptr %new, ptr @"slot" monotonic, align 8
  br label %call
call:
  %code = phi ptr [%known, %entry], [%new, %keep]
  %status = call {result} %code({values})
  ret {result} %status
}}
"""


class Symbol(NamedTuple):
    """A kernel for some types of arguments: its name here, and how other code calls and finds it."""

    kernel: str
    arguments: tuple  # of Numba's types
    result: str
    name: str  # that callers know
    kinds: tuple  # LLVM's types: the result, then the arguments

    @property
    def own(self):
        """The name in the kernel's own code, where the stub has the other one."""
        return f"{self.name}.kernel"

    @property
    def key(self):
        """What it is looked up by, in this and in later processes: with another ABI it is another one."""
        types = json.dumps([_written(a) for a in self.arguments], separators=(",", ":"))
        return f"nbdl {self.kernel} {types} {self.form}"

    @property
    def form(self):
        """What must be the same for a call to be right, besides the types of the arguments."""
        return f"{self.result} {' '.join(self.kinds)}"


_apart = {}  # functions that are symbols besides the public kernels, by their names "module:name"


def apart(compiled):
    """Let a function be a symbol for every other one."""
    function = getattr(compiled, "py_func", compiled)
    _apart[f"{function.__module__}:{function.__name__}"] = function


def known_as(function):
    """The name by which a function of Python is a symbol, or ""."""
    name = f"{function.__module__}:{function.__name__}"
    if _apart.get(name) is function:
        return name
    known = getattr(sys.modules.get(PUBLIC), function.__name__, None)
    return function.__name__ if getattr(known, "py_func", None) is function else ""


def symbol_of(kernel, arguments, result, module):
    """The `Symbol` of a kernel whose own code is `module`; None where types cannot be written down."""
    names = {f.name for f in module.functions}
    ours = [f for f in module.functions if f"_ZN7cpython{f.name.removeprefix('_ZN')}" in names]
    if len(ours) != 1 or any(_read(_written(a)) != a for a in arguments if not isinstance(a, types.Omitted)):
        return None
    kinds = "i32", *(str(a.type) for a in ours[0].arguments)
    return Symbol(kernel, arguments, str(result), ours[0].name, kinds)


def _written(kind):
    """A type of Numba as JSON; None for a default, and for what `_read` does not know."""
    if isinstance(kind, types.Array) and isinstance(kind.dtype, types.Number | types.Boolean):
        return [kind.dtype.name, kind.ndim, kind.layout, kind.mutable, kind.aligned]
    if isinstance(kind, types.IntegerLiteral | types.BooleanLiteral):
        return {"literal": kind.literal_value}
    if isinstance(kind, types.BaseTuple):
        items = [_written(item) for item in kind.types]
        return None if None in items else {"tuple": items}
    return kind.name if isinstance(kind, types.Number | types.Boolean | types.NoneType) else None


def _read(written):
    if isinstance(written, list):
        dtype, dimensions, layout, mutable, aligned = written
        return types.Array(_read(dtype), dimensions, layout, not mutable, aligned=aligned)
    if isinstance(written, dict) and "literal" in written:
        return types.literal(written["literal"])
    if isinstance(written, dict):
        return types.Tuple([_read(item) for item in written["tuple"]])
    return types.boolean if written == "bool" else getattr(types, written or "", None)


def stub(symbol, head):
    """The stub as a module of LLVM; `head` names its target."""
    result, *kinds = symbol.kinds
    names = [f"%a{i}" for i in range(len(kinds))]
    pairs = ", ".join(f"{kind} {name}" for kind, name in zip(kinds, names))
    key = symbol.key
    return llvm.parse_assembly(STUB.format(
        head=head, key=key.replace("\\", "\\5C").replace('"', "\\22"), length=len(key) + 1, name=symbol.name,
        result=result, arguments=pairs, values=pairs,
    ))  # fmt: skip


# --- looking it up ------------------------------------------------------------------------------------------


def announce(symbol, address):
    """Let stubs find the kernel."""
    llvm.add_symbol(symbol.key, address)


def bring(key):
    """The address of the kernel that `key` tells, which is loaded or compiled if it has to be."""
    address = llvm.address_of_symbol(key)
    if not address:
        _, kernel, written, form = key.split(" ", 3)
        module, _, name = kernel.rpartition(":")
        dispatcher = getattr(importlib.import_module(module or PUBLIC), name)
        parameters = inspect.signature(dispatcher.py_func).parameters.values()
        arguments = tuple(
            types.Omitted(p.default) if a is None else _read(a)
            for a, p in zip(json.loads(written), parameters)
        )
        dispatcher.compile(arguments)
        library = dispatcher.overloads[arguments].library
        if library.symbol is None or library.symbol.form != form:
            text = "compiled code on disk calls `{}.{}` as it was in another version: remove its "
            text += "__pycache__ (Numba's cache), so that it is compiled again"
            raise UsageError(text, module or PUBLIC, name)
        address = library.get_pointer_to_function(library.symbol.own)
        llvm.add_symbol(key, address)  # the text of the same types may differ between processes
    return address


def _resolve(key):
    try:
        return bring(key.decode())
    except Exception:  # what a callback raises would be lost
        return _failure()


@functools.cache
def _failure():
    """A function of any arguments that raises: it looks at none of them but where errors go."""

    @numba.njit
    def fail():
        raise UsageError(
            "compiled code on disk calls a kernel of another version of nbdl: remove its __pycache__"
        )

    fail.compile(())
    compiled = fail.overloads[()]
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)


_callback = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)(_resolve)


@functools.cache
def installed():
    """Whether LLVM knows the two functions that a stub calls, which code from Numba's disk cache does too."""
    try:
        search = llvm.ffi.lib.LLVMPY_SearchAddressOfSymbol
        search = ctypes.cast(getattr(search, "_cfn", search), ctypes.c_void_p).value
    except (AttributeError, ctypes.ArgumentError):  # pragma: no cover - a future llvmlite
        return False
    llvm.add_symbol("nbdl_search", search)
    llvm.add_symbol("nbdl_resolve", ctypes.cast(_callback, ctypes.c_void_p).value)
    return True
