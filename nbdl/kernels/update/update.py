r"""Updates of parameters, in place: what an optimizer does with one gradient.

w is a parameter, dw its gradient, v and m are state, all of one shape and dtype; everything is element by
element. Factors are computed in float64 and rounded to that dtype once. The learning rate is
:math:`\eta` (`lr`), `weight_decay` is :math:`\lambda`: sgd, momentum and adam add :math:`\lambda w` to the
gradient (an L2 penalty :math:`\frac{\lambda}{2} w^2`), adamw shrinks w by itself (decoupled decay).
w and the state must be writable and C-contiguous and must not overlap each other; dw is only read.

Every kernel raises `ShapeError`, `DtypeError` or `OptionError` before it writes, and returns None. Inside
``prange`` Numba drops exceptions: run one update before the loop.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.door.arguments import ANY, as_float, as_state, integer
from nbdl.kernels.simd.registers import fma, larger, pointer, smaller, splat, sqrt, where
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def _rates(kernel, lr, weight_decay):
    """`lr` and `weight_decay` as float64, checked."""
    lr, weight_decay = np.float64(lr), np.float64(weight_decay)
    if not (lr >= 0 and lr < np.inf):
        raise OptionError("{}: `lr` must be finite and not negative, got {}", kernel, lr)
    if not (weight_decay >= 0 and weight_decay < np.inf):
        raise OptionError("{}: `weight_decay` must be finite and not negative, got {}", kernel, weight_decay)
    return lr, weight_decay


@jit
def sgd_update(w, dw, lr, weight_decay=0.0):
    r"""Gradient descent, :math:`w \leftarrow (1 - \eta\lambda)\, w - \eta\, dw`.

    Zhang et al., Dive into Deep Learning, sections 3.4 and 3.7.
    """
    lr, weight_decay = _rates("sgd_update", lr, weight_decay)
    dw = as_float("sgd_update: `dw`", dw, ANY)
    w = as_state("sgd_update: `w`", w, dw)
    _sgd(w, dw.reshape(dw.size), lr, weight_decay)


@jit
def _sgd(w, dw, lr, weight_decay):
    rate, keep = w.dtype.type(lr), w.dtype.type(1 - lr * weight_decay)
    p, d, size = pointer(w), pointer(dw), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        store_rest(p, i, fma(keep, load_rest(p, i, n), -rate * load_rest(d, i, n)), n)


@jit
def momentum_update(w, dw, v, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    r"""Gradient descent with momentum :math:`\beta`, in the form of torch.optim.SGD.

    .. math:: g = dw + \lambda w \qquad v \leftarrow \beta v + g \qquad w \leftarrow w - \eta v

    With `nesterov` the last step is :math:`w \leftarrow w - \eta (g + \beta v)`. v starts as zeros.
    Zhang et al., Dive into Deep Learning, section 12.6.
    """
    lr, weight_decay = _rates("momentum_update", lr, weight_decay)
    momentum = _momentum_option(momentum)
    dw = as_float("momentum_update: `dw`", dw, ANY)
    w, v = as_state("momentum_update: `w`", w, dw), as_state("momentum_update: `v`", v, dw)
    _momentum(w, dw.reshape(dw.size), v, lr, momentum, bool(nesterov), weight_decay)


@jit
def _momentum_option(momentum):
    momentum = np.float64(momentum)
    if not (momentum >= 0 and momentum < np.inf):
        raise OptionError("momentum_update: `momentum` must be finite and not negative, got {}", momentum)
    return momentum


@jit
def _momentum(w, dw, v, lr, momentum, nesterov, weight_decay):
    rate, beta, decay = w.dtype.type(lr), w.dtype.type(momentum), w.dtype.type(weight_decay)
    p, d, s, size = pointer(w), pointer(dw), pointer(v), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi = load_rest(p, i, n)
        g = fma(decay, wi, load_rest(d, i, n))
        vi = fma(beta, load_rest(s, i, n), g)
        store_rest(s, i, vi, n)
        step = fma(beta, vi, g) if nesterov else vi
        store_rest(p, i, fma(-rate, step, wi), n)


@jit
def adam_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    r"""Adam, for `step` 1, 2, ...; m and v start as zeros.

    .. math::
        g = dw + \lambda w \qquad m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        w \leftarrow w - \eta\, \frac{m / (1 - \beta_1^{step})}{\sqrt{v / (1 - \beta_2^{step})} + \epsilon}

    Every finite gradient gives a finite step. Where v would overflow (in float32 from about 6e20 on), it
    stays at the largest number, and m is held to the same scale: the quotient keeps its size. Epsilon is
    never below the root of the smallest number that v can hold: nothing is divided by zero with `eps` 0.

    Kingma and Ba 2015, algorithm 1; Zhang et al., Dive into Deep Learning, section 12.10.
    """
    lr, weight_decay = _rates("adam_update", lr, weight_decay)
    step, beta1, beta2, eps = _adam_options(
        "adam_update", integer("adam_update: `step`", step), beta1, beta2, eps
    )
    dw = as_float("adam_update: `dw`", dw, ANY)
    w = as_state("adam_update: `w`", w, dw)
    m, v = as_state("adam_update: `m`", m, dw), as_state("adam_update: `v`", v, dw)
    _adam(w, dw.reshape(dw.size), m, v, lr, step, beta1, beta2, eps, weight_decay, 1.0)


@jit
def adamw_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    r"""AdamW: :math:`w \leftarrow (1 - \eta\lambda) w`, then `adam_update` with the gradient alone.

    Loshchilov and Hutter 2019, algorithm 2, with the decay scaled by the learning rate as in torch.
    """
    lr, weight_decay = _rates("adamw_update", lr, weight_decay)
    step, beta1, beta2, eps = _adam_options(
        "adamw_update", integer("adamw_update: `step`", step), beta1, beta2, eps
    )
    dw = as_float("adamw_update: `dw`", dw, ANY)
    w = as_state("adamw_update: `w`", w, dw)
    m, v = as_state("adamw_update: `m`", m, dw), as_state("adamw_update: `v`", v, dw)
    _adam(w, dw.reshape(dw.size), m, v, lr, step, beta1, beta2, eps, 0.0, 1 - lr * weight_decay)


@jit
def _adam_options(kernel, step, beta1, beta2, eps):
    beta1, beta2, eps = np.float64(beta1), np.float64(beta2), np.float64(eps)
    if step < 1:
        raise OptionError("{}: `step` counts from 1, got {}", kernel, step)
    if not (beta1 >= 0 and beta1 < 1):
        raise OptionError("{}: `beta1` must be at least 0 and below 1, got {}", kernel, beta1)
    if not (beta2 >= 0 and beta2 < 1):
        raise OptionError("{}: `beta2` must be at least 0 and below 1, got {}", kernel, beta2)
    if not eps >= 0:
        raise OptionError("{}: `eps` must not be negative, got {}", kernel, eps)
    return step, beta1, beta2, eps


@jit
def _adam_factors(lr, step, beta1, beta2):
    """The rate and the factor of the root, corrected for the start; the latter over that of the last step."""
    known = 1 - beta2**step
    return lr / (1 - beta1**step), 1 / np.sqrt(known), np.sqrt((1 - beta2 ** (step - 1)) / known)


@jit
def _moments(g, m, v, c1, b1, c2, b2, fade, limit, largest):
    """m and v of one step; if v is full, those of the gradients that would have filled it, `limit` at most.

    The limit falls from step to step by `fade`, and m, which is of former gradients, falls with it.
    """
    v = fma(c2 * g, g, b2 * v)
    full = v > largest
    held = fma(g, 0, smaller(limit, larger(-limit, g)))  # infinity times 0: it is not held back
    return fma(b1, where(full, fade * m, m), c1 * where(full, held, g)), where(full, largest, v)


@jit
def _adam(w, dw, m, v, lr, step, beta1, beta2, eps, penalty, shrink):
    kind, numbers = w.dtype.type, np.finfo(w.dtype.type)
    rate, root, fade = _adam_factors(lr, step, beta1, beta2)
    rate, root, fade, decay, keep = kind(rate), kind(root), kind(fade), kind(penalty), kind(shrink)
    b1, c1, b2, c2 = kind(beta1), kind(1 - beta1), kind(beta2), kind(1 - beta2)
    largest, smallest = kind(numbers.max), numbers.tiny * numbers.eps
    limit, epsilon = kind(root * np.sqrt(largest)), kind(max(eps, np.sqrt(smallest / (1 - beta2))))
    p, d, first, second, size = pointer(w), pointer(dw), pointer(m), pointer(v), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi = load_rest(p, i, n)
        g = fma(decay, wi, load_rest(d, i, n))
        mi, vi = load_rest(first, i, n), load_rest(second, i, n)
        mi, vi = _moments(g, mi, vi, c1, b1, c2, b2, fade, limit, largest)
        store_rest(first, i, mi, n)
        store_rest(second, i, vi, n)
        step = rate * mi / fma(root, sqrt(vi), splat(epsilon))
        store_rest(p, i, fma(keep, wi, -step), n)
