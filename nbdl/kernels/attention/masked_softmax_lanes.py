"""masked_softmax on lanes: rows of scores, of which each lane attends as many as its sample says.

Formulas are those of the kernel's page. A mask for each score is not served.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.activation.softmax_slices import softmax_dx_slice
from nbdl.kernels.attention.scaled_dot_product_attention_lanes import check_lengths
from nbdl.kernels.lanes.rows import rows
from nbdl.kernels.lanes.twin import Row, Twin, Unfit
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import larger, load, splat, store, where
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.vector_math import exp


def _shape(site):
    shape = site.shapes["x"]
    if len(shape) != 2 or 0 in shape or "mask" in site.shapes:
        raise Unfit
    if site.shapes.get("lengths", ()) not in ((), shape[:1]):
        raise Unfit
    return shape


def _forward(site):
    (T, S), L, number = site.shapes["x"], site.L, np.dtype(site.dtype).type
    some, each = "lengths" in site.shapes, len(site.shapes.get("lengths", ())) == 1
    per_query, (places, (x_plane, y_plane)) = T if each else 1, rows(site, (T, S), (T, S))

    def leaf(x, y, lengths, idx, planes, count):
        ends = local(x, L)
        for t in range(planes * count):
            if some:
                for lane in range(L):
                    ends[lane] = lengths[idx[lane] * per_query + (t if each else 0)]
            at, to = (t // count) * x_plane, (t // count) * y_plane
            row = (t % count) * S * L
            _row(x + (at + row), y + (to + row), ends, S, some, number(-np.inf), number(0), number(1))

    return [Row(leaf, **places)]


@jit(inline=True)
def _row(x, y, ends, S, some, lowest, zero, one):
    """The softmax of S vectors, or of as many of them as `ends` says for each lane."""
    L = lanes(y)
    m = splat(lowest)
    for s in range(S):
        a = load(x, s * L)
        if some:
            a = where(load(ends, 0) > s, a, splat(lowest))
        store(y, s * L, a)
        m = larger(a, m)
    far, total = m, splat(zero)
    if some:
        far = where(load(ends, 0) > zero, m, splat(zero))
    for s in range(S):
        e = exp(load(y, s * L) - far)
        store(y, s * L, e)
        total = total + e
    # Of no key the weights are 0.
    scale = 1.0 / where(total == splat(zero), splat(one), total)
    for s in range(S):
        store(y, s * L, load(y, s * L) * scale)


def _dx(site):
    (_, S), L = site.shapes["x"], site.L
    places, (dy_plane, y_plane, dx_plane) = rows(site, *[site.shapes["x"]] * 3)

    def leaf(dy, y, dx, planes, count):
        for t in range(planes * count):
            plane, row = t // count, (t % count) * S * L
            softmax_dx_slice(
                dy + (plane * dy_plane + row), y + (plane * y_plane + row), dx + (plane * dx_plane + row),
                L, S, L, 0, False,
            )  # fmt: skip

    return [Row(leaf, **places)]


masked_softmax = Twin(
    _forward,
    {"x": _dx},
    shape=_shape,
    index=("lengths",),
    checks=lambda site: check_lengths(site, site.shapes["x"][1]),
    inplace=True,
    packed=True,
)
