"""The truth of `group_norm`, and what that of `instance_norm` shares with it."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.normalization.layer_norm_truth import affine, features


def group_norm(x, gamma, beta, groups, eps=1e-5):
    N, C, *places = x.shape
    y = x
    if x.size:
        over = tuple(range(2, x.ndim + 1))
        rows = x.reshape(N, groups, C // groups, *places)
        with np.errstate(invalid="ignore"):  # infinity
            d = rows - np.mean(rows, axis=over, keepdims=True)
            y = d / np.sqrt(np.mean(d * d, axis=over, keepdims=True) + eps)
    return affine(y.reshape(x.shape), gamma, beta, (C, *[1] * len(places)))


def channel_cases(rng, options):
    """Of both kernels; ``options(groups)`` are those besides."""

    def inputs(*shape):
        return rng.standard_normal(shape) * 2 + 1, *features(rng, shape[1])

    x, gamma, beta = usual = inputs(3, 6, 4, 5)
    two = options(2)
    holed, endless = inputs(2, 4, 3, 8), inputs(2, 4, 21)
    holed[0][1, 2, 2, 1] = np.nan
    endless[0][1, 1, 20] = -np.inf
    constant, four = np.ones((3, 4, 2, 3)) * [[[[0.1]]], [[[1e3]]], [[[0.0]]]], features(rng, 4)
    sizes = np.array([1e30, 1.0, 1e-30, 1e19])[:, None]
    return [
        Case("usual", usual, options(3)),
        Case("sequences", inputs(2, 4, 33), two),
        Case("volumes", inputs(2, 4, 3, 2, 3), two),
        Case("planes of 8", inputs(3, 4, 2, 4), two),
        Case("large planes", inputs(2, 2, 20, 41), options(1)),
        Case("many samples", inputs(150, 4, 3, 3), two),
        Case("without scale", (x, None, beta), two),
        Case("without shift", (x, gamma, None), two),
        Case("without both", (x, None, None), {**two, "eps": 0.1}),
        Case("constant groups", (constant, *four), two),
        Case("large and small channels", (inputs(2, 4, 9)[0] * sizes, *four), options(4), grad=False),
        Case("NaN in one group", holed, two, grad=False),
        Case("infinity in one group", endless, two, grad=False),
        Case("no samples", (x[:0], gamma, beta), two),
        Case("no places", (x[..., :0], gamma, beta), two, grad=False),
        Bad("one axis", (x[0, 0, 0], gamma, beta), two, ShapeError, "x"),
        Bad("short gamma", (x, gamma[:3], beta), two, ShapeError, "gamma"),
        Bad("short beta", (x, gamma, beta[:3]), two, ShapeError, "beta"),
        Bad("gamma with 2 axes", (x, gamma[None], beta), two, ShapeError, "gamma"),
        Bad("half of beta", (x, gamma, half(beta)), two, DtypeError, "beta"),
        Bad("integers", (np.ones((2, 6, 2), int), gamma, beta), two, DtypeError, "x"),
        Bad("eps of 0", usual, {**two, "eps": 0.0}, OptionError, "eps"),
    ]  # fmt: skip


def group_norm_cases(rng):
    x, gamma, beta = rng.standard_normal((3, 6)), *features(rng, 6)
    wide = rng.standard_normal((70, 66)), *features(rng, 66)
    return [
        *channel_cases(rng, lambda groups: {"groups": groups}),
        Case("rows", (x, gamma, beta), {"groups": 2}),
        Case("many rows", wide, {"groups": 2}),
        Case("a group for each of the rows' values", (x, gamma, beta), {"groups": 6}, grad=False),
        Bad("no divisor", (x, gamma, beta), {"groups": 4}, OptionError, "groups"),
        Bad("no groups", (x, gamma, beta), {"groups": 0}, OptionError, "groups"),
        Bad("half a group", (x, gamma, beta), {"groups": 1.5}, DtypeError, "groups"),
    ]
