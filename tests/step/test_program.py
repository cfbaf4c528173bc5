"""What holds while a program runs: the same bits, faults that change nothing, one caller, steady memory."""

import os
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from numba.core import config

import nbdl
from nbdl import models, nn
from nbdl.errors import LabelError, NumericError, UsageError


def net():
    return models.mlp(3, (16,), dropout=0.5)


def step_for(x, y, **options):
    return nbdl.compile_step(net(), optimizer="adam", example=(x, y), **{"lr": 0.01, "seed": 5, **options})


# --- the same bits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [19, 130])
def test_the_same_bits_for_any_number_of_threads(many_cores, x, labels, shuffled, weights, size):
    order, results = shuffled(10 * size), set()
    for threads in (1, 2, 3, 4):
        step = step_for(x, labels, threads=threads)
        losses = step.run(x, labels, order, size)
        results.add((losses.tobytes(), weights(step.net)))
    assert len(results) == 1


def test_the_same_bits_with_python_in_between(any_net, x, labels, shuffled, weights):
    def forward(net, x, train):
        h = net.a(x)
        return net.b(h + nn.Dropout(0.5)(h, train=train))

    results = set()
    for threads in (1, 2):
        form = any_net(forward, a=nn.Linear(16), b=nn.Linear(3))
        step = nbdl.compile_step(form, optimizer="adam", example=(x, labels), threads=threads, clip_norm=0.5)
        step.run(x, labels, shuffled(5 * 70), 70)
        results.add(weights(form))
    assert len(results) == 1


@pytest.mark.parametrize("calls", [[10], [1] * 10, [3, 1, 6]])
def test_the_same_bits_in_one_call_or_many(x, labels, shuffled, weights, calls):
    order = shuffled(10 * 19)
    whole = step_for(x, labels, clip_norm=1.0)
    whole.run(x, labels, order, 19)
    step, first = step_for(x, labels, clip_norm=1.0), 0
    for count in calls:
        step.run(x, labels, order[first * 19 : (first + count) * 19], 19)
        first += count
    assert weights(step.net) == weights(whole.net)


def test_the_same_bits_from_saved_state(x, labels, shuffled, weights):
    order = shuffled(10 * 19)
    step = step_for(x, labels)
    step.run(x, labels, order[:95], 19)
    state, values, count = step.updater.state_dict(), nn.state_dict(step.net), step.updater.steps
    step.run(x, labels, order[95:], 19)
    other = step_for(x, labels)
    nn.load_state_dict(other.net, values)
    other.updater.load_state_dict(state, count)
    other.run(x, labels, order[95:], 19)
    assert weights(other.net) == weights(step.net)


def test_dropout_depends_on_the_seed(x, labels, shuffled):
    losses = [step_for(x, labels, seed=s).run(x, labels, shuffled(40), 20, lr=0.0) for s in (5, 5, 6)]
    assert (losses[0] == losses[1]).all() and (losses[0] != losses[2]).all()


# --- faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("label", [3, -7, 2**40])
def test_a_wrong_label_stops_before_its_step(x, labels, shuffled, weights, threads, label):
    order, good = shuffled(10 * 20), labels.copy()
    labels[order[6 * 20 + 3]] = label
    step = step_for(x, labels, threads=threads)
    with pytest.raises(LabelError) as ours:
        step.run(x, labels, order, 20)
    with pytest.raises(LabelError) as theirs:
        rows = order[120:140]
        nn.softmax_cross_entropy(np.zeros((20, 3), np.float32), labels[rows])
    assert str(ours.value) == str(theirs.value) and str(label) in str(ours.value)
    assert step.updater.steps == 6
    whole = step_for(x, good)
    whole.run(x, good, order[:120], 20)
    assert weights(step.net) == weights(whole.net)
    step.run(x, good, order[120:], 20)
    whole.run(x, good, order[120:], 20)
    assert weights(step.net) == weights(whole.net)


def test_labels_that_all_are_ignored_stop(x, labels, shuffled, weights):
    order = shuffled(5 * 20)
    labels[order[40:60]] = -100
    step, part = step_for(x, labels), step_for(x, labels)
    with pytest.raises(LabelError) as ours:
        step.run(x, labels, order, 20)
    with pytest.raises(LabelError) as theirs:
        nn.softmax_cross_entropy(np.zeros((20, 3), np.float32), labels[order[40:60]])
    assert str(ours.value) == str(theirs.value)
    part.run(x, labels, order[:40], 20)
    assert weights(step.net) == weights(part.net)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("threads", [1, 2])
def test_numbers_that_are_none_stop(x, numbers, shuffled, weights, wrong, threads):
    make = lambda: nbdl.compile_step(  # noqa: E731
        models.linear_regression(2), loss="mse", example=(x, numbers), seed=1, threads=threads
    )
    order, good = shuffled(5 * 40), x.copy()
    x[order[3 * 40 + 7], 2] = wrong
    step, part = make(), make()
    message = rf"at step 4: `x` holds {wrong} at sample {order[127]}, element \[2\]\."
    with pytest.raises(NumericError, match=message):
        step.run(x, numbers, order, 40)
    part.run(good, numbers, order[:120], 40)
    assert weights(step.net) == weights(part.net) and step.updater.steps == 3
    assert np.isfinite(step.run(good, numbers, order, 40)).all()


def test_samples_that_are_not_asked_for_do_not_matter(x, labels, weights):
    """Idle lanes of a block hold samples of the minibatch, not any others."""
    order, clean = np.arange(20, 39), step_for(x, labels)
    losses = clean.run(x, labels, order, 19)
    x[:20] = x[39:] = np.nan
    labels[:20] = labels[39:] = 99
    step = step_for(x[20:21], labels[20:21])
    assert (step.run(x, labels, order, 19) == losses).all() and weights(step.net) == weights(clean.net)


# --- callers ----------------------------------------------------------------------------------------------


def test_a_second_caller_gets_an_error(x, labels):
    step, found = step_for(x, labels), []

    def call():
        try:
            step(x, labels)
        except UsageError as error:
            found.append(str(error))

    with step.program.exclusive():
        other = threading.Thread(target=call)
        other.start()
        other.join(30)
    assert found == [
        "the program is running in another thread: compile one program for each thread that trains"
    ]
    step(x, labels)


def test_many_callers_never_mix(x, labels, weights):
    """Calls that are refused do nothing, all others are whole steps."""
    step, done = step_for(x, labels, threads=2), []

    def call():
        for _ in range(50):
            try:
                done.append(step(x, labels))
            except UsageError:
                pass

    threads = [threading.Thread(target=call) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not any(t.is_alive() for t in threads)
    other = step_for(x, labels)
    losses = [other(x, labels) for _ in range(len(done))]
    assert step.updater.steps == len(done) >= 50 and sorted(losses) == sorted(done)
    assert weights(step.net) == weights(other.net)


FORK = """
import os, sys
import numpy as np
import nbdl
from nbdl import models, nn

x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
y = np.arange(64) % 3
step = nbdl.compile_step(models.mlp(3, (16,), dropout=0.5), optimizer="adam", example=(x, y), threads=2)
step(x, y)
ours, theirs = os.pipe()
if os.fork() == 0:
    step(x, y)
    os.write(theirs, step.net[1].w.data.tobytes())
    os._exit(0)
os.close(theirs)
step(x, y)
with open(ours, "rb") as pipe:
    print(pipe.read() == step.net[1].w.data.tobytes())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
def test_a_forked_child_trains():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK], capture_output=True, text=True, timeout=1800
    )
    assert run.stdout == "True\n", run.stderr


# --- memory -----------------------------------------------------------------------------------------------


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="Linux")
def test_memory_does_not_grow(x, labels, shuffled):
    step, order = step_for(x, labels, threads=2), shuffled(20 * 20)
    for _ in range(20):
        step.run(x, labels, order, 20)
    before = resident()
    for _ in range(400):
        step.run(x, labels, order, 20)
    assert resident() - before < 1 << 20


def test_a_call_allocates_little(x, labels, shuffled):
    big = np.tile(x, (200, 1))
    step, order = step_for(big, np.tile(labels, 200)), shuffled(20 * 20)
    step.run(big, np.tile(labels, 200), order, 20)
    y = np.tile(labels, 200)
    tracemalloc.start()
    try:
        step.run(big, y, order, 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000 < big.nbytes


def test_a_smaller_minibatch_takes_the_memory_of_the_larger(x, labels):
    step = step_for(x, labels)
    step(x, labels)
    before, arrays = step.program.bytes, step.program.memory
    step(x[:5], labels[:5])
    assert step.program.memory is arrays and step.program.bytes == before


def test_without_compilation_no_program_runs(monkeypatch, x, labels):
    step = step_for(x, labels)
    monkeypatch.setattr(config, "DISABLE_JIT", True)
    with pytest.raises(UsageError, match="NUMBA_DISABLE_JIT is set"):
        step(x, labels)
