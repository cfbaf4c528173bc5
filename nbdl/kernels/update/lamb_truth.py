"""The truth of `lamb_update`: the new parameter and the new states."""

import numpy as np


def lamb_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.0):
    m, v = beta1 * m + (1 - beta1) * dw, beta2 * v + (1 - beta2) * dw**2
    r = m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + eps) + weight_decay * w
    length, size = np.linalg.norm(w), np.linalg.norm(r)
    return w - lr * (length / size if length and size else 1.0) * r, m, v
