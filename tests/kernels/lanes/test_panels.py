"""Products with matrices that the first cache does not hold, in panels."""

import numpy as np
import pytest

from nbdl.cases import Case
from nbdl.testing._check_twin import compare

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("samples", [5, 40])
@pytest.mark.parametrize("kernel", ["linear", "linear_transposed"])
def test_rows_of_each_sample(kernel, samples):
    w = RNG.standard_normal((300, 41))
    case = Case("wide", (RNG.standard_normal((3, 9, 300)), w if kernel == "linear" else w.T, w[0]))
    assert compare(kernel, case, "float32", samples)


@pytest.mark.parametrize("samples", [5, 40])
def test_states_of_an_lstm(samples):
    H = 50
    arrays = [RNG.standard_normal(shape) for shape in ((3, 2, 4 * H), (3, H), (3, H), (H, 4 * H))]
    arrays[-1] /= np.sqrt(H)
    assert compare("lstm_scan", Case("wide", tuple(arrays)), "float32", samples)
