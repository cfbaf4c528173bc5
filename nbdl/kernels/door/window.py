"""What convolution and pooling share: the checks of how a window moves over an image.

Each option is below 2^31, so that positions, their differences and products of two options fit int64.
"""

from nbdl._jit import jit
from nbdl.errors import OptionError

LIMIT = 2**31


@jit
def check_window(kernel, stride, padding, dilation):
    """Raises `OptionError` unless stride and dilation are in [1, 2^31), the four paddings in [0, 2^31)."""
    if stride[0] < 1 or stride[1] < 1:
        raise OptionError("{}: `stride` must be at least 1, got {}", kernel, stride)
    if stride[0] >= LIMIT or stride[1] >= LIMIT:
        raise OptionError("{}: `stride` must be below 2^31, got {}", kernel, stride)
    if dilation[0] < 1 or dilation[1] < 1:
        raise OptionError("{}: `dilation` must be at least 1, got {}", kernel, dilation)
    if dilation[0] >= LIMIT or dilation[1] >= LIMIT:
        raise OptionError("{}: `dilation` must be below 2^31, got {}", kernel, dilation)
    if min(padding) < 0:
        raise OptionError(
            "{}: `padding` must not be negative, got {} (top, bottom, left, right)", kernel, padding
        )
    if max(padding) >= LIMIT:
        raise OptionError(
            "{}: `padding` must be below 2^31, got {} (top, bottom, left, right)", kernel, padding
        )


@jit
def check_window1d(kernel, size, stride, padding, dilation):
    """The same for a window of `size` elements over a series: single numbers, padding (left, right)."""
    if size < 1 or size >= LIMIT:
        raise OptionError("{}: `kernel` must be from 1 to 2^31 - 1, got {}", kernel, size)
    if stride < 1 or stride >= LIMIT:
        raise OptionError("{}: `stride` must be from 1 to 2^31 - 1, got {}", kernel, stride)
    if dilation < 1 or dilation >= LIMIT:
        raise OptionError("{}: `dilation` must be from 1 to 2^31 - 1, got {}", kernel, dilation)
    if min(padding) < 0 or max(padding) >= LIMIT:
        raise OptionError("{}: `padding` must be from 0 to 2^31 - 1, got {} (left, right)", kernel, padding)
