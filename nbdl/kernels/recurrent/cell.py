"""The formula of the simple recurrent cell, on one number or one vector of them."""

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import relu_of, relu_slope, tanh_slope
from nbdl.kernels.simd.vector_math import tanh

ACTIVATIONS = "tanh", "relu"


@jit
def state_of(gate, relu):
    """The new state: the activation of what inputs and state give."""
    return relu_of(gate) if relu else tanh(gate)


@jit
def state_slope(dh, h, relu):
    """The cotangent of the gate, from that of the new state h."""
    # Both follow from h: what the activation was given need not be kept.
    return relu_slope(dh, h) if relu else tanh_slope(dh, h)
