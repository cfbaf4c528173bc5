"""Leaves: functions on pointers that native code calls by their addresses, compiled apart from each other.

The disk keeps the object code of a leaf alone, and LLVM links it: a process that finds all its leaves there
does not start Numba's compiler. Leaves that are missing there compile on all cores: the compiler is Python
and holds a lock, so each further core gets a process of its own, which leaves files behind.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import select
import signal
import sys
import threading
import time
import warnings
import weakref

import llvmlite.binding
import numba
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import NumbaError
from numba.core.registry import cpu_target

from nbdl import _link
from nbdl._cache import cache_folder, sealed, unsealed, warn_once
from nbdl._cores import cores
from nbdl._fingerprint import Unseen, fingerprint
from nbdl._jit import STRICT, _watchers

_leaves = {}


class LeafError(Exception):
    """A leaf does not compile: where and why, in one line."""


def leaf(function, *types):
    """Compile `function` for arguments of the Numba types `types` and no result; returns its address.

    Functions with the same code and the same closed-over values share one. No fast-math flag: vector
    instructions carry their own. The disk does not keep a leaf that can raise: it is compiled each time.
    Raises `LeafError` if Numba cannot compile it.
    """
    with _compiling:
        known = _addresses.setdefault(function, {})
        if types not in known:
            known[types] = _address(function, numba.void(*types))
        return known[types]


_addresses, _compiling = weakref.WeakKeyDictionary(), threading.RLock()


def _address(function, signature):
    stamp = _stamp(function)
    if (stamp, signature) not in _leaves:
        file = _file(function, signature)
        found = file and file.load()
        if not found:
            for callback in _watchers:
                callback(function.__name__)
            options = {"pipeline_class": _link.Outermost} if _link.available() else {}
            try:
                compiled = numba.cfunc(signature, error_model="numpy", **options)(function)
            except NumbaError as error:
                raise LeafError(_said(function, error)) from None  # whose text is a page
            found = compiled.address, compiled
            if file:
                file.save(compiled)
        _leaves[stamp, signature] = found
    return _leaves[stamp, signature][0]


def _said(function, error):
    """The first line of Numba's text that says something, and the last line of code that it names."""
    lines = [" ".join(line.split()) for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("Failed in ", "During: "))]
    text = told[0] if told else type(error).__name__
    if text.endswith(":") and len(told) > 1:  # "... found for signature:", which comes next
        text = f"{text} {told[1].removeprefix('>>>').strip()}"
    places = re.findall(r'File "([^"]+)", line (\d+)', str(error))
    place = function.__qualname__
    if places:
        file, number = places[-1]
        place = f"{os.path.basename(file)}:{number}"
    return f"in {place}: {text}"


_stamps = weakref.WeakKeyDictionary()


def _stamp(function):
    """What the code of a leaf depends on; the function itself where nobody can say."""
    if function not in _stamps:
        try:
            _stamps[function] = fingerprint(function, STRICT)
        except Unseen as unseen:
            warn_once(f"nbdl: compiled code is not cached: {unseen}")
            return function
    return _stamps[function]


def _file(function, signature):
    """The `_ObjectFile` of a leaf, None where it can have none."""
    stamp = _stamp(function)
    return _ObjectFile(function, stamp, signature) if stamp is not function and cache_folder() else None


# --- on all cores ---------------------------------------------------------------------------------------

PROCESSES = 8  # at most: each holds a compiler
TURN, MOST_TURNS = 2, 16384  # bytes of a turn: so many are in the pipe before anyone reads
EACH = 3  # leaves that are worth a process


def compile_leaves(wanted):
    """Compile those of the leaves ``[(function, types)]`` that the disk does not have, on all cores.

    Only time depends on the other processes: `leaf` compiles what they have not left on disk. One that hangs
    (in a lock that another thread held at the fork) is ended.
    """
    if not sys.platform.startswith("linux") or cores() == 1:
        return
    with _compiling, global_compiler_lock:
        missing = _missing(wanted)
        others = min(cores(), PROCESSES, len(missing) // EACH) - 1
        if others < 1:
            return
        function, types = missing.pop()
        leaf(function, *types)  # what Numba prepares once is prepared before the fork
        turns, queue = os.pipe()
        turn = range(min(len(missing), MOST_TURNS))  # what is beyond, `leaf` does
        os.write(queue, b"".join(n.to_bytes(TURN, "little") for n in turn))
        os.close(queue)
        alive, lives = os.pipe()
        children = []
        try:
            with contextlib.suppress(OSError):  # no memory or no process left: then this one works alone
                children.extend(_fork(missing, turns) for _ in range(others))
            os.close(lives)
            begun = time.monotonic()
            _take_turns(missing, turns)
            ended = select.poll()
            ended.register(alive)
            ended.poll(1000 * (time.monotonic() - begun + 1))
        finally:
            os.close(turns)
            os.close(alive)
            for child in children:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)


def _missing(wanted):
    found = {}
    for function, types in dict.fromkeys((function, tuple(types)) for function, types in wanted):
        found.setdefault((_stamp(function), numba.void(*types)), (function, types))
    return [both for key, both in found.items() if key not in _leaves and _absent(*both)]


def _absent(function, types):
    file = _file(function, numba.void(*types))
    return file is not None and not file.path.exists()


def _fork(missing, turns):
    """Begin a process that takes turns at compiling; returns its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's, where there are other threads
        child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            warnings.simplefilter("ignore")
            _watchers.clear()
            _take_turns(missing, turns)
        finally:
            os._exit(0)  # not through the frames, buffers and exit functions of the other process
    return child


def _take_turns(missing, turns):
    """Compile the leaves whose numbers are read from the pipe `turns`, until it is empty."""
    while turn := os.read(turns, TURN):
        function, types = missing[int.from_bytes(turn, "little")]
        leaf(function, *types)


# --- on disk --------------------------------------------------------------------------------------------


class _ObjectFile:
    """The object code of one leaf on disk, under a name that follows from all it depends on."""

    def __init__(self, function, stamp, signature):
        self._key = [stamp, str(signature), *_machine()]
        digest = hashlib.sha256(repr(self._key).encode()).hexdigest()[:16]
        self._name, self._leaf = f"{function.__name__}.{digest}", function.__qualname__
        self.path = cache_folder() / stamp[:20] / f"{self._name}.nbl"

    def load(self):
        """(address, what keeps it valid); None if there is no file, or a truncated or foreign one."""
        try:
            head, _, code = unsealed(self.path.read_bytes()).partition(b"\n")
            key, symbol = json.loads(head)
            return self._link(symbol, code) if key == self._key else None
        except Exception:
            return None

    def save(self, compiled):
        try:
            code = compiled._library.serialize_using_object_code()[2][0]
            self._link(compiled.native_name, code)
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = self.path.with_name(f"{self.path.name}.tmp.{os.getpid()}")
            head = json.dumps([self._key, compiled.native_name])
            temporary.write_bytes(sealed(head.encode() + b"\n" + code))
            temporary.replace(self.path)
        except OSError as error:
            warn_once(f"nbdl: compiled code is not cached: {error}")
        except RuntimeError:
            warn_once(f"nbdl: the leaf `{self._leaf}` is not cached: it can raise")
        except (AttributeError, TypeError) as error:
            warn_once(f"nbdl: compiled code is not cached, Numba's code library has changed ({error})")

    def _link(self, symbol, code):
        builder = llvmlite.binding.JITLibraryBuilder().add_object_img(code).add_current_process()
        for name in "numba_gil_ensure", "numba_gil_release":  # a callback refers to them, whatever is in it
            builder.import_symbol(name, llvmlite.binding.address_of_symbol(name))
        library = builder.export_symbol(symbol).link(_linker(), self._name)
        return library[symbol], library


@functools.cache
def _machine():
    """What object code is for: the target, the processor and its features, which take long to tell."""
    return [str(part) for part in cpu_target.target_context.codegen().magic_tuple()]


@functools.cache
def _linker():
    return llvmlite.binding.create_lljit_compiler(use_jit_link=True, suppress_errors=True)
