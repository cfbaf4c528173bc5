"""The options of windows as plain integers, for programs that are made from them."""

from nbdl.kernels.door.window import LIMIT
from nbdl.kernels.lanes.twin import Unfit


def pair(value):
    """(rows, columns) of a kernel size, stride or dilation; raises `Unfit` for what is none."""
    return _integers(value, (2,), 1)


def sides(value):
    """(top, bottom, left, right) of a padding; raises `Unfit` for what is none."""
    found = _integers(value, (2, 4), 0)
    return found if len(found) == 4 else (found[0], found[0], found[1], found[1])


def _integers(value, lengths, least):
    found = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    plain = all(isinstance(v, int) and least <= v < LIMIT for v in found)
    if not plain or len(found) not in lengths:
        raise Unfit
    return found
