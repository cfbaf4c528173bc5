"""Nets that a program holds whole: no kernel runs in Python, and gradients are those of the tape."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.nn._inputs import call
from nbdl.step import CompiledPredict, measure, report

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("samples", [40, 19])
def test_gradients_are_those_of_the_tape(whole, samples):
    net = whole.net()
    step = whole.step(net, lr=0.0, threads=1)
    assert step.program.native, report(step, 40)
    x, y = whole.some(slice(0, samples))
    value = whole.loss(call(net, x, train=nn.Train(3, 0)), y)
    value.backward()
    assert step(x, y) == pytest.approx(value.item(), rel=1e-5)
    for name, p in nn.named_parameters(net).items():
        scale = max(np.abs(q.grad).max() for q in nn.parameters(net))
        assert np.abs(step.gradients[name] - p.grad).max() <= 1e-5 * scale, name


def test_the_same_bits_on_any_number_of_threads(whole, many_cores):
    order, found = np.resize(RNG.permutation(40), 6 * 20), set()
    for threads in (1, 2, 4):
        net = whole.net()
        step = whole.step(net, threads=threads, lr=0.1, optimizer="momentum")
        losses = step.run(whole.x, whole.y, order, 20)
        step(*whole.some(slice(0, 19)))
        state = nn.state_dict(net, per_sample=True)
        found.add((losses.tobytes(), *(a.tobytes() for a in state.values())))
    assert len(found) == 1


@pytest.mark.parametrize("whole", ["bigram"], indirect=True)
def test_ids_out_of_range_are_refused(whole):
    """By the program that predicts, the step and compiled code: what the kernel says."""
    net, ids = whole.net(), whole.x
    bad = np.where(np.arange(8) == 5, 27, ids)
    wanted = r"`ids` must be from 0 to 26, got 27"
    step = whole.step(net)
    for run in (CompiledPredict(net, ids), nbdl.jit_predict(net, ids), lambda x: step(x, ids)):
        with pytest.raises(nbdl.errors.LabelError, match=wanted):
            run(bad)


@pytest.mark.parametrize("whole", ["masked_mean"], indirect=True)
def test_the_time_of_a_step_on_named_arrays(whole):
    found = measure(whole.step(whole.net()), whole.x, whole.y)
    assert found.samples == 40 and found.seconds > 0


def test_predictions(whole):
    """By a program and from compiled code, in the form that the net gives."""
    net, x = whole.net(), whole.x
    wanted = call(net, x)
    found = CompiledPredict(net, x)(x)
    f = nbdl.jit_predict(net, x)
    jitted = f(*x.values()) if isinstance(x, dict) else f(x)
    for result in (found, jitted):
        pairs = zip(result, wanted) if isinstance(wanted, tuple) else [(result, wanted)]
        for one, two in pairs:
            np.testing.assert_allclose(one, two.data, rtol=1e-5, atol=1e-5)
