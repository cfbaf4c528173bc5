"""leaky_relu on lanes: the formulas are those of `leaky_relu.py`."""

from nbdl.kernels.activation.leaky_relu import leaky_relu_of, leaky_relu_slope
from nbdl.kernels.lanes.elementwise import elementwise

leaky_relu = elementwise(leaky_relu_of, leaky_relu_slope)
