"""Gradient descent: see `nbdl.kernels.update` for what all updates have in common."""

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.results import as_state
from nbdl.kernels.simd.registers import fma, pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.update.rates import rates


@jit
def sgd_update(w, dw, lr, weight_decay=0.0):
    r"""Gradient descent, :math:`w \leftarrow (1 - \eta\lambda)\, w - \eta\, dw`.

    Zhang et al., Dive into Deep Learning, sections 3.4 and 3.7.

    Examples
    --------
    >>> w = np.array([1.0, 2.0])
    >>> sgd_update(w, np.array([1.0, -1.0]), 0.5)
    >>> w
    array([0.5, 2.5])
    """
    lr, weight_decay = rates("sgd_update", lr, weight_decay)
    dw = as_float("sgd_update: `dw`", dw, ANY)
    w = as_state("sgd_update: `w`", w, dw)
    _sgd(w, dw.reshape(dw.size), lr, weight_decay)


@jit
def factors(lr, weight_decay):
    return lr, 1 - lr * weight_decay


@jit(inline=True)
def step(w, dw, rate, keep):
    """w after the step."""
    # The decay is in the factor of w: a step with it costs as much as one without.
    return fma(keep, w, -rate * dw)


@jit
def _sgd(w, dw, lr, weight_decay):
    rate, keep = factors(lr, weight_decay)
    rate, keep = w.dtype.type(rate), w.dtype.type(keep)
    p, d, size = pointer(w), pointer(dw), w.size
    for i in range(0, size, lanes(p)):
        n = size - i
        store_rest(p, i, step(load_rest(p, i, n), load_rest(d, i, n), rate, keep), n)
