"""Where the rows of a sample lie: its last axis is a row, the axes before it say how many there are."""

import math

from nbdl.kernels.lanes.twin import floats, pitch, planes
from nbdl.kernels.simd.transpose import transpose


def rows(site, *shapes):
    """Where the rows of values lie whose shapes, of one sample, are alike up to the last axis.

    Returns
    -------
    dict of what a leaf is given: ``count`` rows stand side by side in each of ``planes`` planes, one plane
    where no value has gaps between planes.
    list of the floats from one plane of each value to the next.
    """
    shapes = [site.laid(shape) for shape in shapes]
    gaps = any(pitch(shape) > math.prod(planes(shape)[1:]) for shape in shapes)
    n = planes(shapes[0])[0] if gaps else 1
    places = {"planes": n, "count": math.prod(shapes[0][:-1]) // n}
    return places, [floats(shape, site.L) // n for shape in shapes]


def transpose_rows(L):
    """The leaf that writes rows with their features side by side: ``kept[row][lane][pitch]``."""

    def leaf(value, kept, planes, count, plane, features, pitch):
        for p in range(planes):
            for n in range(count):
                source, target = value + (p * plane + n * features * L), kept + (p * count + n) * L * pitch
                if features < L:
                    for i in range(L):
                        for j in range(features):
                            target[i * pitch + j] = source[j * L + i]
                else:
                    for j in range(0, features, L):
                        j = min(j, features - L)
                        transpose(source + j * L, L, target + j, pitch)

    return leaf
