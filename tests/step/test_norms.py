"""Nets with norms train without a row in Python, with the gradients of the tape, alike on 1 and 2 threads."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.step import CompiledPredict, report

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((40, 3, 8, 8)).astype(np.float32)
ROWS = RNG.standard_normal((40, 5, 12)).astype(np.float32) + 3
LABELS = RNG.integers(0, 4, 40)


def images():
    return nn.Sequential(
        nn.Conv2d(6, 3, padding=1), nn.GroupNorm(3), nn.ReLU(), nn.LocalResponseNorm(3, alpha=0.5),
        nn.Conv2d(4, 3), nn.InstanceNorm(), nn.ReLU(), nn.LayerNorm(axes=3), nn.BatchNorm(unbiased=False),
        nn.AvgPool2d(2), nn.Flatten(), nn.GroupNorm(2), nn.Linear(4),
    )  # fmt: skip


def rows():
    return nn.Sequential(
        nn.LayerNorm(), nn.Linear(16), nn.GELU(), nn.RMSNorm(), nn.Linear(8), nn.LayerNorm(axes=2),
        nn.RMSNorm(affine=False), nn.Flatten(), nn.LayerNorm(affine=False), nn.Linear(4),
    )  # fmt: skip


@pytest.fixture(params=[(images, IMAGES), (rows, ROWS)], ids=["images", "rows"])
def case(request):
    return request.param


def test_gradients_are_those_of_the_tape(case):
    make, x = case
    for samples in (40, 19):
        net = nn.init(make(), x, seed=1)
        step = nbdl.compile_step(net, example=(x, LABELS), lr=0.0, seed=3)
        assert step.program.native, report(step, samples)
        value = nn.softmax_cross_entropy(net(x[:samples], train=nn.Train(3, 0)), LABELS[:samples])
        value.backward()
        assert step(x[:samples], LABELS[:samples]) == pytest.approx(value.item(), rel=1e-5)
        scale = max(np.abs(p.grad).max() for p in nn.parameters(net))
        for name, p in nn.named_parameters(net).items():
            assert np.abs(step.gradients[name] - p.grad).max() <= 2e-5 * scale, name


def test_the_same_bits_on_any_number_of_threads(case, monkeypatch):
    monkeypatch.setattr("nbdl._cores.cores", lambda: 2)
    make, x = case
    order, found = np.resize(np.random.default_rng(1).permutation(40), 6 * 20), set()
    for threads in (1, 2):
        net = nn.init(make(), x, seed=1)
        step = nbdl.compile_step(net, example=(x, LABELS), threads=threads, seed=3, lr=0.05)
        losses = step.run(x, LABELS, order, 20)
        assert np.isfinite(losses).all()
        found.add((losses.tobytes(), *(a.tobytes() for a in nn.state_dict(net).values())))
    assert len(found) == 1


def test_predictions(case):
    make, x = case
    net = nn.init(make(), x, seed=1)
    np.testing.assert_allclose(CompiledPredict(net, x)(x), net(x).data, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(nbdl.jit_predict(net, x)(x), net(x).data, rtol=2e-5, atol=2e-5)
