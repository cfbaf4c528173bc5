"""What compiled code cannot take from Python, said in one sentence that names the argument."""

import numpy as np
from numba import typeof, types
from numba.core.dispatcher import OmittedArg
from numba.core.errors import NumbaError
from numba.np.numpy_support import from_dtype

from nbdl.errors import DtypeError, OptionError

_REFUSED = "{}: `{}` must not be {}, which compiled code cannot hold: {}"
_TOO_LARGE = "{}: `{}` must be from -2^63 to 2^63 - 1, got {}"
_MASKED = "{}: no argument must be a masked array, whose mask would be lost: give a.filled(0), or what counts"
_NO_FORM = "{} does not take {}. Its page says what it takes: help(nbdl.kernels.{})"


def refuse(function, names, values):
    """Raise an error for the first of the arguments that Numba has no type for, or would misread.

    Lists, which Numba copies with a page of warnings, are refused for the functions of nbdl itself.
    """
    lists = not (function.__module__ or "").startswith("nbdl.")
    for name, value in zip(names, values):
        for i in value if isinstance(value, tuple) else (value,):
            if isinstance(i, int) and not -(2**63) <= i < 2**64:
                raise OptionError(_TOO_LARGE, function.__name__, name, i)
        found = _foreign(name, value, lists)
        if found is not None:
            raise DtypeError(_REFUSED, function.__name__, name, *found)


def type_of(function, own, value):
    """Numba's type of an argument, by its `own` way: asked for where it has not seen the like."""
    if isinstance(value, np.ma.MaskedArray):
        raise DtypeError(_MASKED, function.__name__)
    try:
        return own(value)
    except OverflowError:
        return types.pyobject  # `refuse` has the name of the argument


# Else Numba, which refuses masked arrays, takes one for the plain array of its type if it has seen such one.
np.ma.MaskedArray.__numba_array_subtype_dispatch__ = True


def no_form(function, names, values):
    """The `DtypeError` of arguments that all have a type, but not one that the built-in `function` is for."""
    said = (f"{n}: {_kind(v)}" for n, v in zip(names, values) if not isinstance(v, OmittedArg))
    return DtypeError(_NO_FORM, function.__name__, ", ".join(said), function.__name__)


def _foreign(name, value, lists):
    """(what it is, what to do) of a value that compiled code cannot take, else None."""
    if isinstance(value, np.ndarray):
        if _has_type(value.dtype):
            return None
        return f"an array of {_spell(value.dtype)}", f"cast it, {name}.astype(np.{_near(value.dtype)})"
    what = _spell_class(type(value))
    what = f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
    if type(value).__module__.startswith("nbdl.") and hasattr(value, "detach"):
        return "a Tensor", f"give its array, {name}.data"
    if callable(getattr(value, "detach", None)) and callable(getattr(value, "numpy", None)):
        return what, f"give its array, {name}.detach().numpy()"
    if isinstance(value, list) and (not lists or _type_of(value) is None):
        return what, f"give a tuple, or np.asarray({name})"
    if not isinstance(value, OmittedArg) and _type_of(value) is None:
        makes_one = hasattr(value, "__array__") or isinstance(value, (tuple, range))
        return what, f"give np.asarray({name})" if makes_one else "give numbers or an array of numbers"
    return None


def _has_type(dtype):
    if dtype == np.float16 or dtype.hasobject:
        return False
    try:
        from_dtype(dtype)
    except NumbaError:
        return False
    return True


def _type_of(value):
    """Numba's type of a value; None for what it has none for, and for lists that it could not read."""
    try:
        kind = typeof(value)
    except (NumbaError, TypeError, ValueError):
        return None
    inner = getattr(kind, "dtype", None)
    return None if isinstance(kind, types.List) and isinstance(inner, types.Container) else kind


def _near(dtype):
    """The dtype of compiled code that a dtype is cast to."""
    if dtype.kind in "iu":
        return dtype.newbyteorder("=").name
    return "float32" if dtype.kind == "f" and dtype.itemsize <= 4 else "float64"


def _spell(dtype):
    return dtype.name if dtype.isnative else f"{dtype.name} in the byte order of other machines"


def _spell_class(kind):
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _kind(value):
    if isinstance(value, np.ndarray):
        return f"{value.ndim}-D {value.dtype} array"
    return "None" if value is None else _spell_class(type(value))
