"""Products with large matrices, in panels; here small ones are taken for large."""

import numpy as np
import pytest

from nbdl.cases import Case
from nbdl.kernels.lanes import panels
from nbdl.testing._check_twin import compare

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def all_are_large(monkeypatch):
    monkeypatch.setattr(panels, "LARGE", 0)


@pytest.mark.parametrize(("kernel", "samples"), [("linear", 5), ("linear", 20), ("linear_transposed", 20)])
def test_rows_of_each_sample(kernel, samples):
    w = RNG.standard_normal((panels.STEPS + 5, 13))
    case = Case("rows", (RNG.standard_normal((2, 9, len(w))), w if kernel == "linear" else w.T, w[0]))
    assert compare(kernel, case, "float32", samples)


@pytest.mark.parametrize("samples", [5, 20])
def test_states_of_an_lstm(samples):
    H = 14
    arrays = [RNG.standard_normal(shape) for shape in ((2, 2, 4 * H), (2, H), (2, H), (H, 4 * H))]
    assert compare("lstm_scan", Case("states", tuple(arrays)), "float32", samples)
