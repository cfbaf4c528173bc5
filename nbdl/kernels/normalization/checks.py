"""What norms over channels check of their arguments."""

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError


@jit
def check_view(where, shape):
    """The shape as (N, C, S), S the product of the axes behind the channels."""
    n = c = s = 1
    axes = 0  # counted: Numba would settle len(shape) < 2 while compiling, and the caller would not compile
    for d in range(len(shape)):
        axes += 1
        if d == 0:
            n = shape[d]
        elif d == 1:
            c = shape[d]
        else:
            s *= shape[d]
    if axes < 2:
        raise ShapeError("{} must have at least 2 dimensions (N, C), got shape {}", where, shape)
    return n, c, s


@jit
def check_size(where, count, channels, optional):
    # The door turns None into an array of 0 elements.
    if count != channels and not (optional and count == 0):
        raise ShapeError("{} must have {} elements, one for each channel, got {}", where, channels, count)


@jit
def check_like(kernel, dy_shape, x_shape):
    if dy_shape != x_shape:
        raise ShapeError("{}: `dy` must have shape {}, that of `x`, got {}", kernel, x_shape, dy_shape)


@jit
def check_backward(kernel, dy_shape, x_shape):
    check_like(kernel, dy_shape, x_shape)
    return check_view(kernel, dy_shape)


@jit
def check_places(where, shape):
    """`check_view` of a shape with axes behind the channels."""
    axes = 0
    for _ in range(len(shape)):
        axes += 1
    if axes < 3:
        raise ShapeError(
            "{} must have at least 3 dimensions (N, C, L), for one value has no variance; got shape {}",
            where,
            shape,
        )
    return check_view(where, shape)


@jit
def check_groups(kernel, channels, groups):
    # In this order, so that there is no remainder by 0.
    if groups < 1 or channels % groups:
        raise OptionError(
            "{}: `groups` must be a divisor of the number of channels, {}, got {}", kernel, channels, groups
        )


@jit
def check_eps(kernel, eps):
    if not eps > 0:
        raise OptionError("{}: `eps` must be positive, got {}", kernel, eps)


@jit
def check_eps_of(kernel, eps, x):
    """`check_eps`, where it is added in the dtype of `x`."""
    # A float64 above 0 may be 0 as a float32: of a constant row 0 would be divided by 0.
    if not x.dtype.type(eps) > 0:
        raise OptionError("{}: `eps` must be positive in the dtype of `x`, got {}", kernel, eps)


@jit
def check_rows(kernel, shape, axes):
    """The shape as (rows, 1, D), D the product of the last `axes` axes."""
    count = size = 1
    ndim = len(shape)
    if axes < 1 or axes >= ndim:
        raise OptionError(
            "{}: `axes` must be from 1 to {}, of {} dimensions, the first of which are samples, got {}",
            kernel, ndim - 1, ndim, axes,
        )  # fmt: skip
    for d in range(ndim):
        if d < ndim - axes:
            count *= shape[d]
        else:
            size *= shape[d]
    return count, 1, size


@jit
def check_affine(where, count, size):
    if count != size and count != 0:
        raise ShapeError("{} must have {} elements, one for each of a row, got {}", where, size, count)
