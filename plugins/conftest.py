"""Lets the tests of the plugins here see them as installed ones, without installing them."""

import contextlib
import importlib.metadata

import pytest

from nbdl import registry


@pytest.fixture
def installed_plugins():
    """``with installed_plugins("lion"):`` the registry finds exactly these plugins by their entry points."""

    @contextlib.contextmanager
    def installed(*names):
        entries = [importlib.metadata.EntryPoint(name, f"nbdl_{name}", registry.GROUP) for name in names]
        former = registry.use(registry.Registry(entries=entries))
        try:
            yield
        finally:
            registry.use(former)

    return installed
