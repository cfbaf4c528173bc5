"""What the truth of all losses with labels has in common."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, LabelError, ShapeError


def counted(x, labels, weight, ignore_index):
    weight = np.ones(x.shape[-1]) if weight is None else weight
    return np.sum(weight[labels[labels != ignore_index]])


def labelled(rng, scale):
    """What all losses with labels have in common."""
    x, labels = scale(rng.standard_normal((5, 4))), np.array([0, 3, 1, 2, 2])
    weight, some = rng.uniform(0.2, 2, 4), np.array([0, -100, 3, -100, 1])
    tokens, words = scale(rng.standard_normal((5, 3, 4))), rng.integers(0, 4, (5, 3))
    planes, part = scale(rng.standard_normal((3, 2, 4, 6))), rng.integers(-1, 6, (3, 2, 4))
    return [
        Case("5 samples", (x, labels)),
        Case("weighted", (x, labels, weight)),
        Case("a class of weight 0", (x, labels, weight * [1, 1, 0, 1])),
        Case("ignored", (x, some)),
        Case("weighted and ignored", (x, some, weight)),
        Case("another ignore_index", (x, labels), {"ignore_index": 2}),
        Case("ignore_index beyond the classes", (x, np.where(some < 0, 9, some)), {"ignore_index": 9}),
        Case("labels of one byte", (x, labels.astype(np.uint8))),
        Case("one sample", (x[:1], labels[:1])),
        Case("positions", (tokens, words)),
        Case("positions, weighted", (tokens, words.astype(np.int16), weight)),
        Case("planes of positions, ignored", (planes, part, rng.uniform(0.2, 2, 6)), {"ignore_index": -1}),
        Bad("label C", (x, labels + 1), {}, LabelError, "labels"),
        Bad("label -1", (x, labels - 1), {}, LabelError, "labels"),
        Bad("label 2^64 - 100", (x, some.astype(np.uint64)), {}, LabelError, "labels"),
        Bad("ignore_index of a fraction", (x, labels), {"ignore_index": 0.5}, DtypeError, "ignore_index"),
        Bad("labels of floats", (x, labels.astype(float)), {}, DtypeError, "labels"),
        Bad("labels of NaN", (x, np.full(5, np.nan)), {}, DtypeError, "labels"),
        Bad("labels too short", (x, labels[:4]), {}, ShapeError, "labels"),
        Bad("label C at a position", (tokens, words + 1), {}, LabelError, "labels"),
        Bad("labels of other positions", (tokens, words[:, :2]), {}, ShapeError, "labels"),
        Bad("labels of samples for positions", (tokens, labels), {}, ShapeError, "labels"),
        Bad("labels of one row for positions", (tokens, words.reshape(-1)), {}, ShapeError, "labels"),
        Bad("labels of 2 dimensions", (x, labels[:, None]), {}, ShapeError, "labels"),
        Bad("weight too short", (x, labels, weight[:3]), {}, ShapeError, "weight"),
        Bad("weight of another dtype", (x, labels, half(weight)), {}, DtypeError, "weight"),
        Bad("x of 1 dimension", (x[0], labels), {}, ShapeError, "x"),
        Bad("no classes", (x[:, :0], np.full(5, -100)), {}, ShapeError, "x"),
        Bad("x of integers", (x.astype(int), labels), {}, DtypeError, "x"),
    ]


def mean_of(rng, scale):
    x = scale(rng.standard_normal((5, 4)))
    return [
        *labelled(rng, scale),
        Bad("empty batch", (x[:0], np.zeros(0, int)), {}, ShapeError, "x"),
        Bad("no positions", (np.zeros((5, 0, 4)), np.zeros((5, 0), int)), {}, ShapeError, "x"),
        Bad("all ignored", (x, np.full(5, -100)), {}, LabelError, "labels"),
        Bad(
            "all of weight 0", (x, np.zeros(5, int), np.array([0.0, 1.0, 1.0, 1.0])), {}, LabelError, "labels"
        ),
    ]


def each_of(rng, scale):
    x = scale(rng.standard_normal((5, 4)))
    return [
        *labelled(rng, scale),
        Case("empty batch", (x[:0], np.zeros(0, int))),
        Case("no positions", (np.zeros((5, 0, 4)), np.zeros((5, 0), int))),
        Case("all ignored", (x, np.full(5, -100))),
    ]
