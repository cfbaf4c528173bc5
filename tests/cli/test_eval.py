"""`nbdl eval`: the figures of the run again, on its own data and on others."""

import json
from pathlib import Path


def test_own_data(run, trained):
    result = run("eval", trained, "--format", "json")
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)
    last = json.loads((trained / "log.jsonl").read_text().splitlines()[-1])
    assert (
        figures["test_loss"] == last["test_loss"] and figures["test_accuracy"] == last["test_accuracy"] == 1
    )
    assert figures["samples"] == 12 and figures["loss"] == "softmax_cross_entropy"
    assert json.loads(run("eval", trained, "--split", "train", "--format", "json").stdout)["samples"] == 48


def test_other_data_and_options(run, trained, files):
    arguments = ["eval", trained / "model.safetensors", "--data", files / "clouds.csv"]
    result = run(*arguments, "--set", "data_options.test_fraction=0.5")
    assert result.exit_code == 0, result.stderr
    assert "test accuracy  1.0000" in result.stdout and "samples        30" in result.stdout


def test_messages(run, trained, files):
    result = run("eval", trained / "model.safetensors")
    assert result.exit_code == 2 and "--data NAME|PATH" in result.stderr
    result = run("eval", trained, "--data", "digits")
    assert result.exit_code == 3 and "the data do not fit the model" in result.stderr
    result = run("eval", trained, "--set", "epochs=3")
    assert result.exit_code == 2 and "data_options.KEY=VALUE" in result.stderr
    result = run("eval", files / "clouds.npz")
    assert result.exit_code == 3 and "safetensors" in result.stderr
    result = run("eval", trained, "--loss", "nothing")
    assert result.exit_code == 2 and "unknown loss" in result.stderr


def test_a_script_that_fails_while_it_is_run_for_its_net(run):
    text = "raise UsageError('this folder holds a run already. Try another')\n"
    Path("a_script.py").write_text(f"from nbdl.errors import UsageError\n{text}")
    result = run("eval", "runs/mine", "--net", "a_script.py:Net")
    assert result.exit_code == 2
    assert "error: while running a_script.py: this folder holds a run already\n" in result.stderr
    assert 'try: `if __name__ == "__main__":` above what trains in it' in result.stderr
