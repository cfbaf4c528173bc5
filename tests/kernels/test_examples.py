"""The examples in the docstrings of kernels, run as plain Python: nothing compiles."""

import doctest

import numpy as np
import pytest

from nbdl import kernels
from nbdl._jit import plain

EXAMPLES = [name for name in kernels.__all__ if ">>>" in (getattr(kernels, name).__doc__ or "")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_holds(name):
    names = {n: plain(getattr(kernels, n)) for n in kernels.__all__}
    example = doctest.DocTestParser().get_doctest(
        getattr(kernels, name).__doc__, {**names, "np": np}, name, None, None
    )
    result = doctest.DocTestRunner().run(example)
    assert result.attempted and not result.failed


def test_there_are_examples():
    assert len(EXAMPLES) > 30
