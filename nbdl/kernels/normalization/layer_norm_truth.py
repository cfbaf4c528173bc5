"""The truth of `layer_norm`, and what the truths of norms within a sample share."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError


def layer_norm(x, gamma, beta, eps=1e-5, axes=1):
    if not x.size:
        return x
    over = tuple(range(x.ndim - axes, x.ndim))
    with np.errstate(invalid="ignore"):  # infinity
        d = x - np.mean(x, axis=over, keepdims=True)
        y = d / np.sqrt(np.mean(d * d, axis=over, keepdims=True) + eps)
    return affine(y, gamma, beta, x.shape[x.ndim - axes :])


def affine(y, gamma, beta, shape):
    y = y if gamma is None else y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)


def features(rng, size):
    return rng.uniform(0.5, 1.5, size), rng.standard_normal(size)


def row_cases(rng, with_beta):
    """Of the kernels whose rows are the last axes, which have a gamma and perhaps a beta."""

    def inputs(*shape, axes=1):
        arrays = (
            rng.standard_normal(shape) * 2 + 1,
            *features(rng, int(np.prod(shape[len(shape) - axes :]))),
        )
        return arrays if with_beta else arrays[:2]

    x, *small = usual = inputs(5, 7)
    whole = inputs(3, 4, 5, 6, axes=3)
    holed = inputs(4, 21)
    holed[0][2, 3] = np.nan
    endless = inputs(4, 21)
    endless[0][1, 20] = np.inf
    none, nine = (None,) * len(small), features(rng, 9)[: len(small)]
    twenty = features(rng, 20)[: len(small)]
    sizes = np.array([1e30, 1.0, 1e-30, 1e19])[:, None]
    return [
        Case("usual", usual),
        Case("sequences", inputs(3, 5, 33)),
        Case("images by rows", inputs(2, 3, 4, 16)),
        Case("images by planes", inputs(2, 3, 2, 4, axes=2), {"axes": 2}),
        Case("whole images", whole, {"axes": 3}),
        Case("whole sequences", inputs(3, 5, 9, axes=2), {"axes": 2}),
        Case("four axes", inputs(2, 3, 2, 5, 3, axes=2), {"axes": 2}),
        Case("long rows", inputs(2, 2100)),
        Case("many rows", inputs(150, 19)),
        Case("without scale", (x, *none)),
        Case("another eps", usual, {"eps": 0.1}),
        Case("one element", inputs(3, 1), grad=False),  # dx is 0
        Case("constant rows", (np.ones((3, 20)) * [[0.1], [1e3], [0.0]], *twenty)),
        Case("small", (inputs(3, 9)[0] * 1e-20, *nine), grad=False),
        Case("large", (inputs(3, 9)[0] * 1e30, *nine), grad=False),
        Case("large and small rows", (inputs(2, 4, 9)[0] * sizes, *nine), grad=False),
        Case("NaN in one row", holed, grad=False),
        Case("infinity in one row", endless, grad=False),
        Case("no samples", (x[:0], *small)),
        Case("no features", (x[:, :0], *(a[:0] for a in small)), grad=False),
        Bad("one axis", (x[0], *small), {}, ShapeError, "x"),
        Bad("short gamma", (x, small[0][:3], *small[1:]), {}, ShapeError, "gamma"),
        Bad("gamma with 2 axes", (x, small[0][None], *small[1:]), {}, ShapeError, "gamma"),
        Bad("half of gamma", (x, half(small[0]), *small[1:]), {}, DtypeError, "gamma"),
        Bad("integers", (np.ones((2, 7), int), *small), {}, DtypeError, "x"),
        Bad("no axes", usual, {"axes": 0}, OptionError, "axes"),
        Bad("the axis of samples", usual, {"axes": 2}, OptionError, "axes"),
        Bad("half an axis", usual, {"axes": 0.5}, DtypeError, "axes"),
        Bad("eps of 0", usual, {"eps": 0.0}, OptionError, "eps"),
        Bad("eps of NaN", usual, {"eps": np.nan}, OptionError, "eps"),
    ]  # fmt: skip


def layer_norm_cases(rng):
    x, gamma, beta = rng.standard_normal((4, 6)) * 3 - 1, *features(rng, 6)
    return [
        *row_cases(rng, True),
        Case("without shift", (x, gamma, None)),
        Case("by hand", (np.array([[1.0, 2.0], [2.0, 3.0]]), None, None), grad=False),
        Bad("short beta", (x, gamma, beta[:3]), {}, ShapeError, "beta"),
    ]
