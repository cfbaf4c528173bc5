"""The cases that each operation is verified on: ordinary ones, every option, edges, and bad arguments.

Each function takes a random generator and returns a list of `Case` and `Bad`; the first is an ordinary case.
Arrays are small; where gradients are checked, inputs keep away from kinks.
"""

from dataclasses import dataclass, field

import numpy as np

from nbdl.errors import DtypeError, LabelError, OptionError, ProbabilityError, ShapeError


@dataclass(frozen=True)
class Case:
    """Arguments that a kernel must take: `inputs` in the record's order, `constants` by name.

    Float arrays are float64 (the kit makes float32 of them), the others keep their dtype; None stands for an
    input left out. ``grad=False``: values at the ends, where no gradient is checked.
    """

    name: str
    inputs: tuple
    constants: dict = field(default_factory=dict)
    grad: bool = True


@dataclass(frozen=True)
class Bad:
    """Arguments that a kernel must refuse with `error`, whose message names the argument `names`."""

    name: str
    inputs: tuple
    constants: dict
    error: type
    names: str


def _half(a):
    return a.astype(np.float32)


# --- layers -----------------------------------------------------------------------------------------------


def linear(rng):
    def xwb(n, d, q):
        return rng.standard_normal((n, d)), rng.standard_normal((d, q)), rng.standard_normal(q)

    x, w, b = xwb(4, 3, 5)
    return [
        Case("4x3 times 3x5", (x, w, b)),
        Case("no bias", (x, w, None)),
        Case("one of all", xwb(1, 1, 1)),
        Case("odd sizes", xwb(7, 17, 13)),
        Case("no samples", xwb(0, 3, 2)),
        Case("no columns", xwb(2, 0, 3)),
        Case("large and tiny", (1e15 * x, 1e-15 * w, b)),
        Case("infinite", (np.array([[np.inf, 1.0], [2.0, 3.0]]), np.array([[1.0], [2.0]]), None), grad=False),
        Bad("w too tall", (x, w[:2], b), {}, ShapeError, "w"),
        Bad("b too short", (x, w, b[:4]), {}, ShapeError, "b"),
        Bad("x of 1 dimension", (x[0], w, b), {}, ShapeError, "x"),
        Bad("x of integers", (x.astype(int), w, b), {}, DtypeError, "x"),
        Bad("w of another dtype", (x, _half(w), b), {}, DtypeError, "w"),
    ]


def matmul(rng):
    def ab(m, k, n):
        return rng.standard_normal((m, k)), rng.standard_normal((k, n))

    a, b = ab(4, 3, 5)
    return [
        Case("4x3 times 3x5", (a, b)),
        Case("one of all", ab(1, 1, 1)),
        Case("odd sizes", ab(17, 7, 33)),
        Case("a row times a matrix", ab(1, 9, 40)),
        Case("a matrix times a column", ab(40, 9, 1)),
        Case("no rows", ab(0, 3, 2)),
        Case("nothing to sum", ab(6, 0, 3)),
        Case("no columns", ab(6, 3, 0)),
        Case("infinite", (np.array([[np.inf, 1.0], [2.0, 3.0]]), np.array([[1.0], [2.0]])), grad=False),
        Bad("b too short", (a, b[:2]), {}, ShapeError, "b"),
        Bad("a of 1 dimension", (a[0], b), {}, ShapeError, "a"),
        Bad("a of integers", (a.astype(int), b), {}, DtypeError, "a"),
        Bad("b of another dtype", (a, _half(b)), {}, DtypeError, "b"),
    ]


def bmm(rng):
    def ab(i, m, k, n):
        return rng.standard_normal((i, m, k)), rng.standard_normal((i, k, n))

    a, b = ab(3, 4, 3, 5)
    return [
        Case("3 of 4x3 times 3x5", (a, b)),
        Case("one of all", ab(1, 1, 1, 1)),
        Case("odd sizes", ab(2, 17, 7, 33)),
        Case("no matrices", ab(0, 2, 3, 4)),
        Case("no rows", ab(2, 0, 3, 2)),
        Case("nothing to sum", ab(2, 6, 0, 3)),
        Bad("fewer matrices in b", (a, b[:2]), {}, ShapeError, "b"),
        Bad("b too short", (a, b[:, :2]), {}, ShapeError, "b"),
        Bad("a of 2 dimensions", (a[0], b), {}, ShapeError, "a"),
        Bad("a of integers", (a.astype(int), b), {}, DtypeError, "a"),
        Bad("b of another dtype", (a, _half(b)), {}, DtypeError, "b"),
    ]


def conv2d(rng):
    def xwb(n=2, c=3, h=6, k=7, o=4, kh=3, kw=2, groups=1):
        shapes = (n, c, h, k), (o, c // groups, kh, kw), o
        return tuple(map(rng.standard_normal, shapes))

    def options(stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1):
        return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

    x, w, b = xwb()
    return [
        Case("3x2 kernel", (x, w, b)),
        Case("no bias", (x, w, None)),
        Case("plain integers", xwb(h=9), {"stride": 2, "padding": 1, "dilation": 2}),
        Case("pairs", xwb(h=8), {"stride": (2, 3), "padding": (2, 1), "dilation": (1, 1)}),
        Case("four paddings", xwb(), options(padding=(0, 3, 1, 2))),
        Case("dilation", xwb(h=9), options(dilation=(2, 3))),
        Case("groups", xwb(c=4, o=6, groups=2), {"groups": 2}),
        Case("depthwise", xwb(c=3, o=3, groups=3), {"groups": 3, "stride": 2, "padding": 1}),
        Case("everything", xwb(c=4, h=11, k=9, groups=2), options((3, 2), (1, 0, 2, 3), (1, 2), 2)),
        Case("1x1 kernel", xwb(kh=1, kw=1)),
        Case("kernel as large as x", xwb(kh=6, kw=7)),
        Case("kernel in the padding", xwb(h=1, k=1), {"padding": 2}),
        Case("padding larger than the result", xwb(k=1), options(padding=(0, 0, 3, 0), dilation=(1, 3))),
        Case("one of all", xwb(1, 1, 1, 1, 1, 1, 1)),
        Case("no samples", xwb(n=0)),
        Bad("channels of w", (x, w[:, :2].copy(), b), {}, ShapeError, "w"),
        Bad("kernel too large", (x[:, :, :2].copy(), w, b), {}, ShapeError, "x"),
        Bad("empty kernel", (x, w[:, :, :0].copy(), b), {}, ShapeError, "w"),
        Bad("b too long", (x, w, np.zeros(5)), {}, ShapeError, "b"),
        Bad("x of 3 dimensions", (x[0], w, b), {}, ShapeError, "x"),
        Bad("w of another dtype", (x, _half(w), b), {}, DtypeError, "w"),
        Bad("stride 0", (x, w, b), {"stride": 0}, OptionError, "stride"),
        Bad("stride of 3", (x, w, b), {"stride": (1, 1, 1)}, DtypeError, "stride"),
        Bad("dilation 0", (x, w, b), options(dilation=(1, 0)), OptionError, "dilation"),
        Bad("negative padding", (x, w, b), options(padding=(0, 0, -1, 0)), OptionError, "padding"),
        Bad("groups that do not divide", (x, w, b), {"groups": 2}, OptionError, "groups"),
        Bad("groups 0", (x, w, b), {"groups": 0}, OptionError, "groups"),
        Bad("groups of a fraction", (x, w, b), {"groups": 1.7}, DtypeError, "groups"),
        Bad("stride of 32 bits", (x, w, b), options(stride=(1, 2**31)), OptionError, "stride"),
        Bad("dilation of 63 bits", (x, w, b), options(dilation=(2**63 - 1, 1)), OptionError, "dilation"),
        Bad("padding of 32 bits", (x, w, b), options(padding=(0, 2**31, 0, 0)), OptionError, "padding"),
        Bad("result too large", (x, w, b), options(padding=(2**31 - 1,) * 4), ShapeError, "padding"),
    ]  # fmt: skip


def _pool(rng):
    def x(n=2, c=3, h=6, w=7):
        size = n * c * h * w
        return (rng.permutation(size).reshape(n, c, h, w) / max(1, size),)  # all different: no ties

    ends = np.array([[-np.inf, 1e30, -0.0], [0.0, -1e30, 1.0], [-np.inf, -np.inf, 1e-30]])[None, None]
    return [
        Case("2x2", x(), {"kernel": 2}),
        Case("plain integers", x(), {"kernel": 3, "stride": 2, "padding": 1}),
        Case("overlapping windows", x(), _windows((3, 2), (1, 1))),
        Case("gaps between windows", x(), _windows((2, 2), (3, 4))),
        Case("pairs", x(h=8), {"kernel": (3, 4), "stride": (1, 2), "padding": (1, 2), "dilation": (1, 1)}),
        Case("four paddings", x(), _windows((3, 3), (2, 2), (1, 0, 0, 2))),
        Case("SAME_UPPER", x(h=7), _windows((2, 2), (1, 1), (0, 1, 0, 1))),
        Case("dilation", x(h=8, w=9), _windows((3, 3), (2, 2), (1, 1, 2, 2), (2, 3))),
        Case("ceil_mode", x(h=7, w=6), _windows((3, 3), (2, 2), ceil_mode=True)),
        Case("ceil_mode drops a window", x(h=2, w=5), _windows((1, 1), (2, 2), ceil_mode=True)),
        Case("ceil_mode with padding", x(h=7, w=8), _windows((2, 3), (2, 3), (1, 1, 1, 1), ceil_mode=True)),
        Case("global", x(), _windows((6, 7), (6, 7))),
        Case("1x1", x(1, 1, 1, 1), {"kernel": 1}),
        Case("no samples", x(n=0), {"kernel": 2}),
        Case("infinite", (ends,), _windows((2, 2), (1, 1)), grad=False),
        Bad("kernel 0", x(), {"kernel": 0}, OptionError, "kernel"),
        Bad("kernel of 3", x(), {"kernel": (2, 2, 2)}, DtypeError, "kernel"),
        Bad("kernel too large", x(), {"kernel": 8}, ShapeError, "kernel"),
        Bad("stride 0", x(), {"kernel": 2, "stride": 0}, OptionError, "stride"),
        Bad("dilation 0", x(), {"kernel": 2, "dilation": 0}, OptionError, "dilation"),
        Bad("negative padding", x(), {"kernel": 2, "padding": -1}, OptionError, "padding"),
        Bad("kernel of 34 bits", x(), {"kernel": 2**33, "padding": 2**33 - 2}, OptionError, "kernel"),
        Bad("dilation of 63 bits", x(), {"kernel": 5, "dilation": 2**62}, OptionError, "dilation"),
        Bad("window of padding alone", x(), {"kernel": 2, "padding": 2}, OptionError, "padding"),
        Bad("window about x", x(h=1), _windows((2, 2), (1, 1), (1, 1, 0, 0), (2, 1)), OptionError, "padding"),
        Bad("x of 3 dimensions", (x()[0][0],), {"kernel": 2}, ShapeError, "x"),
        Bad("x of integers", (np.zeros((1, 1, 4, 4), int),), {"kernel": 2}, DtypeError, "x"),
    ]


def _windows(kernel, stride, padding=(0, 0, 0, 0), dilation=(1, 1), **more):
    return {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, **more}


def max_pool2d(rng):
    special = np.array([[2.0, 2.0, np.nan], [2.0, 1.0, 0.0], [np.nan, np.nan, 5.0]])[None, None]
    return [*_pool(rng), Case("ties and NaN", (special,), _windows((2, 2), (1, 1)), grad=False)]


def avg_pool2d(rng):
    x = rng.standard_normal((2, 3, 7, 6))
    padded = _windows((3, 3), (2, 2), (1, 1, 0, 2), count_include_pad=False)
    return [
        *_pool(rng),
        Case("without the padding", (x,), padded),
        Case("without the padding, ceil_mode", (x,), {**padded, "ceil_mode": True}),
        Case("with padding and ceil_mode", (x,), {**padded, "ceil_mode": True, "count_include_pad": True}),
        Case("dilated, without the padding", (x,), {**padded, "dilation": (2, 1)}),
    ]


# --- activations ------------------------------------------------------------------------------------------

ENDS = np.array(
    [-np.inf, -1e30, -400.0, -90.0, -1e-30, -0.0, 0.0, 1e-30, 20.0, 90.0, 400.0, 1e30, np.inf, np.nan]
)


def _elementwise(rng):
    def x(*shape):
        return (
            rng.choice([-1.0, 1.0], shape) * rng.uniform(0.1, 3, shape),
        )  # not at 0, where relu has a kink

    return [
        Case("4x3", x(4, 3)),
        Case("images", x(2, 3, 5, 1)),
        Case("1 dimension", x(17)),
        Case("a number", x(), grad=False),
        Case("no samples", x(0, 3)),
        Case("the ends", (ENDS,), grad=False),
        Bad("integers", (np.arange(3),), {}, DtypeError, "x"),
        Bad("a Python number", (3.0,), {}, DtypeError, "x"),
    ]


relu = sigmoid = tanh = _elementwise


def softmax(rng):
    x, one = rng.standard_normal((4, 3)), rng.standard_normal((3, 1))
    images = rng.standard_normal((2, 3, 4, 5))
    large = np.array([[1e4, 0.0, -1e4], [1e4, 1e4, 1e4], [-1e30, 0.0, 1e30], [-0.0, 1e-30, 0.0]])
    masked = np.array([[1.0, -np.inf, 2.0, -np.inf], [-np.inf, -np.inf, -np.inf, 3.0]])
    return [
        Case("rows", (x,)),
        Case("columns", (x,), {"axis": 0}),
        Case("channels", (images,), {"axis": 1}),
        Case("axis from the end", (images,), {"axis": -2}),
        Case("1 dimension", (x[0],)),
        Case("one class", (one,)),
        Case("no samples", (x[:0],)),
        Case("large", (large,), grad=False),
        Case("far from 0", (x + 1e4,), grad=False),
        Case("equal and very far from 0", (np.full((2, 16), 1e16),), grad=False),
        Case("minus infinity", (masked,), grad=False),
        Case("NaN", (np.array([[np.nan, 1.0], [1.0, 2.0]]),), grad=False),
        Bad("axis 2 of 2", (x,), {"axis": 2}, OptionError, "axis"),
        Bad("axis -3 of 2", (x,), {"axis": -3}, OptionError, "axis"),
        Bad("axis of a number", (np.array(1.0),), {}, OptionError, "axis"),
        Bad("axis of a fraction", (x,), {"axis": 0.7}, DtypeError, "axis"),
        Bad("empty axis", (x[:, :0],), {}, ShapeError, "axis"),
        Bad("integers", (np.arange(3),), {}, DtypeError, "x"),
    ]


log_softmax = softmax


# --- losses -----------------------------------------------------------------------------------------------


def _labelled(rng, scale):
    """What all losses with labels have in common."""
    x, labels = scale(rng.standard_normal((5, 4))), np.array([0, 3, 1, 2, 2])
    weight, some = rng.uniform(0.2, 2, 4), np.array([0, -100, 3, -100, 1])
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
        Bad("label C", (x, labels + 1), {}, LabelError, "labels"),
        Bad("label -1", (x, labels - 1), {}, LabelError, "labels"),
        Bad("label 2^64 - 100", (x, some.astype(np.uint64)), {}, LabelError, "labels"),
        Bad("ignore_index of a fraction", (x, labels), {"ignore_index": 0.5}, DtypeError, "ignore_index"),
        Bad("labels of floats", (x, labels.astype(float)), {}, DtypeError, "labels"),
        Bad("labels of NaN", (x, np.full(5, np.nan)), {}, DtypeError, "labels"),
        Bad("labels too short", (x, labels[:4]), {}, ShapeError, "labels"),
        Bad("labels of 2 dimensions", (x, labels[:, None]), {}, ShapeError, "labels"),
        Bad("weight too short", (x, labels, weight[:3]), {}, ShapeError, "weight"),
        Bad("weight of another dtype", (x, labels, _half(weight)), {}, DtypeError, "weight"),
        Bad("x of 1 dimension", (x[0], labels), {}, ShapeError, "x"),
        Bad("no classes", (x[:, :0], np.full(5, -100)), {}, ShapeError, "x"),
        Bad("x of integers", (x.astype(int), labels), {}, DtypeError, "x"),
    ]


def _mean_of(rng, scale):
    x = scale(rng.standard_normal((5, 4)))
    return [
        *_labelled(rng, scale),
        Bad("empty batch", (x[:0], np.zeros(0, int)), {}, ShapeError, "x"),
        Bad("all ignored", (x, np.full(5, -100)), {}, LabelError, "labels"),
        Bad(
            "all of weight 0", (x, np.zeros(5, int), np.array([0.0, 1.0, 1.0, 1.0])), {}, LabelError, "labels"
        ),
    ]


def _each_of(rng, scale):
    x = scale(rng.standard_normal((5, 4)))
    return [
        *_labelled(rng, scale),
        Case("empty batch", (x[:0], np.zeros(0, int))),
        Case("all ignored", (x, np.full(5, -100))),
    ]


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


def softmax_cross_entropy(rng):
    return [*_mean_of(rng, np.copy), *_smoothed(rng)]


def softmax_cross_entropy_each(rng):
    return [*_each_of(rng, np.copy), *_smoothed(rng)]


def _log_probabilities(x):
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))


def nll_loss(rng):
    return _mean_of(rng, _log_probabilities)


def nll_loss_each(rng):
    return _each_of(rng, _log_probabilities)


def softmax_cross_entropy_soft(rng):
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
        Case("large", (large, sharp), grad=False),
        Case("far from 0", (x + 1e4, target), grad=False),
        Case("equal and very far from 0", (np.full((5, 4), 1e16), target), grad=False),
        Bad("target too short", (x, target[:4]), {}, ShapeError, "target"),
        Bad("target of labels", (x, np.zeros(5, int)), {}, DtypeError, "target"),
        Bad("weight too short", (x, target, weight[:3]), {}, ShapeError, "weight"),
        Bad(
            "label_smoothing below 0", (x, target), {"label_smoothing": -0.1}, OptionError, "label_smoothing"
        ),
        Bad("empty batch", (x[:0], target[:0]), {}, ShapeError, "x"),
        Bad("no classes", (x[:, :0], target[:, :0]), {}, ShapeError, "x"),
        Bad("x of integers", (x.astype(int), target), {}, DtypeError, "x"),
    ]


def mse(rng):
    x, t = rng.standard_normal((2, 4, 3))
    images = rng.standard_normal((2, 2, 3, 5, 1))
    return [
        Case("4x3", (x, t)),
        Case("half", (x, t), {"half": True}),
        Case("images", tuple(images)),
        Case("numbers", (np.array(2.0), np.array(-1.0))),
        Case("equal", (x, x.copy())),
        Case("large and tiny", (np.array([1e15, 1e-15, -0.0]), np.array([-1e15, 0.0, 0.0])), grad=False),
        Case("infinite", (np.array([np.inf, 0.0]), np.array([0.0, 1.0])), grad=False),
        Bad("target too short", (x, t[:3]), {}, ShapeError, "target"),
        Bad("target to broadcast", (x, t[:1]), {}, ShapeError, "target"),
        Bad("target of fewer dimensions", (x, t[0]), {}, ShapeError, "target"),
        Bad("target of another dtype", (x, _half(t)), {}, DtypeError, "target"),
        Bad("no elements", (x[:0], t[:0]), {}, ShapeError, "x"),
        Bad("x of integers", (x.astype(int), t), {}, DtypeError, "x"),
    ]


# --- information ------------------------------------------------------------------------------------------


def _distributions(rng, *shape):
    """None of their entries is small: gradients are steep there."""
    p = rng.uniform(0.5, 2, shape)
    return p / p.sum(-1, keepdims=True)


def entropy(rng):
    p, counts = _distributions(rng, 4, 5), rng.uniform(0.5, 9, (3, 4, 5))
    return [
        Case("4 distributions of 5", (p,)),
        Case("along the first axis", (p.T.copy(),), {"axis": 0}),
        Case("bits", (p,), {"base": 2}),
        Case("counts", (counts,), {"normalize": True}),
        Case("counts, middle axis", (counts,), {"axis": 1, "normalize": True, "base": 10.0}),
        Case("one distribution", (p[0],)),
        Case("19 entries", (_distributions(rng, 2, 19),)),
        Case("19 distributions", (_distributions(rng, 19, 3).T.copy(),), {"axis": 0}),
        Case("one entry", (np.ones((3, 1)),), grad=False),
        Case("no distributions", (p[:0],)),
        Case("zeros", (np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]),), grad=False),
        Case("all zero", (np.array([[0.0, 0.0], [1.0, 1.0]]),), {"normalize": True}, grad=False),
        *_bad_tables(p, ()),
        Bad("sum of 1.1", (np.array([0.6, 0.5]),), {}, ProbabilityError, "p"),
    ]


def _bad_tables(p, others):
    """What no measure of tables takes."""
    negative, missing = p.copy(), p.copy()
    negative[-1, 0], missing[-1, -1] = -0.1, np.nan
    return [
        Bad("negative", (negative, *others), {"normalize": True}, ProbabilityError, "p"),
        Bad("NaN", (missing, *others), {"normalize": True}, ProbabilityError, "p"),
        Bad("infinite", (np.where(p == p.max(), np.inf, p), *others), {}, ProbabilityError, "p"),
        Bad("sums of 2", (2 * p, *others), {}, ProbabilityError, "p"),
        Bad("base 1", (p, *others), {"base": 1}, OptionError, "base"),
        Bad("base 0", (p, *others), {"base": 0.0}, OptionError, "base"),
        Bad("base NaN", (p, *others), {"base": np.nan}, OptionError, "base"),
        Bad("complex", (p.astype(complex), *others), {}, DtypeError, "p"),
    ]


def _pairs(rng):
    p, q = _distributions(rng, 2, 4, 5)
    a, b = rng.uniform(0.5, 9, (2, 3, 4, 5))
    spread = np.array([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]])
    return [
        Case("4 pairs of 5", (p, q)),
        Case("along the first axis", (p.T.copy(), q.T.copy()), {"axis": 0}),
        Case("bits", (p, q), {"base": 2}),
        Case("counts", (a, b), {"normalize": True}),
        Case("counts, middle axis", (a, b), {"axis": 1, "normalize": True, "base": 10.0}),
        Case("one pair", (p[0], q[0])),
        Case("19 entries", tuple(_distributions(rng, 2, 2, 19))),
        Case("19 pairs", tuple(_distributions(rng, 2, 19, 3).transpose(0, 2, 1).copy()), {"axis": 0}),
        Case("far", (np.array([0.9, 1e-30]), np.array([1e-20, 0.9])), {"normalize": True}, grad=False),
        Case("no pairs", (p[:0], q[:0])),
        Case("equal", (p, p.copy()), grad=False),
        Case("zeros of both", (spread, spread[:, ::-1].copy() * [[0, 1, 1], [0, 1, 1]]), {"normalize": True},
             grad=False),
        Case("all zero", (np.array([[0.0, 0], [1, 1]]), np.ones((2, 2))), {"normalize": True}, grad=False),
        *_bad_tables(p, (q,)),
        Bad("q that sums to 2", (p, 2 * q), {}, ProbabilityError, "q"),
        Bad("q negative", (p, -q), {}, ProbabilityError, "q"),
        Bad("q of another shape", (p, q[:1]), {}, ShapeError, "q"),
        Bad("q of another dtype", (p, _half(q)), {}, DtypeError, "q"),
    ]  # fmt: skip


cross_entropy = kl_divergence = js_divergence = _pairs


def mutual_information(rng):
    p = _distributions(rng, 2, 12).reshape(2, 3, 4)
    counts = rng.uniform(0.5, 9, (2, 3, 4, 5))
    return [
        Case("2 tables", (p,)),
        Case("one table", (p[0],)),
        Case("bits", (p,), {"base": 2}),
        Case("counts", (counts,), {"normalize": True, "base": 10.0}),
        Case("19 columns", (_distributions(rng, 57).reshape(3, 19),)),
        Case("no tables", (p[:0],)),
        Case("zeros", (np.array([[0.5, 0.0, 0.0], [0.0, 0.25, 0.25]]),), grad=False),
        Case("all zero", (np.zeros((2, 2)),), {"normalize": True}, grad=False),
        *_bad_tables(p[0], ()),
        Bad("one dimension", (p[0, 0],), {}, ShapeError, "p"),
        Bad("no entries", (p[:, :0],), {}, ShapeError, "p"),
    ]


def info_nce(rng):
    x, y = rng.standard_normal((2, 5, 3))
    return [
        Case("5 pairs", (x, y)),
        Case("temperature", (x, y), {"temperature": 0.2}),
        Case("symmetric", (x, y), {"temperature": 0.5, "symmetric": True}),
        Case("one pair", (x[:1], y[:1]), grad=False),
        Case("large", (1e3 * x, 1e3 * y), grad=False),
        Bad("empty batch", (x[:0], y[:0]), {}, ShapeError, "x"),
        Bad("y of another shape", (x, y[:4]), {}, ShapeError, "y"),
        Bad("y of another dtype", (x, _half(y)), {}, DtypeError, "y"),
        Bad("temperature 0", (x, y), {"temperature": 0.0}, OptionError, "temperature"),
        Bad("x of integers", (x.astype(int), y), {}, DtypeError, "x"),
    ]


# --- dropout ----------------------------------------------------------------------------------------------


def dropout(rng):
    x, key = rng.standard_normal((5, 7)), {"seed": 3, "op": 1, "step": 2}
    last = {"seed": 2**63 - 1, "op": 2**32 - 1, "step": 2**32 - 1}
    return [
        Case("5x7", (x,), {"p": 0.5, **key}),
        Case("images", (rng.standard_normal((3, 2, 3, 3)),), {"p": 0.3, **key}),
        Case("p = 0", (x,), {"p": 0.0, **key}),
        Case("p = 1", (x,), {"p": 1.0, **key}),
        Case("the last key", (x,), {"p": 0.7, **last}),
        Case("1 dimension", (x[0],), {"p": 0.5, **key}),
        Case("a number", (np.array(2.0),), {"p": 0.5, **key}, grad=False),
        Case("no samples", (x[:0],), {"p": 0.5, **key}),
        Case("no elements", (x[:, :0],), {"p": 0.5, **key}),
        Case("infinite", (np.where(x > 0, np.inf, np.nan),), {"p": 0.5, **key}, grad=False),
        Case("infinite, p = 1", (np.where(x > 0, np.inf, np.nan),), {"p": 1.0, **key}, grad=False),
        Bad("p below 0", (x,), {"p": -0.1, **key}, OptionError, "p"),
        Bad("p above 1", (x,), {"p": 1.1, **key}, OptionError, "p"),
        Bad("p NaN", (x,), {"p": np.nan, **key}, OptionError, "p"),
        Bad("negative seed", (x,), {"p": 0.5, **key, "seed": -1}, OptionError, "seed"),
        Bad("seed of a fraction", (x,), {"p": 0.5, **key, "seed": 1.5}, DtypeError, "seed"),
        Bad("op of 33 bits", (x,), {"p": 0.5, **key, "op": 2**32}, OptionError, "op"),
        Bad("negative step", (x,), {"p": 0.5, **key, "step": -1}, OptionError, "step"),
        Bad("integers", (np.arange(3),), {"p": 0.5, **key}, DtypeError, "x"),
    ]


def masked_scale(rng):
    x, mask = rng.standard_normal((5, 7)), rng.random((5, 7)) > 0.4
    return [
        Case("5x7", (x, mask), {"p": 0.4}),
        Case("p = 0", (x, mask), {"p": 0.0}),
        Case("p = 1", (x, mask), {"p": 1.0}),
        Case("a number", (np.array(2.0), np.array(True)), {"p": 0.5}, grad=False),
        Case("no samples", (x[:0], mask[:0]), {"p": 0.5}),
        Case("infinite", (np.where(mask, x, np.inf), mask), {"p": 0.5}, grad=False),
        Bad("mask too short", (x, mask[:4]), {"p": 0.5}, ShapeError, "mask"),
        Bad("mask of fewer dimensions", (x, mask[0]), {"p": 0.5}, ShapeError, "mask"),
        Bad("mask of floats", (x, x), {"p": 0.5}, DtypeError, "mask"),
        Bad("p above 1", (x, mask), {"p": 1.1}, OptionError, "p"),
        Bad("integers", (np.arange(3), np.ones(3, bool)), {"p": 0.5}, DtypeError, "x"),
    ]
