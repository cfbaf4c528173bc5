"""A training of one's own that was saved and goes on elsewhere: the same bits as without a stop."""

import numpy as np
import pytest

import nbdl
from nbdl import nn

ORDER = np.random.default_rng(0).permuted(np.tile(np.arange(40), (4, 1)), axis=1).reshape(-1)
SIZE = 20
RATES = np.linspace(0.02, 0.01, len(ORDER) // SIZE)


def save(step, folder):
    nbdl.save(step.net, folder / "net.safetensors")
    nbdl.save(nn.state_dict(step.net, per_sample=True), folder / "state")  # what it carries, too
    nbdl.save({"steps": np.array(step.updater.steps), **step.updater.state_dict()}, folder / "optimizer")


def load(step, folder):
    nbdl.load(folder / "net.safetensors", into=step.net)
    nn.load_state_dict(step.net, nbdl.load(folder / "state"))
    state = nbdl.load(folder / "optimizer")
    step.updater.load_state_dict(state, int(state.pop("steps")))


def bits(step, losses):
    state = {**nn.state_dict(step.net, per_sample=True), **step.updater.state_dict()}
    return losses.tobytes(), *(a.tobytes() for a in state.values())


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_whole_nets_go_on_to_the_same_bits(whole, threads, tmp_path, many_cores):
    """Eight steps, and four, a file, a fresh net and program, and four more."""

    def fresh():
        return whole.step(whole.net(), optimizer="adam", threads=threads)

    def run(step, steps):
        return step.run(whole.x, whole.y, ORDER[steps.start * SIZE : steps.stop * SIZE], SIZE, RATES[steps])

    straight = fresh()
    losses = run(straight, slice(0, 8))
    first = fresh()
    before = run(first, slice(0, 4))
    save(first, tmp_path)
    second = fresh()
    run(second, slice(0, 3))  # whatever it did before is gone
    load(second, tmp_path)
    after = run(second, slice(4, 8))
    assert bits(second, np.concatenate([before, after])) == bits(straight, losses)
