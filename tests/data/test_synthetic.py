"""The synthetic plane: least squares finds the weights it was made of."""

import numpy as np
import pytest

from nbdl.data import load
from nbdl.errors import UsageError


def test_least_squares_finds_the_plane():
    data = load("synthetic_regression")
    assert data.train.x.shape == data.test.x.shape == (1000, 2) and data.train.y.shape == (1000, 1)
    assert data.train.x.dtype == data.train.y.dtype == np.float32 and data.classes is None
    design = np.column_stack([data.train.x, np.ones(1000)])
    solution, residual, *_ = np.linalg.lstsq(design, data.train.y, rcond=None)
    assert np.allclose(solution[:, 0], [2, -3.4, 4.2], atol=2e-3)
    assert np.isclose(np.sqrt(residual[0] / 1000), 0.01, rtol=0.1)


def test_seed_and_noise():
    first = load("synthetic_regression")
    assert np.array_equal(first.train.x, load("synthetic_regression", seed=0).train.x)
    assert not np.array_equal(first.train.x, load("synthetic_regression", seed=1).train.x)
    exact = load("synthetic_regression", noise=0)
    assert np.allclose(exact.test.x @ [[2.0], [-3.4]] + 4.2, exact.test.y, atol=1e-5)


@pytest.mark.parametrize("options", [{"seed": -1}, {"seed": "a"}, {"noise": -0.1}, {"noise": float("nan")}])
def test_bad_options(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        load("synthetic_regression", **options)
