"""What every command shares: its options, and where it writes. Results go to stdout, all else to stderr."""

import json
import math
from dataclasses import dataclass

import click


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


def emit(document, text):
    """Print a result: `document` as one line of JSON, or `text()` for people."""
    click.echo(to_json(document) if settings().format == "json" else text())


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
