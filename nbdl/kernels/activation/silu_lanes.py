"""silu on lanes: the formulas are those of `silu.py`."""

from nbdl.kernels.activation.silu import silu_of, silu_slope
from nbdl.kernels.lanes.elementwise import elementwise

silu = elementwise(silu_of, silu_slope)
