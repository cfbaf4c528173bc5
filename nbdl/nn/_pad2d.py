"""Padding layer."""

from nbdl.errors import OptionError
from nbdl.kernels.convolution.pad2d import MODES
from nbdl.kernels.door.options import sides
from nbdl.nn._options import by_name
from nbdl.tape import apply


class Pad2d:
    """Rows and columns more around images: x (N, C, H, W) to y (N, C, P, Q). See `nbdl.kernels.pad2d`.

    Parameters
    ----------
    padding : int, pair or (top, bottom, left, right)
    mode : "constant", "reflect" or "edge"
    value : float
        Of a constant padding.
    """

    @by_name('For example nn.Pad2d((1, 1, 2, 2), mode="reflect")')
    def __init__(self, padding, *, mode="constant", value=0.0):
        self.padding = sides("Pad2d: `padding`", padding)
        if min(self.padding) < 0:
            raise OptionError("Pad2d: `padding` must not be negative, got {}", padding)
        if mode not in MODES:
            raise OptionError("Pad2d: `mode` must be one of {}, got {!r}", ", ".join(MODES), mode)
        self.mode, self.value = mode, float(value)

    def __call__(self, x, train=None):
        return apply("pad2d", x, padding=self.padding, mode=self.mode, value=self.value)
