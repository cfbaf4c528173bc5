"""rms_norm on lanes: `rows_lanes.py` has its twin."""

from nbdl.kernels.normalization.rows_lanes import norm, of_last_axes

rms_norm = norm(of_last_axes, centred=False)
