"""Adagrad: see `nbdl.kernels.update` for what all updates have in common."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, larger, pointer, smaller, sqrt
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.ranges import not_negative
from nbdl.kernels.update.rates import rates


@jit
def adagrad_update(w, dw, s, lr, eps=1e-10, eps_root=0.0, weight_decay=0.0):
    r"""Adagrad: each element has a rate that falls with the squares of its gradients so far.

    .. math::
        g = dw + \lambda w \qquad s \leftarrow s + g^2 \qquad
        w \leftarrow w - \eta\, \frac{g}{\sqrt{s + \epsilon_r} + \epsilon}

    :math:`\epsilon` is `eps`, outside the root as in torch; :math:`\epsilon_r` is `eps_root`, inside it as in
    the book (1e-6 there). s starts as zeros; Keras' start at 0.1 is ``eps_root=0.1``. Where s would overflow
    it stays at the largest number. Duchi et al. 2011, equation 1; Zhang et al., Dive into Deep Learning,
    section 12.7.

    Examples
    --------
    >>> w, s = np.array([1.0]), np.zeros(1)
    >>> adagrad_update(w, np.array([3.0]), s, lr=0.5)
    >>> w, s
    (array([0.5]), array([9.]))
    """
    lr, weight_decay = rates("adagrad_update", lr, weight_decay)
    eps, eps_root = checked(eps, eps_root)
    dw = as_float("adagrad_update: `dw`", dw, ANY)
    w, s = as_state("adagrad_update: `w`", w, dw), as_state("adagrad_update: `s`", s, dw)
    _adagrad(w, dw.reshape(dw.size), s, lr, eps, eps_root, weight_decay)


@jit
def checked(eps, eps_root):
    eps = not_negative("adagrad_update", "eps", eps)
    return eps, not_negative("adagrad_update", "eps_root", eps_root)


@jit(inline=True)
def step(w, dw, s, rate, eps, root, decay, tiny, largest):
    """w and s after the step; `tiny` and `largest` are the ends of the dtype."""
    g = fma(decay, w, dw)
    s = smaller(largest, fma(g, g, s))
    # Without epsilon an element that has had no gradient divides 0 by `tiny`, not by 0.
    return fma(-rate, g / larger(tiny, sqrt(s + root) + eps), w), s


@jit
def _adagrad(w, dw, s, lr, eps, eps_root, weight_decay):
    kind, numbers = w.dtype.type, np.finfo(w.dtype.type)
    rate, outside, inside, decay = kind(lr), kind(eps), kind(eps_root), kind(weight_decay)
    p, d, q, size = pointer(w), pointer(dw), pointer(s), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi, di, si = load_rest(p, i, n), load_rest(d, i, n), load_rest(q, i, n)
        wi, si = step(wi, di, si, rate, outside, inside, decay, numbers.tiny, numbers.max)
        store_rest(q, i, si, n)
        store_rest(p, i, wi, n)
