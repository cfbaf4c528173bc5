"""adaptive_max_pool2d and global_max_pool2d on lanes (`nbdl.kernels.adaptive_max_pool2d` has the formula)."""

import numpy as np

from nbdl.kernels.lanes.twin import Twin
from nbdl.kernels.pooling.adaptive_avg_pool2d_lanes import _of, _of_one_bin
from nbdl.kernels.pooling.max_pool2d_lanes import _any, _any_dx


def _forward(bins, site):
    return [bins.row(_any(bins, site.L, np.dtype(site.dtype).type(0)))]


def _dx(bins, site):
    return [bins.row(_any_dx(bins, site.L, np.dtype(site.dtype).type(0)))]


adaptive_max_pool2d = Twin(
    lambda site: _forward(_of(site), site),
    {"x": lambda site: _dx(_of(site), site)},
    shape=lambda site: _of(site).shape,
)
global_max_pool2d = Twin(
    lambda site: _forward(_of_one_bin(site), site),
    {"x": lambda site: _dx(_of_one_bin(site), site)},
    shape=lambda site: _of_one_bin(site).shape[:1],
)
