"""The tile with run-time strides, its panels, the matrix product: against NumPy, beside forbidden pages."""

import numba
import numpy as np
import pytest

from nbdl import jit
from nbdl.kernels.simd.emit import LANES
from nbdl.kernels.simd.gemm import CHUNK, SLAB, gemm
from nbdl.kernels.simd.panels import (
    ROWS,
    VECTORS,
    aligned,
    copy,
    copy_rows,
    pack,
    pack_taps,
    round_up,
    round_up_odd,
    store_strided,
    transpose_blocks,
)
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.strided_tile import HALF, multiply, multiply_lanes, strided_tile
from nbdl.testing import _guard

DTYPES = ["float32", "float64"]
needs_fork = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT) or not _guard.available, reason="needs compiled code and a fork"
)


@jit
def run(rows, vectors, wide, k0, k1, A, B, steps, places, t, first, C, pitch, add):
    """The tile variant of this size."""
    a, b, s, p, f, c = pointer(A), pointer(B), pointer(steps), pointer(places), pointer(first), pointer(C)
    if wide:
        if rows == ROWS:
            strided_tile(ROWS, VECTORS, 1, k0, k1, a, b, s, p, t, f, c, pitch, add)
        else:
            strided_tile(HALF, VECTORS, 1, k0, k1, a, b, s, p, t, f, c, pitch, add)
    elif rows == ROWS:
        if vectors == VECTORS:
            strided_tile(ROWS, VECTORS, 0, k0, k1, a, b, s, p, t, f, c, pitch, add)
        else:
            strided_tile(ROWS, 2, 0, k0, k1, a, b, s, p, t, f, c, pitch, add)
    elif vectors == VECTORS:
        strided_tile(HALF, VECTORS, 0, k0, k1, a, b, s, p, t, f, c, pitch, add)
    else:
        strided_tile(HALF, 2, 0, k0, k1, a, b, s, p, t, f, c, pitch, add)


VARIANTS = [
    (rows, vectors, 0) for rows in dict.fromkeys((ROWS, HALF)) for vectors in dict.fromkeys((VECTORS, 2))
] + [(rows, VECTORS, 1) for rows in dict.fromkeys((ROWS, HALF))]


def tiles(dtype):
    """Arguments for `run` whose arrays end with the last element that is used, and the sums over k."""
    rng, L = np.random.default_rng(0), LANES[dtype]
    for rows, vectors, wide in VARIANTS:
        each = L if wide else 1
        for k0, k1 in [(0, 0), (0, 1), (2, 7), (0, 8), (1, 14)]:
            t, pitch = k1 % 2, vectors * L + k1 % 3
            A = rng.standard_normal((max(k1 - 1, 0) * ROWS + rows) * each).astype(dtype)
            B = rng.standard_normal(5 * L + 3).astype(dtype)
            steps, places = rng.integers(0, L, k1), rng.integers(0, 3 * L + 5, t + vectors)
            steps[-1:], places[-1] = L - 1, 3 * L + 4
            first = rng.standard_normal(rows).astype(dtype)
            C = rng.standard_normal((rows - 1) * pitch + vectors * L).astype(dtype)
            sums = np.zeros((rows, vectors, L))
            for k in range(k0, k1):
                b = np.stack([B[steps[k] + p :][:L] for p in places[t:]])
                sums += A[k * ROWS * each :][: rows * each].reshape(rows, 1, each) * b
            sums = sums.reshape(rows, vectors * L)
            yield (rows, vectors, wide, k0, k1, A, B, steps, places, t, first, C, pitch), sums


def rows_of(C, pitch, sums):
    """The part of C that a tile of the shape of `sums` writes, as a view."""
    size = C.itemsize
    return np.lib.stride_tricks.as_strided(C, sums.shape, (pitch * size, size))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_variant_of_the_tile(dtype):
    for given, sums in tiles(dtype):
        *_, first, C, pitch = given
        for add in (False, True):
            want, got = C.copy(), C.copy()
            rows_of(want, pitch, sums)[:] = sums + (rows_of(C, pitch, sums) if add else first[:, None])
            run(*given[:-2], got, pitch, add)
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)  # and nothing between the rows


@needs_fork
@pytest.mark.parametrize("at", ["start", "end"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_tiles_touch_nothing_else(dtype, at):
    cases = [given for given, _ in tiles(dtype)]
    run(*cases[0], True)  # compiles here, not in the child

    def work(say):
        for given in cases:
            say(str(given[:5]))
            placed = [_guard.Guarded(a, at) if isinstance(a, np.ndarray) else None for a in given]
            run(*(a if p is None else p.array for a, p in zip(given, placed)), True)
            assert all(p is None or p.intact() for p in placed)

    assert _guard.in_child(work) == ("", str(cases[-1][:5]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "M, K, N", [(1, 1, 1), (3, 5, 40), (ROWS, 4, 33), (ROWS + HALF, 7, 70), (37, 18, 100)]
)
def test_pack_multiply_deliver(M, K, N, dtype):
    rng, L = np.random.default_rng(1), LANES[dtype]
    a, b = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N + 3 * L)).astype(dtype)
    t = -(-N // L)
    steps, places = np.arange(K) * b.shape[1], np.arange(t + 1) * L
    pitch = (t + 1) * L
    panels, sums = (np.full(n, np.nan, dtype) for n in (round_up(M, ROWS) * K, 1 + round_up(M, HALF) * pitch))
    first = rng.standard_normal(round_up(M, HALF)).astype(dtype)
    for source, row, step in ((a, K, 1), (a.T.copy(), 1, M)):
        pack(source.reshape(-1), 0, row, step, M, K, panels)
        for k0 in range(0, K, 3):
            k1 = min(K, k0 + 3)
            multiply(
                panels, M, K, k0, k1, b.reshape(-1), steps, places, t, first, sums[1:], pitch, k0 > 0
            )  # fmt: skip
        want = a.astype("f8") @ b[:, :N] + first[:M, None]
        out = np.full((M, N + 1), 5.0, dtype)
        spread = np.zeros((M, 2 * N), dtype)
        for m in range(M):
            store_strided(sums, 1 + m * pitch, N, out.reshape(-1), m * (N + 1), 1, False)
            store_strided(sums, 1 + m * pitch, N, spread.reshape(-1), 2 * m * N + 1, 2, True)
        np.testing.assert_allclose(out[:, :N], want, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(spread[:, 1::2], want, rtol=1e-4, atol=1e-4)
        for m in range(M):
            store_strided(sums, 1 + m * pitch, N, out.reshape(-1), m * (N + 1), 1, True)
        np.testing.assert_allclose(out[:, :N], 2 * want, rtol=1e-4, atol=1e-4)
        assert (out[:, N] == 5).all() and (spread[:, ::2] == 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_that_stay_apart_in_the_lanes(dtype):
    rng, L, M, K, T = np.random.default_rng(4), LANES[dtype], ROWS + 1, 5, VECTORS + 1
    a, b = rng.standard_normal((M, K, L)).astype(dtype), rng.standard_normal((K, T, L)).astype(dtype)
    panels = np.zeros((2, K, ROWS, L), dtype)
    for m in range(M):
        panels[m // ROWS, :, m % ROWS] = a[m]
    room = round_up(T, VECTORS)
    places = np.zeros(room, np.int64)
    places[:T] = np.arange(T) * L
    sums = np.ones((round_up(M, HALF), room, L), dtype)
    flat = panels.reshape(-1), M, K, 0, K, b.reshape(-1), np.arange(K) * T * L, places, T
    multiply_lanes(*flat, np.zeros(round_up(M, HALF), dtype), sums.reshape(-1), room * L)
    np.testing.assert_allclose(sums[:M, :T], 1 + np.einsum("mkl,ktl->mtl", a, b), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 15, 16, 40])
def test_copy(n):
    a, b = np.arange(60.0), np.zeros(60)
    copy(a, 3, n, b, 5)
    np.testing.assert_array_equal(b, np.concatenate([np.zeros(5), a[3 : 3 + n], np.zeros(55 - n)]))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_copy_rows(step):
    for rows, n in ((1, 40), (3, 1), (3, 8), (2, 17)):
        row, pitch = (n - 1) * step + 2, n + 3
        a = np.arange(1.0, 2 + (rows - 1) * row + (n - 1) * step)  # ends with the last element that is taken
        b = np.zeros(4 + rows * pitch)
        copy_rows(a, 0, row, step, rows, n, b, 4, pitch)
        want = np.zeros((rows, pitch))
        want[:, :n] = a[np.arange(rows)[:, None] * row + np.arange(n) * step]
        np.testing.assert_array_equal(b, np.concatenate([np.zeros(4), want.ravel()]))


def test_pack_taps():
    a, taps, M = np.arange(1.0, 200), np.array([3, 0, 7]), ROWS + 1
    panels = np.full((2, 3, ROWS), np.nan)
    pack_taps(a, 5, 11, taps, M, panels.reshape(-1))
    want = np.zeros((2 * ROWS, 3))
    want[:M] = a[5 + np.arange(M)[:, None] * 11 + taps]
    np.testing.assert_array_equal(panels, want.reshape(2, ROWS, 3).transpose(0, 2, 1))


@jit
def turned(a, row, b, pitch, M, N):
    transpose_blocks(pointer(a), row, pointer(b), pitch, M, N)


@pytest.mark.parametrize("M, N", [(1, 1), (3, 20), (16, 32), (33, 17), (0, 4)])
def test_turn_transposes_any_size(M, N):
    a = np.random.default_rng(2).standard_normal((M, N + 2))
    b = np.zeros((N, M + 1))
    turned(a.reshape(-1), N + 2, b.reshape(-1), M + 1, M, N)
    np.testing.assert_array_equal(b[:, :M], a[:, :N].T)
    assert (b[:, M] == 0).all()


SIZES = [(1, 1, 1, 1), (2, 5, 3, 2), (3, 17, 50, 9), (1, 2, 200, CHUNK + 1), (2, 3, 4, 0), (0, 2, 2, 2)]
if not numba.config.DISABLE_JIT:
    SIZES.append((2, SLAB + 3, 33, 2 * CHUNK + 5))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("many, M, N, K", SIZES)
def test_gemm_in_every_layout(many, M, N, K, dtype):
    rng, eps = np.random.default_rng(3), np.finfo(dtype).eps
    shapes = (many, M, K), (many, K, N), (many, M, N)
    a, b, c = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    sums, sizes = a.astype("f8") @ b, np.abs(a) @ np.abs(b)
    for left, row, step in ((a, K, 1), (a.swapaxes(1, 2).copy(), 1, M)):
        for right, down, across in ((b, N, 1), (b.swapaxes(1, 2).copy(), 1, K)):
            for add in (False, True):
                got, old = c.copy(), c if add else np.zeros_like(c)
                gemm(
                    many, M, N, K, left.reshape(-1), row, step, right.reshape(-1), down, across,
                    got.reshape(-1), add,
                )  # fmt: skip
                assert (np.abs(got - sums - old) <= (K + 1) * eps * (sizes + np.abs(old))).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_scratch_is_aligned(dtype):
    for n in (1, 7, 1000):
        a = aligned(n, np.empty(0, dtype))
        assert a.size == n and a.dtype == dtype and a.ctypes.data % 64 == 0
    assert [round_up_odd(n, 16) for n in (1, 16, 17, 48, 49)] == [16, 16, 48, 48, 80]
