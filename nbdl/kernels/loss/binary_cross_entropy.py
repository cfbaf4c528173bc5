r"""Binary cross-entropy between targets and the sigmoid of logits, in one step from the logits.

.. math::
    \ell = \frac1n \sum_i (1 - t_i)\, s(x_i) + w\, t_i\, s(-x_i) \qquad
    s(x) = \log(1 + e^x) = \max(0, x) + \log(1 + e^{-|x|})

x and target t have the same shape, of any number of dimensions: each element is a question of its own. n is
the number of elements, w the weight of a yes. Nothing overflows, and no digit is lost at either end; what has
target 0 costs nothing, even where it is infinitely unlikely. The mean is over n, even with w, as in torch.
Zhang et al., Dive into Deep Learning, section 4.1, for two classes.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import positive, sigmoids
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.loss.elementwise import add_slopes, check_pair, mean_over_all
from nbdl.kernels.simd.registers import larger, where
from nbdl.kernels.simd.vector_math import exp, log1p


@jit
def bce_of(x, target, pos_weight):
    # exp(-|x|) is at most 1 and cannot overflow; log1p keeps the digits of a small one.
    rest, other, part = log1p(exp(-abs(x))), 1.0 - target, pos_weight * target
    # Chosen, not multiplied by 0: a loss may be infinite, and 0 times infinity is NaN.
    no = where(other == 0.0, 0.0, other * (larger(0.0, x) + rest))
    return no + where(part == 0.0, 0.0, part * (larger(0.0, -x) + rest))


@jit
def bce_slope(x, target, pos_weight):
    # Both, since 1 - yes would lose the digits of a small no.
    yes, no = sigmoids(x)
    return (1.0 - target) * yes - pos_weight * target * no


@jit
def bce_slope_of_target(x, target, pos_weight):
    rest = log1p(exp(-abs(x)))
    # The loss is linear in the target: the slope is the loss of a yes less that of a no.
    return pos_weight * (larger(0.0, -x) + rest) - (larger(0.0, x) + rest)


@jit
def binary_cross_entropy_with_logits(x, target, pos_weight=1.0):
    """Mean cross-entropy between targets and the sigmoid of each element.

    Parameters
    ----------
    x : float array of any shape
        Logits; at least one element.
    target : array of the shape and dtype of `x`
        Probabilities that the answer is yes: 0 and 1, or between. They are not looked at.
    pos_weight : float
        What a yes counts, against 1 of a no; positive.

    Returns
    -------
    scalar of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: compare the shapes before the loop.
    """
    x = as_float("binary_cross_entropy_with_logits: `x`", x, ANY)
    target = as_like("binary_cross_entropy_with_logits: `target`", target, ANY, x)
    pos_weight = positive("binary_cross_entropy_with_logits: `pos_weight`", pos_weight, x)
    check_pair("binary_cross_entropy_with_logits", x.shape, "target", target.shape, x.size)
    return _binary_cross_entropy_with_logits(flat(x), flat(target), pos_weight)


@jit
def _binary_cross_entropy_with_logits(x, target, pos_weight):
    return mean_over_all(bce_of, x, target, (pos_weight,))


@jit
def binary_cross_entropy_with_logits_dx(dloss, x, target, pos_weight=1.0, dx=None):
    """Adds the scalar `dloss` times ((1 - t) s - w t (1 - s)) / n to `dx`, s the sigmoid of x."""
    x = as_float("binary_cross_entropy_with_logits_dx: `x`", x, ANY)
    target = as_like("binary_cross_entropy_with_logits_dx: `target`", target, ANY, x)
    pos_weight = positive("binary_cross_entropy_with_logits_dx: `pos_weight`", pos_weight, x)
    check_pair("binary_cross_entropy_with_logits_dx", x.shape, "target", target.shape, x.size)
    dx = as_grad("binary_cross_entropy_with_logits_dx: `dx`", dx, x.shape, x)
    _binary_cross_entropy_with_logits_dx(np.float64(dloss), flat(x), flat(target), pos_weight, flat(dx))
    return dx


@jit
def _binary_cross_entropy_with_logits_dx(dloss, x, target, pos_weight, dx):
    add_slopes(bce_slope, dloss, x, target, dx, (pos_weight,))


@jit
def binary_cross_entropy_with_logits_dtarget(dloss, x, target, pos_weight=1.0, dtarget=None):
    """Adds the scalar `dloss` times (w softplus(-x) - softplus(x)) / n to `dtarget` (zeros if not given)."""
    x = as_float("binary_cross_entropy_with_logits_dtarget: `x`", x, ANY)
    target = as_like("binary_cross_entropy_with_logits_dtarget: `target`", target, ANY, x)
    pos_weight = positive("binary_cross_entropy_with_logits_dtarget: `pos_weight`", pos_weight, x)
    check_pair("binary_cross_entropy_with_logits_dtarget", x.shape, "target", target.shape, x.size)
    dtarget = as_grad("binary_cross_entropy_with_logits_dtarget: `dtarget`", dtarget, x.shape, x)
    _binary_cross_entropy_with_logits_dtarget(
        np.float64(dloss), flat(x), flat(target), pos_weight, flat(dtarget)
    )
    return dtarget


@jit
def _binary_cross_entropy_with_logits_dtarget(dloss, x, target, pos_weight, dtarget):
    add_slopes(bce_slope_of_target, dloss, x, target, dtarget, (pos_weight,))


binary_cross_entropy_with_logits_outputs = outputs(binary_cross_entropy_with_logits)
