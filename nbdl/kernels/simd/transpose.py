"""L x L blocks transposed in registers: samples, in any order, become lanes, and lanes become samples.

Rows are read in pieces of 128 bits. A register takes the same piece of every fourth row (float64: of every
second); what is left is a small transposition within each piece, which is cheap everywhere. With 16 lanes::

    rows 0, 4, 8, 12  |  rows 1, 5, 9, 13  |  rows 2, 6, 10, 14  |  rows 3, 7, 11, 15    columns 0 to 3
    column 0          |  column 1          |  column 2           |  column 3             of all 16 rows

What is read and what is written must not overlap.
"""

import numpy as np
from llvmlite import ir
from numba import types

from nbdl.kernels.simd.emit import I32, I64, LANES, at, define, emit_load_part, emit_store_part


def transpose(src, row_stride, dst, dst_stride):
    """``dst[j * dst_stride + i] = src[i * row_stride + j]`` for i, j < L: row after row, if rows overlap."""
    L = LANES[src.array.dtype.name]
    transpose_part(src, row_stride, dst, dst_stride, L, L)


def transpose_part(src, row_stride, dst, dst_stride, rows, columns):
    """`transpose` for i < `rows` and j < `columns` alone: touches nothing else. More than L counts as L."""
    L = LANES[src.array.dtype.name]
    block = [[src[i * row_stride + j] for i in range(min(rows, L))] for j in range(min(columns, L))]
    for j, row in enumerate(block):
        for i, element in enumerate(row):
            dst[j * dst_stride + i] = element


def transpose_halves(src, row_stride, dst, dst_stride, apart):
    """`transpose`, with the second half of what is written `apart` elements behind the first: two panels."""
    half = LANES[src.array.dtype.name] // 2
    transpose_part(src, row_stride, dst, dst_stride, half, 2 * half)
    transpose_part(src + half * row_stride, row_stride, dst + apart, dst_stride, half, 2 * half)


def gather(src, index, row_stride, dst, dst_stride):
    """``dst[j * dst_stride + i] = src[index[i] * row_stride + j]`` for i, j < L; `index` is of int64."""
    gather_part(src, index, row_stride, dst, dst_stride, LANES[src.array.dtype.name])


def gather_part(src, index, row_stride, dst, dst_stride, columns):
    """`gather` for j < `columns` alone: touches nothing else. More than L counts as L."""
    for i in range(LANES[src.array.dtype.name]):
        transpose_part(src + index[i] * row_stride, 0, dst + i, dst_stride, 1, columns)


# --- compiled ---------------------------------------------------------------------------------------------


def _emit_transpose(bd, kind, src, row_stride, dst, dst_stride, rows=None, columns=None):
    starts = [at(bd, src, bd.mul(row_stride, ir.Constant(I64, i))) for i in range(kind.lanes)]
    _emit_block(bd, kind, starts, dst, dst_stride, rows, columns)


def _emit_transpose_halves(bd, kind, src, row_stride, dst, dst_stride, apart):
    starts = [at(bd, src, bd.mul(row_stride, ir.Constant(I64, i))) for i in range(kind.lanes)]
    half, count = kind.lanes // 2, ir.Constant(I64, kind.lanes)
    for j, register in enumerate(_columns(bd, kind, starts, count, count)):
        place = bd.mul(dst_stride, ir.Constant(I64, j))
        for i, first in enumerate((place, bd.add(place, apart))):
            part = _shuffle(bd, register, register, list(range(i * half, (i + 1) * half)))
            bd.store(part, bd.bitcast(at(bd, dst, first), part.type.as_pointer())).align = kind.bytes


def _emit_gather(bd, kind, src, index, row_stride, dst, dst_stride, columns=None):
    starts = [at(bd, src, bd.mul(row_stride, bd.load(at(bd, index, i)))) for i in range(kind.lanes)]
    _emit_block(bd, kind, starts, dst, dst_stride, None, columns)


def _emit_block(bd, kind, starts, dst, dst_stride, rows, columns):
    """The rows that begin at `starts`, transposed; None for `rows` or `columns`: all."""
    rows, columns = (ir.Constant(I64, kind.lanes) if n is None else n for n in (rows, columns))
    for j, register in enumerate(_columns(bd, kind, starts, rows, columns)):
        place = bd.mul(dst_stride, ir.Constant(I64, j))
        emit_store_part(bd, kind, dst, place, register, _if(bd, j, columns, rows))


def _columns(bd, kind, starts, rows, columns):
    """The columns of the rows that begin at `starts`, in registers."""
    width = 16 // kind.bytes
    for first in range(0, kind.lanes, width):
        left = bd.sub(columns, ir.Constant(I64, first))
        pieces = [
            emit_load_part(bd, kind, start, first, _if(bd, i, rows, left), width)
            for i, start in enumerate(starts)
        ]
        registers = [_joined(bd, pieces[i::width]) for i in range(width)]
        yield from _shuffled(bd, registers, width)


def _if(bd, i, n, count):
    """`count` if i < n, else none."""
    return bd.select(bd.icmp_signed("<", ir.Constant(I64, i), n), count, ir.Constant(I64, 0))


def _joined(bd, pieces):
    """Short vectors, one behind the other."""
    while len(pieces) > 1:
        order = list(range(2 * pieces[0].type.count))
        pieces = [_shuffle(bd, a, b, order) for a, b in zip(pieces[::2], pieces[1::2])]
    return pieces[0]


def _shuffled(bd, registers, width):
    """The elements of each piece, a perfect shuffle of them log2(width) times: a transposition."""
    lanes = np.arange(2 * registers[0].type.count).reshape(
        2, -1, 2, width // 2
    )  # register, piece, half, element
    low, high = (lanes[:, :, half].transpose(1, 2, 0).ravel().tolist() for half in (0, 1))
    for _ in range(width.bit_length() - 1):
        pairs = list(zip(registers[: width // 2], registers[width // 2 :]))
        registers = [_shuffle(bd, a, b, half) for a, b in pairs for half in (low, high)]
    return registers


def _shuffle(bd, a, b, order):
    return bd.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(order)), order))


_ROWS = types.CPointer(types.int64)
_COUNT = types.int64
define(transpose, lambda k: [(types.void, (k.pointer, _COUNT, k.pointer, _COUNT))], _emit_transpose)
define(
    transpose_part,
    lambda k: [(types.void, (k.pointer, _COUNT, k.pointer, _COUNT, _COUNT, _COUNT))],
    _emit_transpose,
)
define(
    transpose_halves,
    lambda k: [(types.void, (k.pointer, _COUNT, k.pointer, _COUNT, _COUNT))],
    _emit_transpose_halves,
)
define(gather, lambda k: [(types.void, (k.pointer, _ROWS, _COUNT, k.pointer, _COUNT))], _emit_gather)
define(
    gather_part,
    lambda k: [(types.void, (k.pointer, _ROWS, _COUNT, k.pointer, _COUNT, _COUNT))],
    _emit_gather,
)
