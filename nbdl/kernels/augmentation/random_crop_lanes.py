"""random_crop on lanes: each lane has a place of its own, and is moved by itself.

The places are kept for the gradient, as floats, which hold them exactly.
"""

import numpy as np

from nbdl.kernels.augmentation.random_crop import places
from nbdl.kernels.door.options import pair, sides
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch
from nbdl.kernels.simd.philox import words

_MOST = 2**20  # rows or columns: float32 counts on to 2^24


def _shape(site):
    if len(site.shapes["x"]) != 3 or 0 in site.shapes["x"] or not 0 <= site["op"] < 2**32:
        raise Unfit
    (C, H, W), (P, Q), padding = site.shapes["x"], pair("", site["size"]), sides("", site["padding"])
    if max(H, W, *padding) > _MOST:
        raise Unfit
    return C, P, Q


def _draw(site):
    """The row that writes the places: those of the rows, then those of the columns, L numbers each."""
    (_, H, W), (_, P, Q), L = site.shapes["x"], _shape(site), site.L
    top, bottom, left, right = sides("", site["padding"])
    kind, rows, columns = np.dtype(site.dtype).type, H + top + bottom - P + 1, W + left + right - Q + 1

    def leaf(place, sample, seed, step, op, rows, columns, top, left):
        for i in range(L):
            a, b, _, _ = words(seed, op, step, sample + i, 0)
            place[i] = kind(places(a, rows) - top)
            place[L + i] = kind(places(b, columns) - left)

    return Row(leaf, op=int(site["op"]), rows=rows, columns=columns, top=top, left=left)


def _move(site, given, made, sign, **operands):
    """The row that writes values of the shape `made`: what is as far from them as the place says, else 0."""
    (C, H, W), (_, P, Q), L = given, made, site.L
    zero = np.dtype(site.dtype).type(0)

    def leaf(source, place, result, count, H, W, P, Q, source_pitch, result_pitch):
        for c in range(count):
            for i in range(P):
                for j in range(Q):
                    here = (c * result_pitch + i * Q + j) * L
                    for lane in range(L):
                        r = i + sign * np.int64(place[lane])
                        s = j + sign * np.int64(place[L + lane])
                        if 0 <= r < H and 0 <= s < W:
                            result[here + lane] = source[(c * source_pitch + r * W + s) * L + lane]
                        else:
                            result[here + lane] = zero

    sizes = {"count": C, "H": H, "W": W, "P": P, "Q": Q}
    return Row(leaf, source_pitch=pitch(given), result_pitch=pitch(made), **sizes, **operands)


def _forward(site):
    return [_draw(site), _move(site, site.shapes["x"], _shape(site), 1, source="x", result="y")]


def _dx(site):
    return [_move(site, _shape(site), site.shapes["x"], -1, source="dy", result="dx")]


random_crop = Twin(_forward, {"x": _dx}, shape=_shape, saves=lambda site: {"place": 2 * site.L})
