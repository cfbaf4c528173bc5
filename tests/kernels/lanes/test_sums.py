"""Sums over the minibatch: those of the shards, each from zero, in one fixed tree, bit for bit."""

import numpy as np
import pytest

from nbdl import registry
from nbdl.kernels.lanes import Site
from nbdl.kernels.simd.registers import LANES
from nbdl.records import resolve
from nbdl.testing._twin_run import Operands

CONV = {"stride": 1, "padding": 1, "dilation": 1, "groups": 1}
CASES = {  # kernel, shape of a sample of x, shape of w, outputs, constants
    "linear": ("linear", (13,), (13, 37), 37, {}),
    "linear, rows of samples": ("linear", (3, 4, 6), (6, 5), 5, {}),
    "conv2d, a sum for each lane": ("conv2d", (2, 5, 6), (4, 2, 3, 3), 4, CONV),
    "conv2d, channels side by side": ("conv2d", (20, 4, 4), (3, 20, 3, 3), 3, CONV),
}


def tree(parts):
    """((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)), without those that are missing."""
    while len(parts) > 1:
        parts = [a if b is None else a + b for a, b in zip(parts[::2], [*parts[1::2], None])]
    return parts[0]


def gradient(case, name, dtype, x, dy):
    kernel, _, w, outputs, constants = CASES[case]
    twin = resolve(registry.default().get("kernel", kernel).lanes)
    shapes = {"x": x.shape[1:], "w": w, "b": (outputs,)}
    site = Site(shapes, constants, dtype, frozenset({"x", "y"}))
    site = Site({**shapes, "y": twin.shape(site)}, constants, dtype, frozenset({"x", "y"}))
    run = Operands(twin, site, {"x": x, "w": np.zeros(w, dtype), "b": np.zeros(outputs, dtype)})
    run.forward()
    return run.gradient(name, dy(site.shapes["y"]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["w", "b"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("blocks", [8, 7, 5, 2])
def test_a_gradient_is_the_tree_of_the_gradients_of_its_shards(blocks, case, name, dtype):
    """Numbers of very different sizes: any other order has other bits."""
    rng, L = np.random.default_rng(0), LANES[dtype]
    samples = blocks * L

    def wild(*shape):
        return (rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 5, shape)).astype(dtype)

    x, made = wild(samples, *CASES[case][1]), {}

    def dy(shape):
        return made.setdefault(0, wild(samples, *shape))

    whole = gradient(case, name, dtype, x, dy)
    parts = []
    for s in range(blocks):
        here = slice(s * L, (s + 1) * L)
        parts.append(gradient(case, name, dtype, x[here], lambda shape, here=here: dy(shape)[here]))
    np.testing.assert_array_equal(whole, tree(parts))
    if blocks > 2 and name == "w":
        in_a_row = parts[0].copy()
        for part in parts[1:]:
            in_a_row += part
        assert (in_a_row != whole).any()  # so the numbers can tell


def test_a_shard_of_several_blocks_is_one_sum():
    """17 blocks are 8 shards of 2 and 3."""
    rng, L = np.random.default_rng(1), LANES["float32"]
    x = 2.0 ** rng.integers(-4, 5, (17 * L, 13)).astype("f")  # products are exact, fused or not
    made = rng.standard_normal((17 * L, 37)).astype("f")
    whole = gradient("linear", "w", "float32", x, lambda shape: made)
    parts = []
    for s in range(8):
        here = slice(s * 17 // 8 * L, (s + 1) * 17 // 8 * L)
        part = np.zeros((13, 37), "f")
        for n in range(here.start, here.stop):
            part += x[n][:, None] * made[n]
        parts.append(part)
    np.testing.assert_array_equal(whole, tree(parts))
