"""GELU on lanes: the formulas are those of `gelu.py`."""

from nbdl.kernels.activation.gelu import gelu_of, gelu_slope, gelu_tanh_of, gelu_tanh_slope
from nbdl.kernels.lanes.elementwise import elementwise

gelu = elementwise(gelu_of, gelu_slope)
gelu_tanh = elementwise(gelu_tanh_of, gelu_tanh_slope)
