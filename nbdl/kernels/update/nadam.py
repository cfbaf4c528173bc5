"""NAdam: see `nbdl.kernels.update` for what all updates have in common."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, larger, pointer, smaller, sqrt
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.adam import checked
from nbdl.kernels.update.ranges import not_negative
from nbdl.kernels.update.rates import rates


@jit
def nadam_update(
    w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, momentum_decay=4e-3, weight_decay=0.0
):
    r"""NAdam, Adam with Nesterov's look ahead, whose momentum warms up.

    .. math::
        g = dw + \lambda w \qquad m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \mu_t = \beta_1 (1 - \tfrac12 0.96^{t \psi}) \qquad
        \hat m = \frac{\mu_{t+1} m}{1 - \prod_{i \le t+1} \mu_i} +
        \frac{(1 - \mu_t) g}{1 - \prod_{i \le t} \mu_i} \\
        w \leftarrow w - \eta\, \frac{\hat m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    t is `step`, 1, 2, ..., and :math:`\psi` is `momentum_decay`; m and v start as zeros. Where v would
    overflow it stays at the largest number. Dozat 2016, algorithm 8, as in torch.

    Examples
    --------
    >>> w, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> nadam_update(w, np.array([3.0]), m, v, lr=0.5, step=1, momentum_decay=0.0)
    >>> w.round(4)
    array([0.4718])
    """
    lr, weight_decay = rates("nadam_update", lr, weight_decay)
    step = integer("nadam_update: `step`", step)
    step, beta1, beta2, eps = checked("nadam_update", step, beta1, beta2, eps)
    momentum_decay = not_negative("nadam_update", "momentum_decay", momentum_decay)
    dw = as_float("nadam_update: `dw`", dw, ANY)
    w = as_state("nadam_update: `w`", w, dw)
    m = as_state("nadam_update: `m`", m, dw)
    v = as_state("nadam_update: `v`", v, dw)
    f = factors(lr, step, beta1, beta2, eps, momentum_decay, weight_decay)
    _nadam(w, dw.reshape(dw.size), m, v, f)


@jit
def factors(lr, step, beta1, beta2, eps, momentum_decay, weight_decay):
    """The numbers of one step, in float64: those of m and of g in the step, 1 / sqrt(1 - beta2^t),
    beta1, 1 - beta1, beta2, 1 - beta2, epsilon, decay."""
    product, i = 1.0, 1
    while i <= step and product > 1e-30:  # below that 1 - product is 1
        product *= warmed(beta1, i, momentum_decay)
        i += 1
    now, after = warmed(beta1, step, momentum_decay), warmed(beta1, step + 1, momentum_decay)
    of_m, of_g = lr * after / (1 - product * after), lr * (1 - now) / (1 - product)
    root = 1 / np.sqrt(1 - beta2**step)
    return of_m, of_g, root, beta1, 1 - beta1, beta2, 1 - beta2, eps, weight_decay


@jit
def warmed(beta1, t, momentum_decay):
    """The momentum of step t."""
    return beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))


@jit(inline=True)
def step_of(w, dw, m, v, f, tiny, largest):
    """w, m and v after a step with the `factors` f; `tiny` and `largest` are the ends of the dtype."""
    of_m, of_g, root, b1, c1, b2, c2, eps, decay = f
    g = fma(decay, w, dw)
    m, v = fma(b1, m, c1 * g), smaller(largest, fma(c2 * g, g, b2 * v))
    return w - fma(of_m, m, of_g * g) / larger(tiny, root * sqrt(v) + eps), m, v


@jit
def _nadam(w, dw, m, v, f):
    kind, numbers = w.dtype.type, np.finfo(w.dtype.type)
    f = (
        kind(f[0]), kind(f[1]), kind(f[2]), kind(f[3]), kind(f[4]),
        kind(f[5]), kind(f[6]), kind(f[7]), kind(f[8]),
    )  # fmt: skip
    p, d, pm, pv, size = pointer(w), pointer(dw), pointer(m), pointer(v), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi, di = load_rest(p, i, n), load_rest(d, i, n)
        mi, vi = load_rest(pm, i, n), load_rest(pv, i, n)
        wi, mi, vi = step_of(wi, di, mi, vi, f, numbers.tiny, numbers.max)
        store_rest(pm, i, mi, n)
        store_rest(pv, i, vi, n)
        store_rest(p, i, wi, n)
