"""One-hot rows (`nbdl.kernels.one_hot`)."""

import numba
import numpy as np
import pytest

from nbdl.errors import DtypeError, LabelError, NbdlError, OptionError, ShapeError
from nbdl.kernels import one_hot


@pytest.mark.parametrize(
    "labels", [np.array([0, 4, 2, 2]), np.array([[1, 0], [3, 4]], np.uint8), np.zeros(0, int)]
)
def test_rows_are_those_of_the_identity_matrix(labels):
    for dtype in (np.float64, np.float32):
        y = one_hot(labels, 5, dtype)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, np.eye(5)[labels])
        assert not labels.size or (y.argmax(-1) == labels).all()


def test_in_compiled_code():
    @numba.njit
    def rows(labels):
        return one_hot(labels, 3), one_hot(labels, 3, np.float32)

    double, single = rows(np.array([2, 0]))
    assert (double.dtype, single.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(double, [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(single, double)


@pytest.mark.parametrize(
    "labels, classes, error, name",
    [
        ([0, 3], 3, LabelError, "labels"),
        ([0, -1], 3, LabelError, "labels"),
        ([0.0, 1.0], 3, DtypeError, "labels"),
        (1, 3, ShapeError, "labels"),
        ([0], 0, OptionError, "classes"),
        ([0], 2.5, DtypeError, "classes"),
    ],
)
def test_what_is_refused(labels, classes, error, name):
    with pytest.raises(NbdlError, match=f"`{name}`") as raised:
        one_hot(np.array(labels), classes)
    assert type(raised.value) is error
