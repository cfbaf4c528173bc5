"""LAMB: see `nbdl.kernels.update` for what all updates have in common."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, hsum, pointer, splat, sqrt
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.adam import Factors, checked, corrected, moments
from nbdl.kernels.update.layerwise import norm
from nbdl.kernels.update.rates import rates

CHUNK = 4096  # elements whose squares are summed in their dtype; chunks are summed in float64


@jit
def lamb_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.0):
    r"""LAMB: Adam's step, as long as the whole parameter is, for `step` 1, 2, ...; m and v start as zeros.

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1)\, dw \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, dw^2 \\
        r = \frac{m / (1 - \beta_1^{step})}{\sqrt{v / (1 - \beta_2^{step})} + \epsilon} + \lambda w \qquad
        w \leftarrow w - \eta\, \frac{\|w\|}{\|r\|}\, r

    The quotient of the norms is 1 where one of them is 0. Both means are corrected for their start;
    :math:`\epsilon` (`eps`) stands outside the root, and the decay outside of the means, as in AdamW.
    You et al. 2020, algorithm 2, with :math:`\phi` the identity.

    Examples
    --------
    >>> w, m, v = np.array([3.0, 4.0]), np.zeros(2), np.zeros(2)
    >>> lamb_update(w, np.array([1.0, -1.0]), m, v, lr=0.1, step=1)
    >>> w.round(4)
    array([2.6464, 4.3536])
    """
    lr, weight_decay = rates("lamb_update", lr, weight_decay)
    step, beta1, beta2, eps = checked("lamb_update", integer("lamb_update: `step`", step), beta1, beta2, eps)
    dw = as_float("lamb_update: `dw`", dw, ANY)
    w = as_state("lamb_update: `w`", w, dw)
    m, v = as_state("lamb_update: `m`", m, dw), as_state("lamb_update: `v`", v, dw)
    _lamb(w, dw.reshape(dw.size), m, v, lr, step, beta1, beta2, eps, weight_decay)


@jit(inline=True)
def direction(w, m, v, f):
    """r of a vector; in the `Factors` of LAMB eta is 1, and `decay` stands here."""
    return fma(f.decay, w, f.rate * m / fma(f.root, sqrt(v), splat(f.epsilon)))


@jit(inline=True)
def advance(w, dw, m, v, size, f):
    """m and v after the step, and the quotient of the norms of w and r, as float64."""
    total, zero = 0.0, splat(f.decay) - splat(f.decay)
    for start in range(0, size, CHUNK):
        squares = zero
        for i in range(start, min(start + CHUNK, size), lanes(w)):
            n = size - i
            mi, vi = moments(load_rest(dw, i, n), load_rest(m, i, n), load_rest(v, i, n), f)
            store_rest(m, i, mi, n)
            store_rest(v, i, vi, n)
            r = direction(load_rest(w, i, n), mi, vi, f)
            squares = fma(r, r, squares)
        total += np.float64(hsum(squares))
    length = norm(w, size)
    return length / np.sqrt(total) if length != 0 and total != 0 else 1.0


@jit(inline=True)
def walk(w, m, v, size, rate, f):
    """w - `rate` r."""
    for i in range(0, size, lanes(w)):
        n = size - i
        wi = load_rest(w, i, n)
        r = direction(wi, load_rest(m, i, n), load_rest(v, i, n), f)
        store_rest(w, i, fma(-rate, r, wi), n)


@jit
def _lamb(w, dw, m, v, lr, step, beta1, beta2, eps, weight_decay):
    kind, numbers = w.dtype.type, np.finfo(w.dtype.type)
    rate, root, fade = corrected(1.0, step, beta1, beta2)
    root, largest, smallest = kind(root), kind(numbers.max), numbers.tiny * numbers.eps
    f = Factors(
        kind(rate), root, kind(fade), kind(beta1), kind(1 - beta1), kind(beta2), kind(1 - beta2),
        kind(weight_decay), kind(1), kind(max(eps, np.sqrt(smallest / (1 - beta2)))),
        kind(root * np.sqrt(largest)), largest,
    )  # fmt: skip
    p, first, second = pointer(w), pointer(m), pointer(v)
    trust = advance(p, pointer(dw), first, second, w.size, f)
    walk(p, first, second, w.size, kind(min(lr * trust, numbers.max)), f)
