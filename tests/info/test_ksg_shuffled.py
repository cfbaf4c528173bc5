"""KSG under shuffles: the values of the estimators themselves."""

import numpy as np
import pytest

from nbdl.info._ksg import frenzel_pompe, ksg1
from nbdl.info._ksg_shuffled import conditional_mutual_information, mutual_information
from nbdl.info._shuffle import Anywhere, Near

RNG = np.random.default_rng


def samples(*dims, n=300):
    z = RNG(0).standard_normal((n, 1))
    return [RNG(i).standard_normal((n, d)) + z for i, d in enumerate(dims, 1)]


@pytest.mark.parametrize("dims", [(1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize("options", [{}, {"k": 5, "standardize": False}])
def test_mutual_information(dims, options):
    x, y = samples(*dims)
    value = mutual_information(x, y, **options)
    for order in (np.arange(300), Anywhere(300)(0, 0), Anywhere(300)(0, 1)):
        assert value(order) == pytest.approx(ksg1(x[order], y, **options), abs=1e-13)


@pytest.mark.parametrize("dims", [(1, 1, 1), (2, 1, 2)])
def test_conditional_mutual_information(dims):
    x, y, z = samples(*dims)
    value = conditional_mutual_information(x, y, z, k=4)
    for order in (np.arange(300), Anywhere(300)(0, 0)):
        assert value(order) == pytest.approx(frenzel_pompe(x[order], y, z, k=4), abs=1e-13)


def test_an_order_that_takes_some_rows_twice_changes_no_scale():
    x, y, z = samples(2, 1, 2)
    order = Near(z, 5)(0, 0)
    units = [s / np.subtract(*np.quantile(s, (0.9, 0.1), axis=0)) for s in (x, y, z)]
    expected = frenzel_pompe(units[0][order], *units[1:], standardize=False)
    assert conditional_mutual_information(x, y, z)(order) == pytest.approx(expected, abs=1e-13)


def test_noise_belongs_to_the_values_not_to_the_rows():
    x, y = (s.round(1) for s in samples(1, 1))
    value = mutual_information(x, y, noise=1e-6, seed=3)
    assert value(np.arange(300)) == pytest.approx(ksg1(x, y, noise=1e-6, seed=3), abs=1e-13)


def test_a_constant_sample():
    x, y, z = samples(1, 1, 1)
    ones = np.ones_like(x)
    assert mutual_information(ones, y)(np.arange(300)) == 0
    assert conditional_mutual_information(x, ones, z)(np.arange(300)) == 0


def test_a_theiler_window_is_left_to_the_estimators():
    x, y, z = samples(1, 1, 1)
    assert mutual_information(x, y, theiler=2) is None
    assert conditional_mutual_information(x, y, z, theiler=2) is None
