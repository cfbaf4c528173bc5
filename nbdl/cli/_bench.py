"""``nbdl bench``: the ceilings of this machine, and what kernels, steps and estimates reach of them."""

import contextlib
import io
import sys
from pathlib import Path
from statistics import geometric_mean

import click

from nbdl.cli._output import check_picture, common_options, emit, note, on_terminal


@click.command()
@click.argument("names", nargs=-1, metavar="[KERNEL|STEP|ESTIMATE]...")
@click.option("--against", default="", metavar="PEER,...", help="Peers beside it: torch, scipy, sklearn ...")
@click.option(
    "--threads", type=click.IntRange(1), default=1, metavar="N", help="Of steps and estimates. Default: 1."
)
@click.option(
    "--repeat",
    type=click.IntRange(1),
    metavar="N",
    help="Samples of each median. Default: 9, or 3 with --quick.",
)
@click.option("--quick", is_flag=True, help="Tiny sizes: only to see that everything works.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png", help="Save a picture too.")
@common_options
def bench(names, against, threads, repeat, quick, plot):
    """Measure kernels, training steps, predictions and estimates: how much of this machine do they reach?

    A name chooses rows, with * for any text; `kernels`, `steps`, `predict` and `info` are all of a kind;
    without any, all are measured, in a few minutes. Nothing else should run meanwhile. Peers that --against
    may name are torch, onnxruntime, numpy, scipy, sklearn, pyitlib and antropy, where they are installed.

    \b
    nbdl bench linear 'conv2d*' --against torch
    nbdl bench steps --threads 2 --against torch --plot steps.png
    nbdl bench predict --against onnxruntime
    nbdl bench info --against scipy,sklearn
    """
    if plot is not None:
        check_picture(plot)
    import nbdl.bench

    peers = [name.strip() for name in against.split(",") if name.strip()]
    with _watch() as progress:
        document = nbdl.bench.run(names, peers, threads, repeat or (3 if quick else 9), quick, progress)
    emit(document, lambda: _report(document))
    if plot is not None and document["rows"]:
        from nbdl.train import _files

        _files.write_bytes(plot, nbdl.bench.picture(document))
        note(f"picture: {plot}")
    if document["interrupted"]:
        note("interrupted: the rows above are all that was measured")
        click.get_current_context().exit(130)
    if progress.errors:
        raise progress.errors[0]


class _Progress:
    """A ``progress(event, **fields)`` for `nbdl.bench.run`; on a terminal it shows what is being measured."""

    def __init__(self, status):
        self._status, self.errors = status, []

    def __call__(self, event, **fields):
        getattr(self, f"_on_{event}")(**fields)

    def _on_row(self, case, number, count):
        if self._status is not None:
            self._status.update(f"{number + 1}/{count}  {case.name}  {case.size}")

    def _on_note(self, text):
        if self._status is not None:
            self._status.console.print(text, highlight=False, markup=False)
        else:
            note(text)

    def _on_failed(self, case, error):
        error.add_note(f"where: the row {case.name}, {case.size}")
        self._on_note(f"{case.name}, {case.size} failed: {type(error).__name__}")
        self.errors.append(error)


@contextlib.contextmanager
def _watch():
    """The progress of a benchmark."""
    if not sys.stderr.isatty():
        yield _Progress(None)
        return
    from rich.console import Console

    with Console(stderr=True).status("measuring the ceilings of this machine") as status:
        yield _Progress(status)


# --- the report ---------------------------------------------------------------------------------------------


def _report(document):
    """Ceilings and tables as text."""
    from rich.console import Console

    machine, settings = document["machine"], document["settings"]
    wide = 0 if on_terminal() else 160
    console = Console(file=io.StringIO(), width=wide or None, force_terminal=on_terminal())
    if settings["quick"]:
        console.print("quick: tiny sizes, the figures say nothing about speed")
    console.print(f"{machine['processor']}, {machine['lanes']} lanes of float32", highlight=False)
    for limit in document["ceilings"]:
        console.print(
            f"ceilings of {_threads(limit['threads'])}: {limit['fma'] / 1e9:.1f} GFLOP/s (FMA in registers), "
            f"{limit['bandwidth'] / 1e9:.1f} GB/s (memory)",
            highlight=False,
        )
    titles = {"kernel": "kernels", "step": "training steps", "predict": "prediction of one sample"}
    titles["info"] = "information measures"
    for kind, title in titles.items():
        rows = [row for row in document["rows"] if row["kind"] == kind]
        if rows:
            threads = _threads(max(row["threads"] for row in rows))
            form = _by_peer if kind == "info" else _table
            console.print(form(rows, f"{title}, {threads}", settings["against"]))
            for peer in settings["against"]:
                if means := _means(rows, peer):
                    console.print(f"geometric means of the ratios to {peer}: {means}", highlight=False)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def _table(rows, title, peers):
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    steps = rows[0]["kind"] == "step"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for header in ("name", "size"):
        table.add_column(header, no_wrap=header == "name")
    for header in ("time", *(("examples/s",) if steps else ()), "rate", "of ceiling", "first call"):
        table.add_column(header, justify="right", no_wrap=True)
    for peer in peers:
        for header in (peer, "first call", "ratio"):
            table.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        cells = [row["name"], row["size"], _time(row["seconds"])]
        cells += [f"{row['examples_per_second']:,.0f}"] if steps else []
        cells += [_rate(row), f"{row['fraction']:.2f}", _first(row)]
        for peer in peers:
            cells += _peer_cells(row, row["peers"].get(peer))
        table.add_row(*cells)
    return table


def _by_peer(rows, title, peers):
    """A line for each peer that has the row: most rows have one or two of many."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for header in ("name", "size"):
        table.add_column(header, no_wrap=True)
    for header in ("time", "first call"):
        table.add_column(header, justify="right", no_wrap=True)
    for header in ("peer", "time", "first call", "ratio") if peers else ():
        table.add_column(header, justify="left" if header == "peer" else "right", no_wrap=True)
    for row in rows:
        ours = [row["name"], row["size"], _time(row["seconds"]), _first(row)]
        for peer in [p for p in peers if row["peers"].get(p)] or [None]:
            theirs = [peer, *_peer_cells(row, row["peers"][peer])] if peer else [""] * 4 * bool(peers)
            table.add_row(*ours, *theirs)
            ours = [""] * 4
    return table


def _peer_cells(row, forms):
    if not forms:
        return ["", "", ""]
    best = forms[0]
    form = f" {best['form']}" if row["kind"] == "step" else ""
    color = "green" if best["ratio"] >= 1 else "red"
    return [
        _time(best["seconds"]) + form,
        _time(best["first_seconds"]),
        f"[{color}]{best['ratio']:.2f}x[/]",
    ]


def _means(rows, peer):
    """The geometric mean of the ratios of each name that has several."""
    ratios = {}
    for row in rows:
        if row["peers"].get(peer):
            ratios.setdefault(row["name"], []).append(row["peers"][peer][0]["ratio"])
    return ", ".join(f"{n} {geometric_mean(r):.2f}x" for n, r in ratios.items() if len(r) > 1)


def _rate(row):
    """What is used of the ceiling that binds."""
    if row["limit"] == "fma":
        return f"{row['flops'] / row['seconds'] / 1e9:.1f} GFLOP/s"
    return f"{row['bytes'] / row['seconds'] / 1e9:.1f} GB/s"


def _first(row):
    """The first call counts where it compiled or loaded something."""
    return "" if row["first_state"] == "warm" else f"{_time(row['first_seconds'])} {row['first_state']}"


def _time(seconds):
    unit, scale = ("s", 1) if seconds >= 1 else ("ms", 1e-3) if seconds >= 1e-3 else ("µs", 1e-6)
    value = seconds / scale
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"


def _threads(n):
    return "one thread" if n == 1 else f"{n} threads"
