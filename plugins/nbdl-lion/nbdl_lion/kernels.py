r"""Lion: the sign of an average of gradients, two averaging rates.

.. math:: w \leftarrow w - \eta\,(\operatorname{sign}(\beta_1 m + (1-\beta_1) g) + \lambda w), \qquad
          m \leftarrow \beta_2 m + (1-\beta_2) g

Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, algorithm 2.
"""

from nbdl import jit
from nbdl.kernels import as_float, as_state


@jit
def lion_update(w, dw, m, lr, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """Update `w` and the average `m` in place from the gradient `dw`; all of one shape and dtype."""
    dw = as_float("lion_update: `dw`", dw, -1)
    w = as_state("lion_update: `w`", w, dw)
    m = as_state("lion_update: `m`", m, dw)
    _lion_update(w, dw.reshape(dw.size), m, lr, beta1, beta2, weight_decay)


@jit
def _lion_update(w, dw, m, lr, beta1, beta2, weight_decay):
    real = w.dtype.type
    a1, b1, a2, b2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    rate, decay = real(lr), real(1 - lr * weight_decay)
    for i in range(w.size):
        u = a1 * m[i] + b1 * dw[i]
        w[i] = decay * w[i] - rate * ((u > 0) - real(u < 0))
        m[i] = a2 * m[i] + b2 * dw[i]
