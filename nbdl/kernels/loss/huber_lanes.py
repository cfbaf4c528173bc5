"""huber and l1 on lanes: the formulas are those of `huber.py`."""

from nbdl.kernels.loss.elementwise_lanes import pairs
from nbdl.kernels.loss.huber import (
    huber_of,
    huber_slope,
    huber_slope_of_target,
    l1_of,
    l1_slope,
    l1_slope_of_target,
)

huber = pairs(huber_of, huber_slope, huber_slope_of_target)
l1 = pairs(l1_of, l1_slope, l1_slope_of_target)
