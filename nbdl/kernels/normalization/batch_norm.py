r"""Batch normalization: each channel has mean 0 and variance 1 over the minibatch, then a scale and a shift.

.. math::
    y = \gamma_c\, \hat x + \beta_c \qquad \hat x = \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}} \qquad
    \mu_c = \frac{1}{n} \sum x \qquad \sigma_c^2 = \frac{1}{n} \sum (x - \mu_c)^2

x and y (N, C) or (N, C, ...), with any number of axes behind the channels; the sums are over all axes but
that of the channels, n values each. For prediction mean and variance are running averages, which training
keeps (`momentum` m, as in torch):

.. math:: \mu_c' \leftarrow (1 - m) \mu_c' + m\, \mu_c \qquad
          \sigma_c'^2 \leftarrow (1 - m) \sigma_c'^2 + m\, \frac{n}{n - 1} \sigma_c^2

Conventions differ: the momentum of ONNX and Keras is 1 - m; the code from scratch of the book averages the
biased variance, torch and the kernel here the unbiased one. Gradients, with sums over a channel:

.. math::
    d\beta = \sum dy \qquad d\gamma = \sum dy\, \hat x \qquad
    dx = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} \Big(dy - \frac{d\beta + \hat x\, d\gamma}{n}\Big)

Statistics and sums are float64, by Chan's formula: a mean of 10^4 beside a deviation of 10^-2 costs nothing.
Ioffe and Szegedy 2015; Zhang et al., Dive into Deep Learning, section 8.5.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.arguments import ANY, as_float, as_grad, as_like, as_optional, as_out
from nbdl.kernels.normalization.channels import add_combined, moments, products, scaled, totals


@jit
def batch_norm(x, gamma, beta, running_mean, running_var, eps=1e-5, momentum=0.1, out=None):
    """Normalize each channel by its own mean and variance: for training (see the formulas above).

    Parameters
    ----------
    x : (N, C) or (N, C, ...) float array
        With at least 2 values for each channel.
    gamma, beta : (C,) float array or None
        Scale (1 if None) and shift (0 if None).
    running_mean, running_var : (C,) float array
        Averages so far. They are read only.
    eps : float
        Positive; added to the variance.
    momentum : float
        From 0 to 1: the share of this minibatch in the new averages, as in torch.
    out : array of the shape of `x`, optional
        Where y goes; may be `x` itself.

    Returns
    -------
    y, mean, rstd, new_running_mean, new_running_var
        y of the shape of `x`, the others (C,); rstd is 1 / sqrt(variance + eps).

    Raises
    ------
    ShapeError, OptionError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.
    """
    x = as_float("batch_norm: `x` (N, C, ...)", x, ANY)
    gamma = as_optional("batch_norm: `gamma` (C,)", gamma, 1, x)
    beta = as_optional("batch_norm: `beta` (C,)", beta, 1, x)
    running_mean = as_like("batch_norm: `running_mean` (C,)", running_mean, 1, x)
    running_var = as_like("batch_norm: `running_var` (C,)", running_var, 1, x)
    eps, momentum = np.float64(eps), np.float64(momentum)
    view = _view("batch_norm: `x`", x.shape)
    _check_size("batch_norm: `gamma`", gamma.size, view[1], True)
    _check_size("batch_norm: `beta`", beta.size, view[1], True)
    _check_size("batch_norm: `running_mean`", running_mean.size, view[1], False)
    _check_size("batch_norm: `running_var`", running_var.size, view[1], False)
    _check_eps("batch_norm", eps)
    if not (momentum >= 0 and momentum <= 1):
        raise OptionError("batch_norm: `momentum` must be from 0 to 1, got {}", momentum)
    if view[0] * view[2] < 2:
        raise ShapeError(
            "batch_norm: `x` must have at least 2 values for each channel, of which one has no variance; got "
            "shape {}",
            x.shape,
        )
    y = as_out("batch_norm: `out`", out, x.shape, x)
    mean, rstd = np.empty(view[1], x.dtype), np.empty(view[1], x.dtype)
    new_mean, new_var = np.empty(view[1], x.dtype), np.empty(view[1], x.dtype)
    _batch_norm(
        x.reshape(view), gamma, beta, running_mean, running_var, eps, momentum, y.reshape(view), mean, rstd,
        new_mean, new_var,
    )  # fmt: skip
    return y, mean, rstd, new_mean, new_var


@jit
def _batch_norm(x, gamma, beta, running_mean, running_var, eps, m, y, mean, rstd, new_mean, new_var):
    N, C, S = x.shape
    centre, square = np.empty(C), np.empty(C)
    moments(x, centre, square)
    scale, shift, n = np.empty_like(mean), np.empty_like(mean), N * S
    for c in range(C):
        r = 1.0 / np.sqrt(square[c] / n + eps)
        mean[c], rstd[c] = centre[c], r
        new_mean[c] = (1.0 - m) * running_mean[c] + m * centre[c]
        new_var[c] = (1.0 - m) * running_var[c] + m * (square[c] / (n - 1))
        a = r * gamma[c] if gamma.size else r
        rest = centre[c] - np.float64(mean[c])  # what a float32 cannot hold of the mean
        scale[c], shift[c] = a, (beta[c] if beta.size else 0.0) - a * rest
    scaled(x, mean, scale, shift, y)


@jit
def batch_norm_dx(dy, x, gamma, mean, rstd, dx=None):
    """Adds the gradient with respect to `x` to `dx` (zeros if not given); mean and rstd as `batch_norm`
    gave them, `gamma` None if there was none.
    """
    dy = as_float("batch_norm_dx: `dy` (N, C, ...)", dy, ANY)
    x = as_like("batch_norm_dx: `x` (N, C, ...)", x, ANY, dy)
    gamma = as_optional("batch_norm_dx: `gamma` (C,)", gamma, 1, dy)
    mean = as_like("batch_norm_dx: `mean` (C,)", mean, 1, dy)
    rstd = as_like("batch_norm_dx: `rstd` (C,)", rstd, 1, dy)
    view = _backward_view("batch_norm_dx", dy.shape, x.shape)
    _check_size("batch_norm_dx: `gamma`", gamma.size, view[1], True)
    _check_size("batch_norm_dx: `mean`", mean.size, view[1], False)
    _check_size("batch_norm_dx: `rstd`", rstd.size, view[1], False)
    dx = as_grad("batch_norm_dx: `dx`", dx, x.shape, dy)
    dgamma, dbeta = np.zeros(view[1], dy.dtype), np.zeros(view[1], dy.dtype)
    _batch_norm_backward(
        dy.reshape(view), x.reshape(view), gamma, mean, rstd, dx.reshape(view), dgamma, dbeta
    )
    return dx


@jit
def batch_norm_dgamma(dy, x, mean, rstd, dgamma=None):
    """Adds the gradient with respect to `gamma` to `dgamma` (C,) (zeros if not given)."""
    dy = as_float("batch_norm_dgamma: `dy` (N, C, ...)", dy, ANY)
    x = as_like("batch_norm_dgamma: `x` (N, C, ...)", x, ANY, dy)
    mean = as_like("batch_norm_dgamma: `mean` (C,)", mean, 1, dy)
    rstd = as_like("batch_norm_dgamma: `rstd` (C,)", rstd, 1, dy)
    view = _backward_view("batch_norm_dgamma", dy.shape, x.shape)
    _check_size("batch_norm_dgamma: `mean`", mean.size, view[1], False)
    _check_size("batch_norm_dgamma: `rstd`", rstd.size, view[1], False)
    dgamma = as_grad("batch_norm_dgamma: `dgamma`", dgamma, (view[1],), dy)
    gamma, dbeta = np.empty(0, dy.dtype), np.zeros(view[1], dy.dtype)
    dx = np.empty((0, 0, 0), dy.dtype)
    _batch_norm_backward(dy.reshape(view), x.reshape(view), gamma, mean, rstd, dx, dgamma, dbeta)
    return dgamma


@jit
def batch_norm_dbeta(dy, dbeta=None):
    r"""Adds :math:`\sum dy` over each channel to `dbeta` (C,) (zeros if not given)."""
    dy = as_float("batch_norm_dbeta: `dy` (N, C, ...)", dy, ANY)
    view = _view("batch_norm_dbeta: `dy`", dy.shape)
    dbeta = as_grad("batch_norm_dbeta: `dbeta`", dbeta, (view[1],), dy)
    _add_sums(dy.reshape(view), dbeta)
    return dbeta


@jit
def batch_norm_backward(dy, x, gamma, mean, rstd, dx=None, dgamma=None, dbeta=None):
    """All three gradients of `batch_norm`, (dx, dgamma, dbeta), from one pass of sums."""
    dy = as_float("batch_norm_backward: `dy` (N, C, ...)", dy, ANY)
    x = as_like("batch_norm_backward: `x` (N, C, ...)", x, ANY, dy)
    gamma = as_optional("batch_norm_backward: `gamma` (C,)", gamma, 1, dy)
    mean = as_like("batch_norm_backward: `mean` (C,)", mean, 1, dy)
    rstd = as_like("batch_norm_backward: `rstd` (C,)", rstd, 1, dy)
    view = _backward_view("batch_norm_backward", dy.shape, x.shape)
    _check_size("batch_norm_backward: `gamma`", gamma.size, view[1], True)
    _check_size("batch_norm_backward: `mean`", mean.size, view[1], False)
    _check_size("batch_norm_backward: `rstd`", rstd.size, view[1], False)
    dx = as_grad("batch_norm_backward: `dx`", dx, x.shape, dy)
    dgamma = as_grad("batch_norm_backward: `dgamma`", dgamma, (view[1],), dy)
    dbeta = as_grad("batch_norm_backward: `dbeta`", dbeta, (view[1],), dy)
    _batch_norm_backward(
        dy.reshape(view), x.reshape(view), gamma, mean, rstd, dx.reshape(view), dgamma, dbeta
    )
    return dx, dgamma, dbeta


@jit
def _batch_norm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta):
    """Adds to `dgamma` and `dbeta`, and to `dx` if it has elements."""
    N, C, S = dy.shape
    of_dy, of_d, of_both = np.empty(C), np.empty(C), np.empty(C)
    products(dy, x, mean, of_dy, of_d, of_both)
    a, b, shift, n = np.empty_like(mean), np.empty_like(mean), np.empty_like(mean), max(N * S, 1)
    for c in range(C):
        r = np.float64(rstd[c])
        off = of_d[c] / n  # the mean itself, less what a float32 can hold of it
        scale = r * (of_both[c] - off * of_dy[c])
        dgamma[c] += scale
        dbeta[c] += of_dy[c]
        first = r * gamma[c] if gamma.size else r
        second = -first * r * scale / n
        a[c], b[c], shift[c] = first, second, -first * of_dy[c] / n - second * off
    if dx.size:
        add_combined(dy, x, a, b, mean, shift, dx)


# --- for prediction ---------------------------------------------------------------------------------------


@jit
def batch_norm_inference(x, gamma, beta, mean, var, eps=1e-5, out=None):
    """Normalize each channel by a mean and a variance that are given: for prediction.

    Parameters
    ----------
    x : (N, C) or (N, C, ...) float array
    gamma, beta : (C,) float array or None
        Scale (1 if None) and shift (0 if None).
    mean, var : (C,) float array
        What training has averaged.
    eps : float
        Positive; added to the variance.
    out : array of the shape of `x`, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    ShapeError, OptionError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.
    """
    x = as_float("batch_norm_inference: `x` (N, C, ...)", x, ANY)
    gamma = as_optional("batch_norm_inference: `gamma` (C,)", gamma, 1, x)
    beta = as_optional("batch_norm_inference: `beta` (C,)", beta, 1, x)
    mean = as_like("batch_norm_inference: `mean` (C,)", mean, 1, x)
    var = as_like("batch_norm_inference: `var` (C,)", var, 1, x)
    view, eps = _view("batch_norm_inference: `x`", x.shape), np.float64(eps)
    _check_size("batch_norm_inference: `gamma`", gamma.size, view[1], True)
    _check_size("batch_norm_inference: `beta`", beta.size, view[1], True)
    _check_size("batch_norm_inference: `mean`", mean.size, view[1], False)
    _check_size("batch_norm_inference: `var`", var.size, view[1], False)
    _check_eps("batch_norm_inference", eps)
    y = as_out("batch_norm_inference: `out`", out, x.shape, x)
    _batch_norm_inference(x.reshape(view), gamma, beta, mean, var, eps, y.reshape(view))
    return y


@jit
def _batch_norm_inference(x, gamma, beta, mean, var, eps, y):
    scaled(x, mean, _scale(gamma, var, eps), beta if beta.size else np.zeros_like(mean), y)


@jit
def _scale(gamma, var, eps):
    scale = np.empty_like(var)
    for c in range(var.size):
        r = 1.0 / np.sqrt(np.float64(var[c]) + eps)
        scale[c] = r * gamma[c] if gamma.size else r
    return scale


@jit
def batch_norm_inference_dx(dy, gamma, var, eps=1e-5, dx=None):
    r"""Adds :math:`dy\, \gamma / \sqrt{var + \epsilon}` to `dx` (zeros if not given)."""
    dy = as_float("batch_norm_inference_dx: `dy` (N, C, ...)", dy, ANY)
    gamma = as_optional("batch_norm_inference_dx: `gamma` (C,)", gamma, 1, dy)
    var = as_like("batch_norm_inference_dx: `var` (C,)", var, 1, dy)
    view, eps = _view("batch_norm_inference_dx: `dy`", dy.shape), np.float64(eps)
    _check_size("batch_norm_inference_dx: `gamma`", gamma.size, view[1], True)
    _check_size("batch_norm_inference_dx: `var`", var.size, view[1], False)
    _check_eps("batch_norm_inference_dx", eps)
    dx = as_grad("batch_norm_inference_dx: `dx`", dx, dy.shape, dy)
    _batch_norm_inference_dx(dy.reshape(view), gamma, var, eps, dx.reshape(view))
    return dx


@jit
def _batch_norm_inference_dx(dy, gamma, var, eps, dx):
    zero = np.zeros_like(var)
    add_combined(dy, dy, _scale(gamma, var, eps), zero, zero, zero, dx)


@jit
def batch_norm_inference_dgamma(dy, x, mean, var, eps=1e-5, dgamma=None):
    r"""Adds :math:`\sum dy\, \hat x` over each channel to `dgamma` (C,) (zeros if not given)."""
    dy = as_float("batch_norm_inference_dgamma: `dy` (N, C, ...)", dy, ANY)
    x = as_like("batch_norm_inference_dgamma: `x` (N, C, ...)", x, ANY, dy)
    mean = as_like("batch_norm_inference_dgamma: `mean` (C,)", mean, 1, dy)
    var = as_like("batch_norm_inference_dgamma: `var` (C,)", var, 1, dy)
    view, eps = _backward_view("batch_norm_inference_dgamma", dy.shape, x.shape), np.float64(eps)
    _check_size("batch_norm_inference_dgamma: `mean`", mean.size, view[1], False)
    _check_size("batch_norm_inference_dgamma: `var`", var.size, view[1], False)
    _check_eps("batch_norm_inference_dgamma", eps)
    dgamma = as_grad("batch_norm_inference_dgamma: `dgamma`", dgamma, (view[1],), dy)
    _batch_norm_inference_dgamma(dy.reshape(view), x.reshape(view), mean, var, eps, dgamma)
    return dgamma


@jit
def _batch_norm_inference_dgamma(dy, x, mean, var, eps, dgamma):
    C = var.size
    of_dy, of_d, of_both = np.empty(C), np.empty(C), np.empty(C)
    products(dy, x, mean, of_dy, of_d, of_both)
    for c in range(C):
        dgamma[c] += of_both[c] / np.sqrt(np.float64(var[c]) + eps)


@jit
def batch_norm_inference_dbeta(dy, dbeta=None):
    r"""Adds :math:`\sum dy` over each channel to `dbeta` (C,) (zeros if not given)."""
    dy = as_float("batch_norm_inference_dbeta: `dy` (N, C, ...)", dy, ANY)
    view = _view("batch_norm_inference_dbeta: `dy`", dy.shape)
    dbeta = as_grad("batch_norm_inference_dbeta: `dbeta`", dbeta, (view[1],), dy)
    _add_sums(dy.reshape(view), dbeta)
    return dbeta


@jit
def _add_sums(dy, dbeta):
    total = np.empty(dbeta.size)
    totals(dy, total)
    for c in range(total.size):
        dbeta[c] += total[c]


# --- shapes -----------------------------------------------------------------------------------------------


def view(where, shape):
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


def check_size(where, size, channels, optional):
    if size != channels and not (optional and size == 0):
        raise ShapeError("{} must have {} elements, one for each channel, got {}", where, channels, size)


_view, _check_size = jit(view), jit(check_size)


@jit
def _backward_view(kernel, dy_shape, x_shape):
    if dy_shape != x_shape:
        raise ShapeError("{}: `dy` must have shape {}, that of `x`, got {}", kernel, x_shape, dy_shape)
    return _view(kernel, dy_shape)


@jit
def _check_eps(kernel, eps):
    if not eps > 0:
        raise OptionError("{}: `eps` must be positive, got {}", kernel, eps)


def batch_norm_shapes(x, gamma, beta, running_mean, running_var, **options):
    """(shape, dtype) of each output of `batch_norm`; raises `ShapeError` for what fits no minibatch."""
    _, C, _ = view("batch_norm: `x`", x.shape)
    given = {"gamma": gamma, "beta": beta, "running_mean": running_mean, "running_var": running_var}
    _check_sizes("batch_norm", C, given)
    return [(x.shape, x.dtype), *[((C,), x.dtype)] * 4]


def batch_norm_inference_shapes(x, gamma, beta, mean, var, **options):
    """[(shape, dtype)] of the result of `batch_norm_inference`, as `batch_norm_shapes`."""
    _, C, _ = view("batch_norm_inference: `x`", x.shape)
    _check_sizes("batch_norm_inference", C, {"gamma": gamma, "beta": beta, "mean": mean, "var": var})
    return [(x.shape, x.dtype)]


def _check_sizes(kernel, channels, given):
    for name, array in given.items():
        check_size(f"{kernel}: `{name}`", 0 if array is None else array.size, channels, array is None)
