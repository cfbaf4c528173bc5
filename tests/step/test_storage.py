"""One storage: net and programs see the same values, whoever writes them."""

import copy

import numpy as np
import pytest

import nbdl
from nbdl import models, nn, train
from nbdl.data import Split
from nbdl.errors import UsageError
from nbdl.step import CompiledPredict


def step_for(x, y, net=None, **options):
    return nbdl.compile_step(net or models.mlp(3, (8,)), example=(x, y), **{"lr": 0.1, "seed": 2, **options})


def test_the_net_sees_what_the_program_writes(x, labels, tmp_path):
    step = step_for(x, labels)
    w, before = step.net[1].w, step.net(x).data.copy()
    step(x, labels)
    after = step.net(x).data.copy()
    assert step.net[1].w is w and np.abs(after - before).max() > 1e-3
    nbdl.save(step.net, tmp_path / "net.safetensors")
    assert (nbdl.load(tmp_path / "net.safetensors")(x).data == after).all()
    assert (nn.state_dict(step.net)["1.w"] == w.data).all()


def write(net, state):
    for name, p in nn.named_parameters(net).items():
        p[...] = state[name]


def assign(net, state):
    for name, p in nn.named_parameters(net).items():
        p.assign(state[name])


WRITERS = {
    "load_state_dict": lambda net, x, state: nn.load_state_dict(net, state),
    "assign": lambda net, x, state: assign(net, state),
    "index": lambda net, x, state: write(net, state),
    "init": lambda net, x, state: nn.init(net, x, seed=8),
}


@pytest.mark.parametrize("how", WRITERS)
def test_programs_see_what_is_written_to_the_net(x, labels, weights, how):
    step, other = step_for(x, labels), step_for(x, labels, seed=8)
    predict, home = CompiledPredict(step.net, x), step.net[1].w._array
    step(x, labels)
    WRITERS[how](step.net, x, nn.state_dict(other.net))
    assert step.net[1].w._array is home
    np.testing.assert_array_equal(predict(x), CompiledPredict(other.net, x)(x))
    assert step(x, labels) == other(x, labels) and weights(step.net) == weights(other.net)


def test_a_second_program_goes_on_in_the_same_memory(x, labels, weights):
    first = step_for(x, labels)
    second, whole = step_for(x, labels, net=first.net), step_for(x, labels)
    for step in (first, second, first):
        assert step(x, labels) == whole(x, labels)
    assert weights(first.net) == weights(whole.net)
    result = train.evaluate(first.net, Split(x, labels), "softmax_cross_entropy")
    assert result["loss"] == pytest.approx(whole(x, labels, lr=0.0), rel=1e-6)


def test_eager_steps_and_programs_take_turns(x, labels, weights):
    step, other = step_for(x, labels, lr=0.1), step_for(x, labels, lr=0.1)
    step(x, labels)
    loss = nn.softmax_cross_entropy(step.net(x, train=nn.Train()), labels)
    loss.backward()
    step.updater.step()
    step(x, labels)
    for _ in range(3):
        other(x, labels)
    np.testing.assert_allclose(step.net[1].w.data, other.net[1].w.data, rtol=1e-5, atol=1e-7)


def test_the_tape_notices_that_a_program_wrote(x, labels):
    step = step_for(x, labels)
    loss = nn.softmax_cross_entropy(step.net(x, train=nn.Train()), labels)
    step(x, labels)
    with pytest.raises(nbdl.errors.TapeError, match="was written to since"):
        loss.backward()


def test_other_shapes_ask_for_another_program(x, labels):
    step = step_for(x, labels)
    nn.init(step.net, x[:, :5], seed=1)
    with pytest.raises(
        UsageError, match=r"`1.w` was float32 \(8, 8\) .* has float32 \(5, 8\) now: compile it"
    ):
        step(x, labels)
    nn.init(step.net, x, dtype="float64")
    with pytest.raises(UsageError, match=r"has float64 \(8, 8\) now"):
        step(x, labels)
    step_for(x, labels, net=step.net)(x, labels)


def test_a_copy_of_a_net_is_a_net_of_its_own(x, labels, weights):
    step = step_for(x, labels)
    other = copy.deepcopy(step.net)
    before = weights(step.net)
    step_for(x, labels, net=other)(x, labels)
    assert weights(step.net) == before != weights(other)


def test_memory_of_programs_is_aligned(x, labels):
    step = step_for(x, labels, net=models.mlp(3, (7, 5)), optimizer="adam")
    arrays = [p._array for p in nn.parameters(step.net)]
    arrays += [a for state in step.updater.state.values() for a in state.values()]
    assert not any(a.ctypes.data % 64 for a in [*arrays, *step.gradients.values()])
