"""Every public name can be imported from where it is promised."""

import ast
import importlib
import itertools
from pathlib import Path

import pytest

import nbdl

PACKAGE = Path(nbdl.__file__).parent
ROOMS = sorted(p.parent for p in PACKAGE.rglob("__init__.py") if p.parent != PACKAGE)


@pytest.mark.parametrize("name", [n for n in nbdl.__all__ if n != "__version__"])
def test_lazy_name(name):
    assert getattr(nbdl, name) is not None
    assert name in dir(nbdl)


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="module 'nbdl' has no attribute 'tensors'"):
        nbdl.tensors  # noqa: B018


@pytest.mark.parametrize("room", ROOMS, ids=lambda p: p.name)
def test_all_is_what_the_door_imports(room):
    """``__all__`` of a room lists exactly the public names that its ``__init__`` imports or defines."""
    tree = ast.parse((room / "__init__.py").read_text(encoding="utf-8"))
    names = set()
    lazy = [node.body for node in tree.body if isinstance(node, ast.If)]  # names that are found at first use
    for node in itertools.chain(tree.body, *lazy):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("nbdl."):
            names |= {a.asname or a.name for a in node.names} - {"*"}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
    module = importlib.import_module(".".join(["nbdl", *room.relative_to(PACKAGE).parts]))
    if hasattr(module, "__all__"):
        assert len(module.__all__) == len(set(module.__all__))
        assert set(module.__all__) <= set(dir(module))
        missing = {n for n in names - set(module.__all__) if not n.startswith("_")}
        assert all(type(getattr(module, n)).__name__ == "module" for n in missing), missing
