"""relu, sigmoid and tanh on lanes: see `elementwise.py` for the formulas."""

from nbdl._jit import jit
from nbdl.kernels.lanes.elementwise import elementwise
from nbdl.kernels.simd.registers import larger, where
from nbdl.kernels.simd.vector_math import sigmoid as _sigmoid
from nbdl.kernels.simd.vector_math import tanh as _tanh


@jit
def _relu(x):
    return larger(0.0, x)


@jit
def _relu_dx(dy, y):
    return where(y <= 0.0, 0.0 * y, dy)  # a NaN in y lets dy pass: it is not hidden


@jit
def _sigmoid_dx(dy, y):
    return dy * (y - y * y)


@jit
def _tanh_dx(dy, y):
    return dy * (1.0 - y) * (1.0 + y)


relu = elementwise(_relu, _relu_dx)
sigmoid = elementwise(_sigmoid, _sigmoid_dx)
tanh = elementwise(_tanh, _tanh_dx)
