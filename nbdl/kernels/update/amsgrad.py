"""AMSGrad: see `nbdl.kernels.update` for what all updates have in common."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, larger, pointer, smaller, sqrt
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.adam import checked, corrected
from nbdl.kernels.update.rates import rates


@jit
def amsgrad_update(w, dw, m, v, top, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    r"""AMSGrad: Adam whose rates never grow, for they are those of the largest v so far.

    .. math::
        g = dw + \lambda w \qquad m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \qquad top \leftarrow \max(top, v) \\
        w \leftarrow w - \eta\, \frac{m / (1 - \beta_1^{step})}{\sqrt{top / (1 - \beta_2^{step})} + \epsilon}

    `step` is 1, 2, ...; m, v and top start as zeros. Where v would overflow it stays at the largest number.
    Reddi et al. 2018, algorithm 2, with Adam's corrections of the start as in torch.

    Examples
    --------
    >>> w, m, v, top = np.array([1.0]), np.zeros(1), np.zeros(1), np.array([9.0])
    >>> amsgrad_update(w, np.array([3.0]), m, v, top, lr=0.5, step=1, beta2=0.0)
    >>> w.round(4)
    array([0.5])
    """
    lr, weight_decay = rates("amsgrad_update", lr, weight_decay)
    step = integer("amsgrad_update: `step`", step)
    step, beta1, beta2, eps = checked("amsgrad_update", step, beta1, beta2, eps)
    dw = as_float("amsgrad_update: `dw`", dw, ANY)
    w = as_state("amsgrad_update: `w`", w, dw)
    m = as_state("amsgrad_update: `m`", m, dw)
    v = as_state("amsgrad_update: `v`", v, dw)
    top = as_state("amsgrad_update: `top`", top, dw)
    f = factors(lr, step, beta1, beta2, eps, weight_decay)
    _amsgrad(w, dw.reshape(dw.size), m, v, top, f)


@jit
def factors(lr, step, beta1, beta2, eps, weight_decay):
    """The numbers of one step, in float64: rate, 1 / sqrt(1 - beta2^step), beta1, 1 - beta1,
    beta2, 1 - beta2, epsilon, decay."""
    rate, root, _ = corrected(lr, step, beta1, beta2)
    return rate, root, beta1, 1 - beta1, beta2, 1 - beta2, eps, weight_decay


@jit(inline=True)
def step_of(w, dw, m, v, top, f, tiny, largest):
    """w, m, v and top after a step with the `factors` f; `tiny` and `largest` are the ends of the dtype."""
    rate, root, b1, c1, b2, c2, eps, decay = f
    g = fma(decay, w, dw)
    m, v = fma(b1, m, c1 * g), smaller(largest, fma(c2 * g, g, b2 * v))
    top = larger(top, v)
    return fma(-rate, m / larger(tiny, root * sqrt(top) + eps), w), m, v, top


@jit
def _amsgrad(w, dw, m, v, top, f):
    kind, numbers = w.dtype.type, np.finfo(w.dtype.type)
    f = (kind(f[0]), kind(f[1]), kind(f[2]), kind(f[3]), kind(f[4]), kind(f[5]), kind(f[6]), kind(f[7]))
    p, d, pm, pv, ptop, size = pointer(w), pointer(dw), pointer(m), pointer(v), pointer(top), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi, di = load_rest(p, i, n), load_rest(d, i, n)
        mi, vi, topi = load_rest(pm, i, n), load_rest(pv, i, n), load_rest(ptop, i, n)
        wi, mi, vi, topi = step_of(wi, di, mi, vi, topi, f, numbers.tiny, numbers.max)
        store_rest(pm, i, mi, n)
        store_rest(pv, i, vi, n)
        store_rest(ptop, i, topi, n)
        store_rest(p, i, wi, n)
