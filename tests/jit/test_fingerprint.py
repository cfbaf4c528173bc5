"""The fingerprint of a function: all that its compiled code depends on, and no more."""

import enum
from collections import namedtuple
from pathlib import Path

import numba
import numpy as np
import pytest

from nbdl import _fingerprint, _jit, jit, kernels
from nbdl.testing import _guard

pytestmark = [
    pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled"),
    pytest.mark.skipif(not _guard.available, reason="this system cannot fork"),
]


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
    for line in tree.run(code).splitlines():
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


def test_switches_of_numba_change_the_fingerprint(tree):
    code = "from nbdl import _jit\nfrom shop.outer import outer\nprint(_jit.fingerprint(outer, _jit.FAST))"
    plain, again, checked = (
        tree.run(code, NUMBA_BOUNDSCHECK=bounds, PYTHONHASHSEED=seed)
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
