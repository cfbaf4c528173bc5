"""How a command fails: three lines on stderr and an exit code."""

import contextlib
import os
import sys
import traceback
import warnings

import click

from nbdl import errors
from nbdl.cli._output import Settings
from nbdl.records import reason

ADVICE = {  # for errors that bring none of their own
    errors.UsageError: "nbdl {command} --help",
    errors.DataError: "a path that exists and a file that is whole",
    errors.SaveError: "a folder that can be written and has room",
    errors.PluginError: "nbdl plugins list, or the option --no-plugins",
    errors.TapeError: "--set compiled=false: slower, but for any net and loss (compiled=False in Python)",
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
        except OSError as error:
            _trace(ctx)
            _refused(error)
            ctx.exit(1)
        except (Exception, SystemExit) as error:
            _trace(ctx)
            text, plugin = _one_line(reason(error)), _plugin_of(error)
            if plugin is not None:
                click.echo(f"error: plugin `{plugin}` failed: {text}", err=True)
                click.echo("  try: --debug for the traceback, or the option --no-plugins", err=True)
                ctx.exit(errors.PluginError.exit_code)
            if isinstance(error, MemoryError):
                click.echo(f"error: the memory of this machine does not suffice: {text}", err=True)
                click.echo("  try: smaller data, a smaller model or --batch-size", err=True)
            else:
                text = f"internal error, {text}; run again with --debug for the traceback"
                click.echo(f"error: {text}", err=True)
            ctx.exit(1)


@contextlib.contextmanager
def printed():
    """The whole program: where even its help cannot be written, that is said, and no traceback is."""
    try:
        yield
    except OSError as error:
        _refused(error)
        raise SystemExit(1) from None
    finally:
        try:
            sys.stdout.flush()
        except (AttributeError, ValueError):
            pass  # there is none, or it is closed
        except OSError:  # what is left in it would be tried again, and complained of, at the very end
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 1)


def _refused(error):
    """Say what the system said no to."""
    where = f"{error.filename}: " if error.filename is not None else ""
    with contextlib.suppress(OSError):  # of stderr too
        click.echo(f"error: the system refused: {where}{error.strerror or error}", err=True)


def _plugin_of(error):
    """The name of the plugin whose code an error came through, if one did."""
    registry = sys.modules.get("nbdl.registry")  # where it is not imported no plugin is
    return registry and registry.blame(error)


def advised(error, where, hint):
    """The error with the place and the advice that are printed below it."""
    error.add_note(f"where: {where}")
    error.add_note(f"try: {hint}")
    return error


@contextlib.contextmanager
def fitting(model, data, x=None):
    """What a kernel says about shapes and labels that come from the user's data becomes a `DataError`.

    With inputs `x` it says their shape: a kernel deep in a net knows that of its own inputs alone.
    """
    try:
        yield
    except (errors.ShapeError, errors.LabelError) as error:
        shape = getattr(x, "shape", None)
        of = f"inputs of shape {shape}: " if shape and isinstance(error, errors.ShapeError) else ""
        raise advised(
            errors.DataError("the data do not fit the model: {}{}", of, error),
            f"model {model}, data {data}",
            "another model (nbdl models show NAME: what it reads; mlp takes any shape), loss or data set; "
            "--set model_options.KEY=VALUE or data_options.KEY=VALUE",
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
