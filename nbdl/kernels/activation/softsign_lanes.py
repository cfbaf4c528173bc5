"""softsign on lanes: the formulas are those of `softsign.py`."""

from nbdl.kernels.activation.softsign import softsign_of, softsign_slope
from nbdl.kernels.lanes.elementwise import elementwise

softsign = elementwise(softsign_of, softsign_slope)
