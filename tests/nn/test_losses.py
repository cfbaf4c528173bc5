import numpy as np
import pytest

from nbdl import kernels, nn, tensor
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError
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


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_classes_last(reduction):
    """(N, T, C) against (N, T), and the same with the classes at axis 1: one loss, one gradient."""
    x, labels = RNG.normal(size=(2, 5, 3)), RNG.integers(0, 3, (2, 5))
    labels[1, 2] = -100
    each, w = truth(x.reshape(-1, 3), labels.reshape(-1), None, -100, 0)
    expected = {"mean": each.sum() / w.sum(), "sum": each.sum(), "none": each.reshape(2, 5)}[reduction]
    for a in (x, x.transpose(0, 2, 1).copy()):
        found = nn.softmax_cross_entropy(a, labels, reduction=reduction).data
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
        assert gradcheck(lambda a: nn.softmax_cross_entropy(a, labels, reduction=reduction), a)


def test_nothing_is_folded_where_classes_are_last():
    x, labels = tensor(RNG.normal(size=(2, 5, 3)).astype("float32")), RNG.integers(0, 3, (2, 5))
    loss = nn.softmax_cross_entropy(nn.init(nn.Linear(3), x.data)(x), labels)
    assert ops(loss) == ["linear", "softmax_cross_entropy"]


def ops(tensor):
    """The kernels that made a tensor, in order, along first inputs."""
    names = []
    while tensor._call is not None:
        names.append(tensor._call.record.name)
        tensor = tensor._call.inputs[0]
    return names[::-1]


def test_where_both_ends_fit_the_axis_must_be_said():
    x, labels = RNG.normal(size=(2, 4, 4)), RNG.integers(0, 4, (2, 4))
    with pytest.raises(OptionError, match=r"`target` \(2, 4\) fits .* \(2, 4, 4\)\. Say which: axis=-1 if"):
        nn.softmax_cross_entropy(x, labels)
    with pytest.raises(OptionError, match=r"softmax_cross_entropy: `axis` must be 1 or -1, got 2"):
        nn.softmax_cross_entropy(x, labels, axis=2)
    last = nn.softmax_cross_entropy(x, labels, axis=-1).item()
    assert last == nn.softmax_cross_entropy(x.transpose(0, 2, 1), labels, axis=1).item()
    assert last != nn.softmax_cross_entropy(x, labels, axis=1).item()
    with pytest.raises(ShapeError, match=r"must have shape \(2, 3\) for logits \(2, 3, 4\), got \(2, 4\)"):
        nn.softmax_cross_entropy(x[:, :3], labels, axis=-1)
    with pytest.raises(ShapeError, match=r"must have shape \(2, 4\) or \(2, 3\) for logits \(2, 3, 4\)"):
        nn.softmax_cross_entropy(x[:, :3], labels[:, :2])
    rows = x[:, 0]  # of two axes both are the same
    for axis in (None, 1, -1):
        found = nn.softmax_cross_entropy(rows, labels[:, 0], axis=axis).item()
        assert found == nn.softmax_cross_entropy(rows, labels[:, 0]).item()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_probabilities_of_positions(reduction):
    x, target = RNG.normal(size=(2, 5, 3)), RNG.dirichlet(np.ones(3), (2, 5))
    options = {"label_smoothing": 0.1, "weight": np.array([1.0, 0.5, 2.0]), "reduction": reduction}
    expected = nn.softmax_cross_entropy(x.reshape(-1, 3), target.reshape(-1, 3), **options).data
    last = nn.softmax_cross_entropy(x, target, axis=-1, **options).data
    np.testing.assert_allclose(last, expected.reshape(last.shape), rtol=1e-12)
    x, target = x.transpose(0, 2, 1), target.transpose(0, 2, 1)
    np.testing.assert_allclose(nn.softmax_cross_entropy(x, target, axis=1, **options).data, last, rtol=1e-12)
    assert gradcheck(lambda x: nn.softmax_cross_entropy(x, target, axis=1, **options), x)
    with pytest.raises(OptionError, match="Say which"):
        nn.softmax_cross_entropy(x, target)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_soft_labels(reduction, weighted, smoothing):
    x, target = RNG.normal(size=(6, 4)), RNG.dirichlet(np.ones(4), 6)
    target[0] = [0, 1, 0, 0]
    weight = np.array([1.0, 2.0, 0.5, 3.0]) if weighted else np.ones(4)
    logp = x - np.log(np.exp(x).sum(1, keepdims=True))
    each = -(weight * ((1 - smoothing) * target + smoothing / 4) * logp).sum(1)
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    options = {"weight": weight, "label_smoothing": smoothing, "reduction": reduction}
    np.testing.assert_allclose(nn.softmax_cross_entropy(x, target, **options).data, expected, rtol=1e-12)
    assert gradcheck(lambda x: nn.softmax_cross_entropy(x, target, **options), x)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_class_of_target_zero_costs_nothing(reduction):
    x = tensor([[0.0, 1.0, -np.inf]], requires_grad=True)
    loss = nn.softmax_cross_entropy(x, np.array([[0.5, 0.5, 0.0]]), reduction=reduction).sum()
    loss.backward()
    np.testing.assert_allclose(loss.item(), np.log(1 + np.e) - 0.5)
    np.testing.assert_allclose(x.grad, [[1 / (1 + np.e) - 0.5, np.e / (1 + np.e) - 0.5, 0]], rtol=1e-12)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mse(reduction, half):
    x, y = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))
    each = (x - y) ** 2 * (0.5 if half else 1)
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    np.testing.assert_allclose(nn.mse(x, y, half=half, reduction=reduction).data, expected, rtol=1e-12)
    assert gradcheck(lambda x, y: nn.mse(x, y, half=half, reduction=reduction), x, y)


def bce(x, y, pos_weight):
    return (1 - y) * np.logaddexp(0, x) + pos_weight * y * np.logaddexp(0, -x)


def huber(d, delta):
    return np.where(d < delta, d**2 / 2, delta * (d - delta / 2))


OF_ELEMENTS = {  # loss: (options, plain NumPy)
    "huber": ({"delta": 0.7}, lambda x, y: huber(abs(x - y), 0.7)),
    "l1": ({}, lambda x, y: abs(x - y)),
    "binary_cross_entropy_with_logits": ({"pos_weight": 2.5}, lambda x, y: bce(x, y, 2.5)),
    "hinge": ({"margin": 0.8}, lambda x, y: np.maximum(0, 0.8 - (2 * y - 1) * x)),
}


@pytest.mark.parametrize("name", OF_ELEMENTS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_of_elements(name, reduction):
    options, plain = OF_ELEMENTS[name]
    x, y = RNG.normal(size=(4, 3)), RNG.integers(0, 2, (4, 3))
    y = y if "hinge" in name else y + 0.1 if name != "l1" else RNG.normal(size=(4, 3))
    expected = {"mean": plain(x, y).mean(), "sum": plain(x, y).sum(), "none": plain(x, y)}[reduction]

    def loss(x):
        return getattr(nn, name)(x, y, reduction=reduction, **options)

    np.testing.assert_allclose(loss(x).data, expected, rtol=1e-12)
    assert gradcheck(loss, x)
    one = getattr(nn, name)(x[:, :1], y[:, 0], reduction=reduction, **options)  # (N, 1) is (N,)
    assert one.shape == ((4, 1) if reduction == "none" else ())


def test_labels_of_yes_and_no():
    """As truth values, as 0 and 1 and as -1 and 1; others are refused in every reduction."""
    x, yes = RNG.normal(size=5), np.array([True, False, True, True, False])
    found = {nn.hinge(x, labels).item() for labels in (yes, yes.astype(int), 2 * yes.astype(int) - 1)}
    assert len(found) == 1
    assert nn.binary_cross_entropy_with_logits(x, yes).item() == pytest.approx(bce(x, yes * 1.0, 1).mean())
    for reduction in ("mean", "sum", "none"):
        with pytest.raises(LabelError, match="hinge: `labels` must be 1 for yes, 0 or -1 for no, got 2 at"):
            nn.hinge(x, yes + 1, reduction=reduction)
        with pytest.raises(DtypeError, match="hinge: `target` must hold integers, 1 for yes and 0 or -1"):
            nn.hinge(x, yes.astype(float), reduction=reduction)


@pytest.mark.parametrize("name", OF_ELEMENTS)
def test_losses_of_elements_refuse_other_shapes(name):
    with pytest.raises(ShapeError, match=rf"{name}: `target` must have the shape of the prediction \(4, 2\)"):
        getattr(nn, name)(np.zeros((4, 2)), np.ones(4, int))


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


def test_integers_that_are_no_classes():
    with pytest.raises(LabelError, match=r"are classes, of which `x` has one, got 1 at .* Try floats"):
        nn.softmax_cross_entropy(np.zeros((3, 1), np.float32), np.arange(3))
