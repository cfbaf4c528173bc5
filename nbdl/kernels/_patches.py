"""Patches of an image as the rows of a matrix, and back: what turns a convolution into a matrix product."""

from nbdl._jit import jit


@jit
def _span(taps, stride, before, size, count):
    """The outputs [first, last) whose input `i * stride + taps - before` lies in [0, size)."""
    first = min(count, max(0, -((taps - before) // stride)))
    last = min(count, (size - 1 - taps + before) // stride + 1)
    return first, max(first, last)


@jit
def unroll(x, KH, KW, stride, padding, dilation, P, Q, patches):
    """patches[(c, u, v), (i, j)] = x[c, i s + u d - top, j s + v d - left], zero outside x (C, H, W)."""
    sh, sw = stride
    k = 0
    for c in range(x.shape[0]):
        for u in range(KH):
            i0, i1 = _span(u * dilation[0], sh, padding[0], x.shape[1], P)
            for v in range(KW):
                left = v * dilation[1] - padding[2]
                j0, j1 = _span(v * dilation[1], sw, padding[2], x.shape[2], Q)
                row = patches[k]
                for i in range(P):
                    if i < i0 or i >= i1:
                        for j in range(Q):
                            row[i * Q + j] = 0
                        continue
                    source = x[c, i * sh + u * dilation[0] - padding[0]]
                    for j in range(j0):
                        row[i * Q + j] = 0
                    for j in range(j0, j1):
                        row[i * Q + j] = source[j * sw + left]
                    for j in range(j1, Q):
                        row[i * Q + j] = 0
                k += 1


@jit
def add_back(patches, KH, KW, stride, padding, dilation, P, Q, dx):
    """The transpose of `unroll`: dx[c, i s + u d - top, j s + v d - left] += patches[(c, u, v), (i, j)]."""
    sh, sw = stride
    k = 0
    for c in range(dx.shape[0]):
        for u in range(KH):
            i0, i1 = _span(u * dilation[0], sh, padding[0], dx.shape[1], P)
            for v in range(KW):
                left = v * dilation[1] - padding[2]
                j0, j1 = _span(v * dilation[1], sw, padding[2], dx.shape[2], Q)
                row = patches[k]
                for i in range(i0, i1):
                    target = dx[c, i * sh + u * dilation[0] - padding[0]]
                    for j in range(j0, j1):
                        target[j * sw + left] += row[i * Q + j]
                k += 1
