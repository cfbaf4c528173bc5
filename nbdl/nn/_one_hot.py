"""One-hot layer."""

import numpy as np

from nbdl.errors import DtypeError, LabelError
from nbdl.nn._options import positive
from nbdl.nn._parameter import Buffer
from nbdl.tape import apply, as_tensor


def _identity(rng, shape, fan_in, fan_out):
    return np.eye(*shape)


class OneHot:
    """A row for each id that is 1 at its place and 0 elsewhere: ids (N, ...) to (N, ..., classes).

    The rows are those of an identity matrix, a buffer (classes, classes). Before a `Linear` layer, or the
    inputs of a recurrent one, `Embedding` gives the same with less work, and is the choice for many classes.
    Zhang et al., Dive into Deep Learning, section 9.5.

    Parameters
    ----------
    classes : int
        How many ids there are; they count from 0. Others are a LabelError.
    """

    def __init__(self, classes):
        self.classes = positive("OneHot: `classes`", classes)
        self.rows = Buffer(_identity)

    def __call__(self, ids, train=None):
        ids = as_tensor(ids)
        if ids.dtype.kind not in "iu":
            text = "OneHot: `ids` must be integers, from 0 to {}, got {}"
            raise DtypeError(text, self.classes - 1, ids.dtype)
        if not self.rows.ready:
            self.rows.fill((self.classes, self.classes))
        try:
            return apply("embedding", ids, self.rows)
        except LabelError as error:  # the kernel knows its own name alone
            raise LabelError(str(error).replace("embedding:", "OneHot:")) from None
