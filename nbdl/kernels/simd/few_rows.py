"""The product of a few rows with a matrix, where packing would cost more than it saves.

A row takes as long as reading the matrix once. A sum of D products is a chain of D steps that wait for each
other, so four are computed side by side: four vectors of columns, or, for the last columns, the sums of
every fourth product.
"""

from nbdl._jit import jit
from nbdl.kernels.simd.registers import fma, hsum, load, load_part, pointer, splat, store, store_part
from nbdl.kernels.simd.shuffle import lanes

FEW_ROWS = 4  # from here on, packing the matrix pays


@jit
def gemm_few_rows(x, w, b, y):
    """y = x w + b for x (N, D), w (D, Q), y (N, Q), and b (Q,) or empty; all C-contiguous."""
    (N, D), Q, bias = x.shape, y.shape[1], b.size > 0
    px, pw, pb, py = pointer(x), pointer(w), pointer(b), pointer(y)
    L, zero = lanes(py), splat(x.dtype.type(0))
    for n in range(N):
        q = 0
        while Q - q >= 4 * L:
            s0 = s1 = s2 = s3 = zero
            if bias:
                s0, s1, s2, s3 = load(pb, q), load(pb, q + L), load(pb, q + 2 * L), load(pb, q + 3 * L)
            for d in range(D):
                v, p = px[n * D + d], pw + (d * Q + q)
                s0, s1 = fma(load(p, 0), v, s0), fma(load(p, L), v, s1)
                s2, s3 = fma(load(p, 2 * L), v, s2), fma(load(p, 3 * L), v, s3)
            out = py + (n * Q + q)
            store(out, 0, s0)
            store(out, L, s1)
            store(out, 2 * L, s2)
            store(out, 3 * L, s3)
            q += 4 * L
        while q < Q:
            left = Q - q
            s0 = load_part(pb, q, left) if bias else zero
            s1 = s2 = s3 = zero
            for d in range(0, D - 3, 4):
                v, p = px + (n * D + d), pw + (d * Q + q)
                s0, s1 = fma(load_part(p, 0, left), v[0], s0), fma(load_part(p, Q, left), v[1], s1)
                s2, s3 = fma(load_part(p, 2 * Q, left), v[2], s2), fma(load_part(p, 3 * Q, left), v[3], s3)
            for d in range(D - D % 4, D):
                s0 = fma(load_part(pw, d * Q + q, left), px[n * D + d], s0)
            store_part(py, n * Q + q, (s0 + s1) + (s2 + s3), left)
            q += L


@jit
def gemm_few_rows_transposed(x, w, b, y):
    """The same for w (Q, D): y[n, q] is the product of two rows, four of which are computed side by side."""
    (N, D), Q, bias = x.shape, y.shape[1], b.size > 0
    px, pw, py = pointer(x), pointer(w), pointer(y)
    L, zero = lanes(py), splat(x.dtype.type(0))
    part = D % L
    for n in range(N):
        row = px + n * D
        for q in range(0, Q, 4):
            # Rows behind the last are the last: their sums are not stored.
            p0, p1 = pw + q * D, pw + min(q + 1, Q - 1) * D
            p2, p3 = pw + min(q + 2, Q - 1) * D, pw + min(q + 3, Q - 1) * D
            s0 = s1 = s2 = s3 = zero
            for d in range(0, D - part, L):
                v = load(row, d)
                s0, s1 = fma(load(p0, d), v, s0), fma(load(p1, d), v, s1)
                s2, s3 = fma(load(p2, d), v, s2), fma(load(p3, d), v, s3)
            if part:
                d = D - part
                v = load_part(row, d, part)
                s0, s1 = fma(load_part(p0, d, part), v, s0), fma(load_part(p1, d, part), v, s1)
                s2, s3 = fma(load_part(p2, d, part), v, s2), fma(load_part(p3, d, part), v, s3)
            sums = hsum(s0), hsum(s1), hsum(s2), hsum(s3)
            for i in range(min(4, Q - q)):
                y[n, q + i] = sums[i] + b[q + i] if bias else sums[i]
