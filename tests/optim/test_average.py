"""Moving averages of weights, and gradients of several minibatches in one update."""

import numpy as np
import pytest

import nbdl
from nbdl import nn, optim
from nbdl.errors import OptionError, UsageError

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((64, 5)).astype("float32"), np.arange(64) % 3


def made():
    return nn.init(nn.Sequential(nn.Linear(4), nn.ReLU(), nn.Linear(3)), X, seed=0)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_average_of_a_run_is_that_of_its_steps(compiled):
    net, seen = made(), []
    average = optim.WeightAverage(net, decay=0.8)
    callbacks = {"step": [average, lambda run: seen.append(np.array(net.layers[0].w.data))]}
    run = nbdl.fit(
        net, (X, LABELS), optimizer="adam", lr=0.05, epochs=2, batch_size=16, callbacks=callbacks,
        compiled=compiled,
    )  # fmt: skip
    want = seen[0]
    for w in seen[1:]:
        want = 0.8 * want + 0.2 * w
    last = np.array(net.layers[0].w.data)
    assert average.updates == run.steps == 8 and np.abs(last - want).max() > 1e-3
    loss = run.evaluate(run.data.train)["loss"]
    with average.applied() as averaged:
        np.testing.assert_allclose(averaged.layers[0].w.data, want, rtol=1e-5, atol=1e-6)
        assert run.evaluate(run.data.train)["loss"] != loss
    np.testing.assert_array_equal(net.layers[0].w.data, last)
    assert run.evaluate(run.data.train)["loss"] == loss


def test_messages_of_averages():
    with pytest.raises(OptionError, match="`decay` must be at least 0 and below 1"):
        optim.WeightAverage(made(), decay=1.0)
    with pytest.raises(UsageError, match="nothing was averaged yet"), optim.WeightAverage(made()).applied():
        pass


def test_four_small_minibatches_are_one_large():
    """The gradient of a mean over 64 samples is the mean of the gradients over 16 each."""
    nets = made(), made()
    large = optim.Updater("adam", nets[0], lr=0.05)
    small = optim.Updater("adam", nets[1], lr=0.05, accumulate=4)
    for _ in range(3):
        nn.softmax_cross_entropy(nets[0](X), LABELS).backward()
        assert large.step()
        for i in range(4):
            rows = slice(16 * i, 16 * (i + 1))
            nn.softmax_cross_entropy(nets[1](X[rows]), LABELS[rows]).backward()
            assert small.step() == (i == 3)
    assert large.steps == small.steps == 3
    for a, b in zip(nn.parameters(nets[0]), nn.parameters(nets[1])):
        np.testing.assert_allclose(b.data, a.data, atol=2e-5)
        assert b.grad is None
    with pytest.raises(UsageError, match="4 times as large"):
        nbdl.compile_step(made(), optimizer="sgd", example=(X, LABELS), optimizer_options={"accumulate": 4})
    for wrong in (0, 1.5, True):
        with pytest.raises(OptionError, match="`accumulate` must be an integer of at least 1"):
            optim.Updater("sgd", made(), accumulate=wrong)
