"""The truth of `rmsprop_update`: the new parameter and the new states; those that are not used stay."""

import numpy as np


def rmsprop_update(
    w, dw, s, m, v, lr, alpha=0.99, eps=1e-8, eps_root=0.0, centered=False, momentum=0.0, weight_decay=0.0
):
    g = dw + weight_decay * w
    s = alpha * s + (1 - alpha) * g**2
    m = alpha * m + (1 - alpha) * g if centered else m
    d = g / (np.sqrt(s - (m**2 if centered else 0) + eps_root) + eps)
    v = momentum * v + d if momentum else v
    return w - lr * (v if momentum else d), s, m, v
