"""Nets that a program holds whole: no kernel runs in Python, and gradients are those of the tape."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.step import CompiledPredict, measure, report

RNG = np.random.default_rng(0)
IMAGES = RNG.random((40, 3, 12, 12), dtype=np.float32)
CLASSES = RNG.integers(0, 4, 40)


class Residual:
    """x + body(x), then ReLU."""

    def __init__(self, body):
        self.body = body

    def __call__(self, x, train=None):
        return nn.ReLU()(x + self.body(x, train=train))


class Beside:
    """The channels of several convolutions one after the other."""

    def __init__(self, *parts):
        self.parts = list(parts)

    def __call__(self, x, train=None):
        return nbdl.concatenate([part(x, train=train) for part in self.parts], axis=1)


class MaskedMean:
    """x (N, T, D) and lengths (N,): the mean of the valid rows of each sample, and the last of them."""

    def __init__(self):
        self.first, self.last = nn.Linear(8), nn.Linear(3)

    def __call__(self, x, lengths, train=None):
        h = nn.Tanh()(self.first(x))
        valid = np.arange(x.shape[1]) < nbdl.tape.as_tensor(lengths)[:, None]
        total = nbdl.where(valid[:, :, None], h, 0.0).sum(axis=1)
        ends = np.arange(x.shape[1]) == nbdl.tape.as_tensor(lengths)[:, None] - 1
        at_the_end = nbdl.where(ends[:, :, None], h, 0.0).sum(axis=1)
        return self.last(total / lengths[:, None] + at_the_end)


class Two:
    """Two tensors: logits, and numbers."""

    def __init__(self):
        self.body, self.logits, self.numbers = nn.Linear(16), nn.Linear(4), nn.Linear(2)

    def __call__(self, x, train=None):
        h = nn.Tanh()(self.body(x))
        return self.logits(h), self.numbers(h)


def both(prediction, target):
    logits, numbers = prediction
    return nn.softmax_cross_entropy(logits, target["label"]) + 0.5 * nn.mse(numbers, target["value"])


def four(prediction, target):
    """Every loss of elements: the labels of a hinge are integers, those of a cross-entropy become floats."""
    values, yes = target["value"], target["yes"]
    errors = nn.huber(prediction, values, delta=0.5) + nn.l1(prediction, values)
    scores = prediction[:, 0]
    answers = nn.binary_cross_entropy_with_logits(scores, yes, pos_weight=2.0) + nn.hinge(scores, yes)
    return errors + answers


def residual():
    return nn.Sequential(
        nn.Conv2d(6, 3, padding=1), nn.BatchNorm(), nn.ReLU(),
        Residual(nn.Sequential(nn.Conv2d(6, 3, padding=1), nn.BatchNorm(), nn.ReLU(), nn.Conv2d(6, 1))),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4),
    )  # fmt: skip


def beside():
    return nn.Sequential(
        Beside(nn.Conv2d(3, 1), nn.Sequential(nn.Conv2d(2, 1), nn.ReLU(), nn.Conv2d(4, 3, padding=1))),
        nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4),
    )  # fmt: skip


def bigram():
    return nn.Sequential(nn.Embedding(27, 12), nn.Linear(27))


def window():
    return nn.Sequential(nn.Embedding(27, 6), nn.Flatten(), nn.Linear(16), nn.Tanh(), nn.Linear(27))


def activations():
    """Every activation of dense layers, with options where it has some."""
    found = nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.ELU(0.7), nn.SELU(), nn.CELU(0.5), nn.LeakyReLU(0.1)
    found += nn.PReLU(), nn.PReLU(per_channel=True), nn.Softplus(2.0), nn.Mish(), nn.Softsign()
    found += nn.HardSigmoid(), nn.HardSwish(), nn.GLU(), nn.SwiGLU()
    return nn.Sequential(*(layer for a in found for layer in (nn.Linear(8), a)), nn.Linear(4))


def gates():
    """Those that see the axes of an image, or of a sequence."""
    body = nn.Conv2d(6, 3, padding=1), nn.PReLU(per_channel=True), nn.GLU(axis=1), nn.SwiGLU(axis=-1)
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(4))


IDS = RNG.integers(0, 27, (40, 8))
SEQUENCES = {"x": RNG.standard_normal((40, 5, 4)).astype(np.float32), "lengths": RNG.integers(1, 6, 40)}
PAIRS = {"label": CLASSES, "value": RNG.standard_normal((40, 2)).astype(np.float32)}
ANSWERS = {"yes": RNG.integers(0, 2, 40), "value": RNG.standard_normal((40, 2)).astype(np.float32)}
FLAT = RNG.standard_normal((40, 7)).astype(np.float32)
NETS = {
    "bn_lenet": (lambda: models.bn_lenet(4), RNG.random((40, 1, 28, 28), dtype=np.float32), CLASSES, None),
    "residual": (residual, IMAGES, CLASSES, None),
    "beside": (beside, IMAGES, CLASSES, None),
    "bigram": (bigram, IDS, np.roll(IDS, -1, axis=1), None),
    "window": (window, IDS, RNG.integers(0, 27, 40), None),
    "masked_mean": (MaskedMean, SEQUENCES, CLASSES % 3, None),
    "activations": (activations, FLAT, CLASSES, None),
    "gates": (gates, IMAGES, CLASSES, None),
    "two_tensors": (Two, FLAT, PAIRS, both),
    "losses": (lambda: nn.Sequential(nn.Linear(8), nn.Tanh(), nn.Linear(2)), FLAT, ANSWERS, four),
}


@pytest.fixture(params=NETS)
def case(request, plugin):
    plugin(losses=[nbdl.Loss(loss.__name__, loss) for loss in (both, four)])
    make, x, y, loss = NETS[request.param]
    loss = loss or nn.softmax_cross_entropy
    return make, x, y, loss.__name__, loss


def compiled(case, threads=1, **options):
    make, x, y, name, _ = case
    net = nn.init(make(), x, seed=1)
    return net, nbdl.compile_step(net, loss=name, example=(x, y), threads=threads, seed=3, **options)


def taken(a, rows):
    return {k: v[rows] for k, v in a.items()} if isinstance(a, dict) else a[rows]


def called(net, x, **options):
    return net(**x, **options) if isinstance(x, dict) else net(x, **options)


@pytest.mark.parametrize("samples", [40, 19])
def test_gradients_are_those_of_the_tape(case, samples):
    net, step = compiled(case, lr=0.0)
    assert step.program.native, report(step, 40)
    *_, loss = case
    x, y = (taken(a, slice(0, samples)) for a in case[1:3])
    value = loss(called(net, x, train=nn.Train(3, 0)), y)
    value.backward()
    assert step(x, y) == pytest.approx(value.item(), rel=1e-5)
    for name, p in nn.named_parameters(net).items():
        scale = max(np.abs(q.grad).max() for q in nn.parameters(net))
        assert np.abs(step.gradients[name] - p.grad).max() <= 1e-5 * scale, name


def test_the_same_bits_on_any_number_of_threads(case, monkeypatch):
    monkeypatch.setattr("nbdl._cores.cores", lambda: 8)
    _, x, y, *_ = case
    order, found = np.resize(RNG.permutation(40), 6 * 20), set()
    for threads in (1, 2, 4):
        net, step = compiled(case, threads, lr=0.1, optimizer="momentum")
        losses = step.run(x, y, order, 20)
        step(taken(x, slice(0, 19)), taken(y, slice(0, 19)))
        found.add((losses.tobytes(), *(a.tobytes() for a in nn.state_dict(net).values())))
    assert len(found) == 1


def test_ids_out_of_range_are_refused(plugin):
    """By the program that predicts, the step and compiled code: what the kernel says."""
    net = nn.init(bigram(), IDS, seed=1)
    bad = np.where(np.arange(8) == 5, 27, IDS)
    wanted = r"`ids` must be from 0 to 26, got 27"
    step = nbdl.compile_step(net, example=(IDS, IDS))
    for run in (CompiledPredict(net, IDS), nbdl.jit_predict(net, IDS), lambda x: step(x, IDS)):
        with pytest.raises(nbdl.errors.LabelError, match=wanted):
            run(bad)


def test_the_time_of_a_step_on_named_arrays():
    net = nn.init(MaskedMean(), SEQUENCES, seed=1)
    step = nbdl.compile_step(net, example=(SEQUENCES, CLASSES % 3))
    found = measure(step, SEQUENCES, CLASSES % 3)
    assert found.samples == 40 and found.seconds > 0


def test_predictions(case):
    """By a program and from compiled code, in the form that the net gives."""
    make, x, *_ = case
    net = nn.init(make(), x, seed=1)
    wanted = called(net, x)
    found = CompiledPredict(net, x)(x)
    f = nbdl.jit_predict(net, x)
    jitted = f(*x.values()) if isinstance(x, dict) else f(x)
    for result in (found, jitted):
        pairs = zip(result, wanted) if isinstance(wanted, tuple) else [(result, wanted)]
        for one, two in pairs:
            np.testing.assert_allclose(one, two.data, rtol=1e-5, atol=1e-5)
