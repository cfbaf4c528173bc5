"""The truth of `softmax_cross_entropy`, of each sample, and against probabilities."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.activation.softmax_truth import log_softmax
from nbdl.kernels.loss.labels_truth import counted, each_of, mean_of


def softmax_cross_entropy(x, labels, weight=None, ignore_index=-100, label_smoothing=0.0):
    each = softmax_cross_entropy_each(x, labels, weight, ignore_index, label_smoothing)
    return np.sum(each) / counted(x, labels, weight, ignore_index)


def softmax_cross_entropy_each(x, labels, weight=None, ignore_index=-100, label_smoothing=0.0):
    C = x.shape[-1]
    each = np.zeros(labels.shape)
    for n, label in np.ndenumerate(labels):
        if label != ignore_index:
            target = np.full(C, label_smoothing / C)
            target[label] += 1 - label_smoothing
            each[n] = _cross_entropy(x[n], target, weight)
    return each


def softmax_cross_entropy_soft(x, target, weight=None, label_smoothing=0.0):
    target = (1 - label_smoothing) * target + label_smoothing / x.shape[-1]
    return np.mean([_cross_entropy(x[n], target[n], weight) for n in np.ndindex(x.shape[:-1])])


def _cross_entropy(x, target, weight):
    cost = target if weight is None else target * weight
    some = cost != 0  # the others cost nothing, whatever their probability
    return -np.sum(cost[some] * log_softmax(x)[some])


def _smoothed(rng):
    x, labels, weight = rng.standard_normal((5, 4)), np.array([0, -100, 3, 1, 1]), rng.uniform(0.2, 2, 4)
    large = np.array([[1e4, 0.0, -1e4], [1e4, 1e4, 1e4], [-1e30, 0.0, 1e30], [0.0, -np.inf, 1.0]])
    return [
        Case("smoothed", (x, labels), {"label_smoothing": 0.1}),
        Case("smoothed and weighted", (x, labels, weight), {"label_smoothing": 0.3}),
        Case("smoothed to the end", (x, labels, weight), {"label_smoothing": 1.0}),
        Case("one class", (x[:, :1], 0 * labels), {"label_smoothing": 0.1}),
        Case("large", (large, np.array([0, 1, 2, 2])), grad=False),
        Case("far from 0", (x + 1e4, labels), {"label_smoothing": 0.1}, grad=False),
        Case("equal and very far from 0", (np.full((2, 16), 1e16), np.zeros(2, int)), grad=False),
        Case("large, wrong label", (large, np.array([2, 1, 0, 0])), grad=False),
        Case("label of probability 0", (large, np.array([2, 1, 0, 1])), grad=False),
        Bad("label_smoothing above 1", (x, labels), {"label_smoothing": 1.1}, OptionError, "label_smoothing"),
        Bad("label_smoothing NaN", (x, labels), {"label_smoothing": np.nan}, OptionError, "label_smoothing"),
    ]


def _soft_positions(rng, *shape):
    return rng.standard_normal(shape), rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def softmax_cross_entropy_cases(rng):
    return [*mean_of(rng, np.copy), *_smoothed(rng)]


def softmax_cross_entropy_each_cases(rng):
    return [*each_of(rng, np.copy), *_smoothed(rng)]


def softmax_cross_entropy_soft_cases(rng):
    x, target, weight = rng.standard_normal((5, 4)), rng.dirichlet(np.ones(4), 5), rng.uniform(0.2, 2, 4)
    large, sharp = (
        np.array([[1e4, 0.0, -1e4], [-np.inf, 0.0, 1.0]]),
        np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]),
    )
    return [
        Case("5 samples", (x, target)),
        Case("weighted", (x, target, weight)),
        Case("smoothed", (x, target), {"label_smoothing": 0.1}),
        Case("smoothed and weighted", (x, target, weight), {"label_smoothing": 1.0}),
        Case("targets that do not sum to 1", (x, 3 * target)),
        Case("one class", (x[:, :1], target[:, :1])),
        Case("one sample", (x[:1], target[:1])),
        Case("positions", _soft_positions(rng, 3, 4, 5)),
        Case("planes of positions", (*_soft_positions(rng, 2, 3, 4, 6), rng.uniform(0.2, 2, 6))),
        Case("positions, smoothed", _soft_positions(rng, 2, 2, 1, 3, 2), {"label_smoothing": 0.1}),
        Case("large", (large, sharp), grad=False),
        Case("far from 0", (x + 1e4, target), grad=False),
        Case("equal and very far from 0", (np.full((5, 4), 1e16), target), grad=False),
        Bad("target too short", (x, target[:4]), {}, ShapeError, "target"),
        Bad("target of other positions", (x, target[:, None]), {}, ShapeError, "target"),
        Bad("target of labels", (x, np.zeros(5, int)), {}, DtypeError, "target"),
        Bad("weight too short", (x, target, weight[:3]), {}, ShapeError, "weight"),
        Bad(
            "label_smoothing below 0", (x, target), {"label_smoothing": -0.1}, OptionError, "label_smoothing"
        ),
        Bad("empty batch", (x[:0], target[:0]), {}, ShapeError, "x"),
        Bad("no positions", (np.zeros((5, 0, 4)), np.zeros((5, 0, 4))), {}, ShapeError, "x"),
        Bad("x of 1 dimension", (x[0], target[0]), {}, ShapeError, "x"),
        Bad("no classes", (x[:, :0], target[:, :0]), {}, ShapeError, "x"),
        Bad("x of integers", (x.astype(int), target), {}, DtypeError, "x"),
    ]
