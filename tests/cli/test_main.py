"""The door: help, names, common options, and what is said when a command fails."""

import json
import subprocess
import sys

import click
import pytest

import nbdl
from nbdl import cli, registry
from nbdl.cli._errors import explain
from nbdl.errors import DataError, NumericError, ShapeError, UsageError


def commands(group, path=()):
    """All commands with their paths, groups included."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def test_help_imports_neither_numba_nor_numpy():
    code = (
        "import sys; from nbdl.cli import main; main(['--help'], standalone_mode=False);"
        "sys.exit(', '.join({'numba', 'numpy', 'rich', 'llvmlite', 'pluggy'} & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "Train a model" in result.stdout


def test_help_names_every_command(run):
    text = run("--help").stdout
    for name, (_, _, line) in cli.COMMANDS.items():
        assert name in text and line in " ".join(text.split())
    assert run("-h").stdout == text


@pytest.mark.parametrize("path", [path for path, _ in commands(cli.main)], ids=" ".join)
def test_every_command_has_help_and_the_common_options(run, path):
    result = run(*path, "--help")
    assert result.exit_code == 0 and result.stderr == ""
    for option in ("--format", "--no-plugins", "--debug"):
        assert option in result.stdout
    described = result.stdout.split("\n\n")[1].strip()
    assert described and not described.startswith("Options")


def test_version(run):
    assert run("--version").stdout == f"nbdl {nbdl.__version__}\n"


def test_unknown_command_offers_the_nearest(run):
    result = run("trian", "lenet")
    assert result.exit_code == 2 and result.stdout == ""
    assert "No such command `trian`. Did you mean `train`?" in result.stderr
    assert "There are: train, eval" in run("x").stderr


def test_no_command_shows_the_help(run):
    assert "Commands:" in run().output


@pytest.mark.parametrize("before", [True, False])
def test_common_options_before_and_after_the_command(run, before):
    result = (
        run("--format", "json", "models", "list") if before else run("models", "list", "--format", "json")
    )
    assert "lenet" in [model["name"] for model in json.loads(result.stdout)]
    result = run("--no-plugins", "data", "list") if before else run("data", "list", "--no-plugins")
    assert result.exit_code == 0 and "digits" in result.stdout


def test_no_plugins_ends_with_the_command(run):
    former = registry.default()
    assert run("--no-plugins", "models", "list").exit_code == 0
    assert registry.default() is former


def test_bad_format(run):
    result = run("models", "list", "--format", "yaml")
    assert result.exit_code == 2 and "'human', 'json'" in result.stderr


def failing(monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(registry, "default", fail)


def test_an_error_is_three_lines(run, monkeypatch):
    error = DataError("line {}\nis bad", 3)
    error.add_note("where: a.csv")
    error.add_note("try: another file")
    failing(monkeypatch, error)
    result = run("models", "list")
    assert result.stderr == "error: line 3 is bad\n  where: a.csv\n  try: another file\n"
    assert (result.exit_code, result.stdout) == (3, "")


def test_debug_shows_the_traceback(run, monkeypatch):
    failing(monkeypatch, UsageError("unknown"))
    assert "Traceback" not in run("models", "list").stderr
    for arguments in (("--debug", "models", "list"), ("models", "list", "--debug")):
        result = run(*arguments)
        assert "Traceback" in result.stderr and result.exit_code == 2
        assert result.stderr.endswith("error: unknown\n  try: nbdl models --help\n")


def test_an_internal_error_is_one_line(run, monkeypatch):
    failing(monkeypatch, RuntimeError("a\nb"))
    result = run("models", "list")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: internal error, RuntimeError: a b; run again with --debug for the traceback\n"
    )
    assert "Traceback" in run("models", "list", "--debug").stderr


def test_interrupt(run, monkeypatch):
    failing(monkeypatch, KeyboardInterrupt())
    result = run("models", "list")
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_advice_is_taken_from_notes_text_or_class():
    assert explain(NumericError("the loss is {}. Try a smaller one", 3)) == (
        "the loss is 3",
        "",
        "a smaller one",
    )
    assert explain(UsageError("no"), "train") == ("no", "", "nbdl train --help")
    assert explain(ShapeError("no"))[2].startswith("nbdl --help; or --debug")


def test_warnings_are_one_line(run, monkeypatch):
    def warn():
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("two\nlines", RuntimeWarning, stacklevel=1)
        return registry.Registry(entries=[])

    monkeypatch.setattr(registry, "default", warn)
    result = run("models", "list")
    assert result.exit_code == 0 and set(result.stderr.splitlines()) == {"warning: two lines"}
