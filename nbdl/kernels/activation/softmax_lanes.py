"""softmax and log_softmax of samples on lanes (formulas in `softmax.py`, loops in `softmax_slices.py`)."""

from nbdl.kernels.activation.softmax_slices import (
    log_softmax_dx_slice,
    log_softmax_slice,
    softmax_dx_slice,
    softmax_slice,
)
from nbdl.kernels.lanes.twin import Row, Twin, Unfit


def _shape(site):
    shape, axis = site.shapes["x"], site["axis"]
    if len(shape) != 1 or shape[0] == 0 or not isinstance(axis, int) or axis not in (-1, 1):
        raise Unfit
    return shape


def _twin(forward, backward):
    def forward_leaf(L):
        def leaf(x, y, count):
            forward(x, y, L, count, L, 0)

        return leaf

    def backward_leaf(L):
        def leaf(dy, y, dx, count):
            backward(dy, y, dx, L, count, L, 0, False)

        return leaf

    def row(leaf):
        return lambda site: [Row(leaf(site.L), count=site.shapes["x"][0])]

    return Twin(row(forward_leaf), {"x": row(backward_leaf)}, shape=_shape, inplace=True, packed=True)


softmax = _twin(softmax_slice, softmax_dx_slice)
log_softmax = _twin(log_softmax_slice, log_softmax_dx_slice)
