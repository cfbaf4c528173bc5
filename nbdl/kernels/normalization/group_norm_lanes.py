"""group_norm on lanes: `rows_lanes.py` has its twin."""

from nbdl.kernels.normalization.rows_lanes import norm, of_groups

group_norm = norm(lambda site: of_groups(site, site["groups"]), centred=True)
