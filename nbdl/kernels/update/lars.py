"""LARS: see `nbdl.kernels.update` for what all updates have in common."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.layerwise import norm
from nbdl.kernels.update.ranges import not_negative
from nbdl.kernels.update.rates import rates


@jit
def lars_update(w, dw, v, lr, momentum=0.9, trust=0.001, weight_decay=0.0):
    r"""LARS: momentum with steps in proportion to the norm of the whole parameter.

    .. math::
        r = \tau \frac{\|w\|}{\|dw\| + \lambda \|w\|} \qquad v \leftarrow \beta v + r\,(dw + \lambda w) \qquad
        w \leftarrow w - \eta v

    :math:`\tau` is `trust`, :math:`\beta` is `momentum`; r is 1 where :math:`\|w\|` or :math:`\|dw\|` is 0,
    and there is no epsilon. v starts as zeros. The rate multiplies v, as in `momentum_update`; in the paper
    it stands before r, which is the same while it does not change. You et al. 2017, algorithm 1.

    Examples
    --------
    >>> w, v = np.array([3.0, 4.0]), np.zeros(2)
    >>> lars_update(w, np.array([0.0, 2.0]), v, lr=0.5, trust=0.1)
    >>> w, v
    (array([3.  , 3.75]), array([0. , 0.5]))
    """
    lr, weight_decay = rates("lars_update", lr, weight_decay)
    momentum, trust = checked(momentum, trust)
    dw = as_float("lars_update: `dw`", dw, ANY)
    w, v = as_state("lars_update: `w`", w, dw), as_state("lars_update: `v`", v, dw)
    _lars(w, dw.reshape(dw.size), v, lr, momentum, trust, weight_decay)


@jit
def checked(momentum, trust):
    momentum = not_negative("lars_update", "momentum", momentum)
    return momentum, not_negative("lars_update", "trust", trust)


@jit(inline=True)
def scale_of(w, dw, size, trust, decay):
    """r, as float64, of the `size` elements that the pointers are to."""
    length, slope = norm(w, size), norm(dw, size)
    if length == 0 or slope == 0:
        return 1.0
    return trust * length / (slope + decay * length)


@jit(inline=True)
def walk(w, dw, v, size, rate, beta, scale, decay):
    """The update of the elements that the pointers are to."""
    for i in range(0, size, lanes(w)):
        n = size - i
        wi = load_rest(w, i, n)
        # v <- beta v + r (dw + lambda w), w <- w - eta v
        vi = fma(beta, load_rest(v, i, n), scale * fma(decay, wi, load_rest(dw, i, n)))
        store_rest(v, i, vi, n)
        store_rest(w, i, fma(-rate, vi, wi), n)


@jit
def _lars(w, dw, v, lr, momentum, trust, weight_decay):
    kind, p, d = w.dtype.type, pointer(w), pointer(dw)
    decay, largest = kind(weight_decay), np.finfo(kind).max
    scale = kind(min(scale_of(p, d, w.size, kind(trust), decay), largest))
    walk(p, d, pointer(v), w.size, kind(lr), kind(momentum), scale, decay)
