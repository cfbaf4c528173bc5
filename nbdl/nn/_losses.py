"""Losses on the tape: ``loss(prediction, target, ..., reduction="mean")``, or "sum" or "none"."""

import math

import numpy as np

from nbdl.array_functions import minimum, where
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.tape import apply, as_tensor, cast, real


def softmax_cross_entropy(
    prediction,
    target,
    weight=None,
    *,
    axis=None,
    ignore_index=-100,
    label_smoothing=0.0,
    reduction="mean",
):
    """Cross-entropy of softmax(prediction) in nats.

    Parameters
    ----------
    prediction : (N, C), (N, T, C) or (N, C, d1, ...)
        Logits: classes last, or at axis 1 as in torch; of which of them it is, the target tells.
    target : (N,), (N, T) or (N, d1, ...) integers, or probabilities of the shape of `prediction`
        Class indices, or soft labels.
    weight : (C,), optional
        Weight of each class; the mean divides by the sum of the weights of the labels.
    axis : -1 or 1, optional
        The axis of the classes; needed where the shape of the target fits both, as it does for T = C.
    ignore_index : int
        Labels of this value count for nothing.
    label_smoothing : float
        This share of the target is spread evenly over the classes.
    reduction : "mean", "sum" or "none"
    """
    x, target = as_tensor(prediction), as_tensor(target)
    _check(reduction)
    if weight is not None:
        if isinstance(weight, dict):
            text = "softmax_cross_entropy: `weight` must have one number for each class, in order, got {}"
            raise OptionError(text + '. Try a list; a run also takes "balanced"', weight)
        weight = np.ascontiguousarray(real("softmax_cross_entropy: `weight`", weight), x.dtype)
        if not (np.isfinite(weight) & (weight >= 0)).all():
            text = "softmax_cross_entropy: `weight` must hold finite numbers from 0, got {}"
            raise OptionError(text, weight)
    soft = target.dtype.kind == "f" and target.shape == x.shape
    if class_axis("softmax_cross_entropy", x.shape, target.shape, axis, soft) == 1 and x.ndim > 2:
        last = 0, *range(2, x.ndim), 1
        x, target = x.transpose(*last), target.transpose(*last) if soft else target
    if soft:
        return _soft(x, cast(target, x.dtype), weight, label_smoothing, reduction)
    options = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
    if reduction == "mean":
        return apply("softmax_cross_entropy", x, target, weight, **options)
    each = apply("softmax_cross_entropy_each", x, target, weight, **options)
    return each.sum() if reduction == "sum" else each


def class_axis(name, shape, target, axis=None, soft=False):
    """Which axis of a prediction has the classes, 1 or -1, from its shape and that of the target.

    Labels have the shape of the prediction without the axis of the classes; `soft` ones have all of it.
    """
    if axis is not None and (isinstance(axis, bool) or axis not in (1, -1)):
        raise OptionError("{}: `axis` must be 1 or -1, got {!r}", name, axis)
    wanted = {1: shape[:1] + shape[2:], -1: shape[:-1]}
    fits = [a for a in wanted if axis in (None, a) and (soft or target == wanted[a])]
    if not fits:
        rules = dict.fromkeys(str(wanted[a]) for a in wanted if axis in (None, a))
        raise ShapeError(
            "{}: `target` must have shape {} for logits {}, got {}", name, " or ".join(rules), shape, target
        )
    if len(fits) > 1 and len(shape) > 2:
        raise OptionError(
            "{}: `target` {} fits classes at axis 1 and at the last axis of logits {}. Say which: axis=-1 if "
            "classes are last, axis=1 if they come before the positions",
            name,
            target,
            shape,
        )
    return fits[-1]


def _soft(x, target, weight, label_smoothing, reduction):
    """`softmax_cross_entropy` against probabilities (N, ..., C)."""
    if reduction != "none":
        mean = apply("softmax_cross_entropy_soft", x, target, weight, label_smoothing=label_smoothing)
        return mean if reduction == "mean" else mean * math.prod(x.shape[:-1])
    target = target * (1 - label_smoothing) + label_smoothing / x.shape[-1]
    if weight is not None:
        target = target * weight
    # a class of target 0 costs nothing, also where its logit is -inf
    terms = target * where(target != 0, apply("log_softmax", x, axis=-1), 0)
    return -terms.sum(axis=-1)


def mse(prediction, target, *, half=False, reduction="mean"):
    """Squared error (prediction - target)^2, times 1/2 with `half` as in the book's scratch version.

    Both are of one shape; only a last axis of length 1 may stand in one of them alone: (N,) is (N, 1).
    """
    x, target = _pair("mse", prediction, target, reduction)
    if reduction == "mean":
        return apply("mse", x, target, half=half)
    each = (x - target) * (x - target) * (0.5 if half else 1.0)
    return each.sum() if reduction == "sum" else each


def huber(prediction, target, *, delta=1.0, reduction="mean"):
    """Half the squared error up to a distance of `delta`, from there on a straight line.

    Shapes as in `mse`. See `nbdl.kernels.huber`.
    """
    x, target = _pair("huber", prediction, target, reduction)
    if reduction != "none":
        return _mean_or_sum(apply("huber", x, target, delta=float(delta)), x, reduction)
    distance = abs(x - target)
    inner = minimum(distance, delta)
    return inner * (distance - 0.5 * inner)


def l1(prediction, target, *, reduction="mean"):
    """Absolute error |prediction - target|. Shapes as in `mse`. See `nbdl.kernels.l1`."""
    x, target = _pair("l1", prediction, target, reduction)
    if reduction != "none":
        return _mean_or_sum(apply("l1", x, target), x, reduction)
    return abs(x - target)


def binary_cross_entropy_with_logits(prediction, target, *, pos_weight=1.0, reduction="mean"):
    """Cross-entropy in nats of sigmoid(prediction), of each element by itself.

    Parameters
    ----------
    prediction : array of any shape
        Logits.
    target : array of the same shape, but for a last axis of length 1
        1 for yes and 0 for no, as integers, truth values or probabilities.
    pos_weight : float
        What a yes counts, against 1 of a no.
    reduction : "mean", "sum" or "none"
    """
    x, target = _pair("binary_cross_entropy_with_logits", prediction, target, reduction)
    if reduction != "none":
        mean = apply("binary_cross_entropy_with_logits", x, target, pos_weight=float(pos_weight))
        return _mean_or_sum(mean, x, reduction)
    return (1 - target) * apply("softplus", x) + pos_weight * target * apply("softplus", -x)


def hinge(prediction, target, *, margin=1.0, reduction="mean"):
    """max(0, margin - s prediction), where s is 1 for the label 1, and -1 for the labels 0 and -1.

    For two classes and one score for each sample: `target` holds integers 1 for yes, 0 or -1 for no, or truth
    values; no numbers of further classes, and no floats. Prediction and target are of one shape, but for a
    last axis of length 1. See `nbdl.kernels.hinge`.

    Raises
    ------
    LabelError
        For a label that is none of these three.
    DtypeError, ShapeError
    """
    x, target = as_tensor(prediction), as_tensor(target)
    _check(reduction)
    if target.dtype.kind == "b":
        target = cast(target, np.int64)
    if target.dtype.kind not in "iu":
        text = "hinge: `target` must hold integers, 1 for yes and 0 or -1 for no, or truth values, got {}"
        raise DtypeError(text, target.dtype)
    scores = in_line(x, target.shape)
    if scores.shape != target.shape:
        text = "hinge: `target` must have the shape of the prediction {}, got {}"
        raise ShapeError(text, x.shape, target.shape)
    if reduction != "none":
        return _mean_or_sum(apply("hinge", scores, target, margin=float(margin)), x, reduction)
    apply("hinge", scores.detach(), target)  # which looks at the labels
    return apply("relu", margin - where(target == 1, 1.0, -1.0) * scores).reshape(*x.shape)


def _pair(name, prediction, target, reduction):
    """A prediction and a target of its shape and dtype."""
    x = as_tensor(prediction)
    target = in_line(cast(target, x.dtype), x.shape)
    _check(reduction)
    if target.shape != x.shape:
        text = "{}: `target` must have the shape of the prediction {}, got {}"
        if target.shape == x.shape[:1] and name == "mse":
            text += ". Try integer targets, if they are classes"
        raise ShapeError(text, name, x.shape, target.shape)
    return x, target


def _mean_or_sum(mean, x, reduction):
    """What a kernel gives, the mean over the elements of x, or their sum."""
    return mean if reduction == "mean" else mean * math.prod(x.shape)


def info_nce(x, y, temperature=0.1, *, symmetric=True):
    """Contrastive loss of pairs of rows: row n of `x` (N, D) among all rows of `y` (N, D), in nats.

    The mean over the pairs, of both directions if `symmetric`. log(N) less the loss bounds the mutual
    information of x and y from below. Give rows of length 1 for cosine similarities.
    """
    x = as_tensor(x)
    return apply("info_nce", x, cast(y, x.dtype), temperature=temperature, symmetric=symmetric)


def kl_divergence(prediction, target, *, reduction="mean"):
    """KL(target || prediction) in nats of probabilities (N, C): what to minimise to match a target."""
    return _of_rows("kl_divergence", target, prediction, reduction)


def js_divergence(prediction, target, *, reduction="mean"):
    """Jensen-Shannon divergence in nats of probabilities (N, C): symmetric, at most log 2."""
    return _of_rows("js_divergence", target, prediction, reduction)


def cross_entropy(prediction, target, *, reduction="mean"):
    """-sum target log(prediction) in nats of probabilities (N, C); of logits: `softmax_cross_entropy`."""
    return _of_rows("cross_entropy", target, prediction, reduction)


def _of_rows(name, p, q, reduction):
    """A measure of two tables of probabilities, reduced over the rows."""
    q = as_tensor(q)
    _check(reduction)
    each = apply(name, cast(p, q.dtype), q)
    return each if reduction == "none" else each.sum() if reduction == "sum" else each.mean()


def in_line(target, shape):
    """The target of the shape of a prediction, where they differ by a last axis of length 1 alone."""
    if target.shape != shape and shape in (target.shape + (1,), target.shape[:-1]):
        return target.reshape(*shape) if math.prod(shape) == math.prod(target.shape) else target
    return target


def _check(reduction):
    if reduction not in ("mean", "sum", "none"):
        raise OptionError("`reduction` must be mean, sum or none, got {!r}", reduction)


def weight_of_labels(prediction, target, weight=None, *, axis=None, ignore_index=-100, label_smoothing=0.0):
    """What the mean of `softmax_cross_entropy` divides by: the weight of its labels, or soft rows."""
    axis = -1 if axis is None else axis
    if target.dtype.kind == "f":
        return prediction.size // prediction.shape[axis]
    labels = target[target != ignore_index]
    if weight is None:
        return len(labels)
    weight = np.asarray(weight, np.float64)
    return float(weight[labels[(labels >= 0) & (labels < len(weight))]].sum())


def elements(prediction, target, **options):
    """What the mean of `mse` and its kin divides by."""
    return prediction.size


def rows(prediction, target, **options):
    """What the mean of `kl_divergence` and its kin divides by."""
    return len(prediction)
