"""Optimizers in a program: the built-in ones, options and groups, clipping, rates, and those of plugins."""

import sys

import numpy as np
import pytest

import nbdl
from nbdl import models, nn, optim
from nbdl.errors import UsageError

OPTIMIZERS = [
    ("sgd", 0.1, {}),
    ("sgd", 0.1, {"weight_decay": 0.1}),
    ("momentum", 0.02, {"momentum": 0.8}),
    ("adam", 0.01, {"beta1": 0.8, "eps": 1e-6}),
    ("adam", 0.01, {"weight_decay": 0.1}),
    ("adamw", 0.01, {"weight_decay": 0.1}),
    ("lars", 0.5, {"trust": 0.1, "weight_decay": 0.1}),
    ("lamb", 0.01, {"weight_decay": 0.1}),
]


def mlp():
    return models.mlp(3, (8,))


@pytest.mark.parametrize(("optimizer", "lr", "options"), OPTIMIZERS)
def test_built_in(twins, x, labels, shuffled, optimizer, lr, options):
    steps = 50 if optimizer in ("sgd", "momentum") else 10
    twins(mlp, x, labels, optimizer=optimizer, lr=lr, **options).agree(shuffled(steps * 20), 20)


def test_groups(twins, x, labels, shuffled):
    groups = {"*.b": {"weight_decay": 0.0}, "1.*": {"beta1": 0.5}}
    both = twins(mlp, x, labels, optimizer="adamw", lr=0.01, weight_decay=0.5, groups=groups)
    both.agree(shuffled(10 * 20), 20)
    plain = twins(mlp, x, labels, optimizer="adamw", lr=0.01, weight_decay=0.5)
    plain.agree(shuffled(10 * 20), 20)
    decayed, kept = plain.nets[0][3].b.data, both.nets[0][3].b.data
    assert np.abs(decayed - kept).max() > 1e-3


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_groups_with_rates_of_their_own_and_frozen_ones(twins, x, labels, shuffled, optimizer):
    groups = {"1.*": {"lr_factor": 0.1}, "*.b": {"weight_decay": 0.0}, "3.b": {"frozen": True}}
    both = twins(mlp, x, labels, optimizer=optimizer, lr=0.01, weight_decay=0.5, groups=groups)
    both.agree(shuffled(10 * 20), 20)
    assert list(both.step.gradients) == ["1.w", "1.b", "3.w"]
    assert not both.nets[0][3].b.data.any()
    assert all(p.requires_grad for p in nn.parameters(both.nets[0]))


@pytest.mark.parametrize("clip_norm", [0.05, 1e9])
def test_clipping(twins, x, labels, shuffled, clip_norm):
    both = twins(mlp, x, labels, optimizer="momentum", lr=0.02, clip_norm=clip_norm)
    both.agree(shuffled(50 * 20), 20)
    norm = np.sqrt(sum(np.square(g, dtype=float).sum() for g in both.step.gradients.values()))
    assert norm == pytest.approx(clip_norm, rel=1e-5) if clip_norm < 1 else norm < 10


@pytest.mark.parametrize("clip_norm", [None, 0.01])
def test_each_element_is_clipped_before_the_norm(twins, x, labels, shuffled, clip_norm):
    both = twins(mlp, x, labels, optimizer="momentum", lr=0.02, clip_value=0.004, clip_norm=clip_norm)
    both.agree(shuffled(10 * 20), 20)
    largest = max(np.abs(g).max() for g in both.step.gradients.values())
    assert largest == np.float32(0.004) if clip_norm is None else largest < 0.004


def test_clipping_of_many_slices(twins, x, labels, shuffled):
    """More numbers than one leaf updates at a time, and a rest that does not fill a register."""
    wide = lambda: models.mlp(3, (1021,))  # noqa: E731
    twins(wide, x, labels, clip_norm=0.1).agree(shuffled(10 * 20), 20)


@pytest.mark.parametrize("optimizer, options", [("lars", {}), ("lamb", {"eps": 1e-3})])
def test_norms_of_parameters_of_many_slices(twins, x, labels, shuffled, optimizer, options):
    """A whole parameter is one job, whatever its size: its norm is that of all of it."""
    both = twins(lambda: models.mlp(3, (1021,)), x, labels, optimizer=optimizer, lr=0.01, **options)
    both.agree(shuffled(10 * 20), 20)
    lines = [line for line in nbdl.step.report(both.step, 20).lines if line.phase == "update"]
    assert len(lines) == 4 and all(line.target == "lanes" for line in lines)
    assert all(job.items == 1 for line in lines for job in line.work)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("scale", [1e-30, 1e20, 1e36])
def test_clipping_where_squares_of_gradients_have_no_place_in_the_dtype(
    twins, plugin, x, labels, shuffled, scale, optimizer
):
    def loss(prediction, target):
        return nn.softmax_cross_entropy(prediction, target) * scale

    plugin(losses=[nbdl.Loss("scaled", loss)])
    most = min(0.5, scale / 1e3)
    both = twins(mlp, x, labels, optimizer=optimizer, lr=0.01, loss="scaled", clip_norm=most)
    both.agree(shuffled(2 * 20), 20)
    norm = np.sqrt(sum(np.square(g, dtype=float).sum() for g in both.step.gradients.values()))
    assert norm == pytest.approx(most, rel=1e-4)


@pytest.mark.parametrize("schedule", ["cosine", "multi_factor"])
def test_rates_of_a_schedule(twins, x, labels, shuffled, schedule):
    rates = [0.02 * getattr(optim, schedule)(i, 10) for i in range(10)]
    both = twins(mlp, x, labels, optimizer="adam")
    both.agree(shuffled(10 * 20), 20, rates)


def layerwise_update(w, dw, m, v, lr, step=1, beta1=0.9, beta2=0.999, weight_decay=0.01):
    """LAMB: updates as long as the parameter is large. You et al. 2020, algorithm 2."""
    m += (1 - beta1) * (dw - m)
    v += (1 - beta2) * (dw * dw - v)
    u = m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + 1e-6) + weight_decay * w
    norms = np.linalg.norm(w), np.linalg.norm(u)
    w -= lr * (norms[0] / norms[1] if min(norms) > 0 else 1.0) * u


@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_a_plugin_that_needs_whole_tensors(twins, plugin, x, labels, shuffled, clip_norm):
    plugin(optimizers=[nbdl.Optimizer("layerwise", layerwise_update, state=("m", "v"), per="tensor")])
    both = twins(mlp, x, labels, optimizer="layerwise", lr=0.02, clip_norm=clip_norm, beta1=0.8)
    both.agree(shuffled(10 * 20), 20)
    both.agree(shuffled(5 * 19), 19)
    assert both.step.updater.steps == both.updater.steps == 15


def test_lion(twins, plugin, x, labels, shuffled):
    lion = sys.modules.get("nbdl_lion") or pytest.importorskip("nbdl_lion")
    plugin(optimizers=list(lion.nbdl_optimizers()))
    both = twins(mlp, x, labels, optimizer="lion", lr=0.005, weight_decay=0.1)
    both.agree(shuffled(10 * 20), 20)


def failing_update(w, dw, lr, limit=3, step=1):
    if step > limit:
        raise UsageError("no more than {} steps", limit)
    w -= lr * dw


def test_an_optimizer_that_raises_leaves_the_step_before(twins, plugin, x, labels, shuffled, weights):
    plugin(optimizers=[nbdl.Optimizer("failing", failing_update, per="tensor")])
    both, order = twins(mlp, x, labels, optimizer="failing"), shuffled(5 * 20)
    with pytest.raises(UsageError, match="no more than 3 steps"):
        both.step.run(x, labels, order, 20)
    assert both.step.updater.steps == 3
    both.eager(order, 20, [0.1] * 3)
    both.agree_now()


def test_parameters_that_are_not_used_stay(twins, any_net, x, labels, shuffled):
    """As on the tape: without a gradient there is no update, whatever the weight decay."""

    def make():
        spare = nn.init(nn.Linear(3), x, seed=9)
        net = any_net(lambda net, x, train: (net.spare(x), net.used(x))[1], used=nn.Linear(3), spare=spare)
        return net

    both = twins(make, x, labels, optimizer="adam", lr=0.01, weight_decay=0.1)
    before = both.nets[0].spare.w.data.copy()
    both.agree(shuffled(10 * 20), 20)
    assert (both.nets[0].spare.w.data == before).all()
    assert not both.step.updater.state["spare.w"]["m"].any()


def test_frozen_parameters_stay(twins, x, labels, shuffled):
    def make():
        net = mlp()
        net[1].w.requires_grad = False
        return net

    both = twins(make, x, labels, optimizer="adamw", lr=0.01, weight_decay=0.1)
    before = both.nets[0][1].w.data.copy()
    both.agree(shuffled(10 * 20), 20)
    assert (both.nets[0][1].w.data == before).all()
    assert list(both.step.gradients) == ["1.b", "3.w", "3.b"]
