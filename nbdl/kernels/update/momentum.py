"""Gradient descent with momentum: see `nbdl.kernels.update` for what all updates have in common."""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.rates import rates


@jit
def momentum_update(w, dw, v, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    r"""Gradient descent with momentum :math:`\beta`, in the form of torch.optim.SGD.

    .. math:: g = dw + \lambda w \qquad v \leftarrow \beta v + g \qquad w \leftarrow w - \eta v

    With `nesterov` the last step is :math:`w \leftarrow w - \eta (g + \beta v)`. v starts as zeros.
    Zhang et al., Dive into Deep Learning, section 12.6.

    Examples
    --------
    >>> w, v = np.array([1.0]), np.array([0.0])
    >>> momentum_update(w, np.array([1.0]), v, 0.5)
    >>> w
    array([0.5])
    """
    lr, weight_decay = rates("momentum_update", lr, weight_decay)
    momentum = checked(momentum)
    dw = as_float("momentum_update: `dw`", dw, ANY)
    w, v = as_state("momentum_update: `w`", w, dw), as_state("momentum_update: `v`", v, dw)
    _momentum(w, dw.reshape(dw.size), v, lr, momentum, bool(nesterov), weight_decay)


@jit
def checked(momentum):
    momentum = np.float64(momentum)
    if not (momentum >= 0 and momentum < np.inf):
        raise OptionError("momentum_update: `momentum` must be finite and not negative, got {}", momentum)
    return momentum


@jit(inline=True)
def step(w, dw, v, rate, beta, decay, nesterov):
    """w and v after the step."""
    # The penalty goes into g, so it has momentum too, as in torch.
    g = fma(decay, w, dw)
    # v <- beta v + g; with Nesterov the step looks ahead along it
    v = fma(beta, v, g)
    return fma(-rate, fma(beta, v, g) if nesterov else v, w), v


@jit
def _momentum(w, dw, v, lr, momentum, nesterov, weight_decay):
    rate, beta, decay = w.dtype.type(lr), w.dtype.type(momentum), w.dtype.type(weight_decay)
    p, d, s, size = pointer(w), pointer(dw), pointer(v), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        wi, di, vi = load_rest(p, i, n), load_rest(d, i, n), load_rest(s, i, n)
        wi, vi = step(wi, di, vi, rate, beta, decay, nesterov)
        store_rest(s, i, vi, n)
        store_rest(p, i, wi, n)
