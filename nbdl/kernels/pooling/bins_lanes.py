"""What adaptive poolings on lanes share: the bins over an image (`bins.py`), in tables as windows are.

An object of `Bins` stands for a `pool2d_lanes.Windows` in the leaves that read tables.
"""

from nbdl._jit import plain
from nbdl.kernels.lanes.twin import Row, Unfit, pitch
from nbdl.kernels.pooling import bins

_bins = plain(bins._bins)


class Bins:
    """The sizes of an adaptive pooling; `rows` and `columns` list (first element, how many) of each bin."""

    dilation = 1, 1

    def __init__(self, site, size):
        if len(site.shapes["x"]) != 3 or 0 in site.shapes["x"]:
            raise Unfit
        self.C, self.H, self.W = site.shapes["x"]
        self.P, self.Q = size
        self.rows, self.columns = _bins(self.H, self.P), _bins(self.W, self.Q)

    @property
    def shape(self):
        return self.C, self.P, self.Q

    def row(self, leaf):
        """The `Row` of a leaf that asks for the sizes."""
        sizes = {"count": self.C, "P": self.P, "Q": self.Q, "H": self.H, "W": self.W}
        return Row(leaf, **sizes, x_pitch=pitch((self.C, self.H, self.W)), y_pitch=pitch(self.shape))
