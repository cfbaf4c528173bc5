"""Options of windows in plain Python."""

import numpy as np


def pair(v):
    return (v, v) if np.ndim(v) == 0 else tuple(v)


def sides(v):
    """(top, bottom, left, right)."""
    if np.ndim(v) == 0:
        return (v, v, v, v)
    return tuple(v) if len(v) == 4 else (v[0], v[0], v[1], v[1])
