"""Pairs of probability tables: the door of all kernels that compare p with q."""

from typing import NamedTuple

import numpy as np
from numba.extending import overload

from nbdl.kernels.door.describe import name_in
from nbdl.kernels.door.options import integer, split_axis
from nbdl.kernels.information.tables import as_table, nats_in, same_table, text, without


class Pair(NamedTuple):
    """Two tables (outer, n, inner) of one dtype, distributions along n, and their names in errors."""

    p: np.ndarray
    q: np.ndarray
    where_p: str
    where_q: str


def as_pair(kernel, p, q, axis, base):
    """The arguments of a kernel of this name, a constant, as (`Pair`, nats, table shape, result shape).

    `nats` is how many of them the unit of logarithms to `base` has. The result has a number for each
    distribution along `axis`: its shape is that of the tables without this axis.
    """
    where_p, where_q = f"{kernel}: `p`", f"{kernel}: `q`"
    p, axis = as_table(where_p, p), integer(f"{kernel}: `axis`", axis)
    # After p: an error says what q should be, of the shape and dtype of p.
    q, nats = same_table(where_q, q, p), nats_in(f"{kernel}: `base`", base)
    view = split_axis(kernel, p.shape, axis)
    return Pair(p.reshape(view), q.reshape(view), where_p, where_q), nats, p.shape, without(p.shape, axis)


@overload(as_pair, prefer_literal=True)
def _as_pair(kernel, p, q, axis, base):
    name = name_in(kernel)
    # Texts made while compiling: the errors of the door name the kernel that was called.
    name_p, name_q, name_axis, name_base = (f"{name}: `{a}`" for a in ("p", "q", "axis", "base"))

    def impl(kernel, p, q, axis, base):
        p, axis = as_table(name_p, p), integer(name_axis, axis)
        q, nats = same_table(name_q, q, p), nats_in(name_base, base)
        view = split_axis(text(name), p.shape, axis)
        pair = Pair(p.reshape(view), q.reshape(view), text(name_p), text(name_q))
        return pair, nats, p.shape, without(p.shape, axis)

    return impl
