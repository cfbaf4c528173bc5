"""hard_sigmoid and hard_swish on lanes: the formulas are those of `hard_sigmoid.py`."""

from nbdl.kernels.activation.hard_sigmoid import (
    hard_sigmoid_of,
    hard_sigmoid_slope,
    hard_swish_of,
    hard_swish_slope,
)
from nbdl.kernels.lanes.elementwise import elementwise

hard_sigmoid = elementwise(hard_sigmoid_of, hard_sigmoid_slope)
hard_swish = elementwise(hard_swish_of, hard_swish_slope)
