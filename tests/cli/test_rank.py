"""``nbdl rank``."""

import json

import numpy as np
import pytest

from nbdl import info


@pytest.fixture
def table(tmp_path):
    """A target of three words, a column that follows it, another that repeats that one, noise."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    signal = y + 0.5 * rng.standard_normal(300)
    columns = {"id": np.arange(300) % 7, "signal": signal, "again": signal + 0.01 * rng.standard_normal(300)}
    columns |= {"noise": rng.standard_normal(300), "target": np.array(["low", "mid", "high"])[y]}
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values()))]
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    return columns


def test_the_columns_of_a_file(run, table):
    result = run("rank", "table.csv", "-y", "target", "--format", "json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    y = table.pop("target")
    found = info.rank(table, y)
    assert [row["column"] for row in answer["ranking"]] == found.names
    assert [row["value"] for row in answer["ranking"]] == pytest.approx(list(found.values), abs=1e-12)
    assert answer["unit"] == "nats" and answer["y"]["kind"] == "discrete" and answer["columns_ranked"] == 4
    shown = run("rank", "table.csv", "-y", "4", "--top", 2, "--exclude", "again", "--base", "bits").stdout
    assert "mutual information with target (discrete), bits; 2 of 3 columns" in shown
    assert shown.index("signal") < shown.index("noise" if "noise" in shown else "id")


def test_chosen_one_after_the_other(run, table):
    result = run(
        "rank", "table.csv", "-y", "target", "--select", "mrmr", "--bootstrap", 20, "--format", "json"
    )
    rows = json.loads(result.stdout)["ranking"]
    assert rows[-1]["column"] in ("signal", "again") and rows[-1]["score"] < 0
    assert rows[0]["interval"][0] < rows[0]["value"] < rows[0]["interval"][1]


def test_a_rate_of_false_discoveries(run, table):
    arguments = ("rank", "table.csv", "-y", "target", "--permutations", 99, "--fdr", 0.05)
    answer = json.loads(run(*arguments, "--format", "json").stdout)
    assert {row["column"] for row in answer["ranking"]} == {"signal", "again"} and answer["found"] == 2
    shown = run(*arguments).stdout
    assert "2 of 4 columns at a false discovery rate of 0.05" in shown and "q-value" in shown
    known = run(*arguments, "-z", "signal", "-x", "noise").stdout
    assert known.startswith("mutual information with target (discrete) given signal, nats; 0 of 1 columns")


def test_messages(run, table):
    assert "--fdr needs p-values" in run("rank", "table.csv", "-y", "id", "--fdr", 0.1).stderr
    assert "there is no column `goal`" in run("rank", "table.csv", "-y", "goal").stderr
    result = run("rank", "table.csv", "-y", "target", "-x", "target")
    assert "there is no column to rank but `target`" in result.stderr
    assert (
        "--select goes without -z"
        in run("rank", "table.csv", "-y", "id", "-z", "noise", "--select", "jmi").stderr
    )


def test_a_picture(run, table, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    result = run("rank", "table.csv", "-y", "target", "--bootstrap", 10, "--plot", "rank.png")
    assert result.exit_code == 0 and (tmp_path / "rank.png").read_bytes().startswith(b"\x89PNG")
