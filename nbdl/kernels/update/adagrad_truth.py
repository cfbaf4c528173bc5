"""The truth of `adagrad_update`: the new parameter and the new state."""

import numpy as np


def adagrad_update(w, dw, s, lr, eps=1e-10, eps_root=0.0, weight_decay=0.0):
    g = dw + weight_decay * w
    s = s + g**2
    return w - lr * g / (np.sqrt(s + eps_root) + eps), s
