"""The check of labels that users call before a parallel loop."""

import numpy as np
import pytest

from nbdl.errors import DtypeError, LabelError, ShapeError
from nbdl.kernels import check_labels


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_takes_any_integers_in_range(dtype):
    assert check_labels(np.array([0, 2, 1], dtype), 3) is None


def test_ignored_labels_may_be_anything():
    check_labels(np.array([0, -100]), 3)
    check_labels(np.array([0, 7]), 3, ignore_index=7)
    check_labels(np.array([0, -1]), 3, -1)


def test_names_the_first_bad_position_and_its_value():
    message = r"`labels` must be from 0 to 2 \(or `ignore_index`, -100\), got 3 at position 1"
    with pytest.raises(LabelError, match=message):
        check_labels(np.array([0, 3, -1]), 3)
    with pytest.raises(LabelError, match="got -1 at position 2"):
        check_labels(np.array([0, 2, -1]), 3)


def test_labels_of_positions():
    check_labels(np.array([[0, 2], [1, -100]]), 3)
    with pytest.raises(LabelError, match=r"got 3 at flat position 2 of \(2, 2\)"):
        check_labels(np.array([[0, 2], [3, 9]]), 3)


def test_refuses_what_are_no_labels():
    with pytest.raises(DtypeError, match=r"`labels` .* must be an array of integers"):
        check_labels(np.array([0.0, np.nan]), 3)
    with pytest.raises(ShapeError, match=r"`labels` .* must have at least 1 dimensions, got 0"):
        check_labels(np.array(1), 3)
