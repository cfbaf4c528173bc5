"""Ctrl-C at any moment, threads that cannot be started, busy cores: a program runs on, and nobody is left."""

import gc
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import nbdl
from nbdl import models
from nbdl._cores import _say_once, cores, thread_count
from nbdl.errors import OptionError
from nbdl.step import CompiledPredict
from nbdl.step._team import TRIAL, TRIAL_SHARE, WINDOW, ThreadTuner


def step_for(x, y, **options):
    return nbdl.compile_step(models.mlp(3, (16,)), example=(x, y), **{"lr": 0.01, "seed": 5, **options})


def ours(before=()):
    """The threads of programs, but those `before`, which may end at any moment."""
    return [t for t in threading.enumerate() if t.name.startswith("nbdl-") and t not in before]


def gone(before=()):
    """Whether all threads of programs but those `before` end."""
    until = time.monotonic() + 30
    while ours(before) and time.monotonic() < until:
        gc.collect()
        time.sleep(0.01)
    return not ours(before)


# --- Ctrl-C -----------------------------------------------------------------------------------------------

LOOP = """
import os, random, signal, sys, threading, time
import numpy as np
import nbdl
from nbdl import models, nn

x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
y = np.arange(64) % 3
order = np.tile(np.arange(64), 10)
calls = {
    "run": lambda step: step.run(x, y, order, 64),
    "call": lambda step: step(x, y),
    "python": lambda step: step.run(x, y, order, 64),
}
kind, threads = sys.argv[1], "auto" if sys.argv[2] == "auto" else int(sys.argv[2])

class Exp:
    def __call__(self, x, train=None):
        return nbdl.apply("exp", x * 0.1)

def made(threads):
    net = nn.Sequential(nn.Linear(16), Exp() if kind == "python" else nn.ReLU(), nn.Linear(3))
    return nbdl.compile_step(net, example=(x, y), lr=0.001, seed=1, threads=threads)

step, caught, asked = made(threads), 0, threading.Event()
calls[kind](step)

def interrupt():
    while caught < 100:
        time.sleep(random.uniform(0, 0.004))
        asked.wait()
        asked.clear()
        os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
while caught < 100:
    try:
        asked.set()
        while True:
            calls[kind](step)
    except KeyboardInterrupt:
        caught += 1
calls[kind](step)
whole = made(1)
if kind == "call":
    for _ in range(step.updater.steps):
        whole(x, y)
else:
    whole.run(x, y, np.tile(np.arange(64), step.updater.steps), 64)
ours, theirs = (nn.state_dict(s.net).values() for s in (step, whole))
print(all((a == b).all() for a, b in zip(ours, theirs)))
"""


@pytest.mark.parametrize(
    ("kind", "threads"), [("run", 2), ("run", "auto"), ("call", 2), ("call", 1), ("python", 2)]
)
def test_ctrl_c_at_any_moment_leaves_a_step_that_goes_on(kind, threads):
    """A hundred times: every step that ran is counted, all threads are ready for the next."""
    command = [sys.executable, "-W", "ignore", "-c", LOOP, kind, str(threads)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.stdout == "True\n", run.stderr


FIT = """
import os, signal, threading, time
import numpy as np
import nbdl
from nbdl import models

x = np.random.default_rng(0).normal(size=(640, 8)).astype(np.float32)
data = x, np.arange(640) % 3
nbdl.fit(models.mlp(3, (16,)), data, epochs=1, threads=2)

def interrupt():
    for pause in (0.2, 0.001):
        time.sleep(pause)
        os.kill(os.getpid(), signal.SIGINT)

for _ in range(5):
    net, other = models.mlp(3, (16,)), threading.Thread(target=interrupt)
    other.start()
    for wait in (lambda: nbdl.fit(net, data, epochs=10**6, threads=2), lambda: time.sleep(1)):
        try:
            wait()
        except KeyboardInterrupt:
            pass
    other.join()
    nbdl.fit(net, data, epochs=1, threads=2)
print("trains")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="signals")
def test_ctrl_c_twice_stops_fit_and_the_net_trains_on():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FIT], capture_output=True, text=True, timeout=300
    )
    assert run.stdout == "trains\n", run.stderr


# --- threads ----------------------------------------------------------------------------------------------


def test_threads_stay_between_calls_and_end_with_the_program(many_cores, x, labels):
    before = ours()
    step = step_for(x, labels, threads=3)
    assert not ours(before)
    for _ in range(3):
        step(x, labels)
        assert len(ours(before)) == 2
    del step
    assert gone(before)


def test_threads_that_wait_sleep(x, labels):
    step = step_for(x, labels, threads=2)
    step(x, labels)
    time.sleep(0.2)
    begun = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - begun < 0.25
    step(x, labels)


@pytest.mark.parametrize("started", [1, 2])
def test_with_fewer_threads_than_asked_for_it_runs(many_cores, monkeypatch, x, labels, weights, started):
    whole, step, start = (
        step_for(x, labels, threads=1),
        step_for(x, labels, threads=4),
        threading.Thread.start,
    )

    def scarce(thread):
        if len(ours(before)) >= started - 1:
            raise RuntimeError("can't start new thread")
        start(thread)

    before = ours()
    monkeypatch.setattr(threading.Thread, "start", scarce)
    with pytest.warns(RuntimeWarning, match=f"runs on {started} of 4 threads: can't start new thread"):
        step(x, labels)
    step(x, labels)
    for _ in range(2):
        whole(x, labels)
    assert weights(step.net) == weights(whole.net)


def test_what_is_raised_while_threads_start_leaves_none(many_cores, monkeypatch, x, labels):
    before, start = ours(), threading.Thread.start

    def interrupted(thread):
        start(thread)
        if len(ours(before)) == 2:
            raise KeyboardInterrupt

    step = step_for(x, labels, threads=4)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            step(x, labels)
    assert gone(before)
    step(x, labels)
    assert len(ours(before)) == 3


SCARCE = """
import threading
import numpy as np
import nbdl
from nbdl import models

def scarce(thread):
    raise RuntimeError("can't start new thread")

threading.Thread.start = scarce
x = np.zeros((64, 8), np.float32)
step = nbdl.compile_step(models.mlp(3, (16,)), example=(x, np.arange(64) % 3), threads=2)
step(x, np.arange(64) % 3)
print("trained")
"""


def test_a_process_without_threads_trains_and_exits():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCARCE], capture_output=True, text=True, timeout=120
    )
    assert (run.returncode, run.stdout) == (0, "trained\n"), run.stderr


# --- how many ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [True, False, 0, -1, 2.0, "2", "all", None])
def test_threads_are_an_integer_above_zero_or_auto(x, labels, threads):
    for make in (lambda: step_for(x, labels, threads=threads), lambda: CompiledPredict(None, x, threads)):
        with pytest.raises(OptionError, match='`threads` must be an integer > 0 or "auto", got'):
            make()


def test_any_integer_is_a_number_of_threads(x, labels):
    assert step_for(x, labels, threads=np.int64(2)).threads == min(2, cores())
    assert step_for(x, labels, threads=np.uint8(1)).threads == 1
    assert step_for(x, labels, threads="auto").threads == min(cores(), 8)


def test_more_threads_than_cores_are_one_for_each_core_and_it_is_said_once(monkeypatch, x, labels):
    monkeypatch.setattr("nbdl._cores.cores", lambda: 2)
    _say_once.cache_clear()
    with pytest.warns(RuntimeWarning, match="`threads` is 1000: it takes 2, one for each core") as said:
        assert step_for(x, labels, threads=1000).threads == thread_count(1000) == 2
    assert len(said) == 1


def used(tuner, costs, seconds):
    """Let time pass: the share of it that went to each number of threads, whose steps cost `costs`."""
    shares = dict.fromkeys(costs, 0.0)
    while sum(shares.values()) < seconds:
        threads = tuner.threads
        tuner.record(costs[threads], 1, min(costs.values()) * max(costs))
        shares[threads] += costs[threads]
    return {threads: spent / sum(shares.values()) for threads, spent in shares.items()}


@pytest.mark.parametrize("scale", [1e-5, 1e-3, 0.05])
def test_the_fastest_number_of_threads_is_taken_whatever_the_machine_does_meanwhile(scale):
    tuner = ThreadTuner(8)
    quiet, busy = {1: 8.0, 2: 4.0, 4: 2.0, 8: 1.5}, {1: 1.0, 2: 4.0, 4: 9.0, 8: 30.0}
    for costs, best in ((quiet, 8), (busy, 1), (quiet, 8)):
        costs = {threads: scale * cost for threads, cost in costs.items()}
        used(tuner, costs, 300 * max(WINDOW, scale * 30))  # until it has noticed
        shares = used(tuner, costs, 1000 * max(TRIAL, scale * 30))
        assert shares[best] > 1 - 1.5 * TRIAL_SHARE


def test_one_late_step_does_not_decide():
    tuner = ThreadTuner(2)
    costs = {1: 0.0003, 2: 0.0002}
    used(tuner, costs, 1.0)
    tuner.record(0.1, 1, 0.1)
    used(tuner, costs, 4.0)  # the next trial is dear as far as it knows
    assert used(tuner, costs, 2.0)[2] > 0.9


def test_a_program_that_finds_out_gives_the_same_bits(monkeypatch, x, labels, shuffled, weights):
    monkeypatch.setattr("nbdl.step._team.TRIAL", 0.0)  # another number after each call
    whole, step, order = step_for(x, labels, threads=1), step_for(x, labels), shuffled(20 * 130)
    assert (whole.run(x, labels, order, 130) == step.run(x, labels, order, 130)).all()
    for i in range(20):
        assert whole(x[i:], labels[i:]) == step(x[i:], labels[i:])
    assert weights(whole.net) == weights(step.net)
