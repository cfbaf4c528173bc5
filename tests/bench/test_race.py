"""Timing, with a clock that the competitors themselves move."""

import pytest

from nbdl.bench import _race


@pytest.fixture
def clock(monkeypatch):
    """Time stands still unless it is moved: ``clock.work(name, cost)`` is a run that takes `cost` each."""

    class Clock:
        now, log = 0.0, []

        def perf_counter(self):
            return self.now

        def thread_time(self):
            return self.now / 2  # a neighbour has the other half

        def sleep(self, seconds):
            if seconds:
                self.log.append(("sleep", seconds))
                self.now += seconds

        def work(self, name, cost):
            def run(n):
                self.log.append((name, n))
                self.now += n * cost
                return name

            return run

    clock = Clock()
    clock.log = []
    monkeypatch.setattr(_race, "time", clock)
    return clock


def test_samples_are_seconds_of_one_repetition(clock):
    slow, quick = _race.race([clock.work("slow", 0.5), clock.work("quick", 1e-6)], repeat=3, burst=0.01)
    assert slow == pytest.approx([0.5] * 3) and quick == pytest.approx([1e-6] * 3)


def test_one_thread_counts_what_it_computed(clock):
    ((sample,),) = _race.race([clock.work("a", 0.5)], repeat=1, burst=0.01, of_thread=True)
    assert sample == pytest.approx(0.25)


def test_competitors_take_turns_with_a_pause_between(clock):
    runs = [clock.work(name, 1.0) for name in "ab"]
    _race.race(runs, repeat=2, burst=0.01, pause=0.2)
    turns = [("sleep", 0.2), ("a", 1), ("a", 1), ("sleep", 0.2), ("b", 1), ("b", 1)]
    assert clock.log[-12:] == turns * 2


def test_alone_there_is_no_pause(clock):
    _race.race([clock.work("a", 1.0)], repeat=2, pause=0.2)
    assert {name for name, _ in clock.log} == {"a"}


def test_what_is_long_has_few_samples_and_no_turn_before_them(clock):
    slow, quick = _race.race([clock.work("slow", 5.0), clock.work("quick", 0.1)], repeat=6, burst=0.01)
    assert slow == pytest.approx([5.0] * 3) and quick == pytest.approx([0.1] * 6)
    assert [name for name, _ in clock.log].count("slow") == 1 + 3


@pytest.mark.parametrize("cost", [1e-7, 1e-3, 0.03, 2.0])
def test_a_burst_is_about_as_long_as_asked(clock, cost):
    count, seconds = _race._repetitions(clock.work("a", cost), 0.03, clock.perf_counter)
    assert seconds == pytest.approx(cost)
    assert count >= 1 and (count * cost == pytest.approx(0.03, rel=0.2) or count == 1)


def test_first_call_has_the_start_in_it_but_not_the_repetitions_after_it(clock):
    def start():
        clock.now += 5.0
        return clock.work("a", 1.0)

    run, seconds, result = _race.first_call(_race.Competitor("", start), more=7)
    assert (seconds, result) == (6.0, "a") and clock.now == 13.0
    assert run(1) == "a"
