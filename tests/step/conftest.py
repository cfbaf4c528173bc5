"""What the tests of programs share: small data, and a net trained twice, by a program and on the tape."""

import numpy as np
import pytest
from numba.core import config

import nbdl
from nbdl import models, nn, registry
from nbdl.nn._inputs import taken
from nbdl.optim import Updater
from nbdl.records import resolve
from nbdl.step import CompiledStep

collect_ignore_glob = ["test_*.py"] if config.DISABLE_JIT else []  # without compilation there are no programs
RNG = np.random.default_rng(0)
N = 200
X = RNG.normal(size=(N, 8)).astype(np.float32)
LABELS = RNG.integers(0, 3, N)
NUMBERS = RNG.normal(size=(N, 2)).astype(np.float32)


@pytest.fixture
def x():
    return X.copy()


@pytest.fixture
def labels():
    return LABELS.copy()


@pytest.fixture
def numbers():
    return NUMBERS.copy()


@pytest.fixture
def shuffled():
    """``shuffled(count)``: that many sample numbers, every sample as often as any other."""

    def shuffled(count, samples=N):
        rng = np.random.default_rng(1)
        epochs = [rng.permutation(samples) for _ in range(-(-count // samples))]
        return np.concatenate(epochs)[:count]

    return shuffled


class Twins:
    """One net twice: `step` trains the first as a program, `eager` the second on the tape."""

    def __init__(
        self, make, x, y, loss="softmax_cross_entropy", optimizer="sgd", lr=0.1, dtype="float32", threads=1,
        seed=3, loss_options=None, groups=None, clip_norm=None, **options,
    ):  # fmt: skip
        self.x, self.y = x.astype(dtype), y.astype(dtype) if y.dtype.kind == "f" else y
        self.nets = [nn.init(make(), x[:1], seed, dtype) for _ in range(2)]
        updaters = [
            Updater(optimizer, net, lr, groups=groups, clip_norm=clip_norm, **options) for net in self.nets
        ]
        self.loss_options, self.seed, self.updater = loss_options or {}, seed, updaters[1]
        self.step = CompiledStep(
            self.nets[0], loss, updaters[0], (self.x[:1], self.y[:1]), threads, seed, self.loss_options
        )
        self._loss = resolve(registry.default().get("loss", loss).compute)

    def eager(self, order, size, rates):
        """What `CompiledStep.run` does, kernel by kernel."""
        losses = []
        for i, rate in enumerate(rates):
            rows = order[i * size : (i + 1) * size]
            prediction = self.nets[1](self.x[rows], train=nn.Train(self.seed, self.updater.steps))
            loss = self._loss(prediction, self.y[rows], **self.loss_options)
            losses.append(loss.item())
            loss.backward()
            self.updater.step(rate)
        return np.array(losses)

    def agree(self, order, size, rates=None, within=1e-5):
        """Both train on the same minibatches: equal losses and parameters, relative to the largest."""
        rates = np.full(len(order) // size, self.updater.lr) if rates is None else rates
        ours, theirs = self.step.run(self.x, self.y, order, size, rates), self.eager(order, size, rates)
        rounding = 2 * np.finfo(self.step.dtype).eps  # a small loss is a difference of numbers near 1
        np.testing.assert_allclose(ours, theirs, rtol=within, atol=rounding)
        self.agree_now(within)

    def agree_now(self, within=1e-5):
        ours, theirs = (nn.state_dict(net) for net in self.nets)
        for name, expected in theirs.items():
            largest = np.abs(expected).max()
            np.testing.assert_allclose(ours[name], expected, rtol=0, atol=within * largest, err_msg=name)


@pytest.fixture
def many_cores(monkeypatch):
    """As on a machine with eight cores: a program takes as many threads as it is asked to."""
    monkeypatch.setattr("nbdl._cores.cores", lambda: 8)


@pytest.fixture
def twins():
    return Twins


@pytest.fixture
def weights():
    """``weights(net)``: the bits of all parameters."""
    return lambda net: b"".join(a.tobytes() for a in nn.state_dict(net).values())


class Net:
    """A net of any form: ``Net(f, a=..., b=...)(x)`` is ``f(net, x, train)``."""

    def __init__(self, f, **parts):
        vars(self).update(parts, f=f)

    def __call__(self, x, train=None):
        return self.f(self, x, train)


@pytest.fixture
def next_token():
    return Next


@pytest.fixture
def any_net():
    return Net


@pytest.fixture
def plugin():
    """``plugin(losses=[...], optimizers=[...])``: from now on the registry has these records besides."""
    former = registry._current

    def install(**records):
        from types import SimpleNamespace

        module = SimpleNamespace()
        for kind, found in records.items():
            hook = lambda found=found: iter(found)  # noqa: E731
            hook.__name__ = f"nbdl_{kind}"
            setattr(module, hook.__name__, nbdl.hookimpl(hook))
        entry = SimpleNamespace(name="mine", dist=None, load=lambda: module)
        registry.use(registry.Registry(entries=[entry]))

    yield install
    registry.use(former)


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


class Next:
    """Token ids (N, T) to scores of the next token at each position (N, T, V)."""

    def __init__(self, V=27, D=6, H=9, **options):
        self.embedding = nn.Embedding(V, D, init="xavier_uniform")
        self.rnn, self.head = nn.RNN(H, **options), nn.Linear(V)

    def __call__(self, x, train=None):
        y, _ = self.rnn(self.embedding(x))
        return self.head(y)


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
        nn.BatchNorm(), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4),
    )  # fmt: skip


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


def tied():
    """A language model whose embedding is its output layer too."""
    embedding = nn.Embedding(27, 12, init="xavier_uniform")
    return nn.Sequential(embedding, nn.Linear(12), nn.Tanh(), nn.Linear(27, weight=embedding.w))


class Unrolled:
    """x (N, T, D), one position after the other: an Elman net that begins with a state of zeros."""

    def __init__(self):
        self.wx, self.wh, self.last = nn.Linear(6), nn.Linear(6, bias=False), nn.Linear(3)

    def __call__(self, x, train=None):
        h, offset = nbdl.zeros((6,), like=x), nbdl.full((), 0.5, like=x, dtype=x.dtype)
        for t in range(3):
            h = 1 - 2 / ((2 * (self.wx(x[:, t]) + self.wh(h))).exp() + nbdl.ones(6, like=x))  # tanh
        return self.last(h * np.ones((len(x), 6))) + offset[:, None]


class Elman:
    """Ids (N, T): an Elman net whose state is carried from minibatch to minibatch, tied to its embedding."""

    def __init__(self):
        self.embedding, self.h = nn.Embedding(27, 12, init="xavier_uniform"), nn.Buffer(per_sample=True)
        self.wx, self.wh = nn.Linear(12), nn.Linear(12, bias=False, init="orthogonal")
        self.last = nn.Linear(27, weight=self.embedding.w)

    def __call__(self, ids, train=None):
        x, states = self.wx(self.embedding(ids)), []
        h = self.h.rows((12,), like=x, train=train)
        for t in range(ids.shape[1]):
            h = nn.Tanh()(x[:, t] + self.wh(h))
            states.append(h)
        if train is not None:
            train.keep(self.h, h)
        return self.last(nbdl.stack(states, axis=1))


IMAGES = RNG.random((40, 3, 12, 12), dtype=np.float32)
CLASSES = RNG.integers(0, 4, 40)
IDS = RNG.integers(0, 27, (40, 8))
SEQUENCES = {"x": RNG.standard_normal((40, 5, 4)).astype(np.float32), "lengths": RNG.integers(1, 6, 40)}
PAIRS = {"label": CLASSES, "value": RNG.standard_normal((40, 2)).astype(np.float32)}
FLAT = RNG.standard_normal((40, 7)).astype(np.float32)
SENTENCES = {"source": IDS[:, :5] % 12, "source_length": 1 + IDS[:, 7] % 5, "target": IDS[:, 3:] % 12}
WORDS = np.where(np.arange(5) < 1 + IDS[:, :1] % 5, IDS[:, 1:6] % 12, -100)
ANSWERS = {"yes": RNG.integers(0, 2, 40), "value": PAIRS["value"]}
WHOLE = {
    "bn_lenet": (lambda: models.bn_lenet(4), RNG.random((40, 1, 28, 28), dtype=np.float32), CLASSES),
    "residual": (residual, IMAGES, CLASSES),
    "beside": (beside, IMAGES, CLASSES),
    "bigram": (lambda: models.bigram_lm(27, 12), IDS, np.roll(IDS, -1, axis=1)),
    "window": (lambda: models.window_lm(27, 6, 16), IDS, RNG.integers(0, 27, 40)),
    "tied": (tied, IDS, np.roll(IDS, -1, axis=1)),
    "unrolled": (Unrolled, SEQUENCES["x"], CLASSES % 3),
    "elman": (Elman, IDS[:, :3], IDS[:, 1:4]),
    "recurrent": (Next, IDS, np.roll(IDS, -1, axis=1)),
    "seq2seq": (lambda: models.seq2seq(12, 12, 16, 16, dropout=0.0), SENTENCES, WORDS),
    "masked_mean": (MaskedMean, SEQUENCES, CLASSES % 3),
    "two_tensors": (Two, FLAT, PAIRS),
    "activations": (activations, FLAT, CLASSES),
    "gates": (gates, IMAGES, CLASSES),
    "losses": (lambda: nn.Sequential(nn.Linear(8), nn.Tanh(), nn.Linear(2)), FLAT, ANSWERS),
}
LOSSES = {"two_tensors": both, "losses": four}


class Whole:
    """A net that a program holds whole, by its name in `WHOLE`: 40 samples `x` and `y`, and a loss."""

    def __init__(self, name):
        self.name, (self.make, self.x, self.y) = name, WHOLE[name]
        self.loss = LOSSES.get(name, nn.softmax_cross_entropy)

    def net(self):
        return nn.init(self.make(), self.x, seed=1)

    def step(self, net, **options):
        loss = self.loss.__name__
        return nbdl.compile_step(net, loss=loss, example=(self.x, self.y), seed=3, **options)

    def some(self, rows):
        """The samples `rows` of x and y."""
        return tuple(taken(a, rows) for a in (self.x, self.y))


@pytest.fixture(params=WHOLE)
def whole(request, plugin):
    plugin(losses=[nbdl.Loss(loss.__name__, loss) for loss in LOSSES.values()])
    return Whole(request.param)
