"""Losses on lanes: values, gradients, what the mean divides by, and the labels that are refused."""

import numpy as np
import pytest

from nbdl import registry
from nbdl.errors import LabelError
from nbdl.kernels import nll_loss, softmax_cross_entropy
from nbdl.kernels.lanes import Site, Unfit
from nbdl.records import resolve
from nbdl.testing import check_twin
from nbdl.testing._check_twin import compare
from nbdl.testing._twin_run import Operands
from nbdl.testing.cases import Case

LABELLED = {"softmax_cross_entropy": softmax_cross_entropy, "nll_loss": nll_loss}


def twin_of(name):
    return resolve(registry.default().get("kernel", name).lanes)


PAIRS = "huber", "l1", "binary_cross_entropy_with_logits", "hinge"


@pytest.mark.parametrize(
    "name",
    [
        "softmax_cross_entropy", pytest.param("nll_loss", marks=pytest.mark.slow),
        "softmax_cross_entropy_soft", "mse", *PAIRS,
    ],
)  # fmt: skip
def test_the_cases_of_the_kernels(name):
    assert all(check_twin(name).values())


def test_many_classes():
    rng = np.random.default_rng(0)
    x, labels, weight = rng.standard_normal((40, 500)), rng.integers(0, 500, 40), rng.random(500)
    case = Case("500 classes", (x, labels, weight), {"label_smoothing": 0.1})
    assert compare("softmax_cross_entropy", case, "float32", 40)


@pytest.mark.parametrize(
    "shape",
    [(3, 5), (2, 1, 3, 4), *(pytest.param(s, marks=pytest.mark.slow) for s in [(2, 3, 5), (3, 4, 6)])],
    ids=str,
)
@pytest.mark.parametrize("name", [*LABELLED, "softmax_cross_entropy_soft"])
def test_positions(name, shape):
    """A sample has a row of classes for each label; planes of rows lie side by side, or with a gap."""
    rng, samples = np.random.default_rng(0), (40, *shape)
    x, labels, weight = rng.standard_normal(samples), rng.integers(-1, 4, samples[:-1]), rng.random(shape[-1])
    options = {"label_smoothing": 0.1} if name != "nll_loss" else {}
    if name in LABELLED:
        options["ignore_index"] = -1
    target = labels if name in LABELLED else rng.dirichlet(np.ones(shape[-1]), samples[:-1])
    assert compare(name, Case("positions", (x, target, weight), options), "float32", 19)


def test_large_images():
    x, target = np.random.default_rng(0).standard_normal((2, 3, 4, 64, 64))
    assert compare("mse", Case("images", (x, target)), "float32", 19)


def status(name, labels, weight=None):
    x = np.random.default_rng(0).standard_normal((len(labels), 4)).astype(np.float32)
    return status_of(name, x, np.array(labels), weight)


def status_of(name, x, labels, weight=None):
    given = {"x": x, "labels": labels, "weight": weight}
    shapes = {"x": x.shape[1:], "labels": labels.shape[1:], **({} if weight is None else {"weight": (4,)})}
    site = Site(shapes, {"ignore_index": -100, "label_smoothing": 0.0})
    run = Operands(twin_of(name), site, given)
    return run.forward()


@pytest.mark.parametrize("name", LABELLED)
@pytest.mark.parametrize(
    ("labels", "at"),
    [([0, 1, 4], 3), ([-1, 1, 5], 1), ([0, -99, 7], 2), ([0] * 20 + [2**62], 21), ([-100] * 3, 4)],
)
def test_labels_that_the_kernel_refuses(name, labels, at):
    assert status(name, labels) == -at
    with pytest.raises(LabelError):
        LABELLED[name](np.zeros((len(labels), 4)), np.array(labels))


@pytest.mark.parametrize("name", LABELLED)
@pytest.mark.parametrize(("wrong", "at"), [((2, 0), 3), ((0, 2), 1), ((18, 1), 19)])
def test_a_position_that_is_refused_is_told_by_its_sample(name, wrong, at):
    labels = np.zeros((19, 3), int)
    labels[wrong] = 4
    assert status_of(name, np.zeros((19, 3, 4), np.float32), labels) == -at


@pytest.mark.parametrize("name", LABELLED)
def test_labels_of_weight_zero_have_no_mean(name):
    assert status(name, [0, 0], np.array([0, 1, 1, 1], np.float32)) == -3


@pytest.mark.parametrize("name", LABELLED)
def test_samples_that_are_ignored_have_no_gradient_whatever_they_hold(name):
    x = np.array([[1.0, 2.0], [np.nan, np.inf]], np.float32)
    site = Site({"x": (2,), "labels": (2,)}, {"ignore_index": 7, "label_smoothing": 0.0})
    run = Operands(twin_of(name), site, {"x": x, "labels": np.array([0, 7]), "weight": None})
    assert np.isfinite(run.forward())
    dx = run.gradient("x", 1.0)
    assert np.isfinite(dx).all() and (dx[1] == 0).all() and dx[0].any()


@pytest.mark.parametrize(
    ("name", "wrong", "options"),
    [
        ("softmax_cross_entropy", {"x": (4, 3), "labels": ()}, {}),
        ("softmax_cross_entropy", {"x": (4, 3), "labels": (3,)}, {}),
        ("softmax_cross_entropy", {"x": (3, 0), "labels": (3,)}, {}),
        ("softmax_cross_entropy", {"x": (0, 3), "labels": (0,)}, {}),
        ("nll_loss", {"x": (3, 4), "labels": (3, 1)}, {}),
        ("softmax_cross_entropy", {"weight": (3,)}, {}),
        ("softmax_cross_entropy", {}, {"label_smoothing": 1.5}),
        ("softmax_cross_entropy", {}, {"ignore_index": 0.5}),
        ("softmax_cross_entropy_soft", {"target": (3,)}, {}),
        ("softmax_cross_entropy_soft", {"x": (2, 4)}, {}),
        ("softmax_cross_entropy_soft", {"x": (0, 4), "target": (0, 4)}, {}),
        ("softmax_cross_entropy_soft", {}, {"label_smoothing": -0.1}),
        ("nll_loss", {"x": (0,)}, {}),
        ("mse", {"target": (4, 1)}, {}),
        ("mse", {"x": (0,), "target": (0,)}, {}),
        ("huber", {"target": (4, 1)}, {"delta": 1.0}),
        ("huber", {}, {"delta": np.inf}),
        ("hinge", {"labels": (1,)}, {"margin": 1.0}),
        ("hinge", {"labels": (4,)}, {"margin": 0.0}),
    ],
)
def test_what_the_kernel_refuses_is_left_to_it(name, wrong, options):
    shapes = {"x": (4,), "target": (4,), **wrong}
    constants = {"ignore_index": -100, "label_smoothing": 0.0, "half": False, **options}
    with pytest.raises(Unfit):
        twin_of(name).shape(Site(shapes, constants))
