"""Three plain matrix products that add to their result: all heavy arithmetic of the plain kernels.

`c += a b`, `c += a b^T` and `c += a^T b` for C-contiguous matrices. The inner loop always runs along rows,
with several rows (or several steps of the sum) side by side, so that each loaded number is used often.
A sum of K products has an absolute error of at most K eps sum |a_k b_k| in the dtype of the arrays.
"""

from nbdl._jit import jit


@jit
def gemm_nn(a, b, c):
    """c (M, N) += a (M, K) . b (K, N)."""
    M, K = a.shape
    N = b.shape[1]
    for i in range(0, M - M % 2, 2):
        c0, c1 = c[i], c[i + 1]
        for k in range(0, K - K % 4, 4):
            p0, p1, p2, p3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            q0, q1, q2, q3 = a[i + 1, k], a[i + 1, k + 1], a[i + 1, k + 2], a[i + 1, k + 3]
            b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
            for j in range(N):
                c0[j] += p0 * b0[j] + p1 * b1[j] + p2 * b2[j] + p3 * b3[j]
                c1[j] += q0 * b0[j] + q1 * b1[j] + q2 * b2[j] + q3 * b3[j]
        for k in range(K - K % 4, K):
            p0, q0, b0 = a[i, k], a[i + 1, k], b[k]
            for j in range(N):
                c0[j] += p0 * b0[j]
                c1[j] += q0 * b0[j]
    if M % 2:
        c0 = c[M - 1]
        for k in range(K):
            p0, b0 = a[M - 1, k], b[k]
            for j in range(N):
                c0[j] += p0 * b0[j]


@jit
def gemm_nt(a, b, c):
    """c (M, N) += a (M, K) . b (N, K)^T."""
    M, K = a.shape
    N = b.shape[0]
    for i in range(M):
        ai = a[i]
        for j in range(0, N - N % 4, 4):
            b0, b1, b2, b3 = b[j], b[j + 1], b[j + 2], b[j + 3]
            s0 = s1 = s2 = s3 = a.dtype.type(0)
            for k in range(K):
                s0 += ai[k] * b0[k]
                s1 += ai[k] * b1[k]
                s2 += ai[k] * b2[k]
                s3 += ai[k] * b3[k]
            c[i, j] += s0
            c[i, j + 1] += s1
            c[i, j + 2] += s2
            c[i, j + 3] += s3
        for j in range(N - N % 4, N):
            b0 = b[j]
            s0 = a.dtype.type(0)
            for k in range(K):
                s0 += ai[k] * b0[k]
            c[i, j] += s0


@jit
def gemm_tn(a, b, c):
    """c (M, N) += a (K, M)^T . b (K, N)."""
    K, M = a.shape
    N = b.shape[1]
    for k in range(0, K - K % 4, 4):
        a0, a1, a2, a3 = a[k], a[k + 1], a[k + 2], a[k + 3]
        b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        for i in range(M):
            ci, p0, p1, p2, p3 = c[i], a0[i], a1[i], a2[i], a3[i]
            for j in range(N):
                ci[j] += p0 * b0[j] + p1 * b1[j] + p2 * b2[j] + p3 * b3[j]
    for k in range(K - K % 4, K):
        bk = b[k]
        for i in range(M):
            ci, p0 = c[i], a[k, i]
            for j in range(N):
                ci[j] += p0 * bk[j]
