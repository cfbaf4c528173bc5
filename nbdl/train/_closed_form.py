r"""Linear models without steps: least squares in closed form, logistic regression by Newton's method.

.. math::
    \min_{w, b}\ \frac{\sum_n c_n\, l(x_n w + b,\, y_n)}{\sum_n c_n} + \frac{\lambda}{2} \|w\|^2

with l the squared error, or the cross-entropy of the sigmoid. The bias is not penalised. They are the minimum
that `nbdl.fit` walks to with ``optimizer_options={"weight_decay": ridge}`` for the weights alone.
"""

import warnings

import numpy as np

from nbdl.errors import DataError, DtypeError, LabelError, NumericError, OptionError, ShapeError
from nbdl.nn._options import is_number

STEPS = 100  # of Newton: it takes 5 to 10 where there is a minimum
CLOSE = 1e-10  # of the gradient, where the columns have a deviation of 1
STILL = 1e-3  # of the logits: what the last step may change, at a minimum about 1e-9
SHOWN = 8  # columns in a message


def least_squares(x, y, ridge=0.0, weights=None):
    """The linear model with the smallest mean squared error, in closed form.

    Parameters
    ----------
    x : (N, D) array
    y : (N,) or (N, Q) array
    ridge : float
        The penalty lambda / 2 ||w||^2 on the mean squared error; 0 for none.
    weights : (N,) array, optional
        What each sample counts, from 0; 1 by default.

    Returns
    -------
    w, b : float64 arrays
        (D,) and () for targets (N,), else (D, Q) and (Q,): predictions are ``x @ w + b``.

    Raises
    ------
    ShapeError, DtypeError, DataError, OptionError
        For arrays that do not belong together, are no numbers or not finite; a negative ridge.

    Warns
    -----
    UserWarning
        Without `ridge`, if columns of x are linear combinations of others and 1: they are named. Of the many
        solutions the one with the smallest sum of squares of w is returned.

    Notes
    -----
    Zhang et al., Dive into Deep Learning, section 3.1.1.3. Solved by singular values (LAPACK), not by the
    normal equations, whose condition is that of x squared.

    Examples
    --------
    >>> least_squares([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    (array([2.]), 1.0000000000000004)
    """
    x, y, c = _checked("least_squares", x, y, ridge, weights)
    targets = y.reshape(len(y), -1)
    root, y_mean = np.sqrt(c)[:, None], c @ targets
    x_mean, centred = _centred(x, c)
    a, t = root * centred, root * (targets - y_mean)
    if not ridge:
        _warn_of_dependent("least_squares", a, "the solution of least norm is returned")
    a, t = _penalised(a, t, np.sqrt(ridge / 2))
    w = _solved(a, t)
    b = y_mean - x_mean @ w
    return (w[:, 0], float(b[0])) if y.ndim == 1 else (w, b)


def logistic_regression(x, y, ridge=0.0, weights=None):
    """The logistic model of two classes with the smallest mean cross-entropy, by Newton's method.

    Parameters
    ----------
    x : (N, D) array
    y : (N,) array
        0 and 1, as integers or truth values.
    ridge, weights
        As in `least_squares`, on the mean cross-entropy in nats.

    Returns
    -------
    w, b : (D,) float64 array, float
        ``x @ w + b`` is the logit of class 1.

    Raises
    ------
    LabelError
        For labels that are not 0 and 1, or all of one class.
    NumericError
        If the classes are separated by a plane and there is no `ridge`: no weights are the best, larger ones
        are always better.
    ShapeError, DtypeError, DataError, OptionError
        As in `least_squares`.

    Warns
    -----
    UserWarning
        As in `least_squares`.

    Examples
    --------
    >>> w, b = logistic_regression([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    >>> round(float(w[0]), 4), round(b, 4)
    (0.9082, -1.3623)
    """
    name = "logistic_regression"
    x, y, c = _checked(name, x, y, ridge, weights)
    found = np.unique(y)
    if y.ndim != 1 or not set(found.tolist()) <= {0, 1} or len(found) < 2:
        text = "{}: `y` must hold both 0 and 1, one for each sample, got {}"
        raise LabelError(text, name, f"shape {y.shape}" if y.ndim != 1 else found[:SHOWN])
    mean, centred = _centred(x, c)
    scale = np.sqrt(c @ centred**2)
    scale[scale == 0] = 1.0
    z = centred / scale  # Newton's steps are the same in any units, its rounding is not
    if not ridge:
        _warn_of_dependent(name, np.sqrt(c)[:, None] * z, "the solution of least norm is returned")
    penalty = np.append(ridge / scale**2, 0.0)  # of the weights in these units; none of the bias
    ones = np.column_stack([z, np.ones(len(z))])
    v = np.zeros(ones.shape[1])
    best = _cost(ones, y, c, penalty, v)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(ones @ v, -700, 700)))
        gradient = ones.T @ (c * (p - y)) + penalty * v
        curved = (ones * (c * p * (1 - p))[:, None]).T @ ones + np.diag(penalty)
        step = np.linalg.lstsq(curved, gradient, rcond=1e-13)[0]
        if np.abs(gradient).max() <= CLOSE:
            break
        best, v = _shortened(ones, y, c, penalty, v, step, best)
    if np.abs(ones @ step).max() > STILL:  # flat, and yet far from a minimum: there is none
        text = "{}: a plane separates the classes, so no weights are the best. Try ridge=1e-3"
        raise NumericError(text, name)
    w = v[:-1] / scale
    if not ridge:
        w = _least_norm(np.sqrt(c)[:, None] * centred, w)
    return w, float(v[-1] - mean @ w)


def _centred(x, c):
    """The means of columns and what is left of these without; of a constant column, nothing."""
    mean = c @ x
    centred = x - mean
    centred[:, np.sqrt(c @ centred**2) <= 1e-12 * np.abs(mean)] = 0.0
    return mean, centred


def _cost(ones, y, c, penalty, v):
    """What is minimised, of logits z: log(1 + e^z) - y z."""
    z = ones @ v
    return float(c @ (np.logaddexp(0, z) - y * z) + 0.5 * penalty @ v**2)


def _shortened(ones, y, c, penalty, v, step, best):
    """The cost and the weights after a step of Newton, halved until it does not go up."""
    for _ in range(50):
        cost = _cost(ones, y, c, penalty, v - step)
        if cost <= best + 1e-15 * abs(best):
            return cost, v - step
        step = step / 2
    return best, v


def _solved(a, t):
    """The solution of least norm of a w = t, columns brought to one length first unless they depend."""
    length = np.sqrt((a**2).sum(axis=0))
    length[length == 0] = 1.0
    scaled = a / length
    if np.linalg.matrix_rank(scaled) == a.shape[1]:
        return np.linalg.lstsq(scaled, t, rcond=None)[0] / length[:, None]
    return _least_norm(a, np.linalg.lstsq(scaled, t, rcond=None)[0] / length[:, None])


def _least_norm(a, w):
    """The weights of least norm that give what w gives: w without what lies in the null space of a."""
    length = np.sqrt((a**2).sum(axis=0))
    length[length == 0] = 1.0
    _, s, vt = np.linalg.svd(a / length, full_matrices=True)
    rank = int((s > s.max(initial=0) * max(a.shape) * np.finfo(np.float64).eps).sum())
    null = vt[rank:].T / length[:, None]  # a @ null is 0
    if not null.size:
        return w
    q = np.linalg.qr(null)[0]
    return w - q @ (q.T @ w)


def _penalised(a, t, root):
    """Rows that make least squares of them that of a and t with a penalty."""
    if not root:
        return a, t
    d = a.shape[1]
    return np.vstack([a, root * np.eye(d)]), np.vstack([t, np.zeros((d, t.shape[1]))])


def _warn_of_dependent(name, a, what):
    """Warn of columns that are combinations of the columns before them and 1."""
    length = np.sqrt((a**2).sum(axis=0))
    scaled = np.divide(a, length, out=np.zeros_like(a), where=length > 0)
    rank = np.linalg.matrix_rank(scaled)
    if rank == a.shape[1]:
        return
    dependent = _dependent(scaled)
    shown = ", ".join(map(str, dependent[:SHOWN])) + (", ..." if len(dependent) > SHOWN else "")
    which = f"column {shown} of `x` is a combination"
    if len(dependent) > 1:
        which = f"columns {shown} of `x` are combinations"
    warnings.warn(
        f"{name}: the matrix is singular, of rank {rank} of {a.shape[1]} columns: {which} of others, or "
        f"constant; {what}",
        stacklevel=3,
    )


def _dependent(a):
    """Columns that lie in the span of those before them, by Gram and Schmidt."""
    basis, found = np.zeros((len(a), 0)), []
    for i, column in enumerate(a.T):
        rest = column
        for _ in range(2):  # twice is enough
            rest = rest - basis @ (basis.T @ rest)
        size = np.sqrt(rest @ rest)
        if size <= 1e-10 or basis.shape[1] == len(a):
            found.append(i)
        else:
            basis = np.column_stack([basis, rest / size])
    return found


def _checked(name, x, y, ridge, weights):
    """The arrays as float64, and the weights with a sum of 1."""
    found = []
    for what, a in (("x", x), ("y", y), ("weights", np.ones(len(y)) if weights is None else weights)):
        a = np.asarray(a)
        if a.dtype.kind not in "biuf":
            raise DtypeError("{}: `{}` must hold numbers, got dtype {}", name, what, a.dtype)
        a = a.astype(np.float64)
        if not np.isfinite(a).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
            raise DataError("{}: `{}` holds {} at index {}", name, what, a[where], where)
        found.append(a)
    x, y, c = found
    if x.ndim != 2 or not x.size:
        raise ShapeError(
            "{}: `x` must be (N, D) with a row and a column at least, got shape {}", name, x.shape
        )
    if y.ndim not in (1, 2) or len(y) != len(x):
        raise ShapeError("{}: `y` must be ({},) or ({}, Q), got shape {}", name, len(x), len(x), y.shape)
    if c.shape != (len(x),):
        raise ShapeError("{}: `weights` must be ({},), got shape {}", name, len(x), c.shape)
    if (c < 0).any() or not c.sum() > 0:
        raise OptionError("{}: `weights` must be numbers from 0, not all 0, got {}", name, c.min())
    if not is_number(ridge) or not 0 <= ridge < np.inf:
        raise OptionError("{}: `ridge` must be a finite number from 0, got {!r}", name, ridge)
    return x, y, c / c.sum()
