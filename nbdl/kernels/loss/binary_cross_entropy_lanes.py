"""binary_cross_entropy_with_logits on lanes: the formulas are those of its kernel."""

from nbdl.kernels.loss.binary_cross_entropy import bce_of, bce_slope, bce_slope_of_target
from nbdl.kernels.loss.elementwise_lanes import pairs

binary_cross_entropy_with_logits = pairs(bce_of, bce_slope, bce_slope_of_target)
