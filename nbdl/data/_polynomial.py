"""Powers of columns, for curves that are linear in their weights."""

import math

import numpy as np

from nbdl.errors import DataError, DtypeError, OptionError, ShapeError


def polynomial_features(x, degree, factorial=False):
    r"""Powers of each column: :math:`x, x^2, \dots, x^{degree}`, of float64.

    Parameters
    ----------
    x : (N,) or (N, D) array of numbers
    degree : int
        From 1.
    factorial : bool
        Each power i divided by i!, as in the Taylor series of exp: large powers stay small.

    Returns
    -------
    (N, D * degree) array
        All powers of the first column, then of the next. There is no column of 1: models have a bias.

    Raises
    ------
    ShapeError, DtypeError, OptionError
    DataError
        If a power is not finite: beyond 1e308.

    Notes
    -----
    Zhang et al., Dive into Deep Learning, first edition, section 4.4.

    Examples
    --------
    >>> polynomial_features([1.0, 2.0], 3)
    array([[1., 1., 1.],
           [2., 4., 8.]])
    """
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":
        raise DtypeError("polynomial_features: `x` must hold numbers, got dtype {}", x.dtype)
    if x.ndim not in (1, 2):
        raise ShapeError("polynomial_features: `x` must be (N,) or (N, D), got shape {}", x.shape)
    if not isinstance(degree, (int, np.integer)) or isinstance(degree, bool) or degree < 1:
        raise OptionError("polynomial_features: `degree` must be an integer from 1, got {!r}", degree)
    if not isinstance(factorial, (bool, np.bool_)):
        raise OptionError("polynomial_features: `factorial` must be true or false, got {!r}", factorial)
    columns = x.astype(np.float64).reshape(len(x), -1, 1)
    i = np.arange(1, degree + 1)
    with np.errstate(over="ignore"):
        if factorial:  # step by step: neither x^i nor i! alone need be a float64
            powers = np.cumprod(columns / i, axis=2)
        else:
            powers = columns**i
    if not np.isfinite(powers).all():
        largest = np.abs(columns).max()
        text = "polynomial_features: powers up to {} of {:g} are not finite. Try columns of deviation 1"
        raise DataError(text, degree, largest if math.isfinite(largest) else float("nan"))
    return powers.reshape(len(x), -1)
