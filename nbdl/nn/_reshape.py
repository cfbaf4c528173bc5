"""Samples in another shape."""

import math

from nbdl.errors import OptionError, ShapeError
from nbdl.nn._options import positive
from nbdl.tape import as_tensor


class Reshape:
    """Each sample in the shape `shape`: x (N, ...) to y (N, *shape), as ``nn.Reshape((1, 28, 28))``.

    The reverse of `Flatten`: a sample keeps its elements and their order.

    Parameters
    ----------
    shape : tuple of int
        Of one sample.
    """

    def __init__(self, shape):
        if not isinstance(shape, (tuple, list)):
            text = "Reshape: `shape` must be a tuple of sizes, that of one sample, got {!r}"
            raise OptionError(text, shape)
        self.shape = tuple(positive("Reshape: `shape`", size) for size in shape)

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if math.prod(x.shape[1:]) != math.prod(self.shape):
            text = "Reshape: samples of `x` must have {} elements, those of `shape` {}, got shape {}"
            raise ShapeError(text, math.prod(self.shape), self.shape, x.shape)
        return x.reshape(x.shape[0], *self.shape)
