"""RMSProp: see `nbdl.kernels.update` for what all updates have in common."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, larger, pointer, smaller, sqrt
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.ranges import not_negative, share
from nbdl.kernels.update.rates import rates


@jit
def rmsprop_update(
    w, dw, s, m, v, lr, alpha=0.99, eps=1e-8, eps_root=0.0, centered=False, momentum=0.0, weight_decay=0.0
):
    r"""RMSProp: gradients over the root of the mean of their squares, which fades by :math:`\alpha`.

    .. math::
        g = dw + \lambda w \qquad s \leftarrow \alpha s + (1 - \alpha) g^2 \qquad
        v \leftarrow \mu v + \frac{g}{\sqrt{s + \epsilon_r} + \epsilon} \qquad w \leftarrow w - \eta v

    :math:`\epsilon` is `eps`, outside the root as in torch; :math:`\epsilon_r` is `eps_root`, inside it as in
    the book (1e-6 there, where :math:`\alpha` is called :math:`\gamma`, and 0.9). `centered` takes the square
    of the mean gradient, :math:`m \leftarrow \alpha m + (1 - \alpha) g`, from s under the root. s, m and v
    start as zeros; m is used if `centered`, v if `momentum` (:math:`\mu`) is above 0. Where s would overflow
    it stays at the largest number. Tieleman and Hinton 2012; Graves 2013, equations 38 to 45 (centered);
    Zhang et al., Dive into Deep Learning, section 12.8.

    Examples
    --------
    >>> w, s, m, v = np.array([1.0]), np.zeros(1), np.zeros(1), np.zeros(1)
    >>> rmsprop_update(w, np.array([2.0]), s, m, v, lr=0.1, alpha=0.75)
    >>> w, s
    (array([0.8]), array([1.]))
    """
    lr, weight_decay = rates("rmsprop_update", lr, weight_decay)
    alpha, eps, eps_root, momentum = checked(alpha, eps, eps_root, momentum)
    dw = as_float("rmsprop_update: `dw`", dw, ANY)
    w, s = as_state("rmsprop_update: `w`", w, dw), as_state("rmsprop_update: `s`", s, dw)
    m, v = as_state("rmsprop_update: `m`", m, dw), as_state("rmsprop_update: `v`", v, dw)
    d = dw.reshape(dw.size)
    _rmsprop(w, d, s, m, v, lr, alpha, eps, eps_root, bool(centered), momentum, weight_decay)


@jit
def checked(alpha, eps, eps_root, momentum):
    alpha, eps = share("rmsprop_update", "alpha", alpha), not_negative("rmsprop_update", "eps", eps)
    eps_root = not_negative("rmsprop_update", "eps_root", eps_root)
    return alpha, eps, eps_root, not_negative("rmsprop_update", "momentum", momentum)


@jit(inline=True)
def mean_of_squares(g, s, alpha, rest, largest):
    """s after the step; `rest` is 1 - alpha."""
    return smaller(largest, fma(rest * g, g, alpha * s))


@jit(inline=True)
def scaled(g, s, eps, root, tiny):
    """The gradient over the root of s: 0, not NaN, where both are 0."""
    return g / larger(tiny, sqrt(s + root) + eps)


@jit
def _rmsprop(w, dw, s, m, v, lr, alpha, eps, eps_root, centered, momentum, weight_decay):
    kind, numbers = w.dtype.type, np.finfo(w.dtype.type)
    rate, fade, rest, outside, inside = kind(lr), kind(alpha), kind(1 - alpha), kind(eps), kind(eps_root)
    mu, decay, tiny = kind(momentum), kind(weight_decay), numbers.tiny
    p, d, square, mean, velocity, size = pointer(w), pointer(dw), pointer(s), pointer(m), pointer(v), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi = load_rest(p, i, n)
        g = fma(decay, wi, load_rest(d, i, n))
        si = mean_of_squares(g, load_rest(square, i, n), fade, rest, numbers.max)
        store_rest(square, i, si, n)
        if centered:
            mi = fma(rest, g, fade * load_rest(mean, i, n))
            store_rest(mean, i, mi, n)
            si = larger(kind(0), fma(-mi, mi, si))  # rounding may take it below 0
        vi = scaled(g, si, outside, inside, tiny)
        if momentum > 0:
            vi = fma(mu, load_rest(velocity, i, n), vi)
            store_rest(velocity, i, vi, n)
        store_rest(p, i, fma(-rate, vi, wi), n)
