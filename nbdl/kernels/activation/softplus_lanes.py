"""softplus and mish on lanes: the formulas are those of `softplus.py`."""

from nbdl.kernels.activation.softplus import mish_of, mish_slope, softplus_of, softplus_slope
from nbdl.kernels.lanes.elementwise import elementwise

softplus = elementwise(softplus_of, softplus_slope)
mish = elementwise(mish_of, mish_slope)
