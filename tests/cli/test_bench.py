"""`nbdl bench`: tables, JSON, the picture, errors before anything is measured."""

import json
from types import SimpleNamespace

import numba
import pytest

import nbdl.bench
from nbdl.bench import Ceilings, _run
from nbdl.cli._bench import _time
from nbdl.errors import ShapeError


def figures(seconds, **more):
    return {
        "seconds": seconds,
        "samples": [seconds],
        "fraction": 1e-3 / seconds,
        "first_seconds": 1.5,
        **more,
    }


def row(name, kind="kernel", **more):
    known = {
        "name": name, "size": "large", "kind": kind, "threads": 1 if kind == "kernel" else 2, "flops": 4e8,
        "bytes": 2e7, "fma": 2e11, "bandwidth": None, "limit": "fma", "least_seconds": 1e-3,
        "flops_per_second": 2e11,
        "examples_per_second": None if kind == "kernel" else 128_000.0, "first_state": "cold", "peers": {},
    }  # fmt: skip
    return {**known, **figures(2e-3), **more}


TORCH = {"torch": [figures(5e-3, form="compile", ratio=2.5), figures(6e-3, form="eager", ratio=3.0)]}
DOCUMENT = {
    "machine": {"processor": "znver5", "cores": 2, "lanes": 16, "nbdl": "0"},
    "settings": {"threads": 2, "repeat": 9, "quick": False, "against": ["torch"]},
    "ceilings": [{"threads": n, "fma": n * 2e11, "bandwidth": n * 2e10} for n in (1, 2)],
    "rows": [
        row("conv2d", peers=TORCH), row("conv2d", peers={"torch": [figures(1e-3, form="eager", ratio=0.4)]}),
        row("max_pool2d", limit="memory", first_state="warm"),
        row("lenet", "step", first_state="cached", peers=TORCH),
    ],
    "failed": [], "interrupted": False,
}  # fmt: skip


@pytest.fixture
def measured(monkeypatch):
    """`nbdl.bench.run` that measures nothing; what it was asked for."""
    asked = {}

    def run(names, against, threads, repeat, quick, progress):
        asked.update(names=names, against=against, threads=threads, repeat=repeat, quick=quick)
        progress("row", case=None, number=0, count=3)
        progress("note", text="a note")
        return {**DOCUMENT, **asked.get("document", {})}

    monkeypatch.setattr(nbdl.bench, "run", run)
    return asked


def test_tables(run, measured):
    result = run("bench")
    assert result.exit_code == 0 and result.stderr == "a note\n"
    lines = [line.split() for line in result.stdout.splitlines()]
    assert "ceilings of 2 threads: 400.0 GFLOP/s (FMA in registers), 40.0 GB/s (memory)" in result.stdout
    conv2d = "conv2d large 2.00 ms 200.0 GFLOP/s 0.50 1.50 s cold 5.00 ms 1.50 s 2.50x"
    assert conv2d.split() in lines
    assert "max_pool2d large 2.00 ms 10.0 GB/s 0.50".split() in lines
    lenet = "lenet large 2.00 ms 128,000 200.0 GFLOP/s 0.50 1.50 s cached 5.00 ms compile 1.50 s 2.50x"
    assert lenet.split() in lines
    assert "geometric means of the ratios to torch: conv2d 1.00x\n" in result.stdout
    assert "training steps, 2 threads" in result.stdout and "quick" not in result.stdout


def test_estimates_have_a_line_for_each_peer(run, measured):
    theirs = {name: [figures(4e-3, form="", ratio=2.0)] for name in ("numpy", "scipy")}
    rows = [row("label_mi", "info", threads=1, peers=theirs), row("ksg1_mi", "info", first_state="warm")]
    measured["document"] = {
        "rows": rows, "settings": DOCUMENT["settings"] | {"against": ["numpy", "torch", "scipy"]},
    }  # fmt: skip
    lines = [line.split() for line in run("bench", "info").stdout.splitlines()]
    first = lines.index("label_mi large 2.00 ms 1.50 s cold numpy 4.00 ms 1.50 s 2.00x".split())
    assert lines[first + 1] == "scipy 4.00 ms 1.50 s 2.00x".split()
    assert lines[first + 2] == "ksg1_mi large 2.00 ms".split()


def test_options_reach_the_measurement(run, measured):
    run("bench", "linear", "conv2d*", "--against", "torch, scipy", "--threads", 4, "--quick")
    assert (measured["names"], measured["against"]) == (("linear", "conv2d*"), ["torch", "scipy"])
    assert (measured["threads"], measured["repeat"], measured["quick"]) == (4, 3, True)
    run("bench")
    assert (measured["repeat"], measured["threads"], measured["against"]) == (9, 1, [])


def test_json_is_the_document(run, measured):
    assert json.loads(run("bench", "--format", "json").stdout) == json.loads(json.dumps(DOCUMENT))


def test_picture(run, measured, tmp_path):
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib")
    result = run("bench", "--plot", "bars.png")
    assert result.exit_code == 0 and "picture: bars.png" in result.stderr
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


def test_interrupted(run, measured):
    measured["document"] = {"interrupted": True, "rows": DOCUMENT["rows"][:2]}
    result = run("bench")
    assert result.exit_code == 130 and "conv2d" in result.stdout and "lenet" not in result.stdout
    assert "interrupted" in result.stderr


def test_a_row_that_failed_comes_after_the_others(run, measured, monkeypatch):
    def fail(names, against, threads, repeat, quick, progress):
        progress("failed", case=SimpleNamespace(name="lenet", size="B=32"), error=ShapeError("no"))
        return DOCUMENT

    monkeypatch.setattr(nbdl.bench, "run", fail)
    result = run("bench")
    assert result.exit_code == 1 and "conv2d" in result.stdout
    assert "lenet, B=32 failed: ShapeError\nerror: no\n  where: the row lenet, B=32\n" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["conv3d"], "nothing to measure is called `conv3d`\n  try: kernels, steps, predict, info, conv2d"),
        (["--against", "jax"], "unknown peer `jax`; there are: torch"),
        (["--plot", "bars.pdf"], "the picture is a .png file, got `bars.pdf`"),
        (["--plot", "no/bars.png"], "there is no folder no for the picture"),
        (["--threads", "0"], "--threads"),
        (["--repeat", "0"], "--repeat"),
    ],
)
def test_errors(run, arguments, text):
    result = run("bench", *arguments)
    assert result.exit_code == 2 and text in result.stderr and result.stdout == ""


def test_missing_libraries(run, monkeypatch):
    monkeypatch.setattr(_run.importlib.util, "find_spec", lambda name: None)
    result = run("bench", "--against", "torch")
    assert result.exit_code == 2
    assert result.stderr == "error: torch is not installed\n  try: pip install torch\n"
    result = run("bench", "--plot", "bars.png")
    assert result.exit_code == 2 and 'try: pip install "nbdl[plot]"' in result.stderr


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing can be measured")
def test_a_real_measurement(run, monkeypatch):
    monkeypatch.setattr(_run, "ceilings", lambda threads: Ceilings(threads, 1e11, 1e10))
    result = run("bench", "linear", "--quick", "--format", "json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0 and [r["name"] for r in document["rows"]] == ["linear"]
    assert set(document) == set(DOCUMENT) and set(document["rows"][0]) == set(DOCUMENT["rows"][0])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.5, "2.50 s"), (0.9996, "1000 ms"), (0.0105, "10.5 ms"), (1.234e-4, "123 µs"), (5e-7, "0.50 µs")],
)
def test_times(seconds, text):
    assert _time(seconds) == text
