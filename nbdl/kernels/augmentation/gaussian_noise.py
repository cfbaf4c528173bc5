r"""Gaussian noise: a normal random number of a given standard deviation is added to each element.

.. math:: y_i = x_i + \sigma\, \Phi^{-1}(u_i) \qquad u_i \sim U(0, 1)

x and y (N, ...): axis 0 is the sample. The uniform numbers depend on (seed, op, step, sample, element) alone:
`op` tells the random operations of a net apart, `step` the training steps; the element is the flat position
within the sample. So the noise is the same however the minibatch is computed. The gradient is that of x.

The quantile of the normal distribution is algorithm AS 241 of Wichura 1988, PPND16: quotients of polynomials,
of q = u - 1/2 in the middle and of sqrt(-log) of the probability of the tail outside, right to 16 digits. A
random word is a probability from 2^-33 on: no number is farther from 0 than 6.4.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.keys import check_key, samples_and_elements
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.philox import fill
from nbdl.kernels.simd.registers import pointer, sqrt, where
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.vector_math import log

_DRAWN = 1024  # words drawn at a time, which stay in the nearest cache; a multiple of 4
_HALF, _LAST = np.int64(2**31), np.int64(2**32 - 1)

# Wichura's coefficients, from that of the 7th power down to the constant
MIDDLE = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
UNDER_MIDDLE = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
)  # fmt: skip
TAIL = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
    1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
    4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
UNDER_TAIL = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
    1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
    2.05319162663775882187e0, 1.0,
)  # fmt: skip


@jit
def tail_of(word):
    """The probability beyond the quantile of a random word, at most 1/2; negative on the lower side."""
    # Counted from the nearer end, where a float32 has digits to spare; the half keeps it from 0.
    return -(word + 0.5) / 2.0**32 if word < _HALF else (_LAST - word + 0.5) / 2.0**32


@jit
def _horner(c, x):
    return ((((((c[0] * x + c[1]) * x + c[2]) * x + c[3]) * x + c[4]) * x + c[5]) * x + c[6]) * x + c[7]


@jit
def noisy(x, tail, std):
    """x + std z, where z is the quantile that `tail` says; numbers or vectors of them."""
    p = abs(tail)
    q = 0.5 - p
    # 0.180625 is 0.425^2, the edge of the middle. Wichura's third case, sqrt(-log p) > 5, needs p < 2^-36.
    r, s = 0.180625 - q * q, sqrt(-log(p)) - 1.6
    # Both in every lane: neighbouring elements fall on either side.
    middle, outside = (
        q * (_horner(MIDDLE, r) / _horner(UNDER_MIDDLE, r)),
        _horner(TAIL, s) / _horner(UNDER_TAIL, s),
    )
    z = where(q <= 0.425, middle, outside)
    return x + std * where(tail < 0.0, -z, z)


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
