"""How a command fails: three lines on stderr and an exit code."""

import contextlib
import traceback
import warnings

import click

from nbdl import errors
from nbdl.cli._output import Settings

ADVICE = {  # for errors that bring none of their own
    errors.UsageError: "nbdl {command} --help",
    errors.DataError: "a path that exists and a file that is whole",
    errors.SaveError: "a folder that can be written and has room",
    errors.PluginError: "nbdl plugins list, or the option --no-plugins",
    errors.VerificationError: "nbdl kernels show NAME",
    errors.NbdlError: "nbdl {command} --help; or --debug, which shows the traceback",
}


@contextlib.contextmanager
def handled(ctx):
    """Turn what a command raises into lines on stderr and the exit code of the table in `nbdl --help`."""
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            yield
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click knows what to do with these
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(130)
        except errors.NbdlError as error:
            _trace(ctx)
            what, where, advice = explain(error, ctx.invoked_subcommand or "")
            click.echo(f"error: {what}", err=True)
            if where:
                click.echo(f"  where: {where}", err=True)
            click.echo(f"  try: {advice}", err=True)
            ctx.exit(error.exit_code)
        except Exception as error:
            _trace(ctx)
            text = _one_line(f"{type(error).__name__}: {error}")
            click.echo(f"error: internal error, {text}; run again with --debug for the traceback", err=True)
            ctx.exit(1)


def advised(error, where, hint):
    """The error with the place and the advice that are printed below it."""
    error.add_note(f"where: {where}")
    error.add_note(f"try: {hint}")
    return error


@contextlib.contextmanager
def fitting(model, data):
    """What a kernel says about shapes and labels that come from the user's data becomes a `DataError`."""
    try:
        yield
    except (errors.ShapeError, errors.LabelError) as error:
        raise advised(
            errors.DataError("the data do not fit the model: {}", error),
            f"model {model}, data {data}",
            "another model or data set; --set model_options.KEY=VALUE or data_options.KEY=VALUE",
        ) from error


def explain(error, command=""):
    """What an error says, where, and what to try: from its notes, its text ("... Try ..."), or its class."""
    what, _, advice = _one_line(str(error)).partition(". Try ")
    notes = dict(note.partition(": ")[::2] for note in getattr(error, "__notes__", ()))
    general = next(ADVICE[c] for c in type(error).__mro__ if c in ADVICE).format(command=command)
    hint = notes.get("try") or advice or " ".join(general.split())
    return what, notes.get("where", ""), hint.replace("the data option ", "--set data_options.")


def _trace(ctx):
    if ctx.ensure_object(Settings).debug:
        click.echo(traceback.format_exc(), err=True, nl=False)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    click.echo(f"warning: {_one_line(str(message))}", err=True)


def _one_line(text):
    return " ".join(text.split())
