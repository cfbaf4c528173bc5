r"""InfoNCE: the contrastive loss, and the bound on mutual information that it gives.

.. math::
    \ell = -\frac1N \sum_n \log \frac{e^{s_{nn} / \tau}}{\sum_m e^{s_{nm} / \tau}} \qquad
    s = x y^\top \qquad \mathrm{I}(X; Y) \ge \log N - \ell

Row n of x and row n of y belong together; the other rows of y in the batch are the negatives. Scores are
inner products: give rows of length 1 for cosine similarities. ``symmetric=True`` is the mean of both
directions, x among y and y among x. The bound cannot exceed log N, however large the information is.
van den Oord, Li and Vinyals 2018, Representation Learning with Contrastive Predictive Coding, section 2.3;
Poole et al. 2019, section 2.3; symmetric: Radford et al. 2021, figure 3.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.dense.linear import linear, linear_dx
from nbdl.kernels.door.inputs import as_float, as_like
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.loss.cross_entropy import softmax_cross_entropy, softmax_cross_entropy_dx


@jit
def info_nce(x, y, temperature=1.0, symmetric=False):
    """The mean contrastive loss of pairs of rows, with all other rows of the batch as negatives.

    Parameters
    ----------
    x, y : (N, D) float arrays
        Row n of one belongs to row n of the other; N >= 1.
    temperature : float
        What the scores are divided by; positive, with an inverse that the dtype of `x` holds.
    symmetric : bool
        Whether to take the mean with the loss of y among x.

    Returns
    -------
    scalar of the dtype of `x`, in nats.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call it once on one minibatch before the loop.

    Examples
    --------
    >>> round(float(info_nce(np.eye(2), np.eye(2))), 4)
    0.3133
    """
    x = as_float("info_nce: `x` (N, D)", x, 2)
    y = as_like("info_nce: `y` (N, D)", y, 2, x)
    _check("info_nce", x, y, temperature)
    scores, labels = _scores(x, y, np.float64(temperature)), np.arange(x.shape[0])
    loss = softmax_cross_entropy(scores, labels)
    if symmetric:
        # The scores of y among x are columns; cross entropy takes rows, with classes side by side.
        loss = (loss + softmax_cross_entropy(np.ascontiguousarray(scores.T), labels)) / x.dtype.type(2)
    return loss


@jit
def info_nce_dx(dloss, x, y, temperature=1.0, symmetric=False, dx=None):
    """Adds the scalar `dloss` times the gradient of `info_nce` with respect to x to `dx` (N, D)."""
    x = as_float("info_nce_dx: `x` (N, D)", x, 2)
    y = as_like("info_nce_dx: `y` (N, D)", y, 2, x)
    _check("info_nce_dx", x, y, temperature)
    dx = as_grad("info_nce_dx: `dx`", dx, x.shape, x)
    slope = _dscores(np.float64(dloss), x, y, np.float64(temperature), bool(symmetric))
    # With the scores seen as `linear` of x and y^T, this is its gradient.
    return linear_dx(slope, np.ascontiguousarray(y.T), dx)


@jit
def info_nce_dy(dloss, x, y, temperature=1.0, symmetric=False, dy=None):
    """Adds the scalar `dloss` times the gradient of `info_nce` with respect to y to `dy` (N, D)."""
    x = as_float("info_nce_dy: `x` (N, D)", x, 2)
    y = as_like("info_nce_dy: `y` (N, D)", y, 2, x)
    _check("info_nce_dy", x, y, temperature)
    dy = as_grad("info_nce_dy: `dy`", dy, x.shape, x)
    slope = _dscores(np.float64(dloss), x, y, np.float64(temperature), bool(symmetric))
    return linear_dx(np.ascontiguousarray(slope.T), np.ascontiguousarray(x.T), dy)


@jit
def info_nce_bound(loss, n):
    """The lower bound log(n) - loss on the mutual information, in nats; n is the size of the batch.

    Not above log(n), for no loss is negative; a negative bound says nothing and stays negative.
    """
    n = integer("info_nce_bound: `n`", n)
    if n < 1:
        raise OptionError("info_nce_bound: `n` must be at least 1, got {}", n)
    return np.log(np.float64(n)) - max(np.float64(loss), 0.0)


@jit
def _check(kernel, x, y, temperature):
    if y.shape != x.shape:
        raise ShapeError("{}: `y` must have shape {}, that of `x`, got {}", kernel, x.shape, y.shape)
    if x.shape[0] == 0:
        raise ShapeError("{}: `x` is an empty batch, shape {}: it has no mean", kernel, x.shape)
    # `not (...)` refuses NaN too.
    if not (temperature > 0 and temperature < np.inf):
        raise OptionError("{}: `temperature` must be positive and finite, got {}", kernel, temperature)
    # The scores are multiplied by its inverse: infinity times 0 is NaN.
    if temperature < 1 / np.float64(np.finfo(x.dtype).max):
        raise OptionError("{}: 1 / `temperature` must fit the dtype of `x`, got {}", kernel, temperature)


@jit
def _scores(x, y, temperature):
    """The inner products over the temperature, (N, N)."""
    scores = linear(x, np.ascontiguousarray(y.T))
    # Divided once in float64: each score takes a product.
    flat, scale = scores.reshape(scores.size), x.dtype.type(1 / temperature)
    for i in range(flat.size):
        flat[i] *= scale
    return scores


@jit
def _dscores(dloss, x, y, temperature, symmetric):
    """The gradient with respect to the inner products."""
    # Scores are made again: forward would have to keep N^2 numbers.
    scores, labels = _scores(x, y, temperature), np.arange(x.shape[0])
    # The factors of all N^2 scores, put into the one number that they are multiplied by anyway.
    dloss /= temperature * (2 if symmetric else 1)
    slope = softmax_cross_entropy_dx(dloss, scores, labels)
    if symmetric:
        other = softmax_cross_entropy_dx(dloss, np.ascontiguousarray(scores.T), labels)
        for n in range(slope.shape[0]):
            for m in range(slope.shape[1]):
                slope[n, m] += other[m, n]
    return slope


info_nce_outputs = outputs(info_nce)
