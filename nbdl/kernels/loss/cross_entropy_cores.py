r"""The loops of softmax cross entropy, row by row: from labels, and from soft targets.

Exponentials are summed in the dtype of x, in blocks of 64 vectors, and losses in float64. The cores are
strict: m is subtracted before the logarithm, which large logits would swallow. A row of `cost` holds the
weight of each class times its smoothed target, :math:`w_c t_{nc}`; e is scratch for a row of exponentials.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.activation.softmax_slices import BLOCK, exps, largest
from nbdl.kernels.door.labels import mean_of
from nbdl.kernels.simd.registers import fma, hmax, hsum, pointer, splat, where
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit(inline=True)
def _row(x, n, e):
    """The maximum m of row `n`, and the sum of exp(row - m), which go to `e`."""
    L, C = lanes(pointer(x)), x.shape[1]
    count = (C + L - 1) // L
    m = hmax(largest(pointer(x), n * C, C, count, L, L))
    return m, hsum(exps(pointer(x), n * C, C, count, L, L, splat(m), pointer(e), 0))


@jit
def _costs(weight, target, keep, even, cost):
    """Weight times smoothed target, w (keep t + even), factors of -log-probabilities; returns their sum.

    `target` is a row of targets, or empty for the part that smoothing gives to every row.
    """
    total = np.float64(0)
    for c in range(cost.size):
        t = keep * target[c] + even if target.size else even
        cost[c] = weight[c] * t if weight.size else t
        total += cost[c]
    return total


@jit(inline=True)
def _row_loss(x, n, cost, m, log_total):
    """The sum over the classes of cost times -log-probability; a class of cost 0 costs nothing."""
    p, L, C = pointer(x) + n * x.shape[1], lanes(pointer(x)), x.shape[1]
    total = splat(x.dtype.type(0))
    for c0 in range(0, C, BLOCK * L):
        part = splat(x.dtype.type(0))
        for c in range(c0, min(C, c0 + BLOCK * L), L):
            w = load_rest(pointer(cost), c, C - c)
            surprise = where(w == 0.0, 0.0, (m - load_rest(p, c, C - c)) + log_total)
            part = fma(w, surprise, part)
        total = total + part
    return hsum(total)


@jit(inline=True)
def _row_dx(dx, n, e, scale, cost, slope):
    """Add ``slope * (scale * e - cost)`` to row `n` of `dx`."""
    d, L, C = pointer(dx) + n * dx.shape[1], lanes(pointer(dx)), dx.shape[1]
    for c in range(0, C, L):
        gradient = load_rest(pointer(e), c, C - c) * scale - load_rest(pointer(cost), c, C - c)
        store_rest(d, c, fma(gradient, slope, load_rest(d, c, C - c)), C - c)


@jit(strict=True)
def _from_labels(x, labels, weight, ignore_index, smoothing, y):
    C, kind = x.shape[1], x.dtype.type
    e, cost = np.empty(C, x.dtype), np.empty(C, x.dtype)
    # What smoothing costs is the same for every row: made once.
    _costs(weight, cost[:0], kind(0), kind(smoothing / C), cost)
    for n in range(x.shape[0]):
        label = labels[n]
        if label == ignore_index:
            y[n] = 0
            continue
        # log softmax(x)[label] = x[label] - m - log_total
        m, total = _row(x, n, e)
        log_total = np.log(np.float64(total))
        loss = np.float64(0)
        if smoothing < 1:
            w = weight[label] if weight.size else 1.0
            loss = (1 - smoothing) * w * (log_total + (m - x[n, label]))
        # The part of the target that smoothing spreads over all classes.
        if smoothing > 0:
            loss += _row_loss(x, n, cost, m, kind(log_total))
        y[n] = loss


@jit(strict=True)
def _from_labels_dx(dy, x, labels, weight, ignore_index, smoothing, dx):
    C, kind = x.shape[1], x.dtype.type
    e, cost = np.empty(C, x.dtype), np.empty(C, x.dtype)
    _costs(weight, cost[:0], kind(0), kind(smoothing / C), cost)
    mean_weight = mean_of(weight, C) if weight.size else 1.0
    for n in range(x.shape[0]):
        label = labels[n]
        if label == ignore_index:
            continue
        # Exponentials are made again: forward would have to keep as many numbers as x has.
        _, total = _row(x, n, e)
        own = (1 - smoothing) * (weight[label] if weight.size else 1.0)
        mass = own + smoothing * mean_weight  # the sum over c of weight times target
        # dy (mass softmax - cost) for all classes, and what label smoothing leaves to the label itself.
        _row_dx(dx, n, e, kind(mass / total), cost, dy[n])
        dx[n, label] -= dy[n] * own


# --- soft targets -----------------------------------------------------------------------------------------


@jit(strict=True)
def _from_targets(x, target, weight, smoothing):
    C, kind = x.shape[1], x.dtype.type
    e, cost = np.empty(C, x.dtype), np.empty(C, x.dtype)
    loss = np.float64(0)
    for n in range(x.shape[0]):
        m, total = _row(x, n, e)
        _costs(weight, target[n], kind(1 - smoothing), kind(smoothing / C), cost)
        loss += _row_loss(x, n, cost, m, kind(np.log(np.float64(total))))
    return kind(loss / x.shape[0])


@jit(strict=True)
def _from_targets_dx(dloss, x, target, weight, smoothing, dx):
    C, kind = x.shape[1], x.dtype.type
    e, cost = np.empty(C, x.dtype), np.empty(C, x.dtype)
    for n in range(x.shape[0]):
        _, total = _row(x, n, e)
        # The sum of weight times target: 1 without weights, if the target sums to 1.
        mass = _costs(weight, target[n], kind(1 - smoothing), kind(smoothing / C), cost)
        _row_dx(dx, n, e, kind(mass / total), cost, kind(dloss / x.shape[0]))
