"""Compiled code in the cache on disk: found again by the next process, and never stale."""

import numba
import pytest

from nbdl.testing import _guard

pytestmark = [
    pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled"),
    pytest.mark.skipif(not _guard.available, reason="this system cannot fork"),
]


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


def test_the_next_process_finds_it_and_an_edit_elsewhere_misses(tree):
    assert tree.call("outer") == (20, 0)
    assert tree.call("outer") == (20, 1)
    tree.edit("shop/inner.py", "x + 1", "x + 100")
    assert tree.call("outer") == (1010, 0)
    assert tree.call("outer") == (1010, 1)
    tree.edit("shop/inner.py", "x + 100", "x + 1")
    assert tree.call("outer") == (20, 1)  # the old entry is still there
    tree.edit("shop/inner.py", "SCALE = 10", "SCALE = 3")
    assert tree.call("outer") == (6, 0)


def test_functions_and_constants_reached_through_modules_count(tree):
    assert tree.call("by_module") == (109, 0)
    tree.edit("shop/sub/tools.py", "100 * x", "200 * x")
    assert tree.call("by_module") == (209, 0)
    tree.edit("alone.py", "7", "8")  # a lone module, of which only a number is used
    assert tree.call("by_module") == (210, 0)
    assert tree.call("by_module") == (210, 1)


def test_an_edit_after_the_import_does_not_poison_the_cache(tree):
    """A process that imported the old source and compiles later must not store it as the new one."""
    assert tree.call("outer", before=lambda: tree.edit("shop/inner.py", "x + 1", "x + 100")) == (20, 0)
    assert tree.call("outer") == (1010, 0)


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
    assert tree.run(code) == "2.0 0\n"
    assert tree.run(code) == "2.0 1\n"
    tree.edit(maths, "2 * a", "3 * a")
    assert tree.run(code) == "3.0 0\n"


def test_a_function_without_a_source_file_is_told_from_another_one(tree):
    for operation, value in (("+", "6"), ("*", "5")):
        code = f"import nbdl\nf = nbdl.jit(eval('lambda x: x {operation} 1'))\nprint(f(5))"
        assert tree.run(code) == value + "\n"


def test_a_callee_typed_at_a_prompt_counts(tree):
    for k in (1, 2):
        code = f"import nbdl\n@nbdl.jit\ndef g(x): return x + {k}\n"
        code += "@nbdl.jit\ndef f(x): return g(x)\nprint(f(10))"
        assert tree.run(code) == f"{10 + k}\n"


def test_a_function_that_is_not_cached_works_with_one_warning(tree):
    raw = "import alone, ctypes\nraw = ctypes.CDLL(None).abs\n"
    raw += "raw.argtypes, raw.restype = [ctypes.c_int], ctypes.c_int"
    tree.edit("shop/outer.py", "import alone", raw)
    tree.edit("shop/outer.py", "return x - 1", "return raw(x - 1)")
    value, hits, *said = tree.call("unrelated")
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
    assert [tree.run(named), tree.run(named)] == ["3\n0\n", "3\n1\n"]
    words = "nbdl: compiled code is not cached: `f` is of no module; exec it with {'__name__': __name__}"
    assert [tree.run(bare), tree.run(bare)] == [f"3\n0 {words}\n"] * 2
