"""Examples in the docstrings of the pages about minimizing are right."""

import doctest
import importlib

import numpy as np
import pytest


@pytest.mark.parametrize("page", ["_minimize", "_derivatives", "_convexity"])
def test_examples(page):
    found = doctest.testmod(importlib.import_module(f"nbdl.optim.{page}"), extraglobs={"np": np})
    assert found.attempted and not found.failed
