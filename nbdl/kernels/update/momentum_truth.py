"""The truth of `momentum_update`: the new parameter and the new state."""


def momentum_update(w, dw, v, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    g = dw + weight_decay * w
    v = momentum * v + g
    return w - lr * (g + momentum * v if nesterov else v), v
