"""The truth of `batch_norm`, and what that of `batch_norm_inference` shares with it."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError


def batch_norm(x, gamma, beta, running_mean, running_var, eps=1e-5, momentum=0.1, unbiased=True):
    axes = tuple(a for a in range(x.ndim) if a != 1)
    n = np.prod([x.shape[a] for a in axes])
    mean, var = np.mean(x, axis=axes), np.mean((x - np.mean(x, axis=axes, keepdims=True)) ** 2, axis=axes)
    y = normalized(x, gamma, beta, mean, var, eps)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * var * (n / (n - 1) if unbiased else 1)
    return y, mean, 1 / np.sqrt(var + eps), new_mean, new_var


def normalized(x, gamma, beta, mean, var, eps):
    def wide(a):
        return a.reshape(-1, *[1] * (x.ndim - 2))

    y = (x - wide(mean)) / np.sqrt(wide(var) + eps)
    y = y if gamma is None else y * wide(gamma)
    return y if beta is None else y + wide(beta)


def inputs(rng, *shape):
    C = shape[1]
    gamma, var = rng.uniform(0.5, 1.5, (2, C))
    beta, mean = rng.standard_normal((2, C))
    return rng.standard_normal(shape) * 2 + 1, gamma, beta, mean, var


def cases(rng, mean, var):
    """Of both kernels, whose last two inputs have these names."""
    x, gamma, beta, m, v = images = inputs(rng, 3, 4, 5, 2)
    rows = inputs(rng, 6, 3)
    far = inputs(rng, 4, 3, 7)
    holed = x.copy()
    holed[1, 2, 3, 1] = np.nan
    return [
        Case("images", images),
        Case("rows", rows),
        Case("many rows", inputs(rng, 150, 19)),
        Case("sequences", inputs(rng, 2, 3, 37)),
        Case("volumes", inputs(rng, 2, 2, 3, 2, 3)),
        Case("large planes", inputs(rng, 2, 1, 40, 41)),
        Case("many small planes", inputs(rng, 70, 2, 5, 5)),
        Case("one sample with places", inputs(rng, 1, 3, 4, 3)),
        Case("two values", inputs(rng, 2, 5), grad=False),  # dx is 0 but for eps
        Case("without scale", (rows[0], None, *rows[2:])),
        Case("without shift", (x, gamma, None, m, v)),
        Case("without both", (x, None, None, m, v), {"eps": 0.1}),
        Case("another eps", images, {"eps": 1e-2}),
        Case("constant channels", (np.ones((3, 2, 4)) * [[[2.0], [1e-3]]], *(a[:2] for a in rows[1:]))),
        Case("zeros", (np.zeros((3, 2)), *(a[:2] for a in rows[1:])), grad=False),
        Case("small", (far[0] * 1e-20, *far[1:]), grad=False),
        Case("NaN in one channel", (holed, gamma, beta, m, v), grad=False),
        Case("no channels", (np.zeros((3, 0, 2)), *[np.zeros(0)] * 4), grad=False),
        Bad("one axis", (x[0, 0, 0], gamma, beta, m, v), {}, ShapeError, "x"),
        Bad("a number", (np.array(1.0), gamma, beta, m, v), {}, ShapeError, "x"),
        Bad("short gamma", (x, gamma[:3], beta, m, v), {}, ShapeError, "gamma"),
        Bad("short beta", (x, gamma, beta[:3], m, v), {}, ShapeError, "beta"),
        Bad("short mean", (x, gamma, beta, m[:3], v), {}, ShapeError, mean),
        Bad("empty var", (x, gamma, beta, m, v[:0]), {}, ShapeError, var),
        Bad("gamma with 2 axes", (x, gamma[None], beta, m, v), {}, ShapeError, "gamma"),
        Bad("no mean", (x, gamma, beta, None, v), {}, DtypeError, mean),
        Bad("half of beta", (x, gamma, half(beta), m, v), {}, DtypeError, "beta"),
        Bad("integers", (np.ones((2, 4), int), gamma, beta, m, v), {}, DtypeError, "x"),
        Bad("eps of 0", images, {"eps": 0.0}, OptionError, "eps"),
        Bad("eps of NaN", images, {"eps": np.nan}, OptionError, "eps"),
    ]


def batch_norm_cases(rng):
    images = inputs(rng, 2, 3, 4)
    return [
        *cases(rng, "running_mean", "running_var"),
        Case("momentum of 1", images, {"momentum": 1.0}),
        Case("momentum of 0", images, {"momentum": 0.0}),
        Case("biased", images, {"momentum": 0.3, "unbiased": False}),
        Bad("one value", tuple(a[:1] for a in inputs(rng, 2, 3)[:1]) + images[1:], {}, ShapeError, "x"),
        Bad("one place", (images[0][:1, :, :1], *images[1:]), {}, ShapeError, "x"),
        Bad("no samples", (images[0][:0], *images[1:]), {}, ShapeError, "x"),
        Bad("momentum above 1", images, {"momentum": 1.5}, OptionError, "momentum"),
        Bad("momentum of NaN", images, {"momentum": np.nan}, OptionError, "momentum"),
    ]
