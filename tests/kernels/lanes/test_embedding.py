"""embedding on lanes: rows gathered, ids refused, and both ways to sum the gradient."""

import numpy as np
import pytest

from nbdl import registry
from nbdl.cases import Case
from nbdl.kernels.lanes import Site, Unfit
from nbdl.kernels.lookup import embedding_lanes
from nbdl.records import resolve
from nbdl.testing import check_twin
from nbdl.testing._check_twin import compare
from nbdl.testing._twin_run import Operands

TWIN = resolve(registry.default().get("kernel", "embedding").lanes)
BOTH = pytest.mark.parametrize("small", [0, 2**40], ids=["a range of ids", "a sum for every id"])


@BOTH
def test_the_cases_of_the_kernel(small, monkeypatch):
    monkeypatch.setattr(embedding_lanes, "SMALL", small)
    served = check_twin("embedding")
    assert {name for name, twin in served.items() if not twin} == {"no samples", "no ids", "no features"}


@BOTH
@pytest.mark.parametrize(
    ("V", "D", "places"),
    [(1200, 5, (7,)), (513, 33, ()), (3, 16, (2, 4)), (40, 20, (3, 2, 4)), (7, 100, (2, 1, 3, 2))],
)
@pytest.mark.parametrize("samples", [5, 150])
def test_sizes(small, V, D, places, samples, monkeypatch):
    """Several items of ids, vectors that are not full, planes with gaps; nearly every id repeats."""
    monkeypatch.setattr(embedding_lanes, "SMALL", small)
    rng = np.random.default_rng(0)
    ids = rng.integers(0, min(V, 600), (150, *places))
    ids[:, ...] = np.where(rng.random(ids.shape) < 0.3, V - 1, ids)
    assert compare("embedding", Case("", (ids, rng.standard_normal((V, D)))), "float32", samples)


def gradient(ids, dy, V, dtype="float32"):
    w = np.zeros((V, dy.shape[-1]), dtype)
    site = Site({"ids": ids.shape[1:], "w": w.shape, "y": dy.shape[1:]}, {}, dtype, frozenset({"ids", "y"}))
    run = Operands(TWIN, site, {"ids": ids, "w": w})
    run.forward()
    return run.gradient("w", dy)


def tree(parts):
    while len(parts) > 1:
        parts = [a if b is None else a + b for a, b in zip(parts[::2], [*parts[1::2], None])]
    return parts[0]


@BOTH
@pytest.mark.parametrize("blocks", [1, 3, 6, 7, 8])
def test_the_sum_is_the_tree_of_the_sums_of_shards(small, blocks, monkeypatch):
    """Bit for bit: each shard from zero, in the order of samples, then in pairs."""
    monkeypatch.setattr(embedding_lanes, "SMALL", small)
    rng, L = np.random.default_rng(1), Site({}, {}, "float32").L
    ids = rng.integers(0, 6, (blocks * L, 3))
    dy = (rng.standard_normal((blocks * L, 3, 4)) * 10.0 ** rng.integers(-6, 6, ids.shape)[..., None]).astype(
        "f"
    )
    parts = []
    for s in range(blocks):
        part = np.zeros((6, 4), "f")
        for n in range(s * L, (s + 1) * L):
            for t in range(3):
                part[ids[n, t]] += dy[n, t]
        parts.append(part)
    np.testing.assert_array_equal(gradient(ids, dy, 6), tree(parts))


@pytest.mark.parametrize(
    ("ids", "at"), [([0, 1, 4], 3), ([-1, 1, 5], 1), ([0] * 20 + [2**62], 21), ([-(2**63)], 1), ([3, 2], 0)]
)
def test_ids_that_the_kernel_refuses(ids, at):
    ids = np.repeat(np.array(ids)[:, None], 2, axis=1)
    ids[:, 0] = 0
    site = Site({"ids": (2,), "w": (4, 3), "y": (2, 3)}, {}, "float32", frozenset({"ids", "y"}))
    assert Operands(TWIN, site, {"ids": ids, "w": np.zeros((4, 3), "f")}).checked() == at


@pytest.mark.parametrize("wrong", [{"w": (4,)}, {"w": (0, 3)}, {"w": (4, 0)}, {"ids": (0,)}, {"ids": (2, 0)}])
def test_what_it_does_not_do(wrong):
    with pytest.raises(Unfit):
        TWIN.shape(Site({"ids": (2,), "w": (4, 3), **wrong}, {}))
