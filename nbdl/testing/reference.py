"""Every kernel once more in plain NumPy: slow, float64, from the formula, sharing nothing with the kernel.

Each function takes the inputs and constants of the kernel of its name and returns the first output, or the
tuple of all outputs; updates return the new parameter and states.
"""

import itertools

import numpy as np

# --- layers -----------------------------------------------------------------------------------------------


def linear(x, w, b=None):
    return x @ w + (0 if b is None else b)


def matmul(a, b):
    return a @ b


def bmm(a, b):
    return np.einsum("imk,ikn->imn", a, b)


def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (dh, dw), (top, bottom, left, right) = _pair(stride), _pair(dilation), _sides(padding)
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    (O, C, KH, KW), M = w.shape, w.shape[0] // groups
    rows, columns = (KH - 1) * dh + 1, (KW - 1) * dw + 1
    y = np.zeros((x.shape[0], O, (x.shape[2] - rows) // sh + 1, (x.shape[3] - columns) // sw + 1))
    for n, o, i, j in np.ndindex(y.shape):
        channels = x[n, o // M * C : (o // M + 1) * C]
        patch = channels[:, i * sh : i * sh + rows : dh, j * sw : j * sw + columns : dw]
        y[n, o, i, j] = np.sum(patch * w[o]) + (0 if b is None else b[o])
    return y


def max_pool2d(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False):
    rows, columns = _windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = np.zeros((*x.shape[:2], len(rows), len(columns)))
    index = np.zeros(y.shape, np.int64)
    for n, c, i, j in np.ndindex(y.shape):
        places = list(itertools.product(rows[i][0], columns[j][0]))
        values = [x[n, c, r, k] for r, k in places]
        first = int(np.argmax(values))  # of equal values the first, of NaN the first before all
        y[n, c, i, j] = values[first]
        index[n, c, i, j] = places[first][0] * x.shape[3] + places[first][1]
    return y, index


def avg_pool2d(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, count_include_pad=True):
    rows, columns = _windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = np.zeros((*x.shape[:2], len(rows), len(columns)))
    for n, c, i, j in np.ndindex(y.shape):
        values = [x[n, c, r, k] for r, k in itertools.product(rows[i][0], columns[j][0])]
        y[n, c, i, j] = sum(values) / (rows[i][1] * columns[j][1] if count_include_pad else len(values))
    return y


def _windows(x_shape, kernel, stride, padding, dilation, ceil_mode):
    stride, sides = _pair(kernel if stride is None else stride), _sides(padding)
    axes = zip(x_shape[2:], _pair(kernel), stride, sides[::2], sides[1::2], _pair(dilation))
    return [_axis(*axis, ceil_mode) for axis in axes]


def _axis(size, taps, stride, before, after, dilation, ceil_mode):
    """The windows along one axis: the positions of x in each, and their number with those of the padding."""
    span, starts = (taps - 1) * dilation + 1, [-before]
    while True:
        last, following = starts[-1], starts[-1] + stride
        if ceil_mode:  # one more while something is left over, unless it would start behind x
            more = last + span < size + after and following < size
        else:
            more = following + span <= size + after
        if not more:
            break
        starts.append(following)
    windows = []
    for start in starts:
        positions = [start + u * dilation for u in range(taps)]
        windows.append(([p for p in positions if 0 <= p < size], sum(p < size + after for p in positions)))
    return windows


def _pair(v):
    return (v, v) if np.ndim(v) == 0 else tuple(v)


def _sides(v):
    """(top, bottom, left, right)."""
    if np.ndim(v) == 0:
        return (v, v, v, v)
    return tuple(v) if len(v) == 4 else (v[0], v[0], v[1], v[1])


# --- activations ------------------------------------------------------------------------------------------


def relu(x):
    return np.maximum(x, 0)


@np.errstate(invalid="ignore")  # of NaN
def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def tanh(x):
    return np.tanh(x)


def softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis, keepdims=True))
    return e / np.sum(e, axis, keepdims=True)


def log_softmax(x, axis=-1):
    x = x - np.max(x, axis, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis, keepdims=True))


# --- losses -----------------------------------------------------------------------------------------------


def softmax_cross_entropy(x, labels, weight=None, ignore_index=-100, label_smoothing=0.0):
    each = softmax_cross_entropy_each(x, labels, weight, ignore_index, label_smoothing)
    return np.sum(each) / _counted(x, labels, weight, ignore_index)


def softmax_cross_entropy_each(x, labels, weight=None, ignore_index=-100, label_smoothing=0.0):
    C = x.shape[1]
    each = np.zeros(len(x))
    for n, label in enumerate(labels):
        if label != ignore_index:
            target = np.full(C, label_smoothing / C)
            target[label] += 1 - label_smoothing
            each[n] = _cross_entropy(x[n], target, weight)
    return each


def softmax_cross_entropy_soft(x, target, weight=None, label_smoothing=0.0):
    target = (1 - label_smoothing) * target + label_smoothing / x.shape[1]
    return np.mean([_cross_entropy(x[n], target[n], weight) for n in range(len(x))])


def _cross_entropy(x, target, weight):
    cost = target if weight is None else target * weight
    some = cost != 0  # the others cost nothing, whatever their probability
    return -np.sum(cost[some] * log_softmax(x)[some])


def nll_loss(x, labels, weight=None, ignore_index=-100):
    return np.sum(nll_loss_each(x, labels, weight, ignore_index)) / _counted(x, labels, weight, ignore_index)


def nll_loss_each(x, labels, weight=None, ignore_index=-100):
    each = np.zeros(len(x))
    for n, label in enumerate(labels):
        if label != ignore_index:
            each[n] = -x[n, label] * (1 if weight is None else weight[label])
    return each


def _counted(x, labels, weight, ignore_index):
    weight = np.ones(x.shape[1]) if weight is None else weight
    return np.sum(weight[labels[labels != ignore_index]])


def mse(x, target, half=False):
    return np.mean((x - target) ** 2) / (2 if half else 1)


# --- information ------------------------------------------------------------------------------------------


def entropy(p, axis=-1, base=None, normalize=False):
    p = _distributions(p, axis, normalize)
    return -np.sum(_p_log(p, p), axis) / _nats(base)


def cross_entropy(p, q, axis=-1, base=None, normalize=False):
    p, q = _distributions(p, axis, normalize), _distributions(q, axis, normalize)
    return -np.sum(_p_log(p, q), axis) / _nats(base)


def kl_divergence(p, q, axis=-1, base=None, normalize=False):
    p, q = _distributions(p, axis, normalize), _distributions(q, axis, normalize)
    return np.sum(_p_log(p, p) - _p_log(p, q) - p + q, axis) / _nats(base)


def js_divergence(p, q, axis=-1, base=None, normalize=False):
    p, q = _distributions(p, axis, normalize), _distributions(q, axis, normalize)
    m = (p + q) / 2
    return np.sum(_p_log(p, p) - _p_log(p, m) + _p_log(q, q) - _p_log(q, m), axis) / (2 * _nats(base))


def mutual_information(p, base=None, normalize=False):
    p = _distributions(p, (-2, -1), normalize)
    sums = (np.sum(p, axes) for axes in (-1, -2))
    alone = sum(-np.sum(_p_log(m, m), -1) for m in sums)
    return (alone + np.sum(_p_log(p, p), (-2, -1))) / _nats(base)


def _distributions(p, axis, normalize):
    with np.errstate(invalid="ignore"):  # of what is all zero
        return p / np.sum(p, axis, keepdims=True) if normalize else p


def _p_log(p, q):
    """p log q, and 0 where p is 0."""
    with np.errstate(divide="ignore"):
        return np.where(p == 0, 0 * p, p * np.log(np.where(p == 0, 1, q)))


def _nats(base):
    return 1 if base is None else np.log(base)


def info_nce(x, y, temperature=1.0, symmetric=False):
    scores = x @ y.T / temperature
    each = -np.diag(log_softmax(scores))
    return np.mean((each - np.diag(log_softmax(scores.T))) / 2 if symmetric else each)


# --- dropout ----------------------------------------------------------------------------------------------


def dropout(x, p, seed, op, step):
    return masked_scale(x, dropout_mask(x, p, seed, op, step), p)


def dropout_mask(x, p, seed, op, step):
    samples = np.atleast_1d(x)
    samples = samples.reshape(len(samples), np.prod(samples.shape[1:], dtype=int))
    mask = np.zeros(samples.shape, bool)
    for sample, element in np.ndindex(samples.shape):
        words = philox((element // 4, sample, step, op), (seed % 2**32, seed // 2**32))
        mask[sample, element] = words[element % 4] / 2**32 >= p
    return mask.reshape(x.shape)


def philox(counter, key):
    """Philox4x32-10 on Python integers."""
    (a, b, c, d), (k, l) = counter, key
    for _ in range(10):
        first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = second // 2**32 ^ b ^ k, second % 2**32, first // 2**32 ^ d ^ l, first % 2**32
        k, l = (k + 0x9E3779B9) % 2**32, (l + 0xBB67AE85) % 2**32
    return a, b, c, d


def masked_scale(x, mask, p):
    return np.where(mask, x / (1 - p), 0) if p < 1 else np.zeros(x.shape)


# --- updates ----------------------------------------------------------------------------------------------


def sgd_update(w, dw, lr, weight_decay=0.0):
    return w - lr * (dw + weight_decay * w)


def momentum_update(w, dw, v, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    g = dw + weight_decay * w
    v = momentum * v + g
    return w - lr * (g + momentum * v if nesterov else v), v


def adam_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    g = dw + weight_decay * w
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adamw_update(w, dw, m, v, lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    new, m, v = adam_update(w, dw, m, v, lr, step, beta1, beta2, eps)
    return new - lr * weight_decay * w, m, v
