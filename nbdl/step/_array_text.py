"""The array operations of the tape as text of a compiled net (see `_function.py`): one expression for each.

Every array in that text is C-contiguous and has at least one dimension: a number is an array of shape (1,).
Sizes are text too: that of the samples is ``n``. Reductions see the array as a matrix (R, K), and reduce its
rows, in float64.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import LabelError
from nbdl.kernels import bmm, matmul

_EACH = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "power": "{} ** {}", "neg": "-{}",
    "maximum": "np.maximum({}, {})", "minimum": "np.minimum({}, {})", "where": "np.where({}, {}, {})",
    "equal": "{} == {}", "not_equal": "{} != {}", "less": "{} < {}", "less_equal": "{} <= {}",
    "greater": "{} > {}", "greater_equal": "{} >= {}", "logical_and": "np.logical_and({}, {})",
    "logical_or": "np.logical_or({}, {})", "logical_not": "np.logical_not({})", "exp": "np.exp({})",
    "log": "np.log({})", "sqrt": "np.sqrt({})", "absolute": "np.abs({})",
}  # fmt: skip


def array_text(node, inputs):
    """The expression of an array operation on these names (None where an input is missing), or None."""
    name, c = node.record.name, node.constants
    if not str(node.record.forward).startswith("nbdl.array_ops."):
        return None  # a plugin's, put in the place of ours
    if name in _EACH:
        return _EACH[name].format(*inputs)
    if name == "clip":
        a, low, high = inputs
        a = a if low is None else f"np.maximum({a}, {low})"
        return a if high is None else f"np.minimum({a}, {high})"
    if name == "astype":
        return f"{inputs[0]}.astype({number(np.dtype(c['dtype']))})"
    (a, *_), out = [None if v is None else sizes(v) for v in node.inputs], shape(sizes(node.output))
    if name == "reshape":
        return f"{inputs[0]}.reshape({out})"
    if name == "transpose":
        axes = c["axes"] or tuple(range(len(a)))[::-1]
        return _in_order(inputs[0], tuple(i % len(a) for i in axes))
    if name == "getitem":
        index = _index(c["index"], a)
        text = f"np.ascontiguousarray({inputs[0]}[{index or ':'}]).reshape({out})"
        return None if index is None else text
    if name == "concatenate":
        return f"np.concatenate(({inputs[0]}, {inputs[1]}), {c['axis'] % len(a)})"
    if name == "tile":
        times, one = node.constants["reps"], a or ["1"]
        ndim = max(len(times), len(one))
        one, times = ["1"] * (ndim - len(one)) + one, (1,) * (ndim - len(times)) + tuple(times)
        rows = shape([part for size in one for part in ("1", size)])
        copies = shape([part for n, size in zip(times, one) for part in (str(n), size)])
        return f"np.ascontiguousarray(np.broadcast_to({inputs[0]}.reshape({rows}), {copies})).reshape({out})"
    if name == "take":
        axis = c["axis"] % len(a)
        places = f"places({inputs[1]}, {a[axis]})"
        return f"np.ascontiguousarray({inputs[0]}[{':, ' * axis}{places}]).reshape({out})"
    if name == "take_along_axis":
        axis, b = c["axis"] % len(a), sizes(node.inputs[1])
        order = (*(i for i in range(len(a)) if i != axis), axis)
        one, two = (
            f"{_in_order(text, order)}.reshape(({_product(s, order[:-1])}, {s[axis]}))"
            for text, s in zip(inputs, (a, b))
        )
        moved = shape([b[i] for i in order])
        return _in_order(f"rows_taken({one}, {two}).reshape({moved})", tuple(map(int, np.argsort(order))))
    if name == "matmul":
        return _matmul(inputs, a, sizes(node.inputs[1]), out)
    if f"rows_{name}" not in NAMES:
        return None
    kept, reduced = _split(c["axis"], len(a))
    order = (*kept, *reduced)
    rows = f"{_in_order(inputs[0], order)}.reshape(({_product(a, kept)}, {_product(a, reduced)}))"
    ddof = f", {c['ddof']}" if "ddof" in c else ""
    call = f"rows_{name}({rows}, {number(node.output.dtype)}(0){ddof})"
    if name == "cumsum" and c["axis"] is not None:
        moved = shape([a[i] for i in order])
        return _in_order(f"{call}.reshape({moved})", tuple(int(i) for i in np.argsort(order)))
    return f"{call}.reshape({out})"


def sizes(value):
    """The sizes of a value as texts."""
    return ["n"] * value.batched + [str(size) for size in value.shape] or ["1"]


def number(dtype):
    """The name of a dtype."""
    return "np.bool_" if dtype.kind == "b" else f"np.{dtype}"


def shape(texts):
    return f"({', '.join(texts)},)"


def _product(a, axes):
    return " * ".join(a[i] for i in axes) or "1"


def _in_order(a, axes):
    return a if axes == tuple(range(len(axes))) else f"np.ascontiguousarray(np.transpose({a}, {axes}))"


def _split(axis, ndim):
    """The axes that stay, and those that are reduced."""
    reduced = range(ndim) if axis is None else [i % ndim for i in np.atleast_1d(axis).tolist()]
    return [i for i in range(ndim) if i not in reduced], list(reduced)


def _matmul(names, a, b, out):
    """``a @ b`` by the kernels of two matrices, or of two stacks of them."""
    rows = a[:-1] if len(a) > 1 else ["1"]
    columns = b[-1] if len(b) > 1 else "1"
    if len(b) < 3:
        left = f"{names[0]}.reshape(({' * '.join(rows)}, {a[-1]}))"
        return f"matmul({left}, {names[1]}.reshape(({a[-1]}, {columns}))).reshape({out})"
    one, two = [*rows, a[-1]], b
    ndim = max(len(one), len(two)) - 2
    pairs = zip(["1"] * (ndim + 2 - len(one)) + one[:-2], ["1"] * (ndim + 2 - len(two)) + two[:-2])
    stack = [q if p == "1" else p for p, q in pairs]

    def spread(name, given):
        whole = [*stack, *given[-2:]]
        text = f"{name}.reshape({shape(given)})"
        if given != whole:
            text = f"np.ascontiguousarray(np.broadcast_to({text}, {shape(whole)}))"
        return f"{text}.reshape(({' * '.join(stack)}, {given[-2]}, {given[-1]}))"

    return f"bmm({spread(names[0], one)}, {spread(names[1], two)}).reshape({out})"


def _index(index, a):
    """The text of an index on an array of sizes `a`, which keeps all axes; or None if there is no such text.

    A number becomes a slice of one; new axes come with the reshaping behind it.
    """
    parts = [p for p in (index if isinstance(index, tuple) else (index,)) if p is not None]
    parts = [np.asarray(p) if isinstance(p, (list, tuple)) else p for p in parts]
    arrays = [isinstance(p, np.ndarray) and p.ndim > 0 for p in parts]
    if sum(arrays) > 1 or any(isinstance(p, (bool, np.bool_)) for p in parts):
        return None
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if dots:
        parts[dots[0] : dots[0] + 1] = [slice(None)] * (len(a) + 1 - len(parts))
    if any(arrays):  # NumPy moves the axes of an array and of a number that are apart
        which = [i for i, p in enumerate(parts) if not isinstance(p, slice)]
        if which != list(range(which[0], which[-1] + 1)):
            return None
    texts = []
    for part, size in zip(parts, a):
        if isinstance(part, slice):
            texts.append(":".join("" if v is None else str(v) for v in (part.start, part.stop, part.step)))
        elif np.ndim(part) == 0:
            at = int(part)
            texts.append(f"{at}:{at + 1}" if at >= 0 else f"{size} - {-at}:{size} - {-at - 1}")
        elif part.ndim == 1 and (part.dtype != bool or str(len(part)) == size):
            places = np.flatnonzero(part) if part.dtype == bool else part
            texts.append(f"np.array({places.tolist()}, np.int64)" if len(places) else "0:0")
        else:
            return None
    return ", ".join(texts)


# --- reductions of the rows of a matrix ---------------------------------------------------------------------


@jit
def _sum(rows, zero):
    y = np.full(rows.shape[0], zero)
    for r in range(rows.shape[0]):
        total = 0.0
        for v in rows[r]:
            total += v
        y[r] = total
    return y


@jit
def _mean(rows, zero):
    y = np.full(rows.shape[0], zero)
    y[:] = _sum(rows, 0.0) / rows.shape[1]
    return y


@jit
def _var(rows, zero, ddof):
    y, means = np.full(rows.shape[0], zero), _mean(rows, 0.0)
    for r in range(rows.shape[0]):
        squares = 0.0
        for v in rows[r]:
            squares += (v - means[r]) ** 2
        y[r] = squares / max(rows.shape[1] - ddof, 0)
    return y


@jit
def _std(rows, zero, ddof):
    return np.sqrt(_var(rows, zero, ddof))


@jit
def _prod(rows, zero):
    y = np.full(rows.shape[0], zero)
    for r in range(rows.shape[0]):
        total = 1.0
        for v in rows[r]:
            total *= v
        y[r] = total
    return y


@jit
def _cumsum(rows, zero):
    y = np.full(rows.shape, zero)
    for r in range(rows.shape[0]):
        total = 0.0
        for k in range(rows.shape[1]):
            total += rows[r, k]
            y[r, k] = total
    return y


@jit
def _argmax(rows, zero):
    """The first NaN of each row, or else the first of its largest elements."""
    y = np.zeros(rows.shape[0], np.int64)
    for r in range(rows.shape[0]):
        for k in range(1, rows.shape[1]):
            v, best = rows[r, k], rows[r, y[r]]
            if v > best or (v != v and best == best):
                y[r] = k
    return y


@jit
def _argmin(rows, zero):
    return _argmax(-rows, zero)


@jit
def _max(rows, zero):
    y, at = np.full(rows.shape[0], zero), _argmax(rows, zero)
    for r in range(rows.shape[0] if rows.shape[1] > 0 else 0):
        y[r] = rows[r, at[r]]
    return y


@jit
def _min(rows, zero):
    return -_max(-rows, zero)


# --- elements at places that are data -----------------------------------------------------------------------


@jit
def _places(indices, size):
    """The indices as a list, from 0 on; compiled code does not look at the bounds of an array."""
    found = indices.reshape(indices.size).astype(np.int64)
    for i in range(found.size):
        if found[i] < -size or found[i] >= size:
            raise LabelError("predict: `indices` must be from {} to {}, got {}", -size, size - 1, found[i])
        found[i] += size if found[i] < 0 else 0
    return found


@jit
def _taken(rows, indices):
    """Of each row the elements at its own places."""
    places = _places(indices, rows.shape[1]).reshape(indices.shape)
    y = np.empty(indices.shape, rows.dtype)
    for r in range(y.shape[0]):
        for k in range(y.shape[1]):
            y[r, k] = rows[r, places[r, k]]
    return y


NAMES = {
    "matmul": matmul, "bmm": bmm, "rows_sum": _sum, "rows_mean": _mean, "rows_var": _var, "rows_std": _std,
    "rows_prod": _prod, "rows_cumsum": _cumsum, "rows_argmax": _argmax, "rows_argmin": _argmin,
    "rows_max": _max, "rows_min": _min, "places": _places, "rows_taken": _taken,
}  # fmt: skip
