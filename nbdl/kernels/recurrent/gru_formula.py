"""The formulas of the gated recurrent unit, on one number or one vector of them.

`z` is what the inputs contribute to a gate, `s` what the state does: the product with its weights, and the
bias. r is the reset gate, u the update gate, n the candidate.
"""

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import sigmoid_slope, tanh_slope
from nbdl.kernels.simd.vector_math import sigmoid, tanh

RESETS = "after", "before"  # where r acts: on the product of the state with its weights, or on the state


@jit
def gate_of(z, s):
    """r or u."""
    return sigmoid(z + s)


@jit
def candidate_of(z, s, r, before):
    """n; where r acts before the product, s has it already."""
    return tanh(z + s) if before else tanh(z + r * s)


@jit
def mixed(u, n, h):
    """The new state: the former one h as far as u is 1, the candidate as far as it is 0."""
    return (1.0 - u) * n + u * h


@jit
def mixed_slopes(dh, u, n, h):
    """The cotangents of the sums in u and in n, from that of the new state."""
    return sigmoid_slope(dh * (h - n), u), tanh_slope(dh * (1.0 - u), n)


@jit
def reset_slope(d, scaled, r):
    """The cotangent of the sum in r, from that of its product with what it has `scaled`."""
    return sigmoid_slope(d * scaled, r)
