"""Scaled dot-product attention on lanes."""

import numpy as np
import pytest

from nbdl.kernels.attention import scaled_dot_product_attention_lanes as lanes
from nbdl.kernels.lanes import Site, Unfit
from nbdl.testing import check_twin
from nbdl.testing._check_twin import compare
from nbdl.testing.cases import Case

NAME = "scaled_dot_product_attention"
SHAPES = {"q": (2, 5, 4), "k": (2, 7, 4), "v": (2, 7, 3)}
USUAL = {
    "scale": None,
    "causal": False,
    "softcap": 0.0,
    "window": -1,
    "offset": 0,
    "p": 0.0,
    "seed": 0,
    "op": 0,
}


@pytest.mark.slow
def test_the_cases_of_the_kernel():
    served = {case for case, served in check_twin(NAME).items() if served}
    assert {"3 samples, 2 heads, 5 queries", "causal", "groups of heads", "lengths alone"} <= served
    assert {"dropout", "everything dropped"} <= served
    assert not served & {"softcap", "a mask of bool", "more than a tile of keys and of queries"}


@pytest.mark.parametrize("each", [False, True])
def test_lengths_of_groups_of_heads_that_are_causal(each):
    """Keys behind the lengths may be anything."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal(s) for s in ((3, 4, 5, 6), (3, 2, 5, 6), (3, 2, 5, 3)))
    lengths = np.array([5, 0, 2])
    k[2, :, 2:], v[1] = np.nan, np.inf
    if each:
        lengths = np.minimum(lengths[:, None], rng.integers(0, 6, (3, 5)))
    case = Case("lengths", (q, k, v, None, lengths), {"causal": True}, grad=False)
    assert compare(NAME, case, "float32", 21)


def test_weights_are_dropped_as_by_the_kernel():
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal(s) for s in ((3, 4, 5, 6), (3, 2, 5, 6), (3, 2, 5, 3)))
    options = {"causal": True, "p": 0.4, "seed": 7, "op": 3, "step": 2}
    assert compare(NAME, Case("dropped", (q, k, v, None, np.array([5, 0, 2])), options), "float32", 21)


@pytest.mark.parametrize(
    "changes",
    [
        {"p": 1.5}, {"p": 0.5, "op": -1}, {"seed": -1}, {"softcap": 1.0}, {"window": (-2, 0)},
        {"window": 0.5}, {"offset": 2**41},
        {"q": (65, 65, 4)}, {"k": (2, 7, 5)}, {"k": (3, 7, 4)}, {"v": (2, 6, 3)}, {"mask": (5, 7)},
        {"lengths": (4,)}, {"q": (2, 0, 4)}, {"q": (2, 640, 4)},
    ],
)  # fmt: skip
def test_what_is_left_to_the_kernel(changes):
    shapes = {**SHAPES, **{n: s for n, s in changes.items() if n not in USUAL}}
    constants = {**USUAL, **{n: c for n, c in changes.items() if n in USUAL}}
    lanes.scaled_dot_product_attention.shape(Site(SHAPES, USUAL))
    with pytest.raises(Unfit):
        lanes.scaled_dot_product_attention.shape(Site(shapes, constants))
