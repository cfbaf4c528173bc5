r"""Hinge loss of a support vector machine: how far a score is from being right by a margin.

.. math:: \ell = \frac1n \sum_i \max(0, m - s_i x_i) \qquad s_i = 1 \text{ for yes, } -1 \text{ for no}

x and labels have the same shape, of any number of dimensions: each element is a question of its own; n is
their number. Labels are integers: 1 is yes, 0 and -1 are no. The gradient at the kink is 0.
Cortes and Vapnik 1995; Rosasco et al. 2004, section 2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import LabelError
from nbdl.kernels.activation.elementwise import positive
from nbdl.kernels.door.inputs import ANY, as_float, as_labels
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.loss.elementwise import add_slopes, check_pair, mean_over_all
from nbdl.kernels.simd.registers import larger, where


@jit
def hinge_of(x, sign, margin):
    # In this order: `larger` keeps a NaN of its second argument, not of its first.
    return larger(0.0, margin - sign * x)


@jit
def hinge_slope(x, sign, margin):
    """A NaN in x lets the slope pass, so that it is not hidden."""
    return where(margin - sign * x <= 0.0, 0.0, -sign)


@jit
def _signs(kernel, labels, x):
    """1 for yes, -1 for no; raises at the first label that is neither."""
    # A copy in the dtype of x, for vectors are of floats; it is complete before anything is written to dx.
    signs, one = np.empty(labels.size, x.dtype), x.dtype.type(1)
    for i, label in enumerate(labels):
        if label < -1 or label > 1:
            raise LabelError(
                "{}: `labels` must be 1 for yes, 0 or -1 for no, got {} at element {}. Try "
                "softmax_cross_entropy for more classes",
                kernel, label, i,
            )  # fmt: skip
        signs[i] = one if label == 1 else -one
    return signs


@jit
def hinge(x, labels, margin=1.0):
    """Mean hinge loss over all elements.

    Parameters
    ----------
    x : float array of any shape
        Scores; at least one element.
    labels : array of integers of the shape of `x`
        1 for yes, 0 or -1 for no.
    margin : float
        Scores from here on cost nothing; positive.

    Returns
    -------
    scalar of the dtype of `x`.

    Raises
    ------
    LabelError
        If a label is none of these.
    ShapeError, DtypeError, OptionError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.
    """
    x = as_float("hinge: `x`", x, ANY)
    labels = as_labels("hinge: `labels`", labels, ANY)
    margin = positive("hinge: `margin`", margin, x)
    check_pair("hinge", x.shape, "labels", labels.shape, x.size)
    return _hinge(flat(x), _signs("hinge", flat(labels), x), margin)


@jit
def _hinge(x, signs, margin):
    return mean_over_all(hinge_of, x, signs, (margin,))


@jit
def hinge_dx(dloss, x, labels, margin=1.0, dx=None):
    """Adds the scalar `dloss` times -s / n where s x is below the margin to `dx` (zeros if not given)."""
    x = as_float("hinge_dx: `x`", x, ANY)
    labels = as_labels("hinge_dx: `labels`", labels, ANY)
    margin = positive("hinge_dx: `margin`", margin, x)
    check_pair("hinge_dx", x.shape, "labels", labels.shape, x.size)
    dx = as_grad("hinge_dx: `dx`", dx, x.shape, x)
    _hinge_dx(np.float64(dloss), flat(x), _signs("hinge_dx", flat(labels), x), margin, flat(dx))
    return dx


@jit
def _hinge_dx(dloss, x, signs, margin, dx):
    add_slopes(hinge_slope, dloss, x, signs, dx, (margin,))


hinge_outputs = outputs(hinge)
