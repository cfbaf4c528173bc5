"""Nets of all kinds of convolutions and poolings train without a row in Python, as the tape does."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.step import report

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 40)


class Filter:
    """A convolution, in the sense of signal processing, of each channel with one kernel that is learnt."""

    def __init__(self, mode):
        self.mode, self.w = mode, nn.Parameter("normal")

    def __call__(self, x, train=None):
        if not self.w.ready:
            self.w.fill((3, 2), 6, 6)
        return nbdl.apply("convolve2d", x, self.w, mode=self.mode)


class Pooled:
    """The mean and the maximum of each channel."""

    def __call__(self, x, train=None):
        return nbdl.concatenate([nn.GlobalAvgPool2d()(x), nn.GlobalMaxPool2d()(x)], axis=1)


def images():
    return nn.Sequential(
        nn.Pad2d((1, 0, 0, 2), mode="reflect"), Filter("same"), nn.LpPool2d(2, 1),
        nn.ConvTranspose2d(4, 3, stride=2, padding=1, output_padding=1), nn.Tanh(),
        nn.AdaptiveMaxPool2d((5, 4)), nn.AdaptiveAvgPool2d((3, 3)), Pooled(), nn.Linear(3),
    )  # fmt: skip


def series():
    return nn.Sequential(
        nn.Conv1d(4, 3, padding="same"), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(6, 2, stride=2, groups=2),
        nn.Tanh(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(3),
    )  # fmt: skip


NETS = {
    "images": (images, RNG.standard_normal((40, 2, 5, 6)).astype(np.float32)),
    "series": (series, RNG.standard_normal((40, 3, 16)).astype(np.float32)),
}


@pytest.fixture(params=NETS)
def case(request):
    return NETS[request.param]


def compiled(case, threads, **options):
    make, x = case
    net = nn.init(make(), x, seed=1)
    return net, nbdl.compile_step(net, example=(x, CLASSES), threads=threads, seed=3, **options)


def test_gradients_are_those_of_the_tape(case):
    net, step = compiled(case, 1, lr=0.0)
    assert step.program.native, report(step, 40)
    for samples in (40, 19):
        x, y = case[1][:samples], CLASSES[:samples]
        for p in nn.parameters(net):
            p.grad = None
        value = nn.softmax_cross_entropy(net(x, train=nn.Train(3, 0)), y)
        value.backward()
        assert step(x, y) == pytest.approx(value.item(), rel=1e-5)
        scale = max(np.abs(p.grad).max() for p in nn.parameters(net))
        for name, p in nn.named_parameters(net).items():
            assert np.abs(p.grad).max() > 0, name
            assert np.abs(step.gradients[name] - p.grad).max() <= 1e-5 * scale, name


def test_the_same_bits_on_one_thread_and_on_two(case, monkeypatch):
    monkeypatch.setattr("nbdl._cores.cores", lambda: 8)
    order, found = np.resize(RNG.permutation(40), 120), set()
    for threads in (1, 2):
        net, step = compiled(case, threads, lr=0.1, optimizer="momentum")
        losses = step.run(case[1], CLASSES, order, 20)
        found.add((losses.tobytes(), *(a.tobytes() for a in nn.state_dict(net).values())))
    assert len(found) == 1


def test_compiled_code_predicts_the_same(case):
    make, x = case
    net = nn.init(make(), x, seed=1)
    np.testing.assert_allclose(nbdl.jit_predict(net, x)(x), net(x).data, rtol=1e-5, atol=1e-5)


def test_layers_are_saved_with_their_structure(case):
    layers = [layer for layer in case[0]().layers if not isinstance(layer, (Filter, Pooled))]
    net = nn.Sequential(*layers)
    assert repr(nn.build(nn.config(net))) == repr(net)
