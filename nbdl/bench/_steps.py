"""The rows of training steps: forward, backward and update of a net on minibatches of a shuffled data set.

FLOPs are those of convolutions, linear and recurrent layers and of attention (half of them where it is
causal): forward, for the gradient of the weights, and, but for the first layer, for the gradient of the
input. Bytes are those of the minibatch, the parameters and the optimizer's state.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import ClassVar

import numpy as np

from nbdl import _calls, nn, registry
from nbdl.models import (
    VAE,
    bn_lenet,
    googlenet,
    gpt,
    lenet,
    lenet_modern,
    mlp,
    resnet18,
    resnet20,
    softmax_regression,
    vit,
)
from nbdl.models import vae as vae_of

MINIBATCHES = 32  # of the data set
CLASSES = 10


def mlp_dropout():
    """784-256-256-10 with dropout."""
    return mlp(hidden=(256, 256), dropout=0.5)


def conv_net():
    """Three convolutions for images of CIFAR's size."""
    layers = []
    for channels in (32, 64, 128):
        layers += [nn.Conv2d(channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(CLASSES))


def googlenet_half():
    """Half of the book's channels, for images of CIFAR's size."""
    return googlenet(width=0.5, image=32)


def rnn():
    """Sequences to the states of a simple recurrent layer of 256 numbers, and all of these to classes."""
    return nn.Sequential(nn.RNN(256, state=False), nn.Flatten(), nn.Linear(CLASSES))


def rnn_small():
    """The same with 32 numbers."""
    return nn.Sequential(nn.RNN(32, state=False), nn.Flatten(), nn.Linear(CLASSES))


def lstm():
    """Sequences to the states of an LSTM with 256 numbers, and all of these to classes."""
    return nn.Sequential(nn.LSTM(256, state=False), nn.Flatten(), nn.Linear(CLASSES))


def lstm_small():
    """The same with 32 numbers."""
    return nn.Sequential(nn.LSTM(32, state=False), nn.Flatten(), nn.Linear(CLASSES))


def gru():
    """Sequences to the states of a GRU with 256 numbers, and all of these to classes."""
    return nn.Sequential(nn.GRU(256, state=False), nn.Flatten(), nn.Linear(CLASSES))


def gru_small():
    """The same with 32 numbers."""
    return nn.Sequential(nn.GRU(32, state=False), nn.Flatten(), nn.Linear(CLASSES))


def gru2():
    """The same of two layers with 64 numbers."""
    layers = nn.Stack(nn.GRU(64), nn.GRU(64), state=False)
    return nn.Sequential(layers, nn.Flatten(), nn.Linear(CLASSES))


def vae():
    """784-400-20-400-784 with a random code."""
    return vae_of(latent=20)


@dataclass(frozen=True)
class Step:
    """A row: the net that `build` makes, trained with `optimizer` on samples of `shape`, `batch` at once.

    With another `loss` than that of classes the samples are compared with themselves.
    """

    build: Callable
    shape: tuple
    batch: int
    optimizer: str
    lr: float
    threads: int = 1
    loss: str = "softmax_cross_entropy"

    kind: ClassVar = "step"
    written: ClassVar = ()
    check_after: ClassVar = 8  # steps before the loss is compared with a peer's

    name = property(lambda self: self.build.__name__)
    size = property(lambda self: f"B={self.batch}, {self.optimizer}")
    samples = property(lambda self: self.batch)

    def arguments(self):
        """A data set, and the order in which its samples are taken."""
        rng, n = np.random.default_rng(0), MINIBATCHES * self.batch
        tokens = self.vocabulary
        if tokens:
            x, y = (rng.integers(0, tokens, (n, *self.shape)) for _ in range(2))
        elif self.loss != "softmax_cross_entropy":
            x = y = rng.random((n, *self.shape), np.float32)
        else:
            x, y = rng.standard_normal((n, *self.shape), np.float32), rng.integers(0, CLASSES, n)
        return {"x": x, "y": y, "order": rng.permutation(n)}

    def kernels(self):
        """A program is compiled anew for each row."""
        return []

    def start(self, arguments):
        """``run(n)``: n steps on the next minibatches, then the last loss."""
        from nbdl import compile_step

        x, y, order = (arguments[name] for name in ("x", "y", "order"))
        step = compile_step(
            self.build(), loss=self.loss, optimizer=self.optimizer,
            example=(x[: self.batch], y[: self.batch]), threads=self.threads, seed=0,
        )  # fmt: skip
        done = 0

        def run(n):
            nonlocal done
            rows = np.arange(done * self.batch, (done + n) * self.batch) % len(order)
            done += n
            return step.run(x, y, order[rows], self.batch, self.lr)[-1]

        return run

    @cached_property
    def vocabulary(self):
        """How many tokens there are, of a net that reads tokens and gives logits of the next ones; else 0."""
        first, *_ = getattr(self.build(), "layers", [None])
        return getattr(first, "vocabulary", 0)

    @cached_property
    def net(self):
        """The net with the parameters that the program starts from."""
        return nn.init(self.build(), self._sample, seed=0)

    @property
    def _sample(self):
        return np.zeros((1, *self.shape), np.int64 if self.vocabulary else np.float32)

    @cached_property
    def _calls(self):
        """The kernel calls of the net on one sample, the last first."""
        given = self.net(self._sample)
        return _calls.history(given["logits"] if isinstance(given, dict) else given)

    @property
    def convolutions(self):
        """How many there are."""
        return sum(call.record.name == "conv2d" for call in self._calls)

    @property
    def random(self):
        """Whether the loss depends on random numbers that a peer draws differently."""
        return isinstance(self.net, VAE) or any(isinstance(layer, nn.Dropout) for layer in self.net.layers)

    @cached_property
    def flops(self):
        """Of one step."""
        total = 0
        for call in self._calls:
            if call.record.name in ("conv2d", "linear"):
                x, w, *_ = call.inputs
                results = w.shape[0 if call.record.name == "conv2d" else 1]
                total += 2 * call.outputs[0].size * w.size // results * (2 + x.requires_grad)
            elif call.record.name in ("rnn_scan", "gru_scan", "lstm_scan"):
                z, wh = call.inputs[0], call.inputs[3 if call.record.name == "lstm_scan" else 2]
                total += 2 * z.size * len(wh) * 3
            elif call.record.name == "scaled_dot_product_attention":
                q, k = call.inputs[:2]
                total += 14 * q.size * k.shape[2] // (2 if call.constants["causal"] else 1)
        return self.batch * total

    def bytes(self, arguments):
        """Moved by one step at least."""
        state = len(registry.default().get("optimizer", self.optimizer).state)
        parameters = sum(p.data.size for p in nn.parameters(self.net))
        return self.batch * (4 * prod(self.shape) + 8) + 4 * parameters * (1 + state)


MNIST, CIFAR = (1, 28, 28), (3, 32, 32)
STEPS = (
    (lenet, MNIST, 256, "sgd", 0.1), (lenet, MNIST, 32, "sgd", 0.1), (lenet_modern, MNIST, 256, "adam", 1e-3),
    (bn_lenet, MNIST, 256, "sgd", 0.1), (mlp, MNIST, 256, "sgd", 0.1), (mlp_dropout, MNIST, 256, "sgd", 0.1),
    (softmax_regression, MNIST, 256, "sgd", 0.1), (conv_net, CIFAR, 64, "adam", 1e-3),
    (rnn, (32, 256), 256, "sgd", 0.1), (rnn_small, (32, 28), 1024, "sgd", 0.1),
    (lstm, (32, 256), 256, "sgd", 0.1), (lstm_small, (32, 28), 1024, "sgd", 0.1),
    (gru, (32, 256), 256, "sgd", 0.1), (gru_small, (32, 28), 1024, "sgd", 0.1),
    (gru2, (32, 64), 128, "sgd", 0.1), (vae, MNIST, 128, "adam", 1e-3),
    (gpt, (64,), 32, "adam", 1e-3), (vit, MNIST, 128, "adam", 1e-3),
)  # fmt: skip
DEEP = (
    (resnet20, CIFAR, 64, "sgd", 0.1), (resnet18, (3, 96, 96), 32, "sgd", 0.1),
    (googlenet_half, CIFAR, 64, "adam", 1e-3),
)  # fmt: skip


def step_cases(threads=1, quick=False):
    """All rows of training steps; `quick` takes one small minibatch size of each net but the deep ones."""
    chosen = STEPS + DEEP
    if quick:
        chosen = {row[0]: (*row[:2], 4, *row[3:]) for row in STEPS}.values()
    return [Step(*row, threads, *(("bernoulli_elbo",) if row[0] is vae else ())) for row in chosen]
