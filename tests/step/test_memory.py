"""Memory of a program: what it reads it has written in the same step."""

import numpy as np
import pytest

import nbdl
from nbdl import models


@pytest.mark.parametrize("kind", ["dense", "images"])
def test_nothing_is_read_that_was_left_over(x, labels, weights, kind):
    """The same bits from memory full of NaN, with idle lanes, on one thread and on two."""
    rng = np.random.default_rng(0)
    make = lambda: models.mlp(3, (16,), dropout=0.5)  # noqa: E731
    if kind == "images":
        x, make = rng.normal(size=(200, 1, 28, 28)).astype(np.float32), lambda: models.lenet_modern(3)
    results = set()
    for threads, value in ((1, 0), (1, np.nan), (2, np.nan)):
        step = nbdl.compile_step(make(), optimizer="momentum", example=(x, labels), threads=threads, seed=1)
        step.program.reserve(25)
        memory = step.program.memory
        for array in (*step.program.arenas, *memory.kept.values(), memory.shards, *step.gradients.values()):
            if array.flags.c_contiguous and array.base is not None:
                array.view(np.uint8).view(step.dtype)[...] = value
        losses = step.run(x, labels, np.arange(50), 25)
        results.add((losses.tobytes(), weights(step.net)))
    assert len(results) == 1
