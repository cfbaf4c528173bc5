"""The front end: kinds of data, estimators by name, units, missing values, identities, bad input."""

import pytest

from nbdl import info

A = [1] * 6 + [2] * 6 + [3] * 5
B = [1, 1, 1, 1, 2, 1, 2, 2, 2, 2, 3, 1, 3, 3, 3, 2, 2]


def test_mutual_information_of_scikit_learns_labels():
    assert info.mutual_information(A, B) == pytest.approx(0.4102186227404535, abs=1e-15)
