"""A whole benchmark: which rows, against whom, and what was found, as plain data."""

import importlib
import importlib.util
import os
import platform
import time
from fnmatch import fnmatchcase
from statistics import median
from typing import NamedTuple

import llvmlite.binding
import numba
import numpy as np

from nbdl import __version__, _jit
from nbdl.bench import _race
from nbdl.bench._cases import kernel_cases
from nbdl.bench._ceilings import L, ceilings
from nbdl.bench._race import Competitor
from nbdl.bench._steps import step_cases
from nbdl.errors import UsageError

AGREE = 1e-3  # a peer's result may differ by this share of its largest number
DRIFT = 0.1  # of the FMA rate from beginning to end, in a process that had the machine for itself


class Peer(NamedTuple):
    """A library to compare with: the module of ours that speaks for it, and how it is installed.

    The module has `VERSION` and ``competitors(case, arguments, quick)``, a list of `Competitor`.
    """

    module: str
    install: str


PEERS = {"torch": Peer("nbdl.bench._torch", "pip install torch")}


def rows(names=(), threads=1, quick=False):
    """The rows that `names` choose, all without any.

    Parameters
    ----------
    names : sequence of str
        Names of rows, with ``*`` for any text; "kernels" and "steps" stand for all of a kind.
    threads : int
        Of the training steps; kernels are serial.
    quick : bool
        Tiny sizes, to see that everything works.

    Raises
    ------
    UsageError
        If a name chooses nothing.
    """
    known = kernel_cases(quick) + step_cases(threads, quick)
    chosen = [case for case in known if not names or any(_fits(name, case) for name in names)]
    for name in names:
        if not any(_fits(name, case) for case in known):
            there = ", ".join(dict.fromkeys(case.name for case in known))
            raise UsageError("nothing to measure is called `{}`. Try kernels, steps, {}", name, there)
    return chosen


def _fits(name, case):
    return name == f"{case.kind}s" or fnmatchcase(case.name, name)


def load_peers(names):
    """The modules of peers by name; `UsageError` for one that is unknown or not installed."""
    found = {}
    for name in names:
        if name not in PEERS:
            raise UsageError("unknown peer `{}`; there are: {}", name, ", ".join(PEERS))
        if importlib.util.find_spec(name) is None:
            raise UsageError("{} is not installed. Try {}", name, PEERS[name].install)
        found[name] = importlib.import_module(PEERS[name].module)
    return found


def run(names=(), against=(), threads=1, repeat=9, quick=False, progress=None):
    """Measure the ceilings of this machine, then each row, ours and the peers' in turns.

    Parameters
    ----------
    names, threads, quick
        As for `rows`.
    against : sequence of str
        Names in `PEERS`.
    repeat : int
        Samples for each figure, which is their median.
    progress : callable, optional
        ``progress(event, **fields)``: "row" (case, number, count) before each row, "note" (text), "failed"
        (case, error).

    Returns
    -------
    dict
        Plain data: "machine", "settings", "ceilings", "rows", "failed"; docs/benchmarks.md says what is in it.
        After Ctrl-C it holds what was measured until then, and "interrupted" is True.
    """
    if numba.config.DISABLE_JIT:
        raise UsageError("nothing can be measured: the compiler is switched off by NUMBA_DISABLE_JIT")
    progress = progress or (lambda event, **fields: None)
    cases, peers = rows(names, threads, quick), load_peers(against)
    document = {
        "machine": _machine(peers),
        "settings": {"threads": threads, "repeat": repeat, "quick": quick, "against": list(peers)},
        "ceilings": [],
        "rows": [],
        "failed": [],
        "interrupted": False,
    }
    try:
        limits = {n: ceilings(n) for n in sorted({1, threads})}
        document["ceilings"] += [limit._asdict() for limit in limits.values()]
        for number, case in enumerate(cases):
            progress("row", case=case, number=number, count=len(cases))
            try:
                row = _measure(case, limits[case.threads], peers, repeat, quick, progress)
            except Exception as error:  # the others are worth their minutes
                document["failed"].append({"name": case.name, "size": case.size, "error": _one_line(error)})
                progress("failed", case=case, error=error)
            else:
                document["rows"].append(row)
        time.sleep(_race.PAUSE)
        _check_quiet(limits[1], ceilings(1), progress)
    except KeyboardInterrupt:
        document["interrupted"] = True
    return document


def _machine(peers):
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": llvmlite.binding.get_host_cpu_name(), "cores": usable, "lanes": L,
        "system": f"{platform.system()} {platform.machine()}", "python": platform.python_version(),
        "nbdl": __version__, "numba": numba.__version__, "numpy": np.__version__,
        **{name: peer.VERSION for name, peer in peers.items()},
    }  # fmt: skip


def _check_quiet(before, after, progress):
    if abs(after.fma / before.fma - 1) > DRIFT:
        text = f"the FMA rate went from {before.fma / 1e9:.0f} to {after.fma / 1e9:.0f} GFLOP/s meanwhile"
        progress("note", text=f"{text}: something else is running, or the clock changes with the heat")


def _measure(case, limits, peers, repeat, quick, progress):
    """One row of the document."""
    arguments = case.arguments()
    theirs = {k: a.copy() if k in case.written else a for k, a in arguments.items()}
    run, first, state, result = _ours(case, arguments)
    flops, moved = case.flops, case.bytes(arguments)
    bound, limit = limits.bound(flops, moved)
    entries = [("nbdl", "", run, first)]
    differences = {}
    for name, peer in peers.items():
        for competitor in peer.competitors(case, theirs, quick):
            try:
                run, first, other = _race.first_call(competitor, case.check_after - 1)
            except Exception as error:
                text = f"{name} {competitor.label} failed at {case.name}, {case.size}: {_one_line(error)}"
                progress("note", text=text)
                continue
            entries.append((name, competitor.label, run, first))
            differences[name, competitor.label] = difference(result, other)
    pause = _race.PAUSE if case.threads > 1 else 0
    samples = _race.race([e[2] for e in entries], repeat, _race.BURST / 10 if quick else _race.BURST, pause)
    found = {
        (name, label): _figures(case, seconds, bound, first)
        for (name, label, _, first), seconds in zip(entries, samples)
    }
    row = {
        "name": case.name, "size": case.size, "kind": case.kind, "threads": case.threads,
        "flops": flops, "bytes": moved, "limit": limit, "least_seconds": bound,
        **found.pop(("nbdl", "")), "first_state": state, "peers": {},
    }  # fmt: skip
    for (name, label), figures in found.items():
        figures |= {"form": label, "ratio": figures["seconds"] / row["seconds"]}
        figures["difference"] = None if getattr(case, "random", False) else differences[name, label]
        if figures["difference"] is not None and not figures["difference"] <= AGREE:
            text = f"{figures['difference']:.1e} of its largest number"
            progress("note", text=f"{case.name}, {case.size}: nbdl and {name} {label} differ by {text}")
        row["peers"].setdefault(name, []).append(figures)
    for forms in row["peers"].values():
        forms.sort(key=lambda figures: figures["seconds"])
    return row


def _one_line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _ours(case, arguments):
    """``run``, seconds of the first call, what they went into, and a copy of the result."""
    compiled, before = [], [len(kernel.signatures) for kernel in case.kernels()]
    with _jit.watch(compiled.append):
        run, seconds, result = _race.first_call(
            Competitor("", lambda: case.start(arguments)), case.check_after - 1
        )
    loaded = before == [len(kernel.signatures) for kernel in case.kernels()] and before
    state = "cold" if compiled else "warm" if loaded else "cached"
    return run, seconds, state, np.array(result)


def _figures(case, samples, bound, first):
    seconds = median(samples)
    return {
        "seconds": seconds,
        "samples": samples,
        "fraction": bound / seconds,
        "flops_per_second": case.flops / seconds,
        "examples_per_second": case.samples and case.samples / seconds,
        "first_seconds": first,
    }


def difference(ours, theirs):
    """The largest difference of two results, as a share of the largest number of the second."""
    return float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))
