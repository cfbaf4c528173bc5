r"""One-hot rows: of each label, a row that is 1 at its place and 0 elsewhere.

.. math:: y_{nc} = [\, l_n = c \,]

labels (N, ...), y (N, ..., C). Its inverse is ``y.argmax(-1)``. A net needs no such rows: `embedding` and
the cross-entropies take the labels themselves.
Zhang et al., Dive into Deep Learning, section 4.1.1.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import LabelError, OptionError
from nbdl.kernels.door.inputs import AT_LEAST_1, as_labels
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.views import flat


@jit
def one_hot(labels, classes, dtype=np.float64):
    """A row for each label (see the formula at the head of this file).

    Parameters
    ----------
    labels : (N, ...) array of integers
        From 0 to `classes` - 1.
    classes : int
        How many elements a row has; at least 1.
    dtype : dtype
        Of the result.

    Returns
    -------
    (N, ..., classes) array

    Raises
    ------
    LabelError
        If a label is out of range.
    OptionError, ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call `check_labels` before the loop.

    Examples
    --------
    >>> one_hot(np.array([0, 2]), 5)
    array([[1., 0., 0., 0., 0.],
           [0., 0., 1., 0., 0.]])
    """
    labels = as_labels("one_hot: `labels` (N, ...)", labels, AT_LEAST_1)
    classes = integer("one_hot: `classes`", classes)
    if classes < 1:
        raise OptionError("one_hot: `classes` must be at least 1, got {}", classes)
    each = flat(labels)
    # Compiled code checks no bounds: a bad label would write to another row, or beside the array.
    for n in range(each.size):
        if each[n] < 0 or each[n] >= classes:
            raise LabelError(
                "one_hot: `labels` must be from 0 to {} (`classes` - 1), got {} at flat position {}",
                classes - 1, each[n], n,
            )  # fmt: skip
    y = np.zeros(labels.shape + (classes,), dtype)
    ones = flat(y)
    for n in range(each.size):
        ones[n * classes + each[n]] = 1
    return y
