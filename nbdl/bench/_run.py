"""A whole benchmark: which rows, against whom, and what was found, as plain data."""

import importlib
import importlib.util
import platform
import time
from fnmatch import fnmatchcase
from typing import NamedTuple

import llvmlite.binding
import numba
import numpy as np

from nbdl import __version__
from nbdl._cores import cores, thread_count
from nbdl.bench._cases import kernel_cases
from nbdl.bench._ceilings import Ceilings, L, ceilings
from nbdl.bench._info import info_cases
from nbdl.bench._measure import is_interrupt, measure, one_line, relate
from nbdl.bench._predict import predict_cases
from nbdl.bench._race import PAUSE
from nbdl.bench._steps import step_cases
from nbdl.errors import UsageError

DRIFT = 0.1  # of the FMA rate from beginning to end, where the machine is quiet


class Peer(NamedTuple):
    """A library to compare with: the module of ours that speaks for it, and how it is installed.

    The module has `VERSION` and ``competitors(case, arguments, quick)``, a list of `Competitor`.
    """

    module: str
    install: str


PEERS = {
    "torch": Peer("nbdl.bench._torch", "pip install torch"),
    "onnxruntime": Peer("nbdl.bench._onnxruntime", "pip install onnx onnxruntime"),
    "numpy": Peer("nbdl.bench._numpy", "pip install numpy"),
    "scipy": Peer("nbdl.bench._scipy", "pip install scipy"),
    "sklearn": Peer("nbdl.bench._sklearn", "pip install scikit-learn"),
    "pyitlib": Peer("nbdl.bench._pyitlib", "pip install pyitlib"),
    "antropy": Peer("nbdl.bench._antropy", "pip install antropy"),
}


def rows(names=(), threads=1, quick=False):
    """The rows that `names` choose, all without any.

    Parameters
    ----------
    names : sequence of str
        Names of rows, with ``*`` for any text; "kernels", "steps", "predict" and "info" stand for
        all of a kind.
    threads : int
        Of the training steps and of the estimates that can use them; kernels are serial.
    quick : bool
        Tiny sizes, to see that everything works.

    Raises
    ------
    UsageError
        If a name chooses nothing.
    """
    known = [
        *kernel_cases(quick), *step_cases(threads, quick), *predict_cases(quick), *info_cases(threads, quick),
    ]  # fmt: skip
    chosen = [case for case in known if not names or any(_fits(name, case) for name in names)]
    for name in names:
        if not any(_fits(name, case) for case in known):
            there = ", ".join(dict.fromkeys(case.name for case in known))
            text = "nothing to measure is called `{}`. Try kernels, steps, predict, info, {}"
            raise UsageError(text, name, there)
    return chosen


def _fits(name, case):
    return name in (case.kind, f"{case.kind}s") or fnmatchcase(case.name, name)


def load_peers(names, progress=lambda event, **fields: None):
    """The modules of peers by name; one that is not installed is left out with a note, if there are others.

    `UsageError` for one that is unknown, and if none of them is installed.
    """
    found, missing = {}, []
    for name in names:
        if name not in PEERS:
            raise UsageError("unknown peer `{}`; there are: {}", name, ", ".join(PEERS))
        if importlib.util.find_spec(name) is None:
            missing.append(name)
        else:
            found[name] = importlib.import_module(PEERS[name].module)
    for name in missing:
        if not found:
            raise UsageError("{} is not installed. Try {}", name, PEERS[name].install)
        progress("note", text=f"without {name}, which is not installed: {PEERS[name].install}")
    return found


def run(names=(), against=(), threads=1, repeat=9, quick=False, progress=None):
    """Measure the ceilings of this machine, each row, ours and the peers' in turns, and the ceilings again.

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
        Plain data: "machine", "settings", "ceilings", "rows", "failed": see docs/benchmarks.md.
        After Ctrl-C it holds what was measured until then, and "interrupted" is True.
    """
    if numba.config.DISABLE_JIT:
        raise UsageError("nothing can be measured: the compiler is switched off by NUMBA_DISABLE_JIT")
    progress = progress or (lambda event, **fields: None)
    threads = thread_count(threads)
    cases, peers = rows(names, threads, quick), load_peers(against, progress)
    document = {
        "machine": _machine(peers),
        "settings": {"threads": threads, "repeat": repeat, "quick": quick, "against": list(peers)},
        "ceilings": [],
        "rows": [],
        "failed": [],
        "interrupted": False,
    }
    counts, limits = sorted({1, threads}), {}
    try:
        limits = {n: ceilings(n) for n in counts}
        for number, case in enumerate(cases):
            progress("row", case=case, number=number, count=len(cases))
            try:
                document["rows"].append(measure(case, peers, repeat, quick, progress))
            except Exception as error:  # the others are worth their minutes
                if is_interrupt(error):
                    raise KeyboardInterrupt from error
                document["failed"].append({"name": case.name, "size": case.size, "error": one_line(error)})
                progress("failed", case=case, error=error)
        time.sleep(PAUSE)
        limits |= {n: _larger(limits[n], ceilings(n), progress) for n in counts}
    except KeyboardInterrupt:
        document["interrupted"] = True
    document["ceilings"] = [limit._asdict() for limit in limits.values()]
    for row in document["rows"]:
        relate(row, limits[row["threads"]])
    return document


def _machine(peers):
    return {
        "processor": llvmlite.binding.get_host_cpu_name(), "cores": cores(), "lanes": L,
        "system": f"{platform.system()} {platform.machine()}", "python": platform.python_version(),
        "nbdl": __version__, "numba": numba.__version__, "numpy": np.__version__,
        **{name: peer.VERSION for name, peer in peers.items()},
    }  # fmt: skip


def _larger(before, after, progress):
    """The larger of two measurements of the ceilings, with a note where they are far from each other."""
    if abs(after.fma / before.fma - 1) > DRIFT:
        rates = f"{before.fma / 1e9:.0f} GFLOP/s before and {after.fma / 1e9:.0f} after"
        text = f"the machine was not quiet: with threads={before.threads} it multiplied and added at {rates}"
        progress("note", text=f"{text}; the larger counts")
    return Ceilings(before.threads, max(before.fma, after.fma), max(before.bandwidth, after.bandwidth))
