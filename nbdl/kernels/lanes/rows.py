"""Where the rows of a sample lie: its last axis is a row, the axes before it say how many there are."""

import math

from nbdl.kernels.lanes.twin import floats, pitch, planes


def rows(L, *shapes):
    """Where the rows of values lie whose shapes, of one sample, differ in the last axis alone.

    Returns
    -------
    dict of what a leaf is given: ``count`` rows stand side by side in each of ``planes`` planes, one plane
    where no value has gaps between planes.
    list of the floats from one plane of each value to the next.
    """
    gaps = any(pitch(shape) > math.prod(planes(shape)[1:]) for shape in shapes)
    n = planes(shapes[0])[0] if gaps else 1
    places = {"planes": n, "count": math.prod(shapes[0][:-1]) // n}
    return places, [floats(shape, L) // n for shape in shapes]
