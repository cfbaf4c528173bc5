"""The truth of `yogi_update`: the new parameter and the new states."""

import numpy as np


def yogi_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-3, weight_decay=0.0):
    g = dw + weight_decay * w
    m, v = beta1 * m + (1 - beta1) * g, v + (1 - beta2) * np.sign(g**2 - v) * g**2
    m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v
