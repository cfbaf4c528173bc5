import numpy as np
import pytest

from nbdl import kernels, nn, tensor
from nbdl.errors import OptionError, ShapeError
from nbdl.tape import apply
from nbdl.testing import gradcheck

RNG = np.random.default_rng(0)


def truth(x, labels, weight, ignore_index, smoothing):
    """Each term and its weight, in plain NumPy; x (N, C)."""
    logp = x - np.log(np.exp(x).sum(1, keepdims=True))
    w = np.ones(x.shape[1]) if weight is None else weight
    keep = labels != ignore_index
    picked = np.where(keep, labels, 0)
    n = np.arange(len(x))
    each = (1 - smoothing) * w[picked] * -logp[n, picked] - smoothing / x.shape[1] * (logp * w).sum(1)
    return each * keep, w[picked] * keep


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_softmax_cross_entropy(reduction, weighted, smoothing):
    x, labels = RNG.normal(size=(6, 4)), np.array([0, 3, 1, -100, 2, 2])
    weight = np.array([1.0, 2.0, 0.5, 3.0]) if weighted else None
    each, w = truth(x, labels, weight, -100, smoothing)
    expected = {"mean": each.sum() / w.sum(), "sum": each.sum(), "none": each}[reduction]

    def loss(x):
        return nn.softmax_cross_entropy(x, labels, weight, label_smoothing=smoothing, reduction=reduction)

    np.testing.assert_allclose(loss(x).data, expected, rtol=1e-12)
    assert gradcheck(loss, x)


def test_positions_and_soft_labels():
    x, labels = RNG.normal(size=(2, 3, 4, 5)), RNG.integers(0, 3, (2, 4, 5))
    rows = x.transpose(0, 2, 3, 1).reshape(-1, 3)
    each, _ = truth(rows, labels.reshape(-1), None, -100, 0)
    np.testing.assert_allclose(nn.softmax_cross_entropy(x, labels).data, each.mean(), rtol=1e-12)
    assert nn.softmax_cross_entropy(x, labels, reduction="none").shape == (2, 4, 5)
    one_hot = np.eye(3)[labels.reshape(-1)]
    np.testing.assert_allclose(nn.softmax_cross_entropy(rows, one_hot).data, each.mean(), rtol=1e-12)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mse(reduction, half):
    x, y = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))
    each = (x - y) ** 2 * (0.5 if half else 1)
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    np.testing.assert_allclose(nn.mse(x, y, half=half, reduction=reduction).data, expected, rtol=1e-12)
    assert gradcheck(lambda x, y: nn.mse(x, y, half=half, reduction=reduction), x, y)


def test_an_unknown_reduction_is_refused():
    with pytest.raises(OptionError, match="`reduction` must be mean, sum or none, got 'average'"):
        nn.mse(tensor([1.0]), tensor([2.0]), reduction="average")


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_last_axis_of_one_is_no_other_shape(reduction):
    """The loss has the shape of the prediction; (N,) and (N, 1) are never broadcast to (N, N)."""
    x, y = np.arange(4.0), np.ones(4)
    for p, t in ((x[:, None], y), (x, y[:, None])):
        found = nn.mse(p, t, reduction=reduction).data
        expected = nn.mse(p, t.reshape(p.shape), reduction=reduction).data
        assert found.shape == expected.shape and (found == expected).all()


def test_targets_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match="mse: `target`"):
        nn.mse(np.zeros((4, 2)), np.ones(4), reduction="sum")
    with pytest.raises(ShapeError, match="softmax_cross_entropy: `target`"):
        nn.softmax_cross_entropy(np.zeros((2, 3, 4)), np.zeros((4, 2), int))
    with pytest.raises(OptionError, match="soft labels take reduction mean"):
        nn.softmax_cross_entropy(np.zeros((2, 3)), np.ones((2, 3)) / 3, reduction="sum")


@pytest.mark.parametrize("name", ["cross_entropy", "kl_divergence", "js_divergence"])
def test_information_of_a_softmax(name):
    """The gradient flows through the probabilities to the logits; the target is held."""
    x, target = RNG.normal(size=(4, 3)), RNG.dirichlet(np.ones(3), 4)
    loss, softmax = getattr(nn, name), nn.Softmax()
    each = loss(softmax(tensor(x)), target, reduction="none").data
    kernel = getattr(kernels, name)
    np.testing.assert_allclose(each, kernel(target, kernels.softmax(x)), rtol=1e-12)
    assert loss(softmax(tensor(x)), target, reduction="sum").item() == pytest.approx(each.sum(), rel=1e-12)
    assert gradcheck(lambda x: loss(softmax(x), target), x)


def test_e31_kl_and_cross_entropy_have_one_minimum_and_one_gradient():
    """CE = H + KL in one unit: for a held target both lead to the same place by the same steps."""
    x, target = RNG.normal(size=(5, 3)), RNG.dirichlet(np.ones(3), 5)
    slopes = []
    for loss in (nn.cross_entropy, nn.kl_divergence):
        logits = tensor(x, requires_grad=True)
        loss(nn.Softmax()(logits), target).backward()
        slopes.append(logits.grad)
    np.testing.assert_allclose(slopes[0], slopes[1], atol=1e-14)
    np.testing.assert_allclose(slopes[0], (kernels.softmax(x) - target) / 5, atol=1e-14)


def test_entropy_and_mutual_information_on_the_tape():
    p = tensor(RNG.dirichlet(np.ones(6)).reshape(2, 3), requires_grad=True)
    (apply("mutual_information", p) - 0.1 * apply("entropy", p.reshape(6))).backward()
    want = kernels.mutual_information_dp(1.0, p.data) - 0.1 * kernels.entropy_dp(
        1.0, p.data.reshape(6)
    ).reshape(2, 3)
    np.testing.assert_allclose(p.grad, want, rtol=1e-12)


def test_info_nce():
    x, y = RNG.normal(size=(2, 5, 3))
    assert nn.info_nce(x, y).item() == pytest.approx(kernels.info_nce(x, y, 0.1, True), rel=1e-12)
    assert gradcheck(lambda x, y: nn.info_nce(x, y, temperature=0.5), x, y)
