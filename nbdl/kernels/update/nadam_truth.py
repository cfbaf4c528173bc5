"""The truth of `nadam_update`: the new parameter and the new states."""

import numpy as np


def nadam_update(
    w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, momentum_decay=4e-3, weight_decay=0.0
):
    g = dw + weight_decay * w
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    mu = beta1 * (1 - 0.5 * 0.96 ** (np.arange(1, step + 2) * momentum_decay))
    m_hat = mu[-1] * m / (1 - np.prod(mu)) + (1 - mu[-2]) * g / (1 - np.prod(mu[:-1]))
    return w - lr * m_hat / (np.sqrt(v / (1 - beta2**step)) + eps), m, v
