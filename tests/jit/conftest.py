"""A folder of sources whose functions are called in processes of their own."""

import importlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from nbdl import _cache, _fingerprint
from nbdl.testing import _guard

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


class Tree(type(Path())):
    """A folder of sources: a package whose functions call one another across files, and a lone module."""

    def run(self, code, **environment):
        """Run code in a fresh interpreter that has it on its path; returns what it printed."""
        environment = {"PYTHONPATH": str(self), "PYTHONDONTWRITEBYTECODE": "1", **environment}
        environment = {**os.environ, "NBDL_CACHE": str(self / "cache"), **environment}
        command = [sys.executable, "-c", code]
        options = {"capture_output": True, "text": True, "timeout": 1800, "check": True}
        return subprocess.run(command, env=environment, cwd=self, **options).stdout

    def call(self, name, cache="cache", before=lambda: None):
        """(value, disk cache hits, warnings) of ``shop.outer.<name>(1)``, in a process without compiled code.

        The process is a fork of this one, which has imported Numba already.
        """

        def work(say):
            os.environ["NBDL_CACHE"] = str(self / cache)
            sys.dont_write_bytecode = True
            sys.path.insert(0, str(self))
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

    def edit(self, name, old, new):
        """Put `new` in the place of `old` in one of its files."""
        path = self / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def tree(tmp_path):
    package = tmp_path / "shop"
    (package / "sub").mkdir(parents=True)
    for path, text in {
        "shop/__init__.py": "", "shop/outer.py": OUTER, "shop/inner.py": INNER,
        "shop/sub/__init__.py": "", "shop/sub/tools.py": TOOLS, "alone.py": "LIMIT = 7\n",
    }.items():  # fmt: skip
        (tmp_path / path).write_text(text)
    return Tree(tmp_path)
