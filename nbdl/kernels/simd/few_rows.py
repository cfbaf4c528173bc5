"""The product of a few rows with a matrix, where packing would cost more than it saves.

A row takes as long as reading the matrix once. A sum of D products is a chain of D steps that wait for each
other, so several are computed side by side: all vectors of a long row, or, of a short one and of the last
columns, the sums of every fourth product.
"""

from nbdl._jit import jit
from nbdl.kernels.simd.registers import fma, hsum, load, load_part, pointer, splat, store, store_part
from nbdl.kernels.simd.shuffle import lanes

FEW_ROWS = 4  # up to here, packing the matrix does not pay
FEW_ROWS_BACK = 2  # the same of gradients, whose few rows read, or write, the matrix once for each row
LONG = 8  # vectors of a row, from which on rows of the matrix are read from end to end


@jit
def gemm_few_rows(x, w, b, y):
    """y = x w + b for x (N, D), w (D, Q), y (N, Q), and b (Q,) or empty; all C-contiguous."""
    (N, D), Q, bias = x.shape, y.shape[1], b.size > 0
    px, pw, pb, py = pointer(x), pointer(w), pointer(b), pointer(y)
    L, zero = lanes(py), splat(x.dtype.type(0))
    long = Q // L * L if Q >= LONG * L else 0
    for n in range(N):
        for q in range(0, long, L):
            store(py, n * Q + q, load(pb, q) if bias else zero)
    _long_rows(N, D, Q, long, px, pw, py)
    for n in range(N):
        q = long
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
def _long_rows(N, D, Q, columns, x, w, y):
    """y[n, q] += sum over d of x[n, d] w[d, q] for q < `columns`, a multiple of a vector.

    Eight rows of w at a time are read from end to end, as memory is fastest; y stays in the first cache.
    """
    L, D8 = lanes(y), D // 8 * 8
    for d in range(0, D8, 8):
        for n in range(N):
            v, out = x + (n * D + d), y + n * Q
            for q in range(0, columns, L):
                p, s = w + (d * Q + q), load(out, q)
                s = fma(load(p, Q), v[1], fma(load(p, 0), v[0], s))
                s = fma(load(p, 3 * Q), v[3], fma(load(p, 2 * Q), v[2], s))
                s = fma(load(p, 5 * Q), v[5], fma(load(p, 4 * Q), v[4], s))
                store(out, q, fma(load(p, 7 * Q), v[7], fma(load(p, 6 * Q), v[6], s)))
    for d in range(D8, D):
        for n in range(N):
            for q in range(0, columns, L):
                store(y, n * Q + q, fma(load(w, d * Q + q), x[n * D + d], load(y, n * Q + q)))


@jit
def add_outer_products(x, y, c):
    """c[d, q] += sum over n of x[n, d] y[n, q] for x (N, D), y (N, Q), c (D, Q), all C-contiguous.

    Each element of c is read and written once for each row, while its row is in the first cache.
    """
    (N, D), Q = x.shape, y.shape[1]
    px, py, pc = pointer(x), pointer(y), pointer(c)
    L = lanes(pc)
    for d in range(D):
        out = pc + d * Q
        for n in range(N):
            v, row, q = px[n * D + d], py + n * Q, 0
            while Q - q >= 4 * L:
                s0, s1 = fma(load(row, q), v, load(out, q)), fma(load(row, q + L), v, load(out, q + L))
                s2 = fma(load(row, q + 2 * L), v, load(out, q + 2 * L))
                s3 = fma(load(row, q + 3 * L), v, load(out, q + 3 * L))
                store(out, q, s0)
                store(out, q + L, s1)
                store(out, q + 2 * L, s2)
                store(out, q + 3 * L, s3)
                q += 4 * L
            while q < Q:
                store_part(out, q, fma(load_part(row, q, Q - q), v, load_part(out, q, Q - q)), Q - q)
                q += L


@jit
def gemm_few_rows_transposed(x, w, b, y, add):
    """The same for w (Q, D), or y += x w^T if `add`: y[n, q] is the product of two rows; four at a time."""
    (N, D), Q = x.shape, y.shape[1]
    px, pw, pb, py = pointer(x), pointer(w), pointer(b), pointer(y)
    zero, bias = x.dtype.type(0), b.size > 0
    L, none = lanes(py), splat(zero)
    part = D % L
    for n in range(N):
        row = px + n * D
        for q in range(0, Q, 4):
            # Rows behind the last are the last: their sums are not stored.
            p0, p1 = pw + q * D, pw + min(q + 1, Q - 1) * D
            p2, p3 = pw + min(q + 2, Q - 1) * D, pw + min(q + 3, Q - 1) * D
            s0 = s1 = s2 = s3 = none
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
                at = n * Q + q + i
                py[at] = sums[i] + (py[at] if add else pb[q + i] if bias else zero)
