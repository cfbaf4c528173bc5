"""AdaMax: see `nbdl.kernels.update` for what all updates have in common."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, larger, pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.adam import checked
from nbdl.kernels.update.rates import rates


@jit
def adamax_update(w, dw, m, u, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    r"""AdaMax, Adam with the largest gradient in the place of the root of their mean square.

    .. math::
        g = dw + \lambda w \qquad m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad
        u \leftarrow \max(\beta_2 u, |g| + \epsilon) \\
        w \leftarrow w - \frac{\eta}{1 - \beta_1^{step}} \frac{m}{u}

    `step` is 1, 2, ...; m and u start as zeros. No square is taken, so nothing overflows. Kingma and Ba 2015,
    algorithm 2, with epsilon where torch has it.

    Examples
    --------
    >>> w, m, u = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> adamax_update(w, np.array([3.0]), m, u, lr=0.5, step=1)
    >>> w.round(4), u.round(4)
    (array([0.5]), array([3.]))
    """
    lr, weight_decay = rates("adamax_update", lr, weight_decay)
    step = integer("adamax_update: `step`", step)
    step, beta1, beta2, eps = checked("adamax_update", step, beta1, beta2, eps)
    dw = as_float("adamax_update: `dw`", dw, ANY)
    w = as_state("adamax_update: `w`", w, dw)
    m = as_state("adamax_update: `m`", m, dw)
    u = as_state("adamax_update: `u`", u, dw)
    f = factors(lr, step, beta1, beta2, eps, weight_decay)
    _adamax(w, dw.reshape(dw.size), m, u, f)


@jit
def factors(lr, step, beta1, beta2, eps, weight_decay):
    """The numbers of one step, in float64: rate, beta1, 1 - beta1, beta2, epsilon, decay."""
    return lr / (1 - beta1**step), beta1, 1 - beta1, beta2, eps, weight_decay


@jit(inline=True)
def step_of(w, dw, m, u, f, tiny, largest):
    """w, m and u after a step with the `factors` f; `tiny` and `largest` are the ends of the dtype."""
    rate, b1, c1, b2, eps, decay = f
    g = fma(decay, w, dw)
    m = fma(b1, m, c1 * g)
    u = larger(b2 * u, larger(-g, g) + eps)  # a NaN in g stays
    return fma(-rate, m / larger(tiny, u), w), m, u


@jit
def _adamax(w, dw, m, u, f):
    kind, numbers = w.dtype.type, np.finfo(w.dtype.type)
    f = (kind(f[0]), kind(f[1]), kind(f[2]), kind(f[3]), kind(f[4]), kind(f[5]))
    p, d, pm, pu, size = pointer(w), pointer(dw), pointer(m), pointer(u), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi, di = load_rest(p, i, n), load_rest(d, i, n)
        mi, ui = load_rest(pm, i, n), load_rest(pu, i, n)
        wi, mi, ui = step_of(wi, di, mi, ui, f, numbers.tiny, numbers.max)
        store_rest(pm, i, mi, n)
        store_rest(pu, i, ui, n)
        store_rest(p, i, wi, n)
