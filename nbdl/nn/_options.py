"""Options by name, as they come from a config file or a caller: known, and of the type of their default."""

import functools
import inspect

import numpy as np

from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.kernels.door.options import pair, sides
from nbdl.registry import parameters


def check_options(what, function, options, reserved=()):
    """Raise `UsageError` unless `function` takes `options` besides its `reserved` parameters."""
    allowed = {n: d for n, d in parameters(function).items() if n not in reserved}
    for name, value in options.items():
        if name not in allowed:
            taken = ", ".join(allowed) or "none"
            raise UsageError("{} has no option `{}`; it takes {}", what, name, taken)
        default = allowed[name]
        if default is None or default is inspect.Parameter.empty:
            continue
        kinds = (
            (bool, np.bool_) if isinstance(default, bool)
            else (int, np.integer) if isinstance(default, int)
            else (int, float, np.integer, np.floating) if isinstance(default, float)
            else (list, tuple) if isinstance(default, tuple)
            else type(default)
        )  # fmt: skip
        if not isinstance(value, kinds) or (isinstance(value, bool) and not isinstance(default, bool)):
            raise UsageError(
                "{}: option `{}` must be like its default {!r}, got {!r}", what, name, default, value
            )


def by_name(hint):
    """A constructor whose options, behind the ``*``, are given by name; its error for others says `hint`.

    Other libraries have other arguments in these places: theirs must not be taken for ours.
    """

    def wrap(init):
        kinds = inspect.signature(init).parameters.values()
        names = [f"`{p.name}`" for p in kinds if p.kind is p.POSITIONAL_OR_KEYWORD][1:]  # without self

        @functools.wraps(init)
        def checked(self, *values, **options):
            if len(values) > len(names):
                raise UsageError(
                    "{} takes {} by position and its options by name, got {} positions. {}",
                    type(self).__name__, " and ".join(names) or "nothing", len(values), hint,
                )  # fmt: skip
            init(self, *values, **options)

        return checked

    return wrap


def is_number(value):
    """Whether `value` is a real number of Python or NumPy; truth values are none."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def positive(where, value):
    """`value` if it is an integer above zero, else `OptionError`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise OptionError("{} must be an integer of at least 1, got {!r}", where, value)
    return int(value)


def below(bits, where, value):
    """`value` if it is an integer from 0 to 2^bits - 1, else `OptionError`: a seed has 63 bits."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value < 2**bits:
        raise OptionError("{} must be an integer from 0 to 2^{} - 1, got {!r}", where, bits, value)
    return int(value)


def groups_of(layer, groups, out_channels):
    """The option `groups` of a convolution: an integer of at least 1 that divides `out_channels`."""
    groups = positive(f"{layer}: `groups`", groups)
    if out_channels % groups:
        raise OptionError("{}: `groups` must divide `out_channels` ({}), got {}", layer, out_channels, groups)
    return groups


def check_channels(layer, x, axes):
    """Raise `ShapeError` unless x has these axes, "NCHW" say, and channels for each group."""
    if x.ndim != len(axes) or x.shape[1] == 0 or x.shape[1] % layer.groups:
        text = "{}: `x` must be ({}) with C a multiple of `groups` ({}), got shape {}"
        raise ShapeError(text, type(layer).__name__, ", ".join(axes), layer.groups, x.shape)


def padding(where, value):
    """The option `padding` of a layer: four sides, or "same"."""
    return value if isinstance(value, str) and value == "same" else sides(where, value)


def series_padding(where, value):
    """The option `padding` of a layer for series: two sides, or "same"."""
    return value if isinstance(value, str) and value == "same" else pair(where, value)


def padding_of(layer, x):
    """The zeros on the four sides of images `x` (N, C, H, W), for a layer that may have ``padding="same"``.

    "same" is SAME_UPPER of ONNX: as many windows as make ceil(size / stride) results; of an odd number of
    zeros the last side has one more. At stride 1 images keep their size, as in torch.
    """
    if layer.padding != "same":
        return layer.padding
    rows, columns = zip(x.shape[2:], layer.kernel, layer.stride, layer.dilation)
    return same(*rows) + same(*columns)


def same(size, taps, stride, dilation):
    """The zeros before and after one axis that "same" asks for."""
    total = max((-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def series_padding_of(layer, x):
    """As `padding_of`, for series `x` (N, C, W): the zeros (left, right)."""
    if layer.padding != "same":
        return layer.padding
    return same(x.shape[2], layer.kernel, layer.stride, layer.dilation)
