"""The plain loops at the head of a page compute what its kernel computes."""

import re
import textwrap

import numpy as np
import pytest

from nbdl import kernels
from nbdl.kernels.convolution import conv1d, conv_transpose2d, convolve2d
from nbdl.kernels.convolution import conv2d as convolution
from nbdl.kernels.dense import linear as dense
from nbdl.kernels.pooling import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, lp_pool2d, max_pool2d

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((2, 3, 9, 8)), RNG.standard_normal((4, 3, 3, 2)), RNG.standard_normal(4)
ROWS, MATRIX = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 4))
STEPS = {"stride": (2, 1), "dilation": (1, 2)}


@pytest.mark.parametrize(
    ("name", "page", "arguments", "options"),
    [
        ("conv2d", convolution, (X, W, B), STEPS),
        ("conv1d", conv1d, (X[:, :, 0], W[:, :, 0], B), {"stride": 2, "dilation": 3}),
        ("conv_transpose2d", conv_transpose2d, (X, W.transpose(1, 0, 2, 3), B), STEPS),
        ("convolve2d", convolve2d, (X[0, 0], W[0, 0]), {}),
        ("linear", dense, (ROWS, MATRIX, B), {}),
        ("max_pool2d", max_pool2d, (X, (3, 2)), STEPS),
        ("avg_pool2d", avg_pool2d, (X, (3, 2)), STEPS),
        ("lp_pool2d", lp_pool2d, (X, (3, 2)), {**STEPS, "p": 3.0}),
        ("adaptive_avg_pool2d", adaptive_avg_pool2d, (X, (4, 3)), {}),
        ("adaptive_max_pool2d", adaptive_max_pool2d, (X, (4, 3)), {}),
    ],
)
def test_the_loop_is_the_kernel(name, page, arguments, options):
    (loop,) = re.findall(rf"^    def plain_{name}\(.*?\n        return y$", page.__doc__, re.M | re.S)
    space = {"np": np}
    exec(textwrap.dedent(loop), space)
    want = space[f"plain_{name}"](*arguments, **options)
    got = getattr(kernels, name)(*arguments, **options)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
