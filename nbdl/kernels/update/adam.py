"""Adam and AdamW: see `nbdl.kernels.update` for what all updates have in common."""

import math
from typing import NamedTuple

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, larger, pointer, smaller, splat, sqrt, where
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.ranges import share
from nbdl.kernels.update.rates import rates


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

    Examples
    --------
    >>> w, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> adam_update(w, np.array([3.0]), m, v, lr=0.5, step=1)
    >>> w.round(4)
    array([0.5])
    """
    lr, weight_decay = rates("adam_update", lr, weight_decay)
    step, beta1, beta2, eps = checked("adam_update", integer("adam_update: `step`", step), beta1, beta2, eps)
    dw = as_float("adam_update: `dw`", dw, ANY)
    w = as_state("adam_update: `w`", w, dw)
    m, v = as_state("adam_update: `m`", m, dw), as_state("adam_update: `v`", v, dw)
    _adam(w, dw.reshape(dw.size), m, v, lr, step, beta1, beta2, eps, weight_decay, 1.0)


@jit
def adamw_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    r"""AdamW: :math:`w \leftarrow (1 - \eta\lambda) w`, then `adam_update` with the gradient alone.

    Loshchilov and Hutter 2019, algorithm 2, with the decay scaled by the learning rate as in torch.
    """
    lr, weight_decay = rates("adamw_update", lr, weight_decay)
    step, beta1, beta2, eps = checked(
        "adamw_update", integer("adamw_update: `step`", step), beta1, beta2, eps
    )
    dw = as_float("adamw_update: `dw`", dw, ANY)
    w = as_state("adamw_update: `w`", w, dw)
    m, v = as_state("adamw_update: `m`", m, dw), as_state("adamw_update: `v`", v, dw)
    _adam(w, dw.reshape(dw.size), m, v, lr, step, beta1, beta2, eps, 0.0, 1 - lr * weight_decay)


@jit
def checked(kernel, step, beta1, beta2, eps):
    if step < 1:
        raise OptionError("{}: `step` counts from 1, got {}", kernel, step)
    beta1, beta2, eps = share(kernel, "beta1", beta1), share(kernel, "beta2", beta2), np.float64(eps)
    if not eps >= 0:
        raise OptionError("{}: `eps` must not be negative, got {}", kernel, eps)
    return step, beta1, beta2, eps


class Factors(NamedTuple):
    """The numbers of one step, in the dtype of w; t counts steps, and a hat marks what Adam corrects."""

    rate: float  # eta / (1 - beta1^t)
    root: float  # 1 / sqrt(1 - beta2^t): times the root of v it is that of v hat
    fade: float  # sqrt((1 - beta2^(t - 1)) / (1 - beta2^t)): by this `limit` falls from the last step to this
    b1: float  # beta1
    c1: float  # 1 - beta1, from float64: in float32 the difference would lose digits
    b2: float  # beta2
    c2: float  # 1 - beta2
    decay: float  # lambda of the L2 penalty
    keep: float  # by what w shrinks: 1, or 1 - eta lambda in AdamW
    epsilon: float
    limit: float  # of a gradient that v cannot hold
    largest: float  # the largest finite number


@jit(inline=True)
def read(numbers, smallest, top, largest):
    """The `Factors` of a leaf; its numbers are the first ten. The others are the ends of the dtype."""
    root, c2 = numbers[1], numbers[6]
    return Factors(
        numbers[0], root, numbers[2], numbers[3], numbers[4], numbers[5], c2, numbers[7], numbers[8],
        max(numbers[9], math.sqrt(smallest / c2)), root * top, largest,
    )  # fmt: skip


@jit
def corrected(lr, step, beta1, beta2):
    """The rate and the factor of the root, corrected for the start; the latter over that of the last step."""
    known = 1 - beta2**step
    return lr / (1 - beta1**step), 1 / np.sqrt(known), np.sqrt((1 - beta2 ** (step - 1)) / known)


@jit
def moments(g, m, v, f):
    """m and v of one step; if v is full, those of the gradients that would have filled it, `limit` at most.

    The limit falls from step to step by `fade`, and m, which is of former gradients, falls with it.
    """
    v = fma(f.c2 * g, g, f.b2 * v)
    full = v > f.largest
    held = fma(g, 0, smaller(f.limit, larger(-f.limit, g)))  # 0 times infinity is NaN: it is not hidden
    return fma(f.b1, where(full, f.fade * m, m), f.c1 * where(full, held, g)), where(full, f.largest, v)


@jit(inline=True)
def adam_step(w, dw, m, v, f):
    """w, m and v after a step with the `Factors` f; all others are vectors."""
    g = fma(f.decay, w, dw)
    m, v = moments(g, m, v, f)
    # w <- keep w - rate m / (root sqrt(v) + epsilon)
    return fma(f.keep, w, -(f.rate * m / fma(f.root, sqrt(v), splat(f.epsilon)))), m, v


@jit
def _adam(w, dw, m, v, lr, step, beta1, beta2, eps, penalty, shrink):
    kind, numbers = w.dtype.type, np.finfo(w.dtype.type)
    rate, root, fade = corrected(lr, step, beta1, beta2)
    root, largest, smallest = kind(root), kind(numbers.max), numbers.tiny * numbers.eps
    f = Factors(
        kind(rate), root, kind(fade), kind(beta1), kind(1 - beta1), kind(beta2), kind(1 - beta2),
        kind(penalty), kind(shrink), kind(max(eps, np.sqrt(smallest / (1 - beta2)))),
        kind(root * np.sqrt(largest)), largest,
    )  # fmt: skip
    p, d, first, second, size = pointer(w), pointer(dw), pointer(m), pointer(v), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi, di = load_rest(p, i, n), load_rest(d, i, n)
        wi, mi, vi = adam_step(wi, di, load_rest(first, i, n), load_rest(second, i, n), f)
        store_rest(first, i, mi, n)
        store_rest(second, i, vi, n)
        store_rest(p, i, wi, n)
