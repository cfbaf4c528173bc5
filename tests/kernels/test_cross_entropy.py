"""Softmax cross entropy: torch's conventions, label smoothing, both ends, and nothing written on errors."""

import itertools

import numpy as np
import pytest

from nbdl.errors import DtypeError, LabelError, ShapeError
from nbdl.kernels import (
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_dx,
    softmax_cross_entropy_each,
    softmax_cross_entropy_each_dx,
    softmax_cross_entropy_soft,
    softmax_cross_entropy_soft_dx,
)

RNG = np.random.default_rng(0)
X, LABELS, WEIGHT = RNG.standard_normal((6, 5)) * 3, np.array([0, 4, -100, 2, 2, 1]), RNG.uniform(0.1, 2, 5)
TARGET = RNG.dirichlet(np.ones(5), 6)
OPTIONS = list(itertools.product([None, WEIGHT], [0.0, 0.1, 1.0]))


def torch_loss(x, target, weight, smoothing, reduction="mean"):
    """Torch's loss and its gradient."""
    torch = pytest.importorskip("torch")
    t = torch.tensor(x, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
        t,
        torch.tensor(target),
        None if weight is None else torch.tensor(weight),
        label_smoothing=smoothing,
        reduction=reduction,
    )
    loss.sum().backward()
    return loss.detach().numpy(), t.grad.numpy()


@pytest.mark.parametrize("weight, smoothing", OPTIONS)
def test_mean_agrees_with_torch(weight, smoothing):
    loss, dx = torch_loss(X, LABELS, weight, smoothing)
    arguments = X, LABELS, weight, -100, smoothing
    np.testing.assert_allclose(softmax_cross_entropy(*arguments), loss, rtol=1e-13)
    np.testing.assert_allclose(softmax_cross_entropy_dx(1.0, *arguments), dx, atol=1e-15)


@pytest.mark.parametrize("weight, smoothing", OPTIONS)
def test_each_agrees_with_torch(weight, smoothing):
    loss, dx = torch_loss(X, LABELS, weight, smoothing, "none")
    arguments = X, LABELS, weight, -100, smoothing
    np.testing.assert_allclose(softmax_cross_entropy_each(*arguments), loss, rtol=1e-13)
    np.testing.assert_allclose(softmax_cross_entropy_each_dx(np.ones(6), *arguments), dx, atol=1e-14)


@pytest.mark.parametrize("weight, smoothing", OPTIONS)
def test_soft_targets_agree_with_torch(weight, smoothing):
    loss, dx = torch_loss(X, TARGET, weight, smoothing)
    arguments = X, TARGET, weight, smoothing
    np.testing.assert_allclose(softmax_cross_entropy_soft(*arguments), loss, rtol=1e-13)
    np.testing.assert_allclose(softmax_cross_entropy_soft_dx(1.0, *arguments), dx, atol=1e-15)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 2, 5)], ids=str)
@pytest.mark.parametrize("weight, smoothing", OPTIONS)
def test_positions_agree_with_torch(shape, weight, smoothing):
    """Torch has the classes at axis 1."""
    rng = np.random.default_rng(1)
    x, labels = rng.standard_normal(shape), rng.integers(0, 5, shape[:-1])
    labels[0, 0] = -100
    target, arguments = rng.dirichlet(np.ones(5), shape[:-1]), (x, labels, weight, -100, smoothing)
    for got, gradient, y, how in (
        (softmax_cross_entropy(*arguments), softmax_cross_entropy_dx(1.0, *arguments), labels, "mean"),
        (
            softmax_cross_entropy_each(*arguments),
            softmax_cross_entropy_each_dx(np.ones(shape[:-1]), *arguments),
            labels,
            "none",
        ),
        (
            softmax_cross_entropy_soft(x, target, weight, smoothing),
            softmax_cross_entropy_soft_dx(1.0, x, target, weight, smoothing),
            np.moveaxis(target, -1, 1),
            "mean",
        ),
    ):
        loss, dx = torch_loss(np.moveaxis(x, -1, 1), y, weight, smoothing, how)
        np.testing.assert_allclose(got, loss, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(gradient, np.moveaxis(dx, 1, -1), atol=1e-14)


def test_positions_are_rows():
    """The same bits, however the rows are arranged."""
    rng = np.random.default_rng(2)
    x, labels = rng.standard_normal((4, 3, 5)).astype("float32"), rng.integers(0, 5, (4, 3))
    rows, flat = x.reshape(12, 5), labels.reshape(-1)
    assert softmax_cross_entropy(x, labels) == softmax_cross_entropy(rows, flat)
    got = softmax_cross_entropy_dx(2.0, x, labels)
    np.testing.assert_array_equal(got.reshape(12, 5), softmax_cross_entropy_dx(2.0, rows, flat))


def test_gradient_is_softmax_minus_target():
    labels = np.array([1, 0, 3, 2, 2, 4])
    want = (softmax(X) - np.eye(5)[labels]) / 6
    np.testing.assert_allclose(softmax_cross_entropy_dx(1.0, X, labels), want, atol=1e-16)


def test_label_smoothing_has_its_optimum_at_a_finite_gap():
    """10 classes, smoothing 0.1: the best gap between the logits is ln 91, a larger one costs more."""

    def loss(gap):
        x = np.zeros((1, 10))
        x[0, 3] = gap
        return softmax_cross_entropy(x, np.array([3]), label_smoothing=0.1)

    assert loss(np.log(91)) == pytest.approx(0.50029, abs=1e-5)
    assert loss(10.0) == pytest.approx(0.90041, abs=1e-5)
    assert loss(np.log(91)) < min(loss(np.log(91) - 0.01), loss(np.log(91) + 0.01))


def test_distillation_gradients():
    teacher, student = np.array([[5.0, 2.0, -1.0]]), np.array([[3.0, 3.0, 0.0]])
    for t, want in ((1.0, [-0.462, 0.441, 0.022]), (5.0, [-0.741, 0.478, 0.263])):
        got = t * softmax_cross_entropy_soft_dx(1.0, student / t, softmax(teacher / t))  # T^2 times 1/T
        np.testing.assert_allclose(got[0], want, atol=5e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_ends(dtype):
    x = np.array([[1e4, 0, -1e4], [1e4, 0, -1e4], [-np.inf, 0, 0]], dtype)
    got = softmax_cross_entropy_each(x, np.array([0, 2, 0]))
    np.testing.assert_array_equal(got, np.array([0, 2e4, np.inf], dtype))
    gradient = softmax_cross_entropy_each_dx(np.ones(3, dtype), x, np.array([0, 2, 1]))
    np.testing.assert_allclose(gradient, [[0, 0, 0], [1, 0, -1], [0, -0.5, 0.5]], atol=1e-7)


def test_a_class_of_target_0_may_be_impossible():
    x = np.array([[0.0, 0.0, -np.inf]])
    assert softmax_cross_entropy_soft(x, np.array([[0.5, 0.5, 0.0]])) == pytest.approx(np.log(2))
    assert softmax_cross_entropy(x, np.array([0]), np.array([1.0, 1.0, 0.0]), label_smoothing=0.5) < np.inf


def test_ignored_rows_do_not_touch_the_gradient():
    x = np.array([[1.0, 2.0], [np.nan, np.inf]])
    with np.errstate(invalid="ignore"):
        assert np.isfinite(softmax_cross_entropy(x, np.array([1, -100])))
        gradient = softmax_cross_entropy_dx(1.0, x, np.array([1, -100]))
    np.testing.assert_array_equal(gradient[1], 0)


def test_float32_mean_is_summed_in_float64():
    """A running float32 sum of so many losses is off in the fourth digit."""
    n = 100_000
    x = np.tile(np.array([[0.1, 0.7, -0.3]], "float32"), (n, 1))
    one = softmax_cross_entropy(x[:1], np.zeros(1, int))
    assert softmax_cross_entropy(x, np.zeros(n, int)) == pytest.approx(one, rel=1e-7)


def test_nothing_is_written_when_a_label_is_bad():
    dx, labels = np.zeros((6, 5)), np.array([0, 1, 2, 3, 4, 5])
    with pytest.raises(LabelError, match="softmax_cross_entropy_each: `labels` must be from 0 to"):
        softmax_cross_entropy_each(np.zeros((1, 4)), np.array([4]))
    with pytest.raises(LabelError, match=r"softmax_cross_entropy_dx: `labels` .* got 5 at position 5"):
        softmax_cross_entropy_dx(1.0, X, labels, dx=dx)
    out = np.zeros(6)
    with pytest.raises(LabelError, match="got 5 at position 5"):
        softmax_cross_entropy_each(X, labels, out=out)
    assert not dx.any() and not out.any()


def test_means_of_nothing_are_errors():
    with pytest.raises(ShapeError, match=r"`x` is an empty batch, shape \(0, 5\)"):
        softmax_cross_entropy(X[:0], LABELS[:0])
    with pytest.raises(LabelError, match="`labels` are all ignored"):
        softmax_cross_entropy(X, np.full(6, -100))
    with pytest.raises(ShapeError, match=r"`dy` must have the shape of `labels` \(6,\), got \(1,\)"):
        softmax_cross_entropy_each_dx(np.ones(1), X, LABELS)


def test_far_from_0_it_is_as_exact_as_torch():
    x = (X + 1e4).astype("float32")
    loss, dx = torch_loss(x, LABELS, None, 0.1, "none")
    arguments = LABELS, None, -100, 0.1
    np.testing.assert_allclose(softmax_cross_entropy_each(x, *arguments), loss, atol=1e-6, rtol=1e-6)
    got = softmax_cross_entropy_each_dx(np.ones(6, "float32"), x, *arguments)
    np.testing.assert_allclose(got, dx, atol=1e-6)
    target = TARGET.astype("float32")
    loss, dx = torch_loss(x, target, None, 0.0)
    np.testing.assert_allclose(softmax_cross_entropy_soft(x, target), loss, rtol=1e-6)
    np.testing.assert_allclose(softmax_cross_entropy_soft_dx(1.0, x, target), dx, atol=1e-6)


@pytest.mark.parametrize("dtype, offset", [("float32", 1e8), ("float64", 1e16)])
def test_the_maximum_is_subtracted_first(dtype, offset):
    """x - (m + log n) would be 0: the sum swallows the logarithm."""
    x, labels, even = np.full((1, 16), offset, dtype), np.zeros(1, int), np.full((1, 16), 1 / 16, dtype)
    want, gradient = np.log(16).astype(dtype), np.full((1, 16), 1 / 16)
    assert softmax_cross_entropy(x, labels) == want
    assert softmax_cross_entropy(x, labels, label_smoothing=1.0) == pytest.approx(want, rel=1e-7)
    assert softmax_cross_entropy_soft(x, even) == pytest.approx(want, rel=1e-7)
    np.testing.assert_allclose(softmax_cross_entropy_soft_dx(1.0, x, even), 0 * gradient, atol=1e-8)
    gradient[0, 0] -= 1
    np.testing.assert_allclose(softmax_cross_entropy_dx(1.0, x, labels), gradient, rtol=1e-7)


def test_a_large_unsigned_label_is_not_ignore_index():
    labels = np.array([0, 2**64 - 100, 1, 1, 1, 1], np.uint64)
    with pytest.raises(
        LabelError, match=r"`labels` \(N, \.\.\.\) must be below 2\^63, got 18446744073709551516"
    ):
        softmax_cross_entropy(X, labels)
    with pytest.raises(DtypeError, match="softmax_cross_entropy: `ignore_index` must be an integer"):
        softmax_cross_entropy(X, LABELS, None, 0.5)


def test_a_label_of_a_position_is_named_by_where_it_stands():
    labels = np.array([[0, 1, 2], [3, 5, 9]])
    with pytest.raises(LabelError, match=r"from 0 to 4 .* got 5 at flat position 4 of \(2, 3\)"):
        softmax_cross_entropy(np.zeros((2, 3, 5)), labels)
    with pytest.raises(
        ShapeError, match=r"`labels` must have shape \(2, 3\), one for each row of `x`, got \(3,\)"
    ):
        softmax_cross_entropy(np.zeros((2, 3, 5)), labels[0])
