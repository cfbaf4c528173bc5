"""Weights of samples, where those that a model will meet come from elsewhere than those it learns from."""

import numpy as np

from nbdl.errors import DtypeError, LabelError, NumericError, ShapeError
from nbdl.train._closed_form import logistic_regression


def covariate_shift_weights(source, target, ridge=1e-3):
    r"""How much more likely each source sample is among the target samples, from a logistic discriminator.

    .. math:: \beta_n = \frac{q(x_n)}{p(x_n)} = e^{f(x_n)}\, \frac{N_p}{N_q}

    where f(x) is the logit of "from the target" of a logistic regression. A mean over the source samples with
    these weights estimates one over the target, if the inputs alone have shifted: p(y | x) must be the same.

    Parameters
    ----------
    source : (N, D) array
        Inputs of the samples that there are labels of.
    target : (M, D) array
        Inputs as they will be met.
    ridge : float
        Of the logistic regression of standardised columns (`logistic_regression`).

    Returns
    -------
    (N,) float64 array
        Above 0, with a mean of 1.

    Raises
    ------
    ShapeError, DtypeError, DataError, OptionError
        As of `logistic_regression`.

    Notes
    -----
    Zhang et al., Dive into Deep Learning, section 4.7.3.1. The logit is linear in x: give columns such as x^2
    where the shift is not one of the mean (`nbdl.data.polynomial_features`).

    Examples
    --------
    >>> weights = covariate_shift_weights(x, x_new)
    >>> w, b = least_squares(x, y, weights=weights)
    """
    source, target = np.asarray(source), np.asarray(target)
    if source.ndim != 2 or target.ndim != 2 or source.shape[1] != target.shape[1]:
        text = "covariate_shift_weights: `source` and `target` must be (N, D) and (M, D), got {} and {}"
        raise ShapeError(text, source.shape, target.shape)
    both = np.concatenate([source, target])
    if both.dtype.kind in "biuf":
        both = both.astype(np.float64)
        deviation = both.std(axis=0)
        both = (both - both.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    new = np.arange(len(both)) >= len(source)
    w, b = logistic_regression(both, new, ridge)
    logits = both[: len(source)] @ w + b
    weights = np.exp(logits - logits.max())
    return weights / weights.mean()


def label_shift_weights(y, predicted, predicted_target, classes=None):
    r"""How much more frequent each class is in the target, from what a classifier predicts on both.

    .. math:: C \beta = \mu,\qquad C_{ij} = p(\hat y = i, y = j),\quad \mu_i = q(\hat y = i)

    solved for :math:`\beta_j = q(y = j) / p(y = j)`. The inputs of each class must be the same in both.

    Parameters
    ----------
    y : (N,) integers
        Labels of source samples that were held out.
    predicted : (N,) integers
        What the classifier says of these.
    predicted_target : (M,) integers
        What it says of target samples.
    classes : int, optional
        How many there are; by default one more than the largest number.

    Returns
    -------
    (classes,) float64 array
        From 0; what comes out below 0, by chance, is 0. The weight of a sample is that of its class, as for
        ``loss_options={"weight": ...}`` of `nbdl.fit`.

    Raises
    ------
    DtypeError, ShapeError, LabelError
        For what are no numbers of classes; a class that `y` does not hold.
    NumericError
        If the classifier cannot tell classes apart, so that C is singular: they are named.

    Notes
    -----
    Zhang et al., Dive into Deep Learning, section 4.7.3.2; Lipton, Wang and Smola 2018, "Detecting and
    correcting for label shift with black box predictors".

    Examples
    --------
    >>> label_shift_weights([0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 1, 1])
    array([0.5, 1.5])
    """
    given = {"y": y, "predicted": predicted, "predicted_target": predicted_target}
    given = {name: np.asarray(a) for name, a in given.items()}
    most = max((int(a.max(initial=0)) for a in given.values() if a.dtype.kind in "biu"), default=0) + 1
    k = most if classes is None else classes
    for name, a in given.items():
        if a.dtype.kind not in "biu":
            raise DtypeError("label_shift_weights: `{}` must hold integers, got dtype {}", name, a.dtype)
        if a.ndim != 1 or not a.size or (name == "predicted" and len(a) != len(given["y"])):
            text = "label_shift_weights: `{}` must be one number for each sample, got shape {}"
            raise ShapeError(text, name, a.shape)
        if a.min() < 0 or a.max() >= k:
            text = "label_shift_weights: `{}` must be from 0 to {}, got {} to {}"
            raise LabelError(text, name, k - 1, a.min(), a.max())
    y, predicted, new = given.values()
    absent = [int(c) for c in range(k) if not (y == c).any()]
    if absent:
        raise LabelError(
            "label_shift_weights: `y` holds no sample of class {}: its weight is unknown", absent
        )
    joint = np.zeros((k, k))
    np.add.at(joint, (predicted.astype(np.int64), y.astype(np.int64)), 1 / len(y))
    _, s, vt = np.linalg.svd(joint / joint.sum(axis=0))  # columns are p(prediction | class)
    if s[-1] <= 1e-10 * s[0]:
        alike = [int(c) for c in np.flatnonzero(np.abs(vt[-1]) > 1e-6)]
        text = "label_shift_weights: the classifier cannot tell classes {} apart: C is singular"
        raise NumericError(text, alike)
    mu = np.bincount(new.astype(np.int64), minlength=k) / len(new)
    return np.maximum(np.linalg.solve(joint, mu), 0.0)
