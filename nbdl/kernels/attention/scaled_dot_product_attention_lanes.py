"""Scaled dot-product attention on lanes, of samples that are short (formulas in the kernel's page).

In a program for one sample scores are small matrices of registers, T by S for each head. The weights are kept
for the gradients. Keys that no query attends are computed too, and then left out.
"""

import math

import numpy as np

from nbdl._jit import jit, plain
from nbdl.errors import OptionError
from nbdl.kernels.attention.masks import limits
from nbdl.kernels.attention.tiles import are_finite
from nbdl.kernels.lanes.factors import draw, fours_of
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, floats
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.pow2 import LN2, pow2
from nbdl.kernels.simd.registers import fma, larger, load, load_part, splat, store, where
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.tile import groups, part, rectangle, shape, spec, tile
from nbdl.kernels.simd.vector_math import log

MOST = 64 * 64  # scores of a head; beyond, the fused kernel needs less memory


def _shape(site):
    q, k, v = (site.shapes[name] for name in "qkv")
    if any(len(s) != 3 or 0 in s for s in (q, k, v)) or "mask" in site.shapes:
        raise Unfit
    if k[2] != q[2] or v[:2] != k[:2] or q[0] % k[0] or q[1] * k[1] > MOST:
        raise Unfit
    if not 0 <= site["p"] <= 1 or site["softcap"] != 0:
        raise Unfit
    # The seed of what is dropped is that of the program.
    if not 0 <= site["op"] < 2**32 if _drops(site) else site["seed"] < 0:
        raise Unfit
    if site.shapes.get("lengths", ()) not in ((), q[1:2]):
        raise Unfit
    _limits(site)
    return {"y": (*q[:2], v[2]), "lse": q[:2]}


def _limits(site):
    """(before, behind, offset): what a query attends at most, besides the key at its own place."""
    window, offset = site["window"], site["offset"]
    window = (window, window) if np.ndim(window) == 0 else tuple(window)
    if len(window) != 2 or not all(isinstance(i, (int, np.integer)) for i in (*window, offset)):
        raise Unfit
    try:
        return (*plain(limits)("", site["causal"], window, offset), offset)
    except OptionError:
        raise Unfit from None


def _sizes(site):
    """H, heads of keys, T, S, D and V."""
    (H, T, D), (heads, S, _), V = site.shapes["q"], site.shapes["k"], site.shapes["v"][2]
    return H, heads, T, S, D, V


def _heads(site, *names):
    """Floats from one head of each value to the next."""
    return [floats(site.laid(site.shapes[n]), site.L) // site.shapes[n][0] for n in names]


def _scale(site):
    D = site.shapes["q"][2]
    return 1 / math.sqrt(D) if site["scale"] is None else float(site["scale"])


def _product(L, rows, columns, a_row, a_step, b_column, b_step, c_row, add=False):
    """``multiply(K, A, B, C)``: C[i, j] = sum_k A[i a_row + k a_step] B[k b_step + j b_column], of vectors.

    Strides count vectors; C has its columns side by side.
    """
    few, wide = shape(rows, columns)

    def tiles(n):
        parts = []
        for first, m, count in groups(rows, few):
            fmas, places = rectangle(m, n, a_row * L, b_column * L, c_row * L, L)
            fmas = [(i, a + first * a_row * L, b) for i, a, b in fmas]
            places = [place + first * c_row * L for place in places]
            parts.append(part(fmas, places, count, a=m * a_row * L, c=m * c_row * L))
        return spec(parts, a_step * L, b_step * L, init="add" if add else "0", a_vector=True)

    return tiles(wide), tiles(columns % wide or wide), wide


@jit(inline=True)  # what is called may raise, for all that the compiler of a leaf knows
def product_of_others(M, N, K, A, a_row, a_step, B, b_step, C, c_row, add):
    """C[i, j] = sum over k of A[i, k] B[k, j], or += it, of vectors; a zero of A counts for nothing."""
    L = lanes(C)
    for i in range(M):
        for j in range(0, N * L, L):
            nothing = load_part(A, 0, 0)
            total = load(C, i * c_row + j) if add else nothing
            for k in range(K):
                a = load(A, i * a_row + k * a_step)
                total = total + where(a == nothing, nothing, a * load(B, k * b_step + j))
            store(C, i * c_row + j, total)


def _forward(site):
    (H, heads, T, S, D, V), L, number = _sizes(site), site.L, np.dtype(site.dtype).type
    (before, behind, offset), group = _limits(site), H // heads
    q_head, k_head, v_head, y_head = _heads(site, "q", "k", "v", "y")
    some, each = "lengths" in site.shapes, len(site.shapes.get("lengths", ())) == 1
    per_query = T if each else 1
    by_scale, lowest, zero, ln2 = number(_scale(site) / LN2), number(-np.inf), number(0), number(LN2)
    drops = _drops(site)
    most, rest, wide = _product(L, T, S, D, 1, D, 1, S)
    most_y, rest_y, wide_y = _product(L, T, V, S, 1, 1, V, V)

    def leaf(q, k, v, y, lse, weights, dropped, factor, lengths, idx):
        ends = local(q, L)
        for h in range(H):
            g, p = h // group, weights + h * T * S * L
            for s in range(0, S, wide):
                b, c = k + (g * k_head + s * D * L), p + s * L
                if S - s >= wide:
                    tile(most, 0, D, q + h * q_head, b, c, c)
                else:
                    tile(rest, 0, D, q + h * q_head, b, c, c)
            for t in range(T):
                row, begin, end = p + t * S * L, t + offset - before, t + offset + behind + 1
                begin, end = begin if begin > 0 else 0, end if end < S else S
                if some:
                    for lane in range(L):
                        ends[lane] = lengths[idx[lane] * per_query + (t if each else 0)]
                m = splat(lowest)
                for s in range(begin, end):
                    a = load(row, s * L) * by_scale
                    if some:
                        a = where(load(ends, 0) > s, a, splat(lowest))
                    store(row, s * L, a)
                    m = larger(a, m)
                far, total = where(m == splat(lowest), splat(zero), m), splat(zero)
                for s in range(begin, end):
                    e = pow2(load(row, s * L) - far)
                    store(row, s * L, e)
                    total = total + e
                by = where(total == splat(zero), splat(zero), 1.0 / total)
                for s in range(S):
                    w = load(row, s * L) * by if begin <= s < end else splat(zero)
                    store(row, s * L, w)
                    if drops:
                        i = ((h * T + t) * S + s) * L
                        f = load(factor, i)
                        store(dropped, i, where(f > 0.0, w * f, splat(zero)))
                store(lse, (h * T + t) * L, fma(m, ln2, log(total)))
            careful, a = not are_finite(v + g * v_head, S * V * L, zero), dropped + h * T * S * L
            for d in range(0, V, wide_y):
                b, c = v + (g * v_head + d * L), y + (h * y_head + d * L)
                if careful:
                    n = min(wide_y, V - d)
                    product_of_others(T, n, S, a, S * L, L, b, V * L, c, V * L, False)
                elif V - d >= wide_y:
                    tile(most_y, 0, S, a, b, c, c)
                else:
                    tile(rest_y, 0, S, a, b, c, c)

    if drops:
        return [draw(site, _weights(site)), Row(leaf)]
    return [Row(leaf, dropped="weights", factor="weights")]


def _backward(site):
    """The slopes of the scores, times scale: w (dw - sum w dw), where dw = dy v^T."""
    (H, heads, T, S, _, V), L, number = _sizes(site), site.L, np.dtype(site.dtype).type
    group, (v_head, y_head) = H // heads, _heads(site, "v", "y")
    scale, zero, drops = number(_scale(site)), number(0), _drops(site)
    most, rest, wide = _product(L, T, S, V, 1, V, 1, S)

    def leaf(dy, v, weights, factor, slopes):
        for h in range(H):
            p, ds = weights + h * T * S * L, slopes + h * T * S * L
            for s in range(0, S, wide):
                b, c = v + ((h // group) * v_head + s * V * L), ds + s * L
                if S - s >= wide:
                    tile(most, 0, V, dy + h * y_head, b, c, c)
                else:
                    tile(rest, 0, V, dy + h * y_head, b, c, c)
            for t in range(0, T * S * L, S * L):
                total = splat(zero)
                for i in range(t, t + S * L, L):
                    if drops:
                        f = load(factor, h * T * S * L + i)
                        store(ds, i, where(f > 0.0, load(ds, i) * f, splat(zero)))
                    total = fma(load(p, i), load(ds, i), total)
                for i in range(t, t + S * L, L):
                    w = load(p, i)
                    slope = w * ((load(ds, i) - total) * scale)
                    # A key that is not attended counts for nothing, whatever its value is.
                    store(ds, i, where(w == splat(zero), splat(zero), slope))

    return [Row(leaf) if drops else Row(leaf, factor="weights")]


def _dq(site):
    (H, heads, T, S, D, _), L = _sizes(site), site.L
    group, (k_head, q_head) = H // heads, _heads(site, "k", "q")
    most, rest, wide = _product(L, T, D, S, 1, 1, D, D)
    zero = np.dtype(site.dtype).type(0)

    def leaf(slopes, k, dq):
        for h in range(H):
            a = slopes + h * T * S * L
            careful = not are_finite(k + (h // group) * k_head, S * D * L, zero)
            for d in range(0, D, wide):
                b, c = k + ((h // group) * k_head + d * L), dq + (h * q_head + d * L)
                if careful:
                    product_of_others(T, min(wide, D - d), S, a, S * L, L, b, D * L, c, D * L, False)
                elif D - d >= wide:
                    tile(most, 0, S, a, b, c, c)
                else:
                    tile(rest, 0, S, a, b, c, c)

    return [Row(leaf)]


def _of_keys(site, matrix, other, gradient, size, other_name, name):
    """The row of a sum over queries, and over the heads of a group: dk or dv."""
    (H, heads, T, S, _, _), L = _sizes(site), site.L
    group, (to_head, from_head) = H // heads, _heads(site, name, other_name)
    most, rest, wide = _product(L, S, size, 1, S, 1, size, size)
    add, add_rest, _ = _product(L, S, size, 1, S, 1, size, size, add=True)
    zero = np.dtype(site.dtype).type(0)

    def leaf(matrix, x, dx):
        for h in range(H):
            first, careful = h % group == 0, not are_finite(x + h * from_head, T * size * L, zero)
            for d in range(0, size, wide):
                a, b = matrix + h * T * S * L, x + (h * from_head + d * L)
                c = dx + ((h // group) * to_head + d * L)
                if careful:
                    n = min(wide, size - d)
                    product_of_others(S, n, T, a, L, S * L, b, size * L, c, size * L, not first)
                elif size - d >= wide:
                    if first:
                        tile(most, 0, T, a, b, c, c)
                    else:
                        tile(add, 0, T, a, b, c, c)
                elif first:
                    tile(rest, 0, T, a, b, c, c)
                else:
                    tile(add_rest, 0, T, a, b, c, c)

    return [Row(leaf, matrix=matrix, x=other, dx=gradient)]


def check_lengths(site, keys):
    """The row that looks whether each length is from 0 to `keys`."""
    each = math.prod(site.shapes.get("lengths", ()))

    def leaf(lengths, idx, samples, status, size, keys):
        for n in range(samples):
            for i in range(size):
                length = lengths[idx[n] * size + i]
                if (length < 0 or length > keys) and status[0] == 0:
                    status[0] = n + 1

    return [Row(leaf, size=each, keys=keys)] if "lengths" in site.shapes else []


def _weights(site):
    """The shape of all weights."""
    H, _, T, S, _, _ = _sizes(site)
    return H, T, S


def _scores(site):
    return math.prod(_weights(site)) * site.L


def _drops(site):
    """Whether weights are dropped: then their factors are kept, and weights times these."""
    return site["p"] > 0


def _saves(site):
    kept = {"weights": _scores(site), "slopes": _scores(site)}
    if _drops(site):
        kept |= {"dropped": _scores(site), "factor": 4 * fours_of(_weights(site)) * site.L}
    return kept


def _dv(site):
    weights = "dropped" if _drops(site) else "weights"
    return _of_keys(site, weights, "dy", "dv", site.shapes["v"][2], "y", "v")


scaled_dot_product_attention = Twin(
    _forward,
    {
        "q": _dq,
        "k": lambda site: _of_keys(site, "slopes", "q", "dk", site.shapes["q"][2], "q", "k"),
        "v": _dv,
    },
    shape=_shape,
    saves=_saves,
    index=("lengths",),
    checks=lambda site: check_lengths(site, site.shapes["k"][1]),
    backward=_backward,
    packed=True,
    flops=lambda site: 2 * _scores(site) // site.L * (site.shapes["q"][2] + site.shapes["v"][2]),
)
