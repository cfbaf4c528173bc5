"""The exact test of Gaussian independence: known tests as cases of it, calibration, bad input."""

import numpy as np
import pytest
from scipy import stats

from nbdl.errors import DataError, ShapeError, UsageError
from nbdl.info import conditional_mutual_information, mutual_information
from nbdl.info._f_test import f_tail, f_test

RNG = np.random.default_rng


@pytest.mark.parametrize("k", [1, 2, 5, 30])
@pytest.mark.parametrize("m", [1, 2, 7, 100, 100_000, 10.5])
def test_tail(k, m):
    for f in stats.f(k, m).isf([0.999, 0.9, 0.5, 0.1, 0.01, 1e-6, 1e-12]):
        assert f_tail(f, k, m) == pytest.approx(stats.f.sf(f, k, m), rel=1e-8)


def test_ends_of_the_tail():
    assert f_tail(0, 3, 4) == f_tail(-1e-17, 3, 4) == 1
    assert f_tail(np.inf, 3, 4) == 0


def test_one_column_each_is_the_test_of_a_correlation():
    x, y = RNG(0).standard_normal((2, 30))
    found = f_test(x, y)
    assert found.p_value == pytest.approx(stats.pearsonr(x, y).pvalue, rel=1e-9)
    assert found.information == mutual_information(x, y, "gaussian", bias_correction=False)
    assert found.dof == (1, 28)


def test_two_columns_are_those_of_a_regression():
    y, *z = RNG(5).standard_normal((3, 30))
    z = np.column_stack(z)
    fit = np.column_stack([np.ones(30), z])
    residual = y - fit @ np.linalg.lstsq(fit, y, rcond=None)[0]
    r2 = 1 - residual.var() / y.var()
    want = stats.f.sf(r2 / (1 - r2) * 27 / 2, 2, 27)
    assert f_test(z, y).p_value == pytest.approx(want, rel=1e-9)
    assert f_test(y, z).p_value == pytest.approx(want, rel=1e-9)


def test_a_condition_is_that_of_a_partial_correlation():
    x, y, z = RNG(6).standard_normal((3, 40)) + RNG(7).standard_normal(40)
    fit = np.column_stack([np.ones(40), z])
    a, b = (v - fit @ np.linalg.lstsq(fit, v, rcond=None)[0] for v in (x, y))
    r = np.corrcoef(a, b)[0, 1]
    t = r * np.sqrt(37 / (1 - r * r))
    found = f_test(x, y, z)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(t), 37), rel=1e-9)
    want = conditional_mutual_information(x, y, z, "gaussian", base=2, bias_correction=False)
    assert f_test(x, y, z, base=2).information == want


@pytest.mark.parametrize("shape", [(1, 1, 0), (2, 2, 1), (3, 4, 2)])
def test_p_is_uniform_without_dependence(shape):
    p = []
    for seed in range(300):
        parts = [RNG((seed, i)).standard_normal((25, d)) for i, d in enumerate(shape) if d]
        p.append(f_test(*parts).p_value)
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_nothing_and_everything():
    x, y = RNG(0).standard_normal((2, 30))
    assert f_test(x, np.ones(30))[:2] == (0, 1)
    assert f_test(x, 2 * x)[:2] == (np.inf, 0)
    assert f_test(np.column_stack([x, -x, np.ones(30)]), y).dof == (1, 28)


def test_bad_input():
    x = RNG(0).standard_normal((6, 2))
    with pytest.raises(UsageError, match="`y` must be continuous, got dtype int64"):
        f_test(x, np.arange(6))
    with pytest.raises(ShapeError, match="3 rows are too few for 2 and 1 columns"):
        f_test(x[:3], np.array([0.0, 2.0, 1.0]))
    x[0] = np.nan
    with pytest.raises(DataError, match="missing"):
        f_test(x, x)
    assert np.isnan(f_test(x, x, nan_policy="propagate").p_value)
