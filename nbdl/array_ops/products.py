"""Products of vectors, matrices and stacks of matrices, as ``@`` of NumPy, and sums of products over axes."""

import numpy as np

from nbdl.array_ops._broadcast import add_to


def matmul(a, b):
    return a @ b


def matmul_da(dy, b, da):
    if b.ndim == 1:  # (..., D) . (D,) -> (...)
        add_to(da, dy[..., None] * b)
    elif da.ndim == 1:  # (D,) . (..., D, Q) -> (..., Q)
        add_to(da, (b @ dy[..., None])[..., 0])
    else:
        add_to(da, dy @ np.swapaxes(b, -1, -2))


def matmul_db(dy, a, db):
    if a.ndim == 1 and db.ndim == 1:
        db += dy * a
    elif a.ndim == 1:
        add_to(db, a[:, None] * dy[..., None, :])
    elif db.ndim == 1:
        add_to(db, (np.swapaxes(a, -1, -2) @ dy[..., None])[..., 0])
    else:
        add_to(db, np.swapaxes(a, -1, -2) @ dy)


# --- sums of products -------------------------------------------------------------------------------------


def einsum(a, b, subscripts):
    """`subscripts` has an output, and letters alone: see `nbdl.einsum`."""
    return np.einsum(subscripts, *((a,) if b is None else (a, b)), optimize=True)


def einsum_da(dy, b, subscripts, da):
    (own, *others), result = _operands(subscripts)
    _add_sums(dy, result, own, others, [] if b is None else [b], da)


def einsum_db(dy, a, subscripts, db):
    (other, own), result = _operands(subscripts)
    _add_sums(dy, result, own, [other], [a], db)


def _operands(subscripts):
    inputs, _, result = subscripts.partition("->")
    return inputs.split(","), result


def _add_sums(dy, result, own, letters, others, da):
    """Add to `da`, of axes `own`, the sum of products of dy and the other operand over all other axes."""
    once = "".join(dict.fromkeys(own))  # a letter twice is a diagonal: only that has a gradient
    known = set(result).union(*letters)
    kept = "".join(c for c in once if c in known)
    sums = np.einsum(",".join([result, *letters]) + "->" + kept, dy, *others, optimize=True)
    # Axes that stand in this operand alone have been summed: each of their elements gets the same.
    view = np.einsum(f"{own}->{once}", da) if once != own else da
    view[...] += sums[tuple(slice(None) if c in known else None for c in once)]
