r"""Samples of normal distributions with given means and variances, by reparameterization.

.. math:: z = \mu + \sigma\, \epsilon \qquad \sigma = e^{\frac12 \log \sigma^2} \qquad
          \epsilon = \Phi^{-1}(u) \qquad u \sim U(0, 1)

mean, log_var and z (N, ...): axis 0 is the sample. The randomness stands beside the parameters, so that z has
a gradient with respect to both: that of mean is dz, that of log_var is dz sigma epsilon / 2. The uniform
numbers depend on (seed, op, step, sample, element) alone: `op` tells the random operations of a net apart,
`step` the training steps; the element is the flat position within the sample. So z is the same however the
minibatch is computed. With a mean and a log_var of zeros these are standard normal numbers.
Kingma and Welling 2013, Auto-encoding variational Bayes, section 2.4.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.keys import check_key, samples_and_elements
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.normal import normal_of, tail_of
from nbdl.kernels.simd.philox import fill
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.vector_math import exp

_DRAWN = 1024  # words drawn at a time, which stay in the nearest cache; a multiple of 4


@jit
def gaussian_sample(mean, log_var, seed, op, step, out=None):
    """Draw a normal random number for each element of `mean`, with the variance exp(`log_var`).

    Parameters
    ----------
    mean, log_var : (N, ...) float arrays
        Of one shape and dtype, of any number of dimensions. A `log_var` of -inf is a variance of 0.
    seed : int
        From 0 to 2^63 - 1.
    op, step : int
        From 0 to 2^32 - 1: which random operation of the net, which training step.
    out : array of the same shape, optional
        Where the result goes; may be `mean` itself.

    Returns
    -------
    array of the shape and dtype of `mean`.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once on one sample before the loop.

    Examples
    --------
    >>> z = gaussian_sample(np.array([[5.0, 0.0]]), np.array([[-np.inf, 0.0]]), 0, 0, 0)
    >>> float(z[0, 0])
    5.0
    """
    return gaussian_sample_noise(mean, log_var, seed, op, step, out)[0]


@jit
def gaussian_sample_noise(mean, log_var, seed, op, step, out=None):
    """`gaussian_sample` of `mean` and `log_var`, and the standard normal numbers that it was made of.

    Arguments (`seed`, `op`, `step`, `out`) and errors as there.

    Returns
    -------
    z, eps : arrays of the shape and dtype of `mean`
    """
    mean = as_float("gaussian_sample: `mean` (N, ...)", mean, ANY)
    log_var = as_like("gaussian_sample: `log_var`", log_var, ANY, mean)
    seed = integer("gaussian_sample: `seed`", seed)
    op, step = integer("gaussian_sample: `op`", op), integer("gaussian_sample: `step`", step)
    check_key("gaussian_sample", seed, op, step)
    _check_same("gaussian_sample", "log_var", log_var.shape, "mean", mean.shape)
    view = samples_and_elements(mean.shape, mean.size)
    eps = np.empty(mean.shape, mean.dtype)
    z = as_out("gaussian_sample: `out`", out, mean.shape, mean)
    _gaussian_sample(
        mean.reshape(view), log_var.reshape(view), seed, op, step, z.reshape(view), eps.reshape(view)
    )
    return z, eps


@jit
def gaussian_sample_dmean(dz, dmean=None):
    """Adds `dz` to `dmean` (zeros if not given): z moves with its mean."""
    dz = as_float("gaussian_sample_dmean: `dz` (N, ...)", dz, ANY)
    dmean = as_grad("gaussian_sample_dmean: `dmean`", dmean, dz.shape, dz)
    _gaussian_sample_dmean(flat(dz), flat(dmean))
    return dmean


@jit
def gaussian_sample_dlog_var(dz, log_var, eps, dlog_var=None):
    """Adds `dz` exp(`log_var` / 2) `eps` / 2 to `dlog_var` (zeros if not given); `eps` is that of z."""
    dz = as_float("gaussian_sample_dlog_var: `dz` (N, ...)", dz, ANY)
    log_var = as_like("gaussian_sample_dlog_var: `log_var`", log_var, ANY, dz)
    eps = as_like("gaussian_sample_dlog_var: `eps`", eps, ANY, dz)
    _check_same("gaussian_sample_dlog_var", "log_var", log_var.shape, "dz", dz.shape)
    _check_same("gaussian_sample_dlog_var", "eps", eps.shape, "dz", dz.shape)
    dlog_var = as_grad("gaussian_sample_dlog_var: `dlog_var`", dlog_var, dz.shape, dz)
    _gaussian_sample_dlog_var(flat(dz), flat(log_var), flat(eps), flat(dlog_var))
    return dlog_var


@jit
def _check_same(kernel, name, shape, other, wanted):
    if shape != wanted:
        text = "{}: `{}` must have shape {}, that of `{}`, got {}"
        raise ShapeError(text, kernel, name, wanted, other, shape)


@jit
def sample_of(mean, log_var, eps):
    """z; numbers or vectors of them."""
    return mean + exp(0.5 * log_var) * eps


@jit
def slope_of(dz, log_var, eps):
    """The gradient of log_var."""
    return dz * (0.5 * exp(0.5 * log_var) * eps)


@jit
def _gaussian_sample(mean, log_var, seed, op, step, z, eps):
    (N, D), r, tails = mean.shape, np.empty(_DRAWN, np.uint32), np.empty(_DRAWN, mean.dtype)
    p, v, q, e, t = pointer(mean), pointer(log_var), pointer(z), pointer(eps), pointer(tails)
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
                drawn = normal_of(load_rest(t, i, left, 0.5))
                given, spread = load_rest(p, first + i, left), load_rest(v, first + i, left)
                store_rest(e, first + i, drawn, left)
                store_rest(q, first + i, sample_of(given, spread, drawn), left)


@jit
def _gaussian_sample_dmean(dz, dmean):
    for i in range(dz.size):
        dmean[i] += dz[i]


@jit
def _gaussian_sample_dlog_var(dz, log_var, eps, dlog_var):
    p, v, e, d, n = pointer(dz), pointer(log_var), pointer(eps), pointer(dlog_var), dz.size
    for i in range(0, n, lanes(p)):
        slope = slope_of(load_rest(p, i, n - i), load_rest(v, i, n - i), load_rest(e, i, n - i))
        store_rest(d, i, load_rest(d, i, n - i) + slope, n - i)


_outputs = outputs(gaussian_sample_noise)


def gaussian_sample_outputs(mean, log_var, **options):
    """(shape, dtype) of z and eps."""
    return _outputs(mean, log_var, **options) * 2
