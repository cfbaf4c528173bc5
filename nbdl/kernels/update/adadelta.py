"""Adadelta: see `nbdl.kernels.update` for what all updates have in common."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, larger, pointer, smaller, sqrt
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.ranges import not_negative, share
from nbdl.kernels.update.rates import rates


@jit
def adadelta_update(w, dw, s, u, lr=1.0, rho=0.9, eps_root=1e-6, weight_decay=0.0):
    r"""Adadelta: steps as large as the root of the mean of their own squares, which needs no rate.

    .. math::
        g = dw + \lambda w \qquad s \leftarrow \rho s + (1 - \rho) g^2 \qquad
        d = \frac{\sqrt{u + \epsilon}}{\sqrt{s + \epsilon}}\, g \qquad
        u \leftarrow \rho u + (1 - \rho) d^2 \qquad w \leftarrow w - \eta\, d

    :math:`\epsilon` is `eps_root`: it stands inside both roots, as in the paper, the book and torch. s and u
    start as zeros. Where s or u would overflow it stays at the largest number. Zeiler 2012, algorithm 1;
    Zhang et al., Dive into Deep Learning, section 12.9.

    Examples
    --------
    >>> w, s, u = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> adadelta_update(w, np.array([1.0]), s, u, rho=0.0, eps_root=0.25)
    >>> w.round(4), s, u.round(4)
    (array([0.5528]), array([1.]), array([0.2]))
    """
    lr, weight_decay = rates("adadelta_update", lr, weight_decay)
    rho, eps_root = checked(rho, eps_root)
    dw = as_float("adadelta_update: `dw`", dw, ANY)
    w = as_state("adadelta_update: `w`", w, dw)
    s, u = as_state("adadelta_update: `s`", s, dw), as_state("adadelta_update: `u`", u, dw)
    _adadelta(w, dw.reshape(dw.size), s, u, lr, rho, eps_root, weight_decay)


@jit
def checked(rho, eps_root):
    return share("adadelta_update", "rho", rho), not_negative("adadelta_update", "eps_root", eps_root)


@jit(inline=True)
def step(w, dw, s, u, rate, rho, rest, root, decay, tiny, largest):
    """w, s and u after the step; `rest` is 1 - rho, `tiny` and `largest` are the ends of the dtype."""
    g = fma(decay, w, dw)
    s = smaller(largest, fma(rest * g, g, rho * s))
    d = sqrt(u + root) / larger(tiny, sqrt(s + root)) * g
    return fma(-rate, d, w), s, smaller(largest, fma(rest * d, d, rho * u))


@jit
def _adadelta(w, dw, s, u, lr, rho, eps_root, weight_decay):
    kind, numbers = w.dtype.type, np.finfo(w.dtype.type)
    rate, fade, rest, root, decay = kind(lr), kind(rho), kind(1 - rho), kind(eps_root), kind(weight_decay)
    p, d, first, second, size = pointer(w), pointer(dw), pointer(s), pointer(u), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi, di, si = load_rest(p, i, n), load_rest(d, i, n), load_rest(first, i, n)
        ui = load_rest(second, i, n)
        wi, si, ui = step(wi, di, si, ui, rate, fade, rest, root, decay, numbers.tiny, numbers.max)
        store_rest(first, i, si, n)
        store_rest(second, i, ui, n)
        store_rest(p, i, wi, n)
