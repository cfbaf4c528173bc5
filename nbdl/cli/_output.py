"""What every command shares: its options, and where it writes. Results go to stdout, all else to stderr.

While a command runs, stdout is its own: what anyone else prints there, Python or the C code of a plugin, goes
to stderr, so that JSON stays JSON.
"""

import contextlib
import functools
import importlib.util
import io
import json
import math
import os
import sys
from dataclasses import dataclass

import click

from nbdl.errors import SaveError, UsageError


@dataclass
class Settings:
    """The options that all commands have in common."""

    format: str = "human"
    debug: bool = False


def settings():
    """The settings of the running command."""
    return click.get_current_context().ensure_object(Settings)


def common_options(command):
    """Adds --format, --no-plugins and --debug; they are understood before and after a command's name."""
    command = _alone_on_stdout(command)
    for option in (
        click.option(
            "--debug", is_flag=True, expose_value=False, callback=_set, help="Show the traceback of an error."
        ),
        click.option(
            "--no-plugins",
            is_flag=True,
            expose_value=False,
            callback=_no_plugins,
            help="Use built-in parts only.",
        ),
        click.option(
            "--format",
            type=click.Choice(["human", "json"]),
            expose_value=False,
            callback=_set,
            help="How results are printed. Default: human.",
        ),
    ):
        command = option(command)
    return command


def _set(ctx, parameter, value):
    shared = ctx.ensure_object(Settings)
    if value:
        setattr(shared, parameter.name, value)


def _no_plugins(ctx, parameter, value):
    if value:
        from nbdl import registry

        former = registry.use(registry.Registry(allowed=[]))
        ctx.find_root().call_on_close(lambda: registry.use(former))


# --- where it writes ----------------------------------------------------------------------------------------

_results = None  # the stream of results while a command runs; else that is sys.stdout


def _alone_on_stdout(command):
    """The function of a command, with stdout for its results alone."""

    @functools.wraps(command)
    def run(*arguments, **options):
        global _results
        former, out = _results, sys.stdout
        with _moved(out) as _results, contextlib.redirect_stdout(sys.stderr):
            try:
                return command(*arguments, **options)
            finally:
                _results = former

    return run


@contextlib.contextmanager
def _moved(out):
    """What `out` writes to as a stream of its own; until the end, descriptor 1 is stderr's."""
    try:
        if os.name == "nt" or out.fileno() != 1:
            raise OSError("it is not the process's own")
        out.flush()
        own = os.dup(1)
    except (AttributeError, OSError, ValueError):  # a test's, a notebook's, none at all
        yield out or io.StringIO()
        return
    stream = open(own, "w", encoding=out.encoding, errors="backslashreplace")
    try:
        with contextlib.suppress(OSError):  # stderr is closed
            os.dup2(2, 1)
        yield stream
    finally:
        with contextlib.suppress(Exception):  # what C code has printed and kept
            import ctypes

            ctypes.CDLL(None).fflush(None)
        os.dup2(own, 1)
        with contextlib.suppress(OSError):  # full, or no one reads it: that was said at the time
            stream.close()


def on_terminal():
    """Whether results go to a terminal."""
    return (_results or sys.stdout).isatty()


def emit(document, text):
    """Print a result: `document` as one line of JSON, or `text()` for people."""
    result(to_json(document) if settings().format == "json" else text())


def result(text):
    """Print a line of the result."""
    try:
        click.echo(text, file=_results)
    except BrokenPipeError:
        raise  # no one wants the rest
    except OSError as error:
        fault = SaveError("the result cannot be written to stdout: {}", error.strerror or error)
        fault.add_note("try: stdout to a place that has room")
        raise fault from error


def note(text):
    """Say something that is not a result."""
    click.echo(text, err=True)


def to_json(document):
    """JSON on one line; what is not a number becomes null, paths become text."""
    return json.dumps(_plain(document), allow_nan=False)


def _plain(value):
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def table(header, rows):
    """Rows of text in aligned columns."""
    rows = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in rows)


def pairs(items):
    """Names and values in two columns."""
    width = max(len(name) for name, _ in items)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in items)


def figures(values):
    """Names and numbers for people: words for underscores, four digits."""
    return [(name.replace("_", " "), figure(v) if isinstance(v, float) else v) for name, v in values.items()]


def figure(value):
    """A number with four digits."""
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.4g}"


def check_picture(path):
    """What would make a picture fail, before anything is computed."""
    if path.suffix.lower() != ".png":
        raise UsageError("the picture is a .png file, got `{}`", path.name)
    if not path.absolute().parent.is_dir():
        raise UsageError("there is no folder {} for the picture", path.parent)
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError('a picture needs matplotlib. Try pip install "nbdl[plot]"')
