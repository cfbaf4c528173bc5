"""Array operations on lanes against NumPy: arithmetic with broadcasting, reductions, indexing, joining."""

from dataclasses import replace

import numpy as np
import pytest

from nbdl import registry
from nbdl._leaf import _stamp
from nbdl.kernels.lanes import Site, Unfit
from nbdl.records import resolve
from nbdl.shapes import site_of
from nbdl.testing import check_twin
from nbdl.testing._check_twin import _site as site
from nbdl.testing._check_twin import compare
from nbdl.testing._subject import Subject
from nbdl.testing.cases import Case

UNSERVED = {  # cases that stay with NumPy
    "sum": {"samples"},
    "mean": {"everything"},
    "transpose": {"the samples"},
    "getitem": {"none of it", "a sample", "some samples"},
    "concatenate": {"samples"},
    "tile": {"(2, 1) of it", "(2, 1, 3) of it", "(0, 1) of it", "images"},  # samples, too many axes
}
OPS = [
    *("add", "sub", "mul", "div", "power", "maximum", "minimum", "where", "clip"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    *("logical_and", "logical_or", "logical_not", "neg", "exp", "log", "sqrt", "absolute", "astype"),
    *("sum", "mean", "var", "max", "min", "transpose", "getitem", "concatenate", "tile"),
]


def record_of(name):
    return registry.default().get("kernel", name)


def numbers(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def served(name, *arrays, samples=None, **constants):
    """Whether the twin takes a call on these arrays, in a net of float32."""
    names = record_of(name).inputs
    samples = set(names) if samples is None else set(samples)
    return site_of(record_of(name), arrays, constants, np.dtype(np.float32), samples)[0] is not None


def single(*shape):
    return np.zeros(shape, np.float32)


WHOLE = "add", "sum", "getitem"  # of each kind one: with broadcasting, over axes, of other places


def slow(values):
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


@pytest.mark.parametrize("name", [*WHOLE, *slow(name for name in OPS if name not in WHOLE)])
def test_the_cases_of_the_operations(name):
    found = check_twin(name)
    assert {case for case, is_served in found.items() if not is_served} == UNSERVED.get(name, set())


@pytest.mark.parametrize("name", [name for name in OPS if name not in WHOLE])
def test_a_case_of_each_operation(name):
    """The first that its twin serves; which ones it serves needs no leaf."""
    subject, unserved = Subject(record_of(name), 0), set()
    for case in subject.cases:
        inputs = subject.inputs(case, np.dtype(np.float64))
        if site(subject, case, inputs, "float64")[0] is None:
            unserved.add(case.name)
    assert unserved == UNSERVED.get(name, set())
    first = next(c for c in subject.cases if c.name not in unserved)
    assert compare(name, first, "float64" if name == "astype" else "float32", 19)


def test_every_array_operation_with_a_twin_is_tried():
    for name in registry.default().names("kernel"):
        assert (name in OPS) == str(record_of(name).lanes).startswith("nbdl.array_ops.")


@pytest.mark.parametrize("name", ["add", "mul", "div", "maximum"])
def test_a_value_and_itself(name):
    x = numbers(3, 3, 4, 2)
    assert compare(name, Case("squares", (x, x)), "float32", 19)


@pytest.mark.parametrize("seed", [*range(6), *slow(range(6, 24))])
def test_any_two_shapes_that_broadcast(seed):
    rng = np.random.default_rng(seed)
    rank = rng.integers(1, 4)
    whole = rng.integers(1, 5, rank)
    a, b = (np.where(rng.random(rank) < 0.6, whole, 1) for _ in "ab")
    arrays = ("b",) if seed % 2 else ()
    b = tuple(b[rng.integers(0, rank + 1) :]) if arrays else (2, *b)
    case = Case(f"{a} {b}", (rng.uniform(0.5, 2, (2, *a)), rng.uniform(0.5, 2, b)), arrays=arrays)
    assert compare("div", case, "float64", 11)


@pytest.mark.parametrize("axis", [1, 2, 3, (1, 2), (1, 3), (2, 3)])
@pytest.mark.parametrize("shape", [(2, 3, 4, 2), *slow([(2, 1, 4, 2), (2, 3, 1, 8), (2, 5, 3, 7)])])
def test_any_axes_of_images(shape, axis):
    assert compare("var", Case("images", (numbers(*shape),), {"axis": axis}), "float64", 5)


def test_equal_elements_share_the_gradient():
    ties = np.array([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0], [0.0, -1.0, 0.0]])
    for name in ("max", "min"):
        assert compare(name, Case("ties", (ties,), {"axis": 1}), "float32", 19)
    for name in ("maximum", "minimum"):
        assert compare(name, Case("ties", (ties, ties[:, ::-1])), "float32", 19)
    bounds = np.array(0.0), np.array(2.0)
    assert compare("clip", Case("at the bounds", (ties, *bounds), arrays=("low", "high")), "float32", 19)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 65.0])
def test_powers_of_numbers_of_both_signs(exponent):
    base = np.random.default_rng(0).choice([-1, 1], (3, 4)) * np.linspace(0.9, 1.1, 12).reshape(3, 4)
    record = record_of("power")
    alone = replace(record, grads={"a": record.grads["a"]})  # that of the exponent has a logarithm in it
    assert compare(alone, Case("signs", (base, np.array(exponent)), arrays=("b",)), "float64", 11)


def test_long_sums_round_little():
    x = np.random.default_rng(0).random((2, 50_000))
    record = replace(record_of("mean"), tolerance={"float32": 1e-6})
    assert compare(record, Case("long", (x,), {"axis": 1}), "float32", 3)
    gate = Case("a gradient of all elements", (x, np.ones(1)), arrays=("b",))
    assert compare("mul", gate, "float32", 3)


def test_what_would_be_broadcast_along_the_samples_stays_with_numpy():
    assert not served("add", single(3, 4), single(2, 3, 4))
    assert not served("add", single(3, 4), single(3, 4, 4), samples="a")
    assert not served("add", single(3, 4), single(3, 4), samples="a")
    assert not served("where", single(3) > 0, single(3, 4), single(3, 4))
    assert served("add", single(3, 4), single(1, 4), samples="a")
    assert served("sub", single(), single(3, 4), samples="b")
    assert not served("mul", single(3, 4), single(3, 5))
    assert not served("clip", single(3, 1), single(4), None, samples="a")


def test_operands_of_other_kinds():
    truths, counts = np.ones((3, 4), bool), np.ones((3, 4), np.int64)
    assert served("sum", truths, axis=1, keepdims=False)
    assert served("astype", truths, dtype="float32")
    assert not served("astype", truths, dtype="float64")
    assert served("equal", counts, np.array(0), samples="a")
    assert not served("add", truths, truths)  # that of truth values is `or`
    assert served("add", counts, counts)
    assert not served("exp", single(3, 4).astype(np.float64))
    assert not served("power", single(3, 4), single(3, 4))  # an exponent of each sample
    assert not served("relu", counts)  # a kernel refuses it


@pytest.mark.parametrize(
    ("name", "shape", "constants"),
    [
        ("sum", (4, 5), {"axis": 0}),
        ("sum", (4, 5), {"axis": None}),
        ("sum", (4, 5), {"axis": (1, 1)}),
        ("sum", (4, 5), {"axis": 3}),
        ("sum", (4, 5), {"axis": 1.0}),
        ("sum", (0, 5), {"axis": 1}),
        ("var", (4, 5), {"axis": 2, "ddof": 5}),
        ("var", (4, 5), {"axis": 2, "ddof": 0.5}),
        ("transpose", (4, 5), {"axes": (1, 0, 2)}),
        ("transpose", (4, 5), {"axes": (0, 1)}),
        ("transpose", (4, 5), {"axes": (0, 1, 1)}),
        ("transpose", (4, 5), {"axes": None}),
        ("getitem", (4, 5), {"index": 0}),
        ("getitem", (4, 5), {"index": (slice(None), 4)}),
        ("getitem", (4, 5), {"index": (slice(1, None), 0)}),
        ("getitem", (4, 5), {"index": (slice(None, None, -1),)}),
        ("getitem", (4, 5), {"index": (None, slice(None))}),
        ("getitem", (4, 5), {"index": (slice(None), 0, 0, 0)}),
        ("getitem", (4, 5), {"index": (slice(None), True)}),
        ("getitem", (4, 5), {"index": (slice(None), np.array([1, 2]))}),
        ("getitem", (4, 5), {"index": (slice(None), slice(0, 4, 0))}),
        ("getitem", (4, 5), {"index": (slice(None), slice(0, 1.5))}),
        ("getitem", (4, 5), {"index": (..., 0, ...)}),
    ],
    ids=str,
)
def test_what_is_left_to_numpy(name, shape, constants):
    twin = resolve(record_of(name).lanes)
    options = {"keepdims": False, "ddof": 0, **constants}
    with pytest.raises(Unfit):
        twin.shape(Site({"a": shape}, options, samples=frozenset("a")))


def test_concatenate_leaves_to_numpy_what_does_not_fit():
    twin = resolve(record_of("concatenate").lanes)
    for a, b, axis in [
        ((4, 5), (4, 6), 1),
        ((4,), (4, 5), 1),
        ((4,), (4,), 0),
        ((4,), (4,), 2),
        ((0,), (4,), 1),
    ]:
        with pytest.raises(Unfit):
            twin.shape(Site({"a": a, "b": b}, {"axis": axis}, samples=frozenset("ab")))


def test_layers_of_other_shapes_share_a_leaf():
    twin, rows = resolve(record_of("mul").lanes), []
    for a, b in (((7, 5), (7, 5)), ((32,), (32,)), ((6, 4, 4), (6, 4, 4)), ((3, 4, 4), (3, 1, 1))):
        rows += twin.forward(Site({"a": a, "b": b, "y": a}, {}, samples=frozenset("aby")))
    assert len({_stamp(row.leaf) for row in rows}) == 1
