"""The disk cache: found again by the next process, and never stale."""

import ast
import enum
import importlib
import json
import os
import stat
import subprocess
import sys
import warnings
from collections import namedtuple
from pathlib import Path

import numba
import numpy as np
import pytest

import nbdl
from nbdl import _cache, _fingerprint, _jit, jit, kernels
from nbdl.errors import DtypeError
from nbdl.testing import _guard

pytestmark = [
    pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled"),
    pytest.mark.skipif(not _guard.available, reason="this system cannot fork"),
]

OUTER = """
import shop.inner
from shop.sub import tools
from shop.inner import inner, SCALE
import alone
from nbdl import jit

@jit
def outer(x):
    return inner(x) * SCALE

@jit
def by_module(x):
    return shop.inner.inner(x) + tools.helper(x) + alone.LIMIT

@jit
def unrelated(x):
    return x - 1
"""
INNER = """
from nbdl import jit
SCALE = 10

@jit
def inner(x):
    return x + 1
"""
TOOLS = """
from nbdl import jit

@jit
def helper(x):
    return 100 * x
"""
PLUGIN = """
import nbdl
import numpy as np
from {package}.maths import twice

@nbdl.jit
def forward(a):
    b = np.empty(a.size)
    for i in range(a.size):
        b[i] = twice(a[i])
    return b

@nbdl.hookimpl
def nbdl_kernels():
    grads = {{"a": "nbdl.array_ops.elementwise:neg_da"}}
    yield nbdl.Kernel("neg", forward, inputs=("a",), grads=grads, op="neg", target="numpy")
"""


@pytest.fixture
def tree(tmp_path):
    """A folder of sources: a package whose functions call one another across files, and a lone module."""
    package = tmp_path / "shop"
    (package / "sub").mkdir(parents=True)
    for path, text in {
        "shop/__init__.py": "", "shop/outer.py": OUTER, "shop/inner.py": INNER,
        "shop/sub/__init__.py": "", "shop/sub/tools.py": TOOLS, "alone.py": "LIMIT = 7\n",
    }.items():  # fmt: skip
        (tmp_path / path).write_text(text)
    return tmp_path


def run(tree, code, **environment):
    """Run code in a fresh interpreter that has `tree` on its path; returns what it printed."""
    environment = {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    environment = {**os.environ, "NBDL_CACHE": str(tree / "cache"), **environment}
    command = [sys.executable, "-c", code]
    options = {"capture_output": True, "text": True, "timeout": 1800, "check": True}
    return subprocess.run(command, env=environment, cwd=tree, **options).stdout


def call(tree, name, cache="cache", before=lambda: None):
    """(value, disk cache hits, warnings) of ``shop.outer.<name>(1)`` in a process that has compiled nothing.

    The process is a fork of this one, which has imported Numba already.
    """

    def work(say):
        os.environ["NBDL_CACHE"] = str(tree / cache)
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(tree))
        importlib.invalidate_caches()
        for memory in (_cache.cache_folder, _cache.warn_once, _fingerprint._hash_files):
            memory.cache_clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            module = importlib.import_module("shop.outer")
            before()
            function = getattr(module, name)
            value = function(1)
        hits = sum(function.stats.cache_hits.values())
        say(json.dumps([value, hits, [str(w.message) for w in caught]]))

    fault, said = _guard.in_child(work)
    assert not fault, fault
    value, hits, said = json.loads(said)
    return (value, hits, *said)


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# --- right answers, fast ----------------------------------------------------------------------------------


def test_the_next_process_finds_it_and_an_edit_elsewhere_misses(tree):
    assert call(tree, "outer") == (20, 0)
    assert call(tree, "outer") == (20, 1)
    edit(tree / "shop/inner.py", "x + 1", "x + 100")
    assert call(tree, "outer") == (1010, 0)
    assert call(tree, "outer") == (1010, 1)
    edit(tree / "shop/inner.py", "x + 100", "x + 1")
    assert call(tree, "outer") == (20, 1)  # the old entry is still there
    edit(tree / "shop/inner.py", "SCALE = 10", "SCALE = 3")
    assert call(tree, "outer") == (6, 0)


def test_functions_and_constants_reached_through_modules_count(tree):
    assert call(tree, "by_module") == (109, 0)
    edit(tree / "shop/sub/tools.py", "100 * x", "200 * x")
    assert call(tree, "by_module") == (209, 0)
    edit(tree / "alone.py", "7", "8")  # a lone module, of which only a number is used
    assert call(tree, "by_module") == (210, 0)
    assert call(tree, "by_module") == (210, 1)


def test_an_edit_after_the_import_does_not_poison_the_cache(tree):
    """A process that imported the old source and compiles later must not store it as the new one."""
    assert call(tree, "outer", before=lambda: edit(tree / "shop/inner.py", "x + 1", "x + 100")) == (20, 0)
    assert call(tree, "outer") == (1010, 0)


def test_a_swapped_kernel_of_a_plugin_is_found_again_and_never_stale(tree):
    package = "nbdl_fast"
    (tree / package).mkdir()
    (tree / package / "__init__.py").write_text(PLUGIN.format(package=package))
    maths = tree / package / "maths.py"
    maths.write_text("import nbdl\n@nbdl.jit\ndef twice(a):\n    return 2 * a\n")
    info = tree / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[nbdl]\nfast = {package}\n")
    code = f"""
import nbdl, numpy as np
with nbdl.swap(neg="fast.neg"):
    y = -nbdl.tensor(np.ones(1))
from {package} import forward
print(y.item(), sum(forward.stats.cache_hits.values()))
"""
    assert run(tree, code) == "2.0 0\n"
    assert run(tree, code) == "2.0 1\n"
    edit(maths, "2 * a", "3 * a")
    assert run(tree, code) == "3.0 0\n"


def test_a_function_without_a_source_file_is_told_from_another_one(tree):
    for operation, value in (("+", "6"), ("*", "5")):
        code = f"import nbdl\nf = nbdl.jit(eval('lambda x: x {operation} 1'))\nprint(f(5))"
        assert run(tree, code) == value + "\n"


def test_a_callee_typed_at_a_prompt_counts(tree):
    for k in (1, 2):
        code = f"import nbdl\n@nbdl.jit\ndef g(x): return x + {k}\n"
        code += "@nbdl.jit\ndef f(x): return g(x)\nprint(f(10))"
        assert run(tree, code) == f"{10 + k}\n"


def stamp(code, **values):
    """The fingerprint of `f` in code without a file; `values` are further globals."""
    space = {"__name__": "prompt", "np": np, **values}
    exec(compile(code, "<stdin>", "exec"), space)
    return _jit.fingerprint(space["f"], _jit.FAST)


class Scale(enum.IntEnum):
    ONE = 1


Pair = namedtuple("Pair", "a b")
CHANGES = {
    "array": ("def f(x): return x + T[0]", {"T": np.zeros(2)}, {"T": np.ones(2)}),
    "dtype": ("def f(x): return x + T[0]", {"T": np.zeros(2)}, {"T": np.zeros(2, np.int64)}),
    "shape": ("def f(x): return x + T.size", {"T": np.zeros((2, 3))}, {"T": np.zeros((3, 2))}),
    "layout": ("def f(x): return x + T.size", {"T": np.zeros((2, 3))}, {"T": np.zeros((2, 3), order="F")}),
    "named tuple": (
        "def f(x): return x + T.a[0]", {"T": Pair(np.zeros(2), 1)}, {"T": Pair(np.ones(2), 1)}
    ),
    "enum": ("def f(x): return x + S.ONE", {"S": Scale}, {"S": enum.IntEnum("Scale", {"ONE": 2})}),
    "member": ("def f(x): return x + S", {"S": Scale.ONE}, {"S": enum.IntEnum("Scale", {"ONE": 2}).ONE}),
    "flags": (
        "def f(x): return g(x)",
        {"g": numba.njit(add := lambda x: x + 1)}, {"g": numba.njit(fastmath=True)(add)},
    ),
    "which of two": (
        "def f(x): return g(x) - h(x)",
        {"g": (one := eval("lambda x: 1")), "h": (two := eval("lambda x: 2"))}, {"g": two, "h": one},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "before", "after"), CHANGES.values(), ids=CHANGES)
def test_values_count(code, before, after):
    assert stamp(code, **before) == stamp(code, **before) != stamp(code, **after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "def g(a, b=1): return a + b\ndef f(x): return g(x)",
            "def g(a, b=2): return a + b\ndef f(x): return g(x)",
        ),
        (
            "def g(a, *, b=1): return a + b\ndef f(x): return g(x)",
            "def g(a, *, b=2): return a + b\ndef f(x): return g(x)",
        ),
        (
            "def g(a, b): return a - b\ndef f(x): return g(a=x, b=1)",
            "def g(b, a): return b - a\ndef f(x): return g(a=x, b=1)",
        ),
        ("def f(x): return np.sin(x)", "def f(x): return np.cos(x)"),
    ],
    ids=["default", "keyword", "parameters", "attribute"],
)  # fmt: skip
def test_code_counts(before, after):
    assert stamp(before) == stamp(before) != stamp(after)


def test_the_version_of_numpy_counts(monkeypatch):
    before = stamp("def f(x): return x")
    monkeypatch.setattr(np, "__version__", "99.0")
    assert stamp("def f(x): return x") != before


def test_sources_of_enumerations_and_classes_count(tree):
    (tree / "kit").mkdir()
    (tree / "kit/__init__.py").write_text("import enum\nclass E(enum.IntEnum):\n    A = 1\nclass C: pass\n")
    code = """
from nbdl import _fingerprint
from kit import E, C
A = E.A
def by_class(x): return C
def by_member(x): return A
for f in by_class, by_member: print(*_fingerprint._reached(f)[0])
"""
    for line in run(tree, code).splitlines():
        assert str(tree / "kit") in line.split()


@pytest.mark.parametrize(
    "value",
    [object(), np.array([None]), type("C", (), {"__module__": "prompt"})],
    ids=["object", "array", "class"],
)
def test_what_no_one_can_watch_is_not_cached(value):
    with pytest.raises(_fingerprint.Unseen, match="`f` uses T, and no one can tell when"):
        stamp("def f(x): return T", T=value)
    assert stamp("def f(x): return x.T", T=value)  # an attribute of the same name
    library = {"a": np.sin, "b": np.sum, "c": numba.prange, "d": numba.float64[:], "e": np.float32, "g": len}
    assert stamp("def f(x): return a, b, c, d, e, g, np.random.rand", **library)


def test_a_function_that_is_not_cached_works_with_one_warning(tree):
    raw = "import alone, ctypes\nraw = ctypes.CDLL(None).abs\n"
    raw += "raw.argtypes, raw.restype = [ctypes.c_int], ctypes.c_int"
    edit(tree / "shop/outer.py", "import alone", raw)
    edit(tree / "shop/outer.py", "return x - 1", "return raw(x - 1)")
    value, hits, *said = call(tree, "unrelated")
    assert (value, hits) == (0, 0)
    assert said == [
        "nbdl: compiled code is not cached: `unrelated` uses raw, "
        "and no one can tell when a ctypes.CDLL.__init__.<locals>._FuncPtr changes"
    ]


def test_a_function_made_by_exec_is_cached_if_it_has_a_module_and_else_says_what_to_do(tree):
    code = "import nbdl, warnings\nwarnings.simplefilter('error' if {names} else 'always')\nspace = {names}\n"
    code += "exec('def f(x): return x + 1', space)\nf = nbdl.jit(space['f'])\n"
    code += "with warnings.catch_warnings(record={names} == {{}}) as said:\n    print(f(2))\n"
    code += "print(sum(f.stats.cache_hits.values()), *(w.message for w in said or ()))"
    named, bare = code.format(names="{'__name__': __name__}"), code.format(names="{}")
    assert [run(tree, named), run(tree, named)] == ["3\n0\n", "3\n1\n"]
    words = "nbdl: compiled code is not cached: `f` is of no module; exec it with {'__name__': __name__}"
    assert [run(tree, bare), run(tree, bare)] == [f"3\n0 {words}\n"] * 2


# --- places and broken files ------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".nbc", ".nbi"])
@pytest.mark.parametrize("size", [0, 20])
def test_files_that_are_cut_short_are_compiled_over(tree, suffix, size):
    assert call(tree, "outer") == (20, 0)
    files = list((tree / "cache").rglob(f"*{suffix}"))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[:size])
    assert call(tree, "outer") == (20, 0)
    assert call(tree, "outer") == (20, 1)


def flipped(data, place):
    """The bytes with one bit of the one at `place`, which counts round the end, turned over."""
    place %= len(data)
    return data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def test_any_changed_byte_of_a_file_is_noticed_before_it_is_read(tmp_path):
    """A damaged pickle may do anything, damaged machine code too: the digest comes first."""
    files = _jit._Entries(str(tmp_path), "module.f-1", "stamp")
    files.save(("a",), b"code of a" * 300)
    index, code = tmp_path / files._index_name, tmp_path / files._load_index()[("a",)]
    for path, load in ((index, files._load_index), (code, lambda: files.load(("a",)))):
        whole = path.read_bytes()
        for changed in (
            *(flipped(whole, 7 * i) for i in range(600)),
            b"",
            whole[:-1],
            whole + b"x",
            whole[1:],
        ):
            path.write_bytes(changed)
            assert not load()
        path.write_bytes(whole)
        assert load()


@pytest.mark.parametrize("suffix", [".nbc", ".nbi"])
def test_files_with_a_changed_byte_are_compiled_over(tree, suffix):
    assert call(tree, "outer") == (20, 0)
    for file in (tree / "cache").rglob(f"*{suffix}"):
        file.write_bytes(flipped(file.read_bytes(), file.stat().st_size // 2))
    assert call(tree, "outer") == (20, 0)
    assert call(tree, "outer") == (20, 1)


def test_an_empty_name_of_the_folder_is_none(tree):
    (tree / "own").mkdir(mode=0o700)
    code = "from nbdl import _cache\nprint(_cache.cache_folder())"
    for name in ("", "  "):
        said = run(tree, code, NBDL_CACHE=name, HOME=str(tree / "own"), XDG_CACHE_HOME="")
        assert Path(said.strip()).is_relative_to(tree / "own")
    assert sorted(p.name for p in tree.iterdir()) == ["alone.py", "own", "shop"]


def test_a_relative_folder_stays_the_same_when_the_current_one_changes(tree):
    (tree / "elsewhere").mkdir()
    code = "import os\nfrom nbdl import _cache\nfrom shop.outer import outer, by_module\nprint(outer(1))\n"
    code += "os.chdir('elsewhere')\nprint(by_module(1), _cache.cache_folder())"
    assert run(tree, code, NBDL_CACHE="mine") == f"20\n109 {tree / 'mine'}\n"
    assert not list((tree / "elsewhere").iterdir())
    assert stat.S_IMODE((tree / "mine").stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks no environment for the home folder")
def test_without_a_home_it_works_uncached_with_one_warning(tree, monkeypatch):
    """No HOME, and a user without an entry in the table of users, as in a container."""

    def nobody(uid):
        raise KeyError(uid)

    def homeless():
        monkeypatch.setattr("pwd.getpwuid", nobody)
        for name in ("NBDL_CACHE", "HOME", "XDG_CACHE_HOME"):
            os.environ.pop(name, None)

    value, hits, warning = call(tree, "by_module", before=homeless)
    assert (value, hits) == (109, 0)
    assert warning == (
        "nbdl: compiled code is not cached in the home folder: HOME is not set, and the user has none. "
        "Set NBDL_CACHE to a private folder."
    )
    assert sorted(p.name for p in tree.iterdir()) == ["alone.py", "shop"]


def test_the_folder_is_private(tree):
    call(tree, "outer")
    folders = [tree / "cache", *(p for p in (tree / "cache").iterdir() if p.is_dir())]
    assert len(folders) >= 2
    for folder in folders:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_without_a_writable_folder_it_works_uncached_with_one_warning(tree):
    (tree / "file").write_text("")
    value, hits, warning = call(tree, "by_module", cache="file/cache")
    assert (value, hits) == (109, 0)
    assert "not cached in" in warning and "Set NBDL_CACHE" in warning


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners and modes here")
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_can_write_is_refused(tree, mode):
    (tree / "open").mkdir()
    (tree / "open").chmod(mode)
    value, hits, warning = call(tree, "outer", cache="open")
    assert (value, hits) == (20, 0) and list((tree / "open").iterdir()) == []
    assert "can be written by other users" in warning


def test_a_disk_that_refuses_is_one_warning(tree, monkeypatch):
    def full(self, data_name, data):
        raise OSError("no space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._save_data", full)
    value, hits, warning = call(tree, "by_module")
    assert (value, hits, warning) == (109, 0, "nbdl: compiled code is not cached: no space left on device")


def test_private_names_of_numba_that_moved_cost_the_cache_and_one_warning(tree, monkeypatch):
    monkeypatch.delattr("numba.core.caching.FunctionCache._impl_class")
    value, hits, warning = call(tree, "by_module")
    assert (value, hits) == (109, 0) and "Numba's cache has changed" in warning


def test_private_names_of_numba_that_are_gone_cost_the_cache(tree):
    code = (
        "import numba.core.caching as c\ndel c._CacheLocator\nfrom shop.outer import outer\nprint(outer(1))"
    )
    assert run(tree, code) == "20\n" and not (tree / "cache").exists()


def test_info_and_clear(tree):
    call(tree, "outer")
    (tree / "cache" / "mine.txt").write_text("not of the cache")
    (tree / "cache" / "my-important-project").mkdir()  # as long as the name of a fingerprint
    (tree / "cache" / "my-important-project" / "a.nbi").write_text("")
    shared = next(p for p in (tree / "cache").iterdir() if len(p.name) == 20 and "-" not in p.name)
    (shared / "note.txt").write_text("put there by someone")
    (shared / "f.nbi.tmp.0a1b").write_text("left by a process that was killed")
    (shared / "f.0a1b.nbl").write_text("a leaf")
    code = "from nbdl import _cache\na, b = _cache.cache_clear(), _cache.cache_info()\nprint(a, b, sep='\\n')"
    before, after = map(ast.literal_eval, run(tree, code).splitlines())
    assert before["functions"] == 2 and before["bytes"] > 1000  # `outer`, which has `inner` in it; a leaf
    assert after["functions"] == 0 and after["folder"] == before["folder"] == str(tree / "cache")
    left = sorted(
        p.relative_to(tree / "cache").as_posix() for p in (tree / "cache").rglob("*") if p.is_file()
    )
    assert left == sorted(["mine.txt", "my-important-project/a.nbi", f"{shared.name}/note.txt"])
    assert len(list((tree / "cache").iterdir())) == 3


# --- leaves -----------------------------------------------------------------------------------------------

LEAF = """
import ctypes, os, sys, time, warnings
from numba import types
from nbdl import _jit, _leaf

def scaled_by(factor):
    def leaf(x):
        x[0] = x[0] * factor
    return leaf

def checked(x, n):
    for i in range(0, 3, n):
        x[0] = x[0] + 1.0

def run(function, *numbers):
    value, compiled = ctypes.c_double(1.0), []
    with _jit.watch(compiled.append):
        address = _leaf.leaf(function, types.CPointer(types.float64), *[types.int64] * len(numbers))
    kinds = [ctypes.c_void_p] + [ctypes.c_int64] * len(numbers)
    ctypes.CFUNCTYPE(None, *kinds)(address)(ctypes.addressof(value), *numbers)
    return value.value, len(compiled)
"""


def leaves(tree, code):
    """What `code`, which may use the functions of `LEAF`, prints in a fresh interpreter."""
    if not (tree / "leaves.py").exists():
        (tree / "leaves.py").write_text(LEAF)
    return run(tree, f"import warnings\nfrom leaves import *\n{code}")


def test_a_leaf_is_linked_by_the_next_process_without_numbas_compiler(tree):
    code = "print(run(scaled_by(3.0)), 'numba.np.arraymath' in sys.modules)"
    assert leaves(tree, code) == "(3.0, 1) True\n"
    assert leaves(tree, code) == "(3.0, 0) False\n"
    edit(tree / "leaves.py", "x[0] * factor", "x[0] + factor")
    assert leaves(tree, code) == "(4.0, 1) True\n"


def test_leaves_of_one_name_from_several_processes_are_told_apart(tree):
    """Numba counts its functions: the first one of each process gets the same symbol."""
    for factor in (2.0, 3.0, 5.0):
        leaves(tree, f"run(scaled_by({factor}))")
    several = "print([run(scaled_by(f)) for f in (2.0, 3.0, 5.0, 7.0)])"
    assert leaves(tree, several) == "[(2.0, 0), (3.0, 0), (5.0, 0), (7.0, 1)]\n"


@pytest.mark.parametrize("broken", [b"", b"not a leaf", "half", "head", "code"])
def test_a_broken_leaf_is_compiled_and_written_anew(tree, broken):
    code = "print(run(scaled_by(3.0)))"
    leaves(tree, code)
    (file,) = (tree / "cache").rglob("*.nbl")
    whole = file.read_bytes()
    changed = {"half": whole[: len(whole) // 2], "head": flipped(whole, 60), "code": flipped(whole, -60)}
    file.write_bytes(changed.get(broken, broken))
    assert leaves(tree, code) == "(3.0, 1)\n"
    assert leaves(tree, code) == "(3.0, 0)\n"


def test_a_leaf_that_can_raise_is_compiled_each_time(tree):
    code = "warnings.simplefilter('ignore')\nprint(run(checked, 2))"
    assert [leaves(tree, code), leaves(tree, code)] == ["(3.0, 1)\n"] * 2
    said = leaves(
        tree, "warnings.simplefilter('error')\ntry: run(checked, 2)\nexcept RuntimeWarning as w: print(w)"
    )
    assert said == "nbdl: the leaf `checked` is not cached: it can raise\n"


SHARED = """
from nbdl import _jit, _leaf
_leaf.cores, here, own = lambda: 3, os.getpid(), _leaf._take_turns

def turns(*given):
    if os.getpid() != here:
        {other}
    own(*given)

_leaf._take_turns, pointer = turns, (types.CPointer(types.float64),)
with _jit.watch((begun := []).append):
    _leaf.compile_leaves([(scaled_by(float(f)), pointer) for f in range(20)])
told = [run(scaled_by(float(f))) for f in range(20)]
assert [value for value, _ in told] == list(range(20))
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print(len(begun), sum(n for _, n in told))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="further processes are used on Linux alone")
@pytest.mark.parametrize(
    ("other", "helped", "lost"),
    [
        ("pass", True, False),
        ("time.sleep(600)", False, False),  # as good as hung: this process compiles everything
        ("os.read(given[1], _leaf.TURN); os._exit(1)", True, True),  # takes one and dies
        ("raise SystemExit", False, False),
    ],
)
def test_missing_leaves_compile_in_several_processes_and_none_is_relied_on(tree, other, helped, lost):
    here, later = map(int, leaves(tree, SHARED.format(other=other)).split())
    assert (here < 20) == helped and later == (20 - here if lost else 0)
    assert leaves(tree, SHARED.format(other=other)) == "0 0\n"


# --- flags ------------------------------------------------------------------------------------------------


def test_switches_of_numba_change_the_fingerprint(tree):
    code = "from nbdl import _jit\nfrom shop.outer import outer\nprint(_jit.fingerprint(outer, _jit.FAST))"
    plain, again, checked = (
        run(tree, code, NUMBA_BOUNDSCHECK=bounds, PYTHONHASHSEED=seed)
        for bounds, seed in (("", "1"), ("", "2"), ("1", "1"))
    )
    assert plain == again != checked


def add_all(x):
    s = x.dtype.type(0)
    c = x.dtype.type(0)
    for i in range(x.size):  # Kahan's compensated sum: its correction is zero in exact arithmetic
        y = x[i] - c
        t = s + y
        c = (t - s) - y
        s = t
    return s


def count_nan(x):
    n = 0
    for i in range(x.size):
        if x[i] != x[i]:
            n += 1
    return n


def test_strict_keeps_the_order_of_operations_and_both_keep_nan():
    x = np.full(100_000, 0.1, np.float32)
    exact = np.sum(x, dtype=np.float64)
    strict, fast = jit(strict=True)(add_all), jit(add_all)
    assert abs(strict(x) - exact) <= 1e-3 < abs(fast(x) - exact)
    assert _jit.fingerprint(add_all, _jit.FAST) != _jit.fingerprint(add_all, _jit.STRICT)
    x[:2] = np.nan
    assert jit(count_nan)(x) == jit(strict=True)(count_nan)(x) == 2


def test_the_ground_of_kernels_counts_for_everyone():
    """What kernels are made of is among the roots of any function, the house above it is not."""
    roots, _ = _fingerprint._reached(add_all)
    here = Path(_jit.__file__).parent
    ground = {str(here / "kernels" / folder) for folder in ("simd", "door", "lanes")}
    assert ground | {str(here / "errors.py")} <= roots and not {str(here), str(here / "kernels")} & roots
    assert str(Path(__file__).resolve()) in roots


@pytest.mark.parametrize(
    ("name", "families"),
    [
        ("relu", {"activation"}),
        ("conv2d", {"convolution"}),
        ("info_nce", {"loss", "dense", "activation"}),
        ("adam_update", {"update"}),
    ],
)
def test_an_edit_in_one_family_of_kernels_leaves_the_others_cached(name, families):
    roots, _ = _fingerprint._reached(getattr(kernels, name).py_func)
    folder = Path(kernels.__file__).parent
    found = {Path(root).name for root in roots if Path(root).parent == folder}
    assert found - {"simd", "door", "lanes"} == families


def test_truth_files_do_not_count(tmp_path):
    (tmp_path / "relu.py").write_text("f = 1")
    before = _fingerprint._hash_files.__wrapped__(tmp_path)
    (tmp_path / "relu_truth.py").write_text("g = 2")
    (tmp_path / "relu_cuda.py").write_text("h = 3")
    assert _fingerprint._hash_files.__wrapped__(tmp_path) == before
    (tmp_path / "relu.py").write_text("f = 4")
    assert _fingerprint._hash_files.__wrapped__(tmp_path) != before


def test_processes_that_save_at_once_never_take_each_others_code(tmp_path, monkeypatch):
    """Both read the index before the other has written it; then each must load its own entry, or none."""
    one, two = (_jit._Entries(str(tmp_path), "module.f-1", "stamp") for _ in range(2))
    monkeypatch.setattr(two, "_load_index", dict)  # the index as it was before `one` saved
    one.save(("int64",), "code for integers")
    two.save(("omitted",), "code for the default")
    fresh = _jit._Entries(str(tmp_path), "module.f-1", "stamp")
    assert fresh.load(("int64",)) in (None, "code for integers")
    assert fresh.load(("omitted",)) in (None, "code for the default")


def test_an_entry_under_the_wrong_name_is_not_used(tmp_path):
    files = _jit._Entries(str(tmp_path), "module.f-1", "stamp")
    files.save(("a",), "code of a")
    files.save(("b",), "code of b")
    a, b = (tmp_path / files._load_index()[k,] for k in "ab")
    a.write_bytes(b.read_bytes())
    assert files.load(("a",)) is None and files.load(("b",)) == "code of b"


# --- what compiled code cannot take from Python -----------------------------------------------------------

ONES = np.ones((2, 3), np.float32)


class Foreign:
    """The like of a tensor of another library."""

    def detach(self):
        return self

    numpy = detach


FOREIGN = {
    "Tensor": (lambda: nbdl.tensor(ONES), r"a Tensor, .*: give its array, {}\.data"),
    "Parameter": (lambda: nbdl.nn.Parameter("zeros"), r"a Tensor, .*: give its array, {}\.data"),
    "torch": (Foreign, r"a .*Foreign, .*: give its array, {}\.detach\(\)\.numpy\(\)"),
    "lists": (lambda: ONES.tolist(), r"a list, .*: give a tuple, or np\.asarray\({}\)"),
    "mixed tuple": (lambda: (1, object()), r"a tuple, .*: give np\.asarray\({}\)"),
    "range": (lambda: range(3), r"a range, .*: give np\.asarray\({}\)"),
    "byte order": (
        lambda: ONES.astype(ONES.dtype.newbyteorder("S")),
        r"an array of float32 in the byte order of other machines, .*{}\.astype\(np\.float32\)",
    ),
    "float16": (lambda: ONES.astype("float16"), r"an array of float16, .*{}\.astype\(np\.float32\)"),
    "object": (lambda: ONES.astype(object), r"an array of object, .*{}\.astype\(np\.float64\)"),
    "dict": (lambda: {1: 2.0}, r"a dict, .*: give numbers or an array of numbers"),
    "function": (lambda: len, r"a builtin_function_or_method, .*: give numbers or an array of numbers"),
}
if np.dtype(np.longdouble).itemsize > 8:
    FOREIGN["longdouble"] = lambda: ONES.astype(np.longdouble), r"an array of .*{}\.astype\(np\.float64\)"


@pytest.mark.parametrize(("make", "words"), FOREIGN.values(), ids=FOREIGN)
def test_what_compiled_code_cannot_hold_is_one_error_that_says_what_to_do(make, words):
    calls = {
        ("relu", "x"): lambda a: kernels.relu(a),
        ("relu", "out"): lambda a: kernels.relu(ONES, out=a),
        ("linear", "w"): lambda a: kernels.linear(ONES, a),
        ("softmax_cross_entropy", "labels"): lambda a: kernels.softmax_cross_entropy(ONES, a),
        ("adam_update", "lr"): lambda a: kernels.adam_update(*[ONES.copy()] * 4, a, 1),
        ("count_nan", "x"): jit(count_nan),
    }
    for (kernel, name), call in calls.items():
        with pytest.raises(DtypeError, match=f"^{kernel}: `{name}` must not be {words.format(name)}"):
            call(make())
        kernels.relu(ONES)  # and what was refused left nothing behind


@pytest.mark.parametrize(
    "first", [ONES, ONES.view(type("Own", (np.ndarray,), {})), None], ids=["plain", "own", "none"]
)
def test_a_masked_array_never_passes_for_a_plain_one(first):
    masked = np.ma.masked_array(ONES, ONES > 0)
    for function, call in (
        ("relu", kernels.relu),
        ("linear", lambda a: kernels.linear(ONES, a)),
        ("f", jit(lambda x: x.size)),
    ):
        if first is not None and function != "linear":
            call(first)
        with pytest.raises(DtypeError, match="no argument must be a masked array, whose mask would be lost"):
            call(masked)


WRONG = {
    "tuple": ((1.0, 2.0), "a tuple"), "text": ("abc", "a text"),
    "number": (1.5, "float64"), "None": (None, "None"),
    "complex": (ONES.astype(complex), "a 2-D complex128 array"),
    "array of text": (np.array(["a"]), "a 1-D text array"), "integers": (np.arange(3), "a 1-D int64 array"),
    "records": (np.zeros(2, [("a", "f4")]), "a 1-D record array"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "words"), WRONG.values(), ids=WRONG)
def test_what_compiled_code_can_hold_but_a_kernel_does_not_take_is_one_error(value, words):
    with pytest.raises(DtypeError, match=f"^relu: `x` must be a float32 or float64 array, got {words}$"):
        kernels.relu(value)
    if not isinstance(value, float):
        with pytest.raises(DtypeError, match=r"^adam_update does not take w: .*, lr: .*help\(nbdl\.kernels"):
            kernels.adam_update(*[ONES.copy()] * 4, value, 1)


def test_errors_in_functions_of_ones_own_stay_numbas():
    def wrong(x):
        return x.no_such_attribute

    with pytest.raises(numba.TypingError, match="no_such_attribute"):
        jit(wrong)(ONES)


def test_kernels_stay_dispatchers_that_compiled_code_calls():
    assert isinstance(kernels.relu, numba.core.registry.CPUDispatcher)
    assert numba.njit(lambda x: kernels.relu(x).sum())(ONES) == 6
