r"""embedding on lanes (`nbdl.kernels.embedding` has the formula): ids are read in place, rows go into lanes.

dw is a sum over all places where an id stands. Rows of dy are turned, so that features stand side by side.
Where w is small each shard has a sum for every id. Else an item looks through all ids of the minibatch for
those of a range: the first row of an id within a shard takes up the others, and then that of the first shard
those of other shards.
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.lanes.rows import rows, transpose_rows
from nbdl.kernels.lanes.sums import SHARDS, sum_shards
from nbdl.kernels.lanes.twin import Reduction, Row, Twin, Unfit
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import load, splat, store, store_part
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.transpose import gather_part

SMALL = 2**20  # bytes of the sums of all shards
RANGE = 512  # ids of an item, at most


def _shape(site):
    ids, w = site.shapes["ids"], site.shapes["w"]
    if len(w) != 2 or 0 in (*ids, *w):
        raise Unfit
    return ids + w[1:]


def _checks(site):
    def leaf(ids, idx, samples, status, size, vocabulary):
        for n in range(samples):
            for i in range(idx[n] * size, (idx[n] + 1) * size):
                if (ids[i] < 0 or ids[i] >= vocabulary) and status[0] == 0:
                    status[0] = n + 1

    return [Row(leaf, size=math.prod(site.shapes["ids"]), vocabulary=site.shapes["w"][0])]


def _places(site):
    """What a leaf is told of where the rows of y lie."""
    places, (plane,) = rows(site, _shape(site))
    return {**places, "plane": plane, "features": site.shapes["w"][1]}


def _forward(site):
    L, size = site.L, math.prod(site.shapes["ids"])

    def leaf(ids, idx, w, y, planes, count, plane, features):
        own = local(ids, L)
        for p in range(planes):
            for n in range(count):
                for i in range(L):
                    own[i] = ids[idx[i] * size + p * count + n]
                row = y + (p * plane + n * features * L)
                for d in range(0, features, L):
                    gather_part(w + d, own, features, row + d * L, L, features - d)

    return [Row(leaf, **_places(site))]


def _dw(site):
    (V, D), L, size = site.shapes["w"], site.L, math.prod(site.shapes["ids"])
    wide = -(-D // L) * L
    kept = size * L * wide
    if SHARDS * V * wide * np.dtype(site.dtype).itemsize <= SMALL:
        collect = [
            Row(transpose_rows(L), value="dy", kept="scratch", **_places(site), pitch=wide),
            _add(site, wide),
        ]
        return Reduction(collect, [_sums(site, wide)], acc=V * wide, scratch=kept)
    collect = [Row(transpose_rows(L), value="dy", kept="cotangents", **_places(site), pitch=wide)]
    return Reduction(collect, [_found(site, wide)], keep={"cotangents": kept})


@jit(inline=True)
def add_row(row, other, n):
    """``row[:n] += other[:n]`` for whole vectors."""
    for d in range(0, n, lanes(row)):
        store(row, d, load(row, d) + load(other, d))


def _add(site, wide):
    L, size = site.L, math.prod(site.shapes["ids"])

    def leaf(ids, idx, scratch, acc, left):
        for i in range(min(left, L)):
            for n in range(size):
                add_row(acc + ids[idx[i] * size + n] * wide, scratch + (n * L + i) * wide, wide)

    return Row(leaf)


def _sums(site, wide):
    (V, D), L = site.shapes["w"], site.L

    def leaf(acc, shards, stride, dw, item, items):
        for v in range(V * item // items, V * (item + 1) // items):
            for d in range(0, D, L):
                store_part(dw, v * D + d, sum_shards(acc + (v * wide + d), stride, shards), D - d)

    return Row(leaf, items=min(V, 16))


def _found(site, wide):
    (V, D), L, size = site.shapes["w"], site.L, math.prod(site.shapes["ids"])
    places, zero = SHARDS * RANGE, np.dtype(site.dtype).type(0)

    def leaf(ids, idx, samples, cotangents, bounds, shards, dw, item, items):
        low, high = V * item // items, V * (item + 1) // items
        first = local(ids, places)  # of each shard and id: its first row, which takes up the others
        for i in range(places):
            first[i] = -1
        for s in range(shards):
            for n in range(bounds[s] * L, min(samples, bounds[s + 1] * L)):
                for t in range(size):
                    found = ids[idx[n] * size + t]
                    if low <= found and found < high:
                        at, row = s * RANGE + found - low, ((n // L * size + t) * L + n % L) * wide
                        if first[at] < 0:
                            first[at] = row
                        else:
                            add_row(cotangents + first[at], cotangents + row, wide)
        for v in range(low, high):
            apart = 1
            while apart < SHARDS:  # the tree of `sum_shards`, of the shards that have the id
                for s in range(0, SHARDS, 2 * apart):
                    at, other = s * RANGE + v - low, (s + apart) * RANGE + v - low
                    if first[at] < 0:
                        first[at] = first[other]
                    elif first[other] >= 0:
                        add_row(cotangents + first[at], cotangents + first[other], wide)
                apart = 2 * apart
            for d in range(0, D, L):
                total = splat(zero)
                if first[v - low] >= 0:
                    total = load(cotangents, first[v - low] + d)
                store_part(dw, v * D + d, total, D - d)

    return Row(leaf, items=-(-V // RANGE))


embedding = Twin(
    _forward,
    {},
    {"w": _dw},
    shape=_shape,
    index=("ids",),
    checks=_checks,
    packed=True,
)
