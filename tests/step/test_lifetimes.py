"""How long values live, what idle lanes hold, and what a recording must not freeze."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import TapeError, UsageError
from nbdl.step import CompiledPredict

RNG = np.random.default_rng(0)
X = RNG.standard_normal((21, 6)).astype(np.float32)
LABELS = RNG.integers(0, 3, 21)


def made(any_net, forward, layers=(), x=X):
    return nn.init(any_net(forward, **{f"l{i}": nn.Linear(n) for i, n in enumerate(layers)}), x, 0)


def of_an_array_of_python(net, x, train):
    z = nbdl.apply("cumsum", net.l0(x) * net.l0(x) + 1, axis=1)
    return net.l1(z.log() / z.sum(axis=1, keepdims=True))


def test_idle_lanes_of_what_python_computed_are_samples(any_net):
    """Zeros there would be log 0 and 0 / 0, and NaN in the gradients of parameters."""
    net = made(any_net, of_an_array_of_python, (5, 3))
    step = nbdl.compile_step(net, example=(X, LABELS), lr=0.0)
    loss = nn.softmax_cross_entropy(net(X), LABELS)
    loss.backward()
    assert step(X, LABELS) == pytest.approx(loss.item(), rel=1e-6)
    for name, p in nn.named_parameters(net).items():
        np.testing.assert_allclose(step.gradients[name], p.grad, rtol=1e-4, atol=1e-6)


def test_a_loss_behind_a_norm_has_its_gradient_after_its_rows(any_net, plugin):
    """Whose gradient reads what its forward rows saved alone, in a later section."""
    nll = lambda prediction, target: nbdl.apply("nll_loss", prediction, target)  # noqa: E731
    plugin(losses=[nbdl.Loss("nll", nll)])
    net = nn.init(
        any_net(lambda net, x, train: net.norm(net.a(x), train=train), a=nn.Linear(3), norm=nn.BatchNorm()), X
    )
    step = nbdl.compile_step(net, loss="nll", example=(X, LABELS), lr=0.0)
    nll(net(X, train=nn.Train(0, 0)), LABELS).backward()
    step(X, (LABELS + 1) % 3)  # what an earlier step saved is not read
    step(X, LABELS)
    for name, p in nn.named_parameters(net).items():
        np.testing.assert_allclose(step.gradients[name], p.grad, rtol=1e-4, atol=1e-6)


def read_again(net, x, train):
    h = net.l0(x)
    return h, net.l3(net.l2(net.l1(h)))


def cut_and_whole(net, x, train):
    h = net.l0(x)
    v = h[:, None]
    a = net.l1(x)
    return net.l2(v[:, 0] + a)


def in_its_order(net, x, train):
    h = nbdl.apply("transpose", net.l0(x), axes=(0, 1))
    return h + net.l2(net.l1(net.l3(x)))


def turned_round(net, x, train):
    h = net.l0(x) * 2.0
    sums = [nbdl.apply("cumsum", h * f, axis=1) for f in (2.0, 3.0)]
    return h[::-1], *sums


def its_input(net, x, train):
    return net.l0(x)[()], x


@pytest.mark.parametrize(
    ("forward", "layers"),
    [(read_again, 4), (cut_and_whole, 3), (in_its_order, 4), (turned_round, 1), (its_input, 1)],
)
def test_results_are_not_overwritten(any_net, forward, layers):
    net = made(any_net, forward, (6,) * layers)
    wanted = net(X)
    ways = [CompiledPredict(net, X)]
    if forward is not turned_round:  # its samples are turned round
        ways.append(nbdl.jit_predict(net, X))
    for way in ways:
        found = way(X)
        pairs = zip(found, wanted) if isinstance(wanted, tuple) else [(found, wanted)]
        for one, two in pairs:
            np.testing.assert_allclose(one, np.asarray(two), rtol=1e-5, atol=1e-5)


def test_what_is_computed_of_all_samples_sees_all_of_them(any_net):
    many = RNG.standard_normal((700, 6)).astype(np.float32)
    net = made(any_net, lambda net, x, train: (net.l0(x), net.l0(x).mean(axis=0)), (3,))
    np.testing.assert_allclose(nbdl.train.predict(net, many)[1], net(many)[1].data, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "factor",
    [
        lambda n, train: min(1.0, train.step / 10),
        lambda n, train: 2.0 if train.seed % 2 else 1.0,
        lambda n, train: float(min(n, 8)),
    ],
)
def test_numbers_that_a_recording_would_freeze_are_refused(any_net, factor):
    net = made(any_net, lambda net, x, train: net.l0(x) * (factor(len(x), train) if train else 1.0), (3,))
    with pytest.raises(TapeError, match=r"test_lifetimes\.py"):
        nbdl.compile_step(net, example=(X, LABELS))


def test_more_arrays_than_a_program_takes(any_net):
    x = {f"x{i}": X for i in range(20)}

    class Net:
        def __init__(self):
            self.a = nn.Linear(3)

        def __call__(self, train=None, **x):
            return self.a(sum(x.values()))

    with pytest.raises(UsageError, match="at most 20 arrays of inputs and targets, got 21"):
        nbdl.compile_step(nn.init(Net(), x), example=(x, LABELS))
