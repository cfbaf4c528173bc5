"""The truth of `sgd_update`: the new parameter."""


def sgd_update(w, dw, lr, weight_decay=0.0):
    return w - lr * (dw + weight_decay * w)
