"""Nets of any form: several users of a value, tied parameters, kernels without a lanes twin in between."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import NumericError, OptionError, ShapeError
from nbdl.records import Kernel
from nbdl.step import _lowering


def residual(net, x, train):
    return net.d(x + net.a(x))


def several_users(net, x, train):
    h = nn.ReLU()(net.a(x))
    return net.c(net.b(h)) + net.d(h)


def several_users_of_what_could_be_overwritten(net, x, train):
    h = net.a(x)
    return net.d(nn.ReLU()(h) * nn.Tanh()(h))


def scaled(net, x, train):
    return net.d(2.0 * nn.ReLU()(net.a(x))) * 0.5


def constant(net, x, train):
    return net.d(net.a(x * np.linspace(0, 1, 8, dtype=np.float32)))


def cut(net, x, train):
    return net.d(net.a(x)[:, 2:6])


def mean(net, x, train):
    return net.d(net.a(x).reshape(-1, 4, 2).mean(axis=2))


def over_the_minibatch(net, x, train):
    h = net.a(x)
    return net.d(h * h.mean(axis=0))


def tied(net, x, train):
    return net.d(net.a(nn.Tanh()(net.a(x))))


def tied_with_a_kernel_in_python(net, x, train):
    return net.d(net.a(x) @ net.a.w)


def dropped(net, x, train):
    h = net.a(x)
    return net.d(h + nn.Dropout(0.5)(net.b(h), train=train))


def detached(net, x, train):
    h = net.a(x)
    return net.d(h * nn.Tanh()(h).detach() - h.mean(axis=0).detach())


def wholly_detached(net, x, train):
    return net.d(nn.Tanh()(net.a(x)).detach())


def images(net, x, train):
    h = net.a(x).reshape(-1, 2, 2, 2)
    return net.d((h + 1.0).reshape(-1, 8)) + net.d(h.reshape(-1, 8))


FORMS = [
    (residual, "ad"), (several_users, "abcd"), (several_users_of_what_could_be_overwritten, "ad"),
    (scaled, "ad"), (constant, "ad"), (cut, "ad"), (mean, "ad"), (over_the_minibatch, "ad"), (tied, "ad"),
    (tied_with_a_kernel_in_python, "ad"), (dropped, "abd"),
    (detached, "ad"), (wholly_detached, "ad"), (images, "ad"),
]  # fmt: skip
LAYERS = {"a": 8, "b": 8, "c": 3, "d": 3}  # and how many numbers each gives


@pytest.fixture(params=["on lanes", "in Python"])
def where(request, monkeypatch):
    """Where array operations run: by their twins, or from Python between stretches of native code."""
    if request.param == "in Python":
        found = _lowering.site_of

        def site_of(record, *rest):
            return (None, None, "of a test") if record.target == "numpy" else found(record, *rest)

        monkeypatch.setattr(_lowering, "site_of", site_of)
    return request.param


@pytest.mark.parametrize(("form", "layers"), FORMS)
def test_forms(twins, any_net, x, labels, shuffled, form, layers, where):
    make = lambda: any_net(form, **{name: nn.Linear(LAYERS[name]) for name in layers})  # noqa: E731
    both = twins(make, x, labels, optimizer="momentum", lr=0.02, threads=2)
    both.agree(shuffled(5 * 40), 40)
    both.agree(shuffled(5 * 19), 19)


def test_what_runs_in_python_can_be_seen(any_net, x, labels, where):
    net = any_net(residual, a=nn.Linear(8), d=nn.Linear(3))
    step = nbdl.compile_step(net, example=(x, labels))
    if where == "on lanes":
        assert step.program.native
        return
    assert [node.record.name for node in step.graph.nodes if step.plan.forms[node].python] == ["add"]
    assert not step.program.native
    assert nbdl.compile_step(nn.Sequential(nn.Linear(3)), example=(x, labels)).program.native


# --- kernels and losses of others -------------------------------------------------------------------------


def cube(x, bound=10.0):
    if abs(x).max() > bound:
        raise OptionError("cube: `x` must stay below {}", bound)
    return x * x * x


def cube_dx(dy, x, dx):
    dx += 3 * dy * x * x


CUBE = Kernel("cube", cube, inputs=("x",), outputs=("y",), grads={"x": cube_dx})


def cubed(net, x, train):
    return net.d(nbdl.apply("cube", net.a(x)))


def test_a_kernel_of_a_plugin(twins, plugin, any_net, x, labels, shuffled):
    plugin(kernels=[CUBE])
    both = twins(lambda: any_net(cubed, a=nn.Linear(8), d=nn.Linear(3)), x, labels, lr=0.01)
    both.agree(shuffled(10 * 19), 19)


def test_a_kernel_that_raises_leaves_the_step_before(twins, plugin, any_net, x, labels, shuffled):
    plugin(kernels=[CUBE])
    both = twins(lambda: any_net(cubed, a=nn.Linear(8), d=nn.Linear(3)), x, labels, lr=0.01, threads=2)
    order = shuffled(10 * 20)
    good, x[order[3 * 20 + 5]] = x.copy(), 1e3
    with pytest.raises(OptionError, match=r"cube: `x` must stay below 10\.0"):
        both.step.run(x, labels, order, 20)
    assert both.step.updater.steps == 3
    both.eager(order, 20, [0.01] * 3)
    both.agree_now()
    both.step.run(good, labels, order[60:], 20)
    both.eager(order[60:], 20, [0.01] * 7)
    both.agree_now()


def absolute(prediction, target):
    return abs(prediction - target).mean()


def squares_by_hand(prediction, target):
    d = prediction - target
    return (d * d).sum() / prediction.shape[0]


def with_a_penalty(prediction, target):
    return 2.0 * nn.mse(prediction, target) + 0.1 * (prediction * prediction).mean()


@pytest.mark.parametrize("loss", [absolute, squares_by_hand, with_a_penalty])
def test_a_loss_of_arithmetic(twins, plugin, x, numbers, shuffled, loss):
    plugin(losses=[nbdl.Loss("mine", loss)])
    make = lambda: nn.Sequential(nn.Linear(8), nn.Tanh(), nn.Linear(2))  # noqa: E731
    both = twins(make, x, numbers, loss="mine", lr=0.02, threads=2)
    both.agree(shuffled(10 * 40), 40)
    both.agree(shuffled(3 * 19), 19)


def test_the_way_back_does_not_wait_for_a_weighted_sum_of_means(twins, plugin, x, numbers, shuffled):
    """What the gradient is multiplied by is known before the blocks, though the loss is known after them."""

    def of_two(prediction, target):
        return 2.0 * nn.mse(prediction, target) + nn.l1(prediction, target) / 3.0

    plugin(losses=[nbdl.Loss("mine", of_two)])
    make = lambda: nn.Sequential(nn.Linear(8), nn.Tanh(), nn.Linear(2))  # noqa: E731
    both = twins(make, x, numbers, loss="mine", lr=0.02, threads=2)
    both.agree(shuffled(3 * 19), 19)
    assert [bool(section.blocks) for section in both.step.plan.sections] == [True, False]


def test_focal(twins, plugin, x, labels, shuffled):
    focal = pytest.importorskip("nbdl_focal")
    plugin(kernels=list(focal.nbdl_kernels()), losses=list(focal.nbdl_losses()))
    make = lambda: nn.Sequential(nn.Linear(8), nn.ReLU(), nn.Linear(3))  # noqa: E731
    both = twins(make, x, labels, loss="focal", loss_options={"gamma": 1.5})
    both.agree(shuffled(10 * 20), 20)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_reduction_of_a_loss(twins, x, labels, numbers, shuffled, reduction):
    make = lambda: nn.Sequential(nn.Linear(3))  # noqa: E731
    soft = np.random.default_rng(0).dirichlet(np.ones(3), len(x)).astype(np.float32)
    for loss, y in (("softmax_cross_entropy", labels), ("softmax_cross_entropy", soft), ("mse", soft)):
        both = twins(make, x, y, loss=loss, lr=0.002, loss_options={"reduction": reduction})
        both.agree(shuffled(5 * 20), 20)
        both.agree(shuffled(5 * 7), 7)
    with pytest.raises(ShapeError, match=r"must be one number, got an array of shape \(N,\)"):
        twins(make, x, labels, loss_options={"reduction": "none"})


def test_a_loss_in_python_that_is_no_number_stops(twins, plugin, x, numbers, shuffled):
    plugin(losses=[nbdl.Loss("mine", squares_by_hand)])
    both, order = twins(lambda: nn.Sequential(nn.Linear(2)), x, numbers, loss="mine"), shuffled(5 * 20)
    numbers[order[2 * 20]] = np.inf
    message = r"the loss is inf at step 3: `y` holds inf at sample \d+, element \[0\]"
    with pytest.raises(NumericError, match=message):
        both.step.run(x, numbers, order, 20)
    both.eager(order, 20, [0.1, 0.1])
    both.agree_now()
