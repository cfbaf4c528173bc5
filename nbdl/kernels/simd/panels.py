"""Scratch for the strided tile: panels of A, aligned memory, and copies into and out of it.

A matrix A (K, M) is packed into *panels*: ROWS neighbouring rows at a time, ROWS numbers for each step of the
sum, so that the tile reads one number after the other. Rows that are missing in the last panel are zeros.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.compact import compact
from nbdl.kernels.simd.emit import ACCUMULATORS
from nbdl.kernels.simd.registers import load, load_part, pointer, store, store_part
from nbdl.kernels.simd.shuffle import even, lanes, load_rest, store_rest
from nbdl.kernels.simd.transpose import transpose, transpose_halves, transpose_part

VECTORS = 3  # of B, side by side in a register tile; two where that leaves none alone
ROWS = ACCUMULATORS // VECTORS  # of A


# --- memory -------------------------------------------------------------------------------------------------


@jit
def aligned(n, x):
    """Scratch for `n` floats of the dtype of `x`, beginning at a multiple of 64 bytes."""
    compact()
    size = x.itemsize
    room = np.empty(n + 64 // size, x.dtype)
    start = (-room.ctypes.data % 64) // size
    return room[start : start + n]


@jit
def zeros(n, x):
    """The same, filled with zeros."""
    a = aligned(n, x)
    for i in range(n):
        a[i] = 0
    return a


@jit
def ramp(n, step):
    """The offsets 0, step, 2 step, ..."""
    a = np.empty(n, np.int64)
    for i in range(n):
        a[i] = i * step
    return a


@jit
def round_up(n, unit):
    """`n` rounded up to a multiple of `unit`."""
    return -(-n // unit) * unit


@jit
def round_up_odd(n, unit):
    """`n` rounded up to an odd multiple of `unit`: a pitch that spreads rows over all sets of a cache."""
    return (-(-n // unit) | 1) * unit


@jit
def transpose_blocks(p, row, q, pitch, M, N):
    """q[n pitch + m] = p[m row + n] for m < M, n < N: L x L blocks, in registers."""
    L = lanes(p)
    for m in range(0, M, L):
        for n in range(0, N, L):
            source, target = p + (m * row + n), q + (n * pitch + m)
            if M - m >= L and N - n >= L:
                transpose(source, row, target, pitch)
            else:
                transpose_part(source, row, target, pitch, M - m, N - n)


@jit
def pack(source, start, row, step, M, K, panels):
    """The panels of A (K, M) = source[start + m row + k step], zeros behind row M; `row` or `step` is 1.

    Element (k, m) goes to ``panels[(m // ROWS * K + k) * ROWS + m % ROWS]``.
    """
    if step == 1:
        pack_rows(source, start, row, M, K, panels)
        return
    s, p = pointer(source) + start, pointer(panels)
    L = lanes(p)
    for i in range(M // ROWS * ROWS * K, round_up(M, ROWS) * K):
        panels[i] = 0
    for m in range(0, M, ROWS):
        n = min(ROWS, M - m)
        for k in range(K):
            for i in range(0, n, L):
                store_part(p, m * K + k * ROWS + i, load_part(s, m + k * step + i, n - i), n - i)


@jit
def pack_rows(source, start, row, M, K, panels):
    """The same of A (K, M) = source[start + m row + k]: rows of M are transposed."""
    compact()
    s, p = pointer(source) + start, pointer(panels)
    L = lanes(p)
    for i in range(M // ROWS * ROWS * K, round_up(M, ROWS) * K):
        panels[i] = 0
    m, width = 0, np.int64(ROWS)  # no literal, for which `transpose_blocks` would be compiled once more
    while m < M:
        k, two = 0, ROWS < L <= M - m  # two panels out of one block of L rows
        while two and K - k >= L:
            transpose_halves(s + (m * row + k), row, p + (m * K + k * ROWS), ROWS, K * ROWS)
            k += L
        for _ in range(2 if two else 1):
            transpose_blocks(s + (m * row + k), row, p + (m * K + k * ROWS), width, min(ROWS, M - m), K - k)
            m += ROWS


@jit
def pack_taps(source, start, row, taps, M, panels):
    """The same of A (K, M) = source[start + m row + taps[k]], one by one: for weights, which are few."""
    to, K = 0, taps.size
    for m in range(0, M, ROWS):
        for k in range(K):
            tap = start + m * row + taps[k]
            for i in range(ROWS):
                panels[to + i] = source[tap + i * row] if i < M - m else 0
            to += ROWS


@jit
def copy(source, i, n, target, j):
    """target[j : j + n] = source[i : i + n]; LLVM would do rows shorter than 64 one by one."""
    p, q = pointer(source), pointer(target)
    L, rest = lanes(p), n % lanes(p)
    for k in range(0, n - rest, L):
        store(q, j + k, load(p, i + k))
    if rest:
        k = n - rest
        store_part(q, j + k, load_part(p, i + k, rest), rest)


@jit
def copy_rows(source, i, row, step, rows, n, target, j, pitch):
    """target[j + r pitch + k] = source[i + r row + k step] for r < rows, k < n."""
    compact()
    p, q = pointer(source), pointer(target)
    L = lanes(p)
    if step == 1 and rows == 1:
        copy(source, i, n, target, j)
    elif step <= 2:
        # Whole columns of vectors, so that what part of a vector counts is the same for all rows.
        for k in range(0, n, L):
            left = n - k
            for r in range(rows):
                at = i + r * row + k * step
                if step == 1:
                    value = load_rest(p, at, left)
                else:  # the element behind the last one may lie behind the array
                    value = even(load_rest(p, at, 2 * left - 1), load_rest(p, at + L, 2 * left - 1 - L))
                store_rest(q, j + r * pitch + k, value, left)
    else:
        for r in range(rows):
            for k in range(n):
                target[j + r * pitch + k] = source[i + r * row + k * step]


@jit
def store_strided(C, i, n, out, j, step, add):
    """out[j + k step] = C[i + k] for k < n, or += if `add`."""
    compact()
    if step == 1 and not add:
        copy(C, i, n, out, j)
    elif step == 1:
        p, q = pointer(C), pointer(out)
        L, rest = lanes(p), n % lanes(p)
        for k in range(0, n - rest, L):
            store(q, j + k, load(p, i + k) + load(q, j + k))
        if rest:
            k = n - rest
            store_part(q, j + k, load_part(p, i + k, rest) + load_part(q, j + k, rest), rest)
    else:
        for k in range(n):
            out[j + k * step] = C[i + k] + (out[j + k * step] if add else 0)
