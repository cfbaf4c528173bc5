r"""Gaussian noise: a normal random number of a given standard deviation is added to each element.

.. math:: y_i = x_i + \sigma\, \Phi^{-1}(u_i) \qquad u_i \sim U(0, 1)

x and y (N, ...): axis 0 is the sample. The uniform numbers depend on (seed, op, step, sample, element) alone:
`op` tells the random operations of a net apart, `step` the training steps; the element is the flat position
within the sample. So the noise is the same however the minibatch is computed. The gradient is that of x.

How a random word becomes a normal number: `nbdl.kernels.simd.normal`.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.keys import check_key, samples_and_elements
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.normal import normal_of, tail_of
from nbdl.kernels.simd.philox import fill
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest

_DRAWN = 1024  # words drawn at a time, which stay in the nearest cache; a multiple of 4


@jit
def noisy(x, tail, std):
    """x + std z, where z is the quantile that `tail` says; numbers or vectors of them."""
    return x + std * normal_of(tail)


@jit
def gaussian_noise(x, std, seed, op, step, out=None):
    """Add normal random numbers of standard deviation `std` to the elements of `x`.

    Parameters
    ----------
    x : (N, ...) float array
        Of any number of dimensions.
    std : float
        Finite, from 0.
    seed : int
        From 0 to 2^63 - 1.
    op, step : int
        From 0 to 2^32 - 1: which random operation of the net, which training step.
    out : array of the same shape, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once on one sample before the loop.
    """
    x = as_float("gaussian_noise: `x` (N, ...)", x, ANY)
    std, seed = np.float64(std), integer("gaussian_noise: `seed`", seed)
    op, step = integer("gaussian_noise: `op`", op), integer("gaussian_noise: `step`", step)
    if not (std >= 0 and std <= float(np.finfo(x.dtype).max)):
        raise OptionError("gaussian_noise: `std` must be a finite number from 0, got {}", std)
    check_key("gaussian_noise", seed, op, step)
    view = samples_and_elements(x.shape, x.size)
    y = as_out("gaussian_noise: `out`", out, x.shape, x)
    _gaussian_noise(x.reshape(view), x.dtype.type(std), seed, op, step, y.reshape(view))
    return y


@jit
def gaussian_noise_dx(dy, dx=None):
    """Adds `dy` to `dx` (zeros if not given): the noise does not depend on x."""
    dy = as_float("gaussian_noise_dx: `dy` (N, ...)", dy, ANY)
    dx = as_grad("gaussian_noise_dx: `dx`", dx, dy.shape, dy)
    _gaussian_noise_dx(dy.reshape(dy.size), dx.reshape(dy.size))
    return dx


@jit
def _gaussian_noise(x, std, seed, op, step, y):
    (N, D), r, tails = x.shape, np.empty(_DRAWN, np.uint32), np.empty(_DRAWN, x.dtype)
    p, q, t = pointer(x), pointer(y), pointer(tails)
    for n in range(N):
        for i0 in range(0, D, _DRAWN):
            count, first = min(_DRAWN, D - i0), n * D + i0
            fill(seed, op, step, n, i0 // 4, r[: (count + 3) // 4 * 4])
            for i in range(count):
                # Words become floats here, in a loop of their own: vectors are of floats alone.
                tails[i] = tail_of(np.int64(r[i]))
            for i in range(0, count, lanes(p)):
                left = count - i
                # Beyond the end the tail is 1/2: 0 would have no finite logarithm.
                given, tail = load_rest(p, first + i, left), load_rest(t, i, left, 0.5)
                store_rest(q, first + i, noisy(given, tail, std), left)


@jit
def _gaussian_noise_dx(dy, dx):
    for i in range(dy.size):
        dx[i] += dy[i]


gaussian_noise_outputs = outputs(gaussian_noise)
