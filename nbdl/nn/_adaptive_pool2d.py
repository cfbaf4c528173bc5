"""Pooling layers whose result has the same size whatever the size of the images is."""

from nbdl.kernels.door.options import pair
from nbdl.nn._options import positive
from nbdl.tape import apply


class AdaptiveAvgPool2d:
    """Mean over bins: x (N, C, H, W) to y (N, C, P, Q). See `nbdl.kernels.adaptive_avg_pool2d`.

    Parameters
    ----------
    size : int or pair
        (P, Q): how many bins there are, along rows and columns.
    """

    def __init__(self, size):
        self.size = _size("AdaptiveAvgPool2d: `size`", size)

    def __call__(self, x, train=None):
        return apply("adaptive_avg_pool2d", x, size=self.size)


class AdaptiveMaxPool2d:
    """Maximum over bins: x (N, C, H, W) to y (N, C, P, Q). See `nbdl.kernels.adaptive_max_pool2d`.

    Parameters
    ----------
    size : int or pair
        (P, Q): how many bins there are, along rows and columns.
    """

    def __init__(self, size):
        self.size = _size("AdaptiveMaxPool2d: `size`", size)

    def __call__(self, x, train=None):
        return apply("adaptive_max_pool2d", x, size=self.size)


class GlobalAvgPool2d:
    """Mean of each channel: x (N, C, H, W) to y (N, C). See `nbdl.kernels.global_avg_pool2d`."""

    def __call__(self, x, train=None):
        return apply("global_avg_pool2d", x)


class GlobalMaxPool2d:
    """Maximum of each channel: x (N, C, H, W) to y (N, C). See `nbdl.kernels.global_max_pool2d`."""

    def __call__(self, x, train=None):
        return apply("global_max_pool2d", x)


def _size(where, size):
    return tuple(positive(where, n) for n in pair(where, size))
