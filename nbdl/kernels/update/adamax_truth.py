"""The truth of `adamax_update`: the new parameter and the new states."""

import numpy as np


def adamax_update(w, dw, m, u, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    g = dw + weight_decay * w
    m, u = beta1 * m + (1 - beta1) * g, np.maximum(beta2 * u, np.abs(g) + eps)
    return w - lr / (1 - beta1**step) * m / u, m, u
