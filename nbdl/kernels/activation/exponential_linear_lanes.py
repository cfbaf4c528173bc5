"""elu, selu and celu on lanes: the formulas are those of `exponential_linear.py`."""

from nbdl.kernels.activation.exponential_linear import (
    celu_of,
    celu_slope,
    elu_of,
    elu_slope,
    selu_of,
    selu_slope,
)
from nbdl.kernels.lanes.elementwise import elementwise

elu = elementwise(elu_of, elu_slope)
selu = elementwise(selu_of, selu_slope)
celu = elementwise(celu_of, celu_slope)
