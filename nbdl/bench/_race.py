"""How a row is timed: all competitors in one process, in turns, many repetitions at a time; medians."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

PAUSE = 0.2  # seconds: threads of OpenMP go on spinning after their work, on a core that the next one needs
BURST = 0.1  # seconds of one sample: idle cores take some to wake up
LONG = 2.0  # seconds of one repetition, from which on a few samples must do
FEW = 3


class Competitor(NamedTuple):
    """Who takes part: ``start()`` gives ``run(n)``, which repeats the work n times and returns the result."""

    label: str
    start: Callable


def repeated(label, call):
    """The `Competitor` whose work is one call without arguments."""

    def run(n):
        for _ in range(n):
            result = call()
        return np.asarray(result)

    return Competitor(label, lambda: run)


def first_call(competitor, more=0):
    """``run``, the seconds until its first result, and the result after `more` further repetitions."""
    start = time.perf_counter()
    run = competitor.start()
    result = run(1)
    seconds = time.perf_counter() - start
    return run, seconds, run(more) if more else result


def race(runs, repeat, burst=BURST, pause=0.0, of_thread=False):
    """Seconds of one repetition, `repeat` samples for each of `runs`, taken in turns; `FEW` if it is long.

    Those on a clock, or those that this thread computed: what neighbours on the machine take is not in them.
    """
    clock = time.thread_time if of_thread else time.perf_counter
    counts, first = zip(*(_repetitions(run, burst, clock) for run in runs))
    samples = [[] for _ in runs]
    for turn in range(repeat):
        for run, count, seconds, found in zip(runs, counts, first, samples):
            if seconds > LONG and turn >= FEW:
                continue
            time.sleep(pause if len(runs) > 1 else 0)
            if seconds <= LONG:
                run(1)  # its code and data come back into the caches
            found.append(_seconds(run, count, clock) / count)
    return samples


def _repetitions(run, burst, clock):
    """How many repetitions take about `burst` seconds, and the seconds of one."""
    count, seconds = 1, _seconds(run, 1, clock)
    while seconds < burst / 4:
        count = min(16 * count, max(2 * count, int(count * burst / 2 / seconds)))
        seconds = _seconds(run, count, clock)
    return max(1, round(count * burst / seconds)), seconds / count


def _seconds(run, count, clock):
    start = clock()
    run(count)
    return clock() - start
