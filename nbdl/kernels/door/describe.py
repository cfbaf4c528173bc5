"""How the errors of the door name an argument and what was given instead, for values and for Numba types."""

import numpy as np
from numba import njit, types

from nbdl.kernels.door.sizes import Sizes


def is_array(a):
    """Whether `a` is an array or stands for one; a masked one is refused, for its mask would be lost."""
    return isinstance(a, (np.ndarray, Sizes)) and not isinstance(a, np.ma.MaskedArray)


def describe(a):
    """A value that is refused: "float64 3x4", or the name of its type."""
    return f"{a.dtype} {'x'.join(map(str, a.shape))}" if is_array(a) else type(a).__name__


_WORDS = {
    types.List: "a list", types.Set: "a set", types.Tuple: "a tuple", types.UniTuple: "a tuple",
    types.UnicodeType: "a text", types.UnicodeCharSeq: "text", types.Record: "record",
}  # fmt: skip


def describe_type(a):
    """A Numba type that is refused: "a 2-D float64 array, read-only"."""
    if isinstance(a, types.Array):
        dtype, read_only = _WORDS.get(type(a.dtype), a.dtype), "" if a.mutable else ", read-only"
        return f"a {a.ndim}-D {dtype} array{read_only}"
    if isinstance(a, types.Optional):
        return f"{describe_type(a.type)} or None, which only the run decides: call the kernel in each branch"
    return "None" if is_none(a) else _WORDS.get(type(a), str(a))


def name_in(where):
    """The text of `where` while compiling: kernel and argument, if the kernel gave a constant."""
    return where.literal_value if isinstance(where, types.StringLiteral) else "argument"


def is_none(a):
    """Whether an argument of this Numba type is None, given or by default."""
    return isinstance(a, (types.NoneType, types.Omitted)) or a is None


def raiser(error, message):
    """A compiled function that raises this error.

    An overload must compile for types that it refuses: the error is one of the call, not of the compiler.
    """

    @njit
    def fail():
        raise error(message)

    return fail
