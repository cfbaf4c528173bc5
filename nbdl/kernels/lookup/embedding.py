r"""Embedding: of each id, such as that of a token, the row of a table that is learned.

.. math:: y_{nd} = w_{i_n d} \qquad dw_{vd} = \sum_{n:\, i_n = v} dy_{nd}

ids (N, ...), w (V, D) one row for each id from 0 to V - 1, y (N, ..., D). It is the product of one-hot rows
with w, without the zeros. Zhang et al., Dive into Deep Learning, section 15.1.
"""

from nbdl._jit import jit
from nbdl.errors import LabelError, ShapeError
from nbdl.kernels.door.inputs import AT_LEAST_1, AT_LEAST_2, as_float, as_labels, as_like
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat, rows
from nbdl.kernels.simd.panels import copy


@jit
def check_ids(ids, vocabulary):
    """Raises `LabelError` unless every id is from 0 to `vocabulary` - 1.

    The message names the first bad position and its value. `ids` is an array (N, ...) of integers, else
    `DtypeError`. Call it once before a parallel loop: Numba drops exceptions inside ``prange``.
    """
    ids = as_labels("check_ids: `ids` (N, ...)", ids, AT_LEAST_1)
    _check_range("check_ids", ids, integer("check_ids: `vocabulary`", vocabulary))


@jit
def _check_range(kernel, ids, vocabulary):
    each = flat(ids)
    for n in range(each.size):
        if each[n] < 0 or each[n] >= vocabulary:
            if ids.ndim == 1:
                raise LabelError(
                    "{}: `ids` must be from 0 to {}, got {} at position {}",
                    kernel, vocabulary - 1, each[n], n,
                )  # fmt: skip
            raise LabelError(
                "{}: `ids` must be from 0 to {}, got {} at flat position {} of {}",
                kernel, vocabulary - 1, each[n], n, ids.shape,
            )  # fmt: skip


@jit
def embedding(ids, w, out=None):
    """The row of `w` for each id.

    Parameters
    ----------
    ids : (N, ...) array of integers
        From 0 to V - 1.
    w : (V, D) float array
    out : (N, ..., D) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (N, ..., D) array of the dtype of `w`, ``w[ids]``.

    Raises
    ------
    LabelError
        If an id is out of range.
    ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call `check_ids` before the loop.

    Examples
    --------
    >>> embedding(np.array([1, 0, 1]), np.array([[0.0, 1.0], [2.0, 3.0]]))
    array([[2., 3.],
           [0., 1.],
           [2., 3.]])
    """
    w = as_float("embedding: `w` (V, D)", w, 2)
    ids = as_labels("embedding: `ids` (N, ...)", ids, AT_LEAST_1)
    y = as_out("embedding: `out`", out, ids.shape + (w.shape[1],), w)
    # Before anything is copied: by pointers, a bad id would read beside the table.
    _check_range("embedding", ids, w.shape[0])
    _embedding(flat(ids), w, rows(y))
    return y


@jit
def _embedding(ids, w, y):
    D, table, out = w.shape[1], flat(w), flat(y)
    for n in range(ids.size):
        # A row of the table, in vectors.
        copy(table, ids[n] * D, D, out, n * D)


@jit
def embedding_dw(dy, ids, dw):
    r"""Adds the rows of `dy` (N, ..., D) to those of `dw` (V, D) that `ids` (N, ...) name; returns `dw`.

    An id that stands in several places gets the sum, in the order of the places.
    """
    dy = as_float("embedding_dw: `dy` (N, ..., D)", dy, AT_LEAST_2)
    ids = as_labels("embedding_dw: `ids` (N, ...)", ids, AT_LEAST_1)
    # For its checks and its shape alone: it may be a copy, and the sums must go to `dw` itself.
    table = as_like("embedding_dw: `dw` (V, D)", dw, 2, dy)
    dw = as_out("embedding_dw: `dw`", dw, (table.shape[0], dy.shape[-1]), dy)
    if dy.shape[:-1] != ids.shape:
        raise ShapeError(
            "embedding_dw: `dy` must have a row for each of `ids` {}, got shape {}", ids.shape, dy.shape
        )
    # All ids before the first sum: a bad one leaves `dw` as it was.
    _check_range("embedding_dw", ids, dw.shape[0])
    _embedding_dw(rows(dy), flat(ids), dw)
    return dw


@jit
def _embedding_dw(dy, ids, dw):
    # One place after the other: an id that comes again adds to the same row.
    for n in range(ids.size):
        row, add = dw[ids[n]], dy[n]
        for d in range(row.size):
            row[d] += add[d]


embedding_outputs = outputs(embedding)
