"""Yogi: see `nbdl.kernels.update` for what all updates have in common."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, larger, pointer, smaller, sqrt, where
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.adam import checked, corrected
from nbdl.kernels.update.rates import rates


@jit
def yogi_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-3, weight_decay=0.0):
    r"""Yogi: Adam whose v moves towards the square of the gradient by steps of its own size, not by a share.

    .. math::
        g = dw + \lambda w \qquad m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad
        v \leftarrow v + (1 - \beta_2)\, \mathrm{sign}(g^2 - v)\, g^2 \\
        w \leftarrow w - \eta\, \frac{m / (1 - \beta_1^{step})}{\sqrt{v / (1 - \beta_2^{step})} + \epsilon}

    `step` is 1, 2, ...; m and v start as zeros. Where v would overflow it stays at the largest number. Zaheer
    et al. 2018, algorithm 2, with Adam's corrections of the start as in Zhang et al., Dive into Deep
    Learning, section 12.10.

    Examples
    --------
    >>> w, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> yogi_update(w, np.array([3.0]), m, v, lr=0.5, step=1, eps=0.0)
    >>> w.round(4), v.round(4)
    (array([0.5]), array([0.009]))
    """
    lr, weight_decay = rates("yogi_update", lr, weight_decay)
    step = integer("yogi_update: `step`", step)
    step, beta1, beta2, eps = checked("yogi_update", step, beta1, beta2, eps)
    dw = as_float("yogi_update: `dw`", dw, ANY)
    w = as_state("yogi_update: `w`", w, dw)
    m = as_state("yogi_update: `m`", m, dw)
    v = as_state("yogi_update: `v`", v, dw)
    f = factors(lr, step, beta1, beta2, eps, weight_decay)
    _yogi(w, dw.reshape(dw.size), m, v, f)


@jit
def factors(lr, step, beta1, beta2, eps, weight_decay):
    """The numbers of one step, in float64: rate, 1 / sqrt(1 - beta2^step), beta1, 1 - beta1,
    1 - beta2, epsilon, decay."""
    rate, root, _ = corrected(lr, step, beta1, beta2)
    return rate, root, beta1, 1 - beta1, 1 - beta2, eps, weight_decay


@jit(inline=True)
def step_of(w, dw, m, v, f, tiny, largest):
    """w, m and v after a step with the `factors` f; `tiny` and `largest` are the ends of the dtype."""
    rate, root, b1, c1, c2, eps, decay = f
    g = fma(decay, w, dw)
    m, square = fma(b1, m, c1 * g), smaller(largest, fma(g, g, 0.0))
    toward = where(square == v, 0.0, where(square > v, c2 * square, -(c2 * square)))
    v = smaller(largest, v + toward)
    return fma(-rate, m / larger(tiny, root * sqrt(v) + eps), w), m, v


@jit
def _yogi(w, dw, m, v, f):
    kind, numbers = w.dtype.type, np.finfo(w.dtype.type)
    f = (kind(f[0]), kind(f[1]), kind(f[2]), kind(f[3]), kind(f[4]), kind(f[5]), kind(f[6]))
    p, d, pm, pv, size = pointer(w), pointer(dw), pointer(m), pointer(v), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi, di = load_rest(p, i, n), load_rest(d, i, n)
        mi, vi = load_rest(pm, i, n), load_rest(pv, i, n)
        wi, mi, vi = step_of(wi, di, mi, vi, f, numbers.tiny, numbers.max)
        store_rest(pm, i, mi, n)
        store_rest(pv, i, vi, n)
        store_rest(p, i, wi, n)
