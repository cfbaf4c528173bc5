"""relu, sigmoid and tanh on lanes: the formulas are those of `elementwise.py`."""

from nbdl.kernels.activation.elementwise import relu_of, relu_slope, sigmoid_slope, tanh_slope
from nbdl.kernels.lanes.elementwise import elementwise
from nbdl.kernels.simd import vector_math

relu = elementwise(relu_of, relu_slope)
sigmoid = elementwise(vector_math.sigmoid, sigmoid_slope)
tanh = elementwise(vector_math.tanh, tanh_slope)
