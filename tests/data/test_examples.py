"""Examples in the docstrings of what reads, counts and goes on with texts and series are right."""

import doctest
import importlib

import numpy as np
import pytest

PAGES = (
    "data._vocabulary", "data._ngrams", "data._partition", "data._lags", "models._ngram", "models._markov",
    "train._beam", "train._bleu", "train._metrics", "train._rollout",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_examples(page):
    found = doctest.testmod(importlib.import_module(f"nbdl.{page}"), extraglobs={"np": np})
    assert found.attempted and not found.failed
