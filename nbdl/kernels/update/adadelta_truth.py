"""The truth of `adadelta_update`: the new parameter and the new states."""

import numpy as np


def adadelta_update(w, dw, s, u, lr=1.0, rho=0.9, eps_root=1e-6, weight_decay=0.0):
    g = dw + weight_decay * w
    s = rho * s + (1 - rho) * g**2
    d = np.sqrt(u + eps_root) / np.sqrt(s + eps_root) * g
    return w - lr * d, s, rho * u + (1 - rho) * d**2
