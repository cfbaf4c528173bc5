import numba
import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import UsageError

X, Y = np.random.default_rng(0).normal(size=(24, 3)), np.arange(24) % 2


def model():
    return nn.init(nn.Sequential(nn.Linear(4), nn.Tanh(), nn.Linear(2)), X)


class Tied:
    """A layer that is called twice, under two names."""

    def __init__(self):
        self.one = nn.Linear(3)
        self.two, self.last = self.one, nn.Linear(2)

    def __call__(self, x, train=None):
        return self.last(self.two(self.one(x).exp()))


def test_frozen_parameters_get_no_gradient():
    net = nn.freeze(model(), "0.*")
    nn.softmax_cross_entropy(net(X), Y).backward()
    assert net[0].w.grad is None and net[0].b.grad is None and net[2].w.grad is not None
    nn.unfreeze(net, "0.b")
    assert [name for name, p in nn.named_parameters(net).items() if not p.requires_grad] == ["0.w"]
    assert all(p.requires_grad for p in nn.parameters(nn.unfreeze(net)))


@pytest.mark.parametrize("compiled", [True, False])
def test_they_stay_as_they_are_while_the_others_learn(compiled):
    net = nn.freeze(model(), "0.*", "2.b")
    before = nn.state_dict(net)
    run = nbdl.fit(net, (X, Y), optimizer="adam", lr=0.1, epochs=3, batch_size=8, compiled=compiled)
    same = {name: np.array_equal(a, before[name]) for name, a in nn.state_dict(net).items()}
    assert same == {"0.w": True, "0.b": True, "2.w": False, "2.b": True}
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"]


def test_a_program_computes_no_gradient_of_them():
    step = nbdl.compile_step(nn.freeze(model(), "0.*"), example=(X, Y), threads=1)
    assert list(step.gradients) == ["2.w", "2.b"]
    whole = nbdl.compile_step(nn.freeze(model(), "2.*"), example=(X, Y), threads=1)
    assert list(whole.gradients) == ["0.w", "0.b"]


def test_tied_parameters_are_frozen_together():
    net = nn.init(Tied(), X)
    assert list(nn.named_parameters(net)) == ["one.w", "one.b", "last.w", "last.b"]
    nn.freeze(net, "one.*")
    assert not net.two.w.requires_grad
    with pytest.raises(UsageError, match=r"named like the pattern 'two\.\*'; there are \['one.w'"):
        nn.freeze(net, "two.*")


def test_a_group_of_tied_parameters_is_updated_once():
    """Their gradients add up, and the group counts once, in a program as on the tape."""
    groups = {"one.*": {"lr_factor": 0.1, "weight_decay": 0.5}, "last.b": {"frozen": True}}
    ours, theirs = (
        nn.state_dict(nbdl.fit(Tied(), (X, Y), lr=0.1, epochs=3, compiled=c, groups=groups).net)
        for c in (True, False)
    )
    for name, values in ours.items():
        np.testing.assert_allclose(values, theirs[name], rtol=0, atol=1e-5 * max(np.abs(values).max(), 1e-3))
    assert not ours["last.b"].any()


@pytest.mark.parametrize("compiled", [True, False])
def test_nothing_is_left_to_train(compiled):
    with pytest.raises(UsageError, match="nothing to train: all 4 parameters are frozen"):
        nbdl.fit(nn.freeze(model()), (X, Y), compiled=compiled)


def test_what_is_no_name_is_said():
    with pytest.raises(UsageError, match=r"pattern '7\.\*'"):
        nn.freeze(model(), "0.*", "7.*")
    with pytest.raises(UsageError, match="pattern 3"):
        nn.freeze(model(), 3)
    with pytest.raises(UsageError, match="there are none"):
        nn.freeze(nn.Sequential(nn.Tanh()))


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled")
def test_a_compiled_step_does_not_go_on_with_other_parameters():
    net = model()
    step = nbdl.compile_step(net, example=(X, Y), threads=1)
    predict = nbdl.jit_predict(net, X)
    nn.freeze(net, "0.*")
    with pytest.raises(UsageError, match=r"`0\.w` was trained when .* is frozen now: compile it again"):
        step(X, Y)
    assert predict(X).shape == (len(X), net(X).shape[1])
    nbdl.compile_step(net, example=(X, Y), threads=1)(X, Y)
    nn.unfreeze(net)
    step(X, Y)
