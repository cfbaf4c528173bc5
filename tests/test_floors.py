"""The house stands on floors: imports go down only, and the way in is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nbdl

PACKAGE = Path(nbdl.__file__).parent
FLOORS = {
    "cases": 0,
    "_arguments": 0, "_cache": 0, "_cores": 0, "_fingerprint": 0, "_jit": 0, "_leaf": 0, "_link": 0,
    "_symbol": 0,
    "errors": 0, "records": 0, "_lazy": 0,
    "kernels": 1,
    "hookspecs": 2, "registry": 2,
    "tape": 3, "_calls": 3, "array_ops": 3, "array_functions": 3, "shapes": 3,
    "algebra": 4, "nn": 4, "optim": 4, "info": 4, "data": 4,
    "bench": 6, "step": 5, "models": 5, "train": 5, "testing": 5,
    "cli": 6, "builtin": 6, "__main__": 6,
}  # fmt: skip
DOOR = "nbdl"  # the lazy door: `from nbdl import registry` counts as nbdl.registry
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def room(name):
    """The first part of a dotted name below nbdl: ``nbdl.kernels.door.inputs`` is in ``kernels``."""
    return name.removeprefix("nbdl.").partition(".")[0]


def name_of(path):
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def imports(path):
    """All dotted names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            for alias in node.names:
                nested = node.module == DOOR and alias.name in FLOORS
                yield f"{node.module}.{alias.name}" if nested else node.module


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down_only(path):
    here = FLOORS[room(name_of(path))]
    for name in imports(path):
        if name.startswith("nbdl."):
            assert room(name) == room(name_of(path)) or FLOORS[room(name)] <= here, (
                f"{path.name} imports {name}"
            )


def family(name):
    """The room of a dotted name below nbdl.kernels: ``nbdl.kernels.dense.linear`` is in ``dense``."""
    return name.removeprefix("nbdl.kernels").removeprefix(".").partition(".")[0]


@pytest.mark.parametrize("path", sorted((PACKAGE / "kernels").glob("*/*.py")), ids=name_of)
def test_families_of_kernels_stand_on_the_ground(path):
    """simd and door below lanes below the families; no family looks at the twins of another one."""
    floors, here = {"simd": 0, "door": 0, "lanes": 1}, family(name_of(path))
    for name in imports(path):
        if not name.startswith("nbdl.kernels"):
            continue
        there = family(name)
        assert there, f"{path.name} imports the public door {name}"
        assert floors.get(there, 2) <= floors.get(here, 2), f"{path.name} imports {name}"
        assert there == here or not name.endswith("_lanes"), f"{path.name} imports {name}"
        assert path.stem.endswith("_truth") or not name.endswith("_truth"), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "kernels").rglob("*.py")), ids=name_of)
def test_kernels_rest_on_numpy_and_numba_alone(path):
    theirs = {name.partition(".")[0] for name in imports(path)} - sys.stdlib_module_names
    assert theirs <= {"numpy", "numba", "llvmlite", "nbdl"}  # llvmlite is what Numba emits code with
    ours = {room(name) for name in imports(path) if name.startswith("nbdl.")}
    assert ours <= {"kernels", "_jit", "_lazy", "errors"} | (
        {"cases"} if path.stem.endswith("_truth") else set()
    )


@pytest.mark.parametrize("path", [PACKAGE / "__init__.py", *MODULES], ids=name_of)
def test_nothing_is_executed_that_was_read(path):
    """No pickle, no eval, no exec: what is in a file is data. Only `jit_predict` writes source."""
    assert not {name.partition(".")[0] for name in imports(path)} & {"pickle", "marshal", "shelve", "dill"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            written = name_of(path) == "nbdl.step._function" and node.func.id != "eval"
            assert written or node.func.id not in ("eval", "exec", "compile"), f"line {node.lineno}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant) and node.value.value is False, (
                f"line {node.value.lineno}"
            )


def test_every_room_has_a_floor():
    rooms = {room(name_of(p)) for p in MODULES}
    assert rooms <= set(FLOORS)


def loaded(code):
    """Which of the heavy libraries a fresh interpreter has imported at its end, after running `code`."""
    report = """
import atexit, sys
@atexit.register
def report():
    heavy = "numpy", "numba", "llvmlite", "rich", "matplotlib"
    print(*[m for m in heavy if m in sys.modules], file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", report + code], capture_output=True, text=True, timeout=1800)
    return run.stderr.split()


def test_importing_nbdl_is_light():
    assert loaded("import nbdl; dir(nbdl); nbdl.__version__") == []


def test_records_and_hooks_are_light():
    assert (
        loaded("import nbdl; nbdl.Kernel, nbdl.hookimpl; import nbdl.builtin, nbdl.registry, nbdl.errors")
        == []
    )
    assert loaded("from nbdl import registry; registry.Registry(entries=[]).names('kernel')") == []


@pytest.mark.skipif(not (PACKAGE / "cli" / "__init__.py").exists(), reason="there is no command line yet")
def test_help_is_light():
    assert loaded("import sys; sys.argv = ['nbdl', '--help']; from nbdl.cli import main; main()") == []


def test_the_check_itself_sees_what_is_loaded():
    assert "numpy" in loaded("import numpy")
