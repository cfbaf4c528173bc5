"""A whole benchmark: which rows, whose results, and what the figures are made of."""

import sys
from types import SimpleNamespace

import numba
import numpy as np
import pytest

from nbdl.bench import Ceilings, _race, _run, rows, run
from nbdl.bench._race import Competitor
from nbdl.errors import UsageError

COMPILED = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing can be measured")


def chosen(*names):
    return list(dict.fromkeys(case.name for case in rows(names, quick=True)))


def test_names_choose_rows():
    assert chosen("linear") == ["linear"]
    assert chosen("linear*", "mlp") == ["linear", "linear_dx", "linear_dw", "mlp"]
    assert {n for k in ("kernels", "steps", "predict", "info") for n in chosen(k)} == set(chosen())
    assert "lenet" in chosen("steps") and "conv2d" in chosen("kernels")
    assert [case.threads for case in rows(["linear", "mlp"], threads=3, quick=True)] == [1, 3]


def test_a_name_that_chooses_nothing():
    with pytest.raises(UsageError, match=r"nothing to measure is called `conv3d`. Try kernels, .*conv2d, "):
        rows(["linear", "conv3d"])


def test_unknown_and_missing_peers(monkeypatch):
    with pytest.raises(UsageError, match=r"unknown peer `tensorflow`; there are: torch"):
        run(against=["tensorflow"])
    monkeypatch.setattr(_run.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"torch is not installed. Try pip install torch"):
        run(against=["torch"])


def test_a_missing_peer_among_others_is_a_note(monkeypatch):
    monkeypatch.setattr(_run.importlib.util, "find_spec", lambda name: None if name == "torch" else name)
    notes = []
    found = _run.load_peers(["torch", "numpy"], lambda event, text: notes.append(text))
    assert list(found) == ["numpy"]
    assert notes == ["without torch, which is not installed: pip install torch"]


def test_there_is_nothing_to_measure_without_a_compiler(monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    with pytest.raises(UsageError, match="NUMBA_DISABLE_JIT"):
        run(["linear"], quick=True)


@pytest.fixture
def limits(monkeypatch):
    """Ceilings that need no measuring: 1e9 FLOP/s, 1e9 bytes/s for each thread."""
    monkeypatch.setattr(_run, "ceilings", lambda threads: Ceilings(threads, 1e9 * threads, 1e9 * threads))


@pytest.fixture
def peer(monkeypatch):
    """A peer called "twin" with the forms of its list `forms`: a label and a function of x, w, b each."""
    twin = SimpleNamespace(VERSION="7", forms=[], given=[])

    def competitors(case, arguments, quick):
        twin.given.append((case.name, quick))

        def start(compute):
            def run(n):
                for _ in range(n):
                    result = compute(arguments["x"], arguments["w"], arguments["b"])
                return result

            return run

        return [Competitor(label, lambda compute=compute: start(compute)) for label, compute in twin.forms]

    twin.competitors = competitors
    monkeypatch.setitem(sys.modules, "twin", twin)
    monkeypatch.setattr(_run.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setitem(_run.PEERS, "twin", _run.Peer("twin", "pip install twin"))
    return twin


def linear(x, w, b):
    return x @ w + b


@COMPILED
def test_figures_of_a_row(limits, peer):
    peer.forms = [("numpy", linear)]
    document = run(["linear"], ["twin"], threads=2, repeat=3, quick=True)
    assert document["ceilings"] == [{"threads": n, "fma": 1e9 * n, "bandwidth": 1e9 * n} for n in (1, 2)]
    assert document["settings"] == {"threads": 2, "repeat": 3, "quick": True, "against": ["twin"]}
    assert document["machine"]["twin"] == "7" and not document["interrupted"]
    (row,) = document["rows"]
    assert (row["name"], row["kind"], row["threads"], row["flops"]) == ("linear", "kernel", 1, 6400)
    assert row["fma"] > 1e8  # measured in turns with the row
    assert row["bandwidth"] > 1e8  # on arrays of its size: they stay in a cache
    least = max((6400 / row["fma"], "fma"), (row["bytes"] / row["bandwidth"], "memory"))
    assert (row["least_seconds"], row["limit"]) == least
    assert len(row["samples"]) == 3 and row["seconds"] == sorted(row["samples"])[1]
    assert row["fraction"] == row["least_seconds"] / row["seconds"]
    assert row["flops_per_second"] == row["flops"] / row["seconds"] and row["examples_per_second"] is None
    (theirs,) = row["peers"]["twin"]
    turns = sorted(theirs / own for theirs, own in zip(theirs["samples"], row["samples"]))
    assert (theirs["least_ratio"], theirs["ratio"]) == (turns[0], turns[1]) and theirs["difference"] < 1e-6
    assert theirs["fraction"] == row["least_seconds"] / theirs["seconds"]
    assert peer.given == [("linear", True)]


@COMPILED
def test_figures_of_a_training_step(limits):
    (row,) = run(["softmax_regression"], threads=2, repeat=1, quick=True)["rows"]
    assert (row["kind"], row["threads"], row["size"]) == ("step", 2, "B=4, sgd")
    assert row["examples_per_second"] == 4 / row["seconds"]
    assert row["flops"] == 4 * 2 * 2 * 7840 and row["first_state"] in ("cold", "cached")


@COMPILED
def test_the_faster_form_comes_first_and_a_failing_one_is_a_note(limits, peer, monkeypatch):
    def broken(x, w, b):
        raise RuntimeError("no\ncompiler")

    peer.forms = [("slow", linear), ("broken", broken), ("quick", linear)]
    monkeypatch.setattr(_race, "race", lambda runs, *args, **options: [[1, 1], [4, 5], [1, 2], [1e-6]])
    notes = []
    document = run(["linear"], ["twin"], quick=True, progress=lambda event, **f: notes.append((event, f)))
    assert [(f["form"], f["ratio"], f["least_ratio"]) for f in document["rows"][0]["peers"]["twin"]] == [
        ("quick", 1.5, 1),
        ("slow", 4.5, 4),
    ]
    texts = [fields["text"] for event, fields in notes if event == "note"]
    assert texts == ["twin broken failed at linear, 40 to 20, N=4: RuntimeError: no compiler"]
    assert [fields["count"] for event, fields in notes if event == "row"] == [1]


@COMPILED
@pytest.mark.parametrize("fault", [0.01, np.nan])
def test_a_wrong_result_is_a_note(limits, peer, fault):
    peer.forms = [("wrong", lambda x, w, b: linear(x, w, b) * (1 + fault))]
    notes = []
    run(["linear"], ["twin"], quick=True, progress=lambda event, text="", **_: notes.append(text))
    assert any(text.startswith("linear, 40 to 20, N=4: nbdl and twin wrong differ by") for text in notes)


@COMPILED
def test_a_peer_without_the_operation_is_left_out(limits, peer):
    assert run(["linear"], ["twin"], quick=True)["rows"][0]["peers"] == {}


@COMPILED
def test_peers_start_from_arrays_that_ours_has_not_written(limits, peer):
    seen = []
    peer.competitors = lambda case, arguments, quick: seen.append(arguments["dx"].any()) or []
    run(["linear_dx"], ["twin"], quick=True)
    assert seen == [False]


@COMPILED
def test_first_call_says_what_it_went_into(limits):
    first, second = (run(["sgd_update"], quick=True)["rows"][0]["first_state"] for _ in range(2))
    assert first in ("cold", "cached", "warm") and second == "warm"


@COMPILED
def test_a_machine_that_was_not_quiet_is_a_note(monkeypatch):
    rates = iter((2e9, 5e9, 4e9, 5.1e9))
    monkeypatch.setattr(_run, "ceilings", lambda threads: Ceilings(threads, next(rates), 1e9))
    notes = []
    document = run(
        ["sgd_update"], threads=2, quick=True, progress=lambda event, text="", **_: notes.append(text)
    )
    assert [limit["fma"] for limit in document["ceilings"]] == [4e9, 5.1e9]  # the larger of both
    (text,) = filter(None, notes)
    assert "threads=1 it multiplied and added at 2 GFLOP/s before and 4 after" in text


@COMPILED
def test_ctrl_c_keeps_what_was_measured(limits):
    def progress(event, number=0, **_):
        if number == 1:
            raise KeyboardInterrupt

    document = run(["sgd_update", "adam_update"], quick=True, progress=progress)
    assert document["interrupted"] and [row["name"] for row in document["rows"]] == ["sgd_update"]


@COMPILED
def test_ctrl_c_inside_a_compiled_function_or_a_peer(limits, peer):
    """Numba's dispatcher says SystemError, because of KeyboardInterrupt."""

    def interrupted(x, w, b):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise SystemError("a result with an exception set") from error

    peer.forms = [("numpy", interrupted)]
    document = run(["linear", "sgd_update"], ["twin"], quick=True)
    assert document["interrupted"] and document["rows"] == document["failed"] == []


@COMPILED
def test_a_row_that_fails_does_not_take_the_others_along(limits, monkeypatch):
    original, failures = _run.measure, []

    def measure(case, *args):
        if case.name == "linear":
            raise RuntimeError("broken")
        return original(case, *args)

    monkeypatch.setattr(_run, "measure", measure)

    def progress(event, case=None, error=None, **_):
        if event == "failed":
            failures.append((case.name, str(error)))

    document = run(["linear", "sgd_update"], quick=True, progress=progress)
    assert [row["name"] for row in document["rows"]] == ["sgd_update"] and failures == [("linear", "broken")]
    assert document["failed"] == [
        {"name": "linear", "size": "40 to 20, N=4", "error": "RuntimeError: broken"}
    ]
