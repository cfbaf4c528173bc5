"""The truth of `lars_update`: the new parameter and the new state."""

import numpy as np


def lars_update(w, dw, v, lr, momentum=0.9, trust=0.001, weight_decay=0.0):
    length, slope = np.linalg.norm(w), np.linalg.norm(dw)
    r = trust * length / (slope + weight_decay * length) if length and slope else 1.0
    v = momentum * v + r * (dw + weight_decay * w)
    return w - lr * v, v
