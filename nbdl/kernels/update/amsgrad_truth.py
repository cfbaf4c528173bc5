"""The truth of `amsgrad_update`: the new parameter and the new states."""

import numpy as np


def amsgrad_update(w, dw, m, v, top, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    g = dw + weight_decay * w
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    top = np.maximum(top, v)
    m_hat, root = m / (1 - beta1**step), np.sqrt(top / (1 - beta2**step))
    return w - lr * m_hat / (root + eps), m, v, top
