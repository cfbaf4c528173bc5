r"""Max unpooling of images: each maximum back at its place, zeros elsewhere.

.. math:: y_{n c k} = x_{n c i} \quad \text{for the last } i \text{ with } k_{n c i} = k, \text{ else } 0

x and index (N, C, P, Q), y (N, C, H, W); index counts the elements of a plane row by row, as
`max_pool2d_argmax` gives it. Where windows overlap, two may have found the same maximum: it is written once.
The gradient of an element of x is that at its place; of those that were written over it is 0.
Zeiler, Taylor and Fergus 2011, Adaptive Deconvolutional Networks, section 2.2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.inputs import as_float, as_labels
from nbdl.kernels.door.options import pair, shape4, too_large
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.window import LIMIT
from nbdl.kernels.pooling.max_pool2d import _check_places


@jit
def max_unpool2d(x, index, size, out=None):
    """Images in which each element of `x` stands at its place.

    Parameters
    ----------
    x : (N, C, P, Q) float array
    index : (N, C, P, Q) array of integers
        From 0 to H W - 1, as `max_pool2d_argmax` gives them.
    size : int or pair
        Height and width (H, W) of the images.
    out : (N, C, H, W) array, optional
        Where the result goes; must not overlap `x`.

    Returns
    -------
    (N, C, H, W) array of the dtype of `x`.

    Raises
    ------
    LabelError
        If an index is out of range, before anything is written.
    ShapeError, DtypeError, OptionError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> max_unpool2d(np.array([[[[5.0, 7.0]]]]), np.array([[[[3, 0]]]]), 2)[0, 0]
    array([[7., 0.],
           [0., 5.]])
    """
    x = as_float("max_unpool2d: `x` (N, C, P, Q)", x, 4)
    index = as_labels("max_unpool2d: `index` (N, C, P, Q)", index, 4)
    H, W = pair("max_unpool2d: `size`", size)
    if min(H, W) < 0 or max(H, W) >= LIMIT or too_large((x.shape[0], x.shape[1], H, W)):
        raise OptionError("max_unpool2d: `size` must be one that images can have, got {} x {}", H, W)
    if index.shape != x.shape:
        raise ShapeError("max_unpool2d: `index` must have the shape {} of `x`, got {}", x.shape, index.shape)
    y = as_out("max_unpool2d: `out`", out, (x.shape[0], x.shape[1], H, W), x)
    places = index.reshape(index.size)
    # After this check y is indexed by places without a check.
    _check_places("max_unpool2d", places, H * W)
    _max_unpool2d(x.reshape(x.size), places, x.shape[2] * x.shape[3], H * W, y.reshape(y.size))
    return y


@jit
def _max_unpool2d(x, index, count, plane, y):
    for k in range(y.size):
        y[k] = x.dtype.type(0)
    for i in range(x.size):
        # In order: of two elements at one place the last stays, as the gradient takes it.
        y[i // count * plane + index[i]] = x[i]


@jit
def max_unpool2d_dx(dy, index, x_shape, dx=None):
    """Adds the elements of `dy` (N, C, H, W) at the places `index` to `dx`, of shape `x_shape` (N, C, P, Q).

    `dx` is new (zeros) if not given. Raises `LabelError` if an index is not in [0, H W).
    """
    dy = as_float("max_unpool2d_dx: `dy` (N, C, H, W)", dy, 4)
    index = as_labels("max_unpool2d_dx: `index` (N, C, P, Q)", index, 4)
    x_shape = shape4("max_unpool2d_dx: `x_shape` (N, C, P, Q)", x_shape)
    if index.shape != x_shape:
        text = "max_unpool2d_dx: `index` must have the shape {} of `x`, got {}"
        raise ShapeError(text, x_shape, index.shape)
    if x_shape[0] != dy.shape[0] or x_shape[1] != dy.shape[1]:
        raise ShapeError("max_unpool2d_dx: `dy` must fit `x_shape` {} in N and C, got {}", x_shape, dy.shape)
    dx = as_grad("max_unpool2d_dx: `dx`", dx, x_shape, dy)
    places, plane = index.reshape(index.size), dy.shape[2] * dy.shape[3]
    _check_places("max_unpool2d_dx", places, plane)
    _max_unpool2d_dx(dy.reshape(dy.size), places, x_shape[2] * x_shape[3], plane, dx.reshape(dx.size))
    return dx


@jit
def _max_unpool2d_dx(dy, index, count, plane, dx):
    last = np.empty(plane, np.int64)  # which element was written to each place
    # Not cleared between planes: what is read has been written by the loop before.
    for first in range(0, dx.size, max(count, 1)):
        for i in range(first, first + count):
            last[index[i]] = i
        for i in range(first, first + count):
            if last[index[i]] == i:
                dx[i] += dy[i // count * plane + index[i]]


max_unpool2d_outputs = outputs(max_unpool2d)
