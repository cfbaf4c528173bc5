"""lp_pool2d on lanes, and its gradient (`nbdl.kernels.lp_pool2d` has the formula and the options)."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.lanes.twin import Twin, Unfit
from nbdl.kernels.pooling.pool2d_lanes import Windows
from nbdl.kernels.simd.registers import load, smaller, some, splat, sqrt, store, where
from nbdl.kernels.simd.vector_math import exp, log


@jit(inline=True)
def _power(v, p):
    """v^p for v >= 0; 0 for p = 0 and v = 0 is not asked for."""
    if p == 1:
        return v
    if p == 2:
        return v * v
    if p == 0.5:
        return sqrt(v)
    return exp(p * log(v))


def _shape(site):
    if not 1 <= site["p"] < np.inf:
        raise Unfit
    return Windows(site).shape


def _numbers(site):
    kind = np.dtype(site.dtype).type
    return Windows(site), site.L, kind(0), kind(min(site["p"], 1e30))


def _forward(site):
    windows, L, zero, p = _numbers(site)
    rows, columns, (dh, dw), root = windows.rows, windows.columns, windows.dilation, zero.dtype.type(1 / p)
    one, inf, flat, limits = zero.dtype.type(1), zero.dtype.type(np.inf), bool(p == 1), np.finfo(zero.dtype)
    least = zero.dtype.type(limits.tiny / limits.eps)

    def leaf(x, y, first, last, count, Q, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner, total = (c * x_pitch + rows[i, 0] * W + columns[j, 0]) * L, splat(zero)
                    for u in range(rows[i, 1]):
                        for v in range(columns[j, 1]):
                            total = total + _power(abs(load(x, corner + (u * dh * W + v * dw) * L)), p)
                    norm = _power(total, root)
                    odd = (total < least) | (total == inf)
                    if not flat and some(odd):  # beyond the dtype: divided by the largest of the window first
                        largest = splat(zero)
                        for u in range(rows[i, 1]):
                            for v in range(columns[j, 1]):
                                value = abs(load(x, corner + (u * dh * W + v * dw) * L))
                                largest = where(value > largest, value, largest)
                        odd = odd & (largest > zero) & (largest < inf)
                        divisor, total = where(odd, largest, splat(one)), splat(zero)
                        for u in range(rows[i, 1]):
                            for v in range(columns[j, 1]):
                                value = abs(load(x, corner + (u * dh * W + v * dw) * L))
                                total = total + _power(smaller(value / divisor, splat(one)), p)
                        total = where(total < one, splat(one), total)  # the share of the largest is 1
                        norm = where(odd, divisor * _power(total, root), norm)
                    store(y, (c * y_pitch + i * Q + j) * L, norm)

    return [windows.row(leaf, L)]


def _dx(site):
    windows, L, zero, p = _numbers(site)
    rows, columns, (dh, dw), one = windows.rows, windows.columns, windows.dilation, zero.dtype.type(1)
    more, flat = zero.dtype.type(p - 1), bool(p == 1)

    def leaf(x, y, dy, dx, count, P, Q, H, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(H * W):
                store(dx, (c * x_pitch + i) * L, splat(zero))
            for i in range(P):
                for j in range(Q):
                    corner, place = (
                        (c * x_pitch + rows[i, 0] * W + columns[j, 0]) * L,
                        (c * y_pitch + i * Q + j) * L,
                    )
                    norm, share = load(y, place), load(dy, place)
                    for u in range(rows[i, 1]):
                        for v in range(columns[j, 1]):
                            here = corner + (u * dh * W + v * dw) * L
                            value = load(x, here)
                            part = where(abs(value) >= norm, splat(one), abs(value) / norm)
                            slope = splat(one) if flat else _power(part, more)
                            slope = share * where(value < zero, -slope, slope)
                            none = (value == zero) | (norm == zero)
                            store(dx, here, load(dx, here) + where(none, splat(zero), slope))

    return [windows.row(leaf, L)]


lp_pool2d = Twin(_forward, {"x": _dx}, shape=_shape)
