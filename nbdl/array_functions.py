"""Functions of several tensors, under the names that they have in NumPy; gradients flow to all of them."""

import itertools
import string

import numpy as np

from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.tape import Tensor, alike, apply, as_tensor


def where(condition, a, b):
    """`a` where `condition` holds, else `b`; the three are broadcast. No gradient flows to the condition."""
    return apply("where", condition, a, b)


def maximum(a, b):
    """The larger of `a` and `b`, element by element; equal ones share the gradient."""
    return apply("maximum", a, b)


def minimum(a, b):
    """The smaller of `a` and `b`, element by element; equal ones share the gradient."""
    return apply("minimum", a, b)


def concatenate(tensors, axis=0):
    """Tensors or arrays, whose shapes may differ along `axis` only, one after the other."""
    tensors = _several("concatenate", tensors)
    axis = _axis("concatenate", axis, tensors[0].ndim)
    first = tensors[0].shape
    for i, t in enumerate(tensors):
        if t.ndim != len(first) or t.shape[:axis] + t.shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise ShapeError(
                "concatenate: shapes may differ along axis {} only, got {} at 0 and {} at {}",
                axis, first, t.shape, i,
            )  # fmt: skip
    while len(tensors) > 1:  # by pairs, so that nothing is copied more than log2(n) times
        pairs = [apply("concatenate", *tensors[i : i + 2], axis=axis) for i in range(0, len(tensors) - 1, 2)]
        tensors = pairs + tensors[2 * len(pairs) :]
    return tensors[0]


def stack(tensors, axis=0):
    """Tensors or arrays of one shape side by side along a new axis."""
    tensors = _several("stack", tensors)
    axis = _axis("stack", axis, tensors[0].ndim + 1)
    for i, t in enumerate(tensors):
        if t.shape != tensors[0].shape:
            raise ShapeError(
                "stack: shapes must agree, got {} at 0 and {} at {}", tensors[0].shape, t.shape, i
            )
    return concatenate([t[(slice(None),) * axis + (None,)] for t in tensors], axis)


def split(tensor, parts, axis=0):
    """The pieces of a tensor along `axis`, as a list.

    Parameters
    ----------
    tensor : Tensor or array
    parts : int, or a tuple or list of integers
        How many pieces of one size; or the positions of the cuts.
    axis : int

    Examples
    --------
    >>> [t.shape for t in nbdl.split(np.zeros((6, 2)), 3)]
    [(2, 2), (2, 2), (2, 2)]
    """
    tensor = as_tensor(tensor)
    axis = _axis("split", axis, tensor.ndim)
    size = tensor.shape[axis]
    if isinstance(parts, (int, np.integer)):
        if parts < 1 or size % parts:
            raise OptionError("split: `parts` must divide {} elements, got {}", size, parts)
        parts = range(size // parts, size, size // parts) if size else [0] * (parts - 1)
    cuts = [None, *parts, None]
    return [tensor[(slice(None),) * axis + (slice(a, b),)] for a, b in itertools.pairwise(cuts)]


def tile(tensor, reps):
    """Copies of a tensor side by side: `reps` of them along each axis, an int or a tuple.

    A longer tuple adds axes in front, as in NumPy; the gradient is the sum over the copies.

    Examples
    --------
    >>> nbdl.tile(np.array([[1.0, 2.0]]), (2, 2)).numpy()
    array([[1., 2., 1., 2.],
           [1., 2., 1., 2.]])
    """
    times = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 0 for n in times):
        raise OptionError("tile: `reps` must be integers from 0, got {!r}", reps)
    return apply("tile", tensor, reps=tuple(map(int, times)))


def take(tensor, indices, axis=0):
    """The parts of a tensor at these places along `axis`: ``tensor[:, indices]`` for axis 1.

    `indices` is an array or tensor of integers of any shape, which stands in the place of the axis; it may be
    an input of the net, which an index in brackets may not. What is taken more than once gets the sum of the
    gradients.

    Examples
    --------
    >>> nbdl.take(np.array([[1.0, 2.0, 3.0]]), np.array([2, 0]), axis=1).numpy()
    array([[3., 1.]])
    """
    return apply("take", tensor, indices, axis=axis)


def take_along_axis(tensor, indices, axis=-1):
    """Of each row along `axis` the elements at its own places; ``gather`` in torch.

    `indices`, integers, have the shape of the tensor but along `axis`.

    Examples
    --------
    >>> nbdl.take_along_axis(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1], [0]])).numpy()
    array([[2.],
           [3.]])
    """
    return apply("take_along_axis", tensor, indices, axis=axis)


def einsum(subscripts, *tensors):
    """Sums of products over axes that are named by letters, as ``np.einsum``; gradients flow to all tensors.

    Parameters
    ----------
    subscripts : str
        The letters of the axes of each tensor, separated by commas, and after ``->`` those of the result. A
        letter that is not in the result is summed over. Without ``->`` the result has the letters that occur
        once, in the order of the alphabet. ``...`` stands for further axes, which must be as many in each.
    *tensors : Tensors or arrays
        As many as there are groups of letters. More than two are multiplied one after the other, each sum
        taken as soon as no other tensor has its letter.

    Examples
    --------
    >>> nbdl.einsum("ij,j->i", np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0])).numpy()
    array([21., 43.])
    """
    tensors = _several("einsum", tensors)
    groups, result = _letters(subscripts, tensors)
    t, own = tensors[0], groups[0]
    for i in range(1, max(2, len(tensors))):
        needed = set(result).union(*groups[i + 1 :])
        if i == len(tensors):
            return apply("einsum", t, None, subscripts=f"{own}->{result}")
        both = dict.fromkeys(own + groups[i])
        left = result if i == len(tensors) - 1 else "".join(c for c in both if c in needed)
        t, own = apply("einsum", t, tensors[i], subscripts=f"{own},{groups[i]}->{left}"), left
    return t


def _letters(subscripts, tensors):
    """The letters of each tensor and of the result, checked, with letters in the place of an ellipsis."""
    if not isinstance(subscripts, str):
        raise DtypeError("einsum: `subscripts` must be a text, got {}", type(subscripts).__name__)
    inputs, arrow, result = subscripts.replace(" ", "").partition("->")
    groups = inputs.split(",")
    if len(groups) != len(tensors):
        text = "einsum: `subscripts` {!r} has letters for {} tensors, got {}"
        raise ShapeError(text, subscripts, len(groups), len(tensors))
    unused = [c for c in string.ascii_letters if c not in subscripts]
    further = 0
    for i, (group, t) in enumerate(zip(groups, tensors)):
        if "..." in group:
            further = t.ndim - len(group) + 3
            groups[i] = group.replace("...", "".join(unused[: max(further, 0)]))
        if not set(groups[i]) <= set(string.ascii_letters):
            raise OptionError(
                "einsum: `subscripts` must be letters, `,`, `...` and `->`, got {!r}", subscripts
            )
        if len(groups[i]) != t.ndim:
            text = "einsum: `subscripts` {!r} has {} letters for tensor {}, whose shape is {}"
            raise ShapeError(text, subscripts, len(group), i, t.shape)
    joined = "".join(groups)
    if not arrow:
        result = "".join(unused[:further] if "..." in inputs else [])
        result += "".join(sorted(c for c in set(joined) if joined.count(c) == 1 and c not in result))
    result = result.replace("...", "".join(unused[:further]))
    if len(set(result)) < len(result) or not set(result) <= set(joined):
        text = "einsum: `subscripts` {!r} must have each letter of the result once, and in a tensor"
        raise OptionError(text, subscripts)
    sizes = {}
    for group, t in zip(groups, tensors):
        for letter, size in zip(group, t.shape):
            if sizes.setdefault(letter, size) != size:
                text = "einsum: `subscripts` {!r} gives one letter, {}, to axes of {} and {} elements"
                raise ShapeError(text, subscripts, letter, sizes[letter], size)
    return groups, result


def full(shape, value, *, like, dtype=None):
    """A tensor of `value` everywhere, for as many samples as `like` has; no gradient flows to it.

    Parameters
    ----------
    shape : int, or a tuple or list of integers
        Of one sample: (H,) makes (N, H).
    value : number
    like : (N, ...) Tensor or array
        A net that is compiled takes N from it, whatever the minibatch.
    dtype : dtype, optional
        That of `like` where this holds floats, else float32.

    Examples
    --------
    >>> nbdl.full((2,), 0.5, like=np.zeros((3, 7))).shape
    (3, 2)
    """
    like = as_tensor(like)
    if like.ndim < 1:
        raise ShapeError("full: `like` must have samples, (N, ...), got one number")
    if dtype is None:
        dtype = like.dtype if like.dtype.kind == "f" else np.float32
    dtype = np.dtype(dtype)
    if dtype.kind not in "biuf":
        raise DtypeError("full: `dtype` must be one of real numbers, got {}", dtype)
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if not all(isinstance(n, (int, np.integer)) and n >= 0 for n in shape):
        raise ShapeError("full: `shape`, of one sample, must hold integers from 0, got {}", shape)
    return Tensor(np.full((len(like), *shape), value, dtype))


def zeros(shape, *, like, dtype=None):
    """Zeros for as many samples as `like` has, as the state that a recurrent net begins with: see `full`.

    Examples
    --------
    >>> nbdl.zeros((16,), like=np.ones((3, 7))).shape
    (3, 16)
    """
    return full(shape, 0, like=like, dtype=dtype)


def ones(shape, *, like, dtype=None):
    """Ones for as many samples as `like` has: see `full`."""
    return full(shape, 1, like=like, dtype=dtype)


def _several(where, tensors):
    tensors = list(tensors)
    if not tensors:
        raise ShapeError("{}: `tensors` must hold at least one", where)
    return alike(tensors)


def _axis(where, axis, ndim):
    if not -ndim <= axis < ndim:
        raise OptionError("{}: `axis` must be from {} to {}, got {}", where, -ndim, ndim - 1, axis)
    return axis % ndim
