"""adaptive_avg_pool2d and global_avg_pool2d on lanes (`nbdl.kernels.adaptive_avg_pool2d` has the formula)."""

import numpy as np

from nbdl.kernels.door.options import pair
from nbdl.kernels.lanes.twin import Twin
from nbdl.kernels.pooling.avg_pool2d_lanes import _any, _any_dx
from nbdl.kernels.pooling.bins_lanes import Bins


def _of(site):
    return Bins(site, pair("size", site["size"]))


def _of_one_bin(site):
    return Bins(site, (1, 1))


def _leaf(make, bins, site):
    """The leaf of avg_pool2d for windows in tables, with the shares of these bins."""
    kind = np.dtype(site.dtype).type
    shares = [kind(1 / table[:, 1]) for table in (bins.rows, bins.columns)]
    return [bins.row(make(bins, shares, site.L, kind(0)))]


adaptive_avg_pool2d = Twin(
    lambda site: _leaf(_any, _of(site), site),
    {"x": lambda site: _leaf(_any_dx, _of(site), site)},
    shape=lambda site: _of(site).shape,
)
global_avg_pool2d = Twin(
    lambda site: _leaf(_any, _of_one_bin(site), site),
    {"x": lambda site: _leaf(_any_dx, _of_one_bin(site), site)},
    shape=lambda site: _of_one_bin(site).shape[:1],
)
