"""The convolution of one image that has few pixels left, as they are deep in a net: weights are all there is.

Each result is the product of a row of weights and a patch, which lie side by side in memory as they are: a
vector holds L steps of the sum, weights are read once, and nothing of them is packed. Four rows by three
patches are done at a time.
"""

from nbdl._jit import jit
from nbdl.kernels.door.compact import compact
from nbdl.kernels.simd.panels import aligned
from nbdl.kernels.simd.registers import fma, hsum, load, load_part, pointer
from nbdl.kernels.simd.shuffle import lanes

MANY = 2**14  # weights of a group, from which on the patches cost less than packing


@jit
def correlate_few(weights, start, M, image, steps, columns, P, Q, bias, out, to):
    """out[to + (m, i, j)] = bias[m] + sum over k of weights[start + m K + k] image[steps[k] + i columns + j].

    (m, i, j) is ``(m P + i) Q + j``; K is a multiple of L. Sums have another order than those of `correlate`.
    """
    compact()
    K, T = steps.size, P * Q
    patches = aligned(K * T, image)
    for t in range(T):
        place, first = t // Q * columns + t % Q, t * K
        for k in range(K):
            patches[first + k] = image[steps[k] + place]
    w, x, zero = pointer(weights) + start, pointer(patches), load_part(pointer(image), 0, 0)
    L = lanes(w)
    for m in range(0, M, 4):
        # Rows and patches behind the last are the last: their sums are not stored.
        w0, w1 = w + m * K, w + min(m + 1, M - 1) * K
        w2, w3 = w + min(m + 2, M - 1) * K, w + min(m + 3, M - 1) * K
        for t in range(0, T, 3):
            x0, x1, x2 = x + t * K, x + min(t + 1, T - 1) * K, x + min(t + 2, T - 1) * K
            a = b = c = (zero, zero, zero, zero)
            for k in range(0, K, L):
                v = load(w0, k), load(w1, k), load(w2, k), load(w3, k)
                a, b, c = _add(a, v, load(x0, k)), _add(b, v, load(x1, k)), _add(c, v, load(x2, k))
            _deliver(a, m, M, bias, out, to + t, T)
            if t + 1 < T:
                _deliver(b, m, M, bias, out, to + t + 1, T)
            if t + 2 < T:
                _deliver(c, m, M, bias, out, to + t + 2, T)


@jit
def _add(sums, v, x):
    return fma(v[0], x, sums[0]), fma(v[1], x, sums[1]), fma(v[2], x, sums[2]), fma(v[3], x, sums[3])


@jit
def _deliver(sums, m, M, bias, out, to, T):
    total = hsum(sums[0]), hsum(sums[1]), hsum(sums[2]), hsum(sums[3])
    for i in range(min(4, M - m)):
        out[to + (m + i) * T] = total[i] + bias[m + i]
