"""One row: ours and the peers' forms are called once, compared, and timed in turns."""

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import numpy as np

from nbdl import _jit
from nbdl.bench import _race
from nbdl.bench._ceilings import MEMORY, bandwidth, fma_in_turns

CACHED = 4 * MEMORY  # bytes: of less, some may stay in a cache from one repetition to the next
AGREE = 1e-3  # a peer's result may differ by this share of its largest number


class Entry(NamedTuple):
    """A competitor after its first call."""

    peer: str
    form: str
    run: Callable
    first_seconds: float
    result: np.ndarray


def measure(case, peers, repeat, quick, progress):
    """A row of the document but for what `relate` adds."""
    arguments = case.arguments()
    theirs = {k: a.copy() if k in case.written else a for k, a in arguments.items()}
    ours, state = _ours(case, arguments)
    row = {
        "name": case.name, "size": case.size, "kind": case.kind, "threads": case.threads,
        "flops": case.flops, "bytes": case.bytes(arguments),
    }  # fmt: skip
    entries = [ours, *_theirs(case, theirs, peers, quick, progress)]
    burst = _race.BURST / 10 if quick else _race.BURST
    pause = _race.PAUSE if case.threads > 1 else 0
    runs, row["fma"] = [entry.run for entry in entries], None
    if case.flops:
        loop, flops = fma_in_turns(case.threads)
        runs.append(loop)
    size = max(row["bytes"], sum(a.nbytes for a in arguments.values() if isinstance(a, np.ndarray)))
    row["bandwidth"] = bandwidth(size, case.threads, 2**20 if quick else CACHED) if size < CACHED else None
    samples = _race.race(runs, repeat, burst, pause, of_thread=case.kind in ("kernel", "predict"))
    if case.flops:
        row["fma"] = flops / median(samples.pop())
    ours_figures, *figures = (_figures(row, case, *both) for both in zip(entries, samples))
    row |= {**ours_figures, "first_state": state, "peers": {}}
    for entry, found in zip(entries[1:], figures):
        apart = None if case.random else difference(ours.result, entry.result)
        if apart is not None and not apart <= AGREE:  # or NaN
            who = f"{case.name}, {case.size}: nbdl and {entry.peer} {entry.form}"
            progress("note", text=f"{who} differ by {apart:.1e} of the largest number")
        ratios = [theirs / own for theirs, own in zip(found["samples"], row["samples"])]
        found |= {"form": entry.form, "ratio": median(ratios), "least_ratio": min(ratios)}
        found["difference"] = apart
        row["peers"].setdefault(entry.peer, []).append(found)
    for forms in row["peers"].values():
        forms.sort(key=lambda found: found["seconds"])
    return row


def relate(row, limits):
    """Add to a row, and to what it says of peers, how much of the ceilings was reached."""
    for own in ("fma", "bandwidth"):
        if row[own]:
            limits = limits._replace(**{own: row[own]})
    row["least_seconds"], row["limit"] = limits.bound(row["flops"], row["bytes"])
    for found in [row, *(f for forms in row["peers"].values() for f in forms)]:
        found["fraction"] = row["least_seconds"] / found["seconds"]


def difference(ours, theirs):
    """The largest difference of two results, as a share of the largest number of the second."""
    return float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))


def is_interrupt(error):
    """Whether it was Ctrl-C: where a compiled function is called it arrives as the cause of a SystemError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def one_line(error):
    """What went wrong, briefly."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _ours(case, arguments):
    """Our entry, and what its first call went into: compiling, loading from the disk, or neither."""
    kernels, compiled = case.kernels(), []
    before = [len(kernel.signatures) for kernel in kernels]
    with _jit.watch(compiled.append):
        start = _race.Competitor("", lambda: case.start(arguments))
        run, seconds, result = _race.first_call(start, case.check_after - 1)
    known = kernels and before == [len(kernel.signatures) for kernel in kernels]
    state = "cold" if compiled else "warm" if known else "cached"
    return Entry("nbdl", "", run, seconds, np.array(result)), state


def _theirs(case, arguments, peers, quick, progress):
    """The peers' entries, without those that fail."""
    for name, peer in peers.items():
        for competitor in peer.competitors(case, arguments, quick):
            try:
                run, seconds, result = _race.first_call(competitor, case.check_after - 1)
            except Exception as error:
                if is_interrupt(error):
                    raise
                where = f"{name} {competitor.label} failed at {case.name}, {case.size}"
                progress("note", text=f"{where}: {one_line(error)}")
            else:
                yield Entry(name, competitor.label, run, seconds, np.array(result))


def _figures(row, case, entry, samples):
    seconds = median(samples)
    return {
        "seconds": seconds,
        "samples": samples,
        "flops_per_second": row["flops"] / seconds,
        "examples_per_second": case.samples and case.samples / seconds,
        "first_seconds": entry.first_seconds,
    }
