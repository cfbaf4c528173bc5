"""The truth of `adam_update` and `adamw_update`: the new parameter and the new states."""

import numpy as np


def adam_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    g = dw + weight_decay * w
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adamw_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    new, m, v = adam_update(w, dw, m, v, lr, step, beta1, beta2, eps)
    return new - lr * weight_decay * w, m, v
