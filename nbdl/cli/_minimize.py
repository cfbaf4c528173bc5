"""``nbdl minimize``: a method on a function of one or two variables, its trace and a picture of the path."""

import difflib
import inspect
import warnings
from pathlib import Path

import click

from nbdl.cli._net import imported
from nbdl.cli._output import check_picture, common_options, emit, note, table
from nbdl.cli._train import parse, split
from nbdl.errors import UsageError


class _Point(click.ParamType):
    """A point as ``-5,-2``."""

    name = "point"

    def convert(self, value, param, ctx):
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"a point is numbers with commas between them, like -5,-2, got `{value}`")


class _Command(click.Command):
    """Its help lists the functions."""

    def format_epilog(self, ctx, formatter):
        from nbdl.optim import FUNCTIONS

        with formatter.section("Functions"):
            formatter.write_dl([(name, known.about) for name, known in FUNCTIONS.items()])


@click.command(cls=_Command)
@click.argument("function", metavar="FUNCTION|MODULE:NAME")
@click.option("--method", default="gd", metavar="NAME", help="gd, newton, momentum, adam ... Default: gd.")
@click.option("--x0", type=_Point(), metavar="X,...", help="Where it begins. Default: that of the function.")
@click.option("--steps", type=int, default=20, metavar="N", help="Default: 20.")
@click.option("--lr", type=float, metavar="X", help="The learning rate. Default: that of the method.")
@click.option("--line-search", type=click.Choice(["armijo", "wolfe"]), help="For gd, newton, preconditioned.")
@click.option("--schedule", metavar="NAME", help="How the learning rate changes: cosine, square_root ...")
@click.option("--noise", type=float, default=0.0, metavar="X", help="Deviation of noise in the gradient.")
@click.option("--seed", type=int, default=0, metavar="N", help="Of the noise. Default: 0.")
@click.option("--set", "options", multiple=True, metavar="KEY=VALUE", help="An option of the optimizer.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png", help="Contours and the path.")
@common_options
def minimize(function, method, x0, plot, options, **settings):
    """Minimize FUNCTION step by step: the trace as a table, or as JSON, and a picture of the path.

    FUNCTION is one of those below, or your own, a Python function of a NumPy array in a module or file.
    Methods are gd, newton, preconditioned (by the diagonal of the Hessian), nesterov, and every optimizer.

    \b
    nbdl minimize valley --method momentum --lr 0.6 --set momentum=0.5 --plot trace.png
    nbdl minimize rosenbrock --method newton --line-search armijo
    nbdl minimize mine.py:loss --x0 1,2,3 --method adam --steps 100
    """
    from nbdl import optim
    from nbdl._jit import plain
    from nbdl.train import _files

    if plot is not None:
        check_picture(plot)
    f, begin, region = _found(function, optim.FUNCTIONS)
    x0 = begin if x0 is None else x0
    if x0 is None:
        raise UsageError("--x0 is needed: where `{}` begins, as in --x0 -5,-2", function)
    if begin is not None and len(x0) != len(begin):
        raise UsageError("--x0: `{}` takes {} numbers, got {}", function, len(begin), len(x0))
    chosen = {key: parse(text) for key, text in (split("--set", o) for o in options)}
    for key in chosen.keys() & inspect.signature(optim.minimize).parameters.keys():
        raise UsageError("--set is for the options of the optimizer, and `{}` is none", key)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trace = optim.minimize(plain(f), x0, method, **settings, **chosen)
    emit(_document(function, trace), lambda: _report(trace))
    if trace.stopped:
        note(f"{'warning: ' if caught else ''}{trace.stopped}: {trace.steps} of {settings['steps']} steps")
    if plot is not None:
        title = f"{function}, {trace.method}, {trace.steps} steps"
        _files.write_bytes(plot, optim.trace_picture(plain(f), trace, *region, title=title))
        note(f"picture: {plot}")


def _found(name, known):
    """The function, where it begins, and the corners of the region to show, as far as these are known."""
    if name in known:
        return known[name].f, known[name].x0, (known[name].low, known[name].high)
    if ":" in name:
        return imported(name, "FUNCTION", "a function of an array"), None, ()
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(known)}, or MODULE:NAME"
    raise UsageError("there is no function `{}`. {}", name, hint)


def _document(function, trace):
    return {
        "function": function,
        "method": trace.method,
        "gradient": trace.gradient,
        "steps": trace.steps,
        "stopped": trace.stopped or None,
        "x": trace.x.tolist(),
        "f": trace.f.tolist(),
        "gradient_norm": trace.gradient_norm.tolist(),
    }


def _report(trace):
    """A row for each point."""
    names = [f"x{i + 1}" for i in range(trace.x.shape[1])]
    header = ["step", *names, "f", "gradient norm"]
    columns = zip(trace.x, trace.f, trace.gradient_norm)
    return table(header, [[k, *map(_digits, (*x, f, g))] for k, (x, f, g) in enumerate(columns)])


def _digits(value):
    """Six decimals, or the exponent where these would not do."""
    return f"{value:.6f}" if value == 0 or 1e-4 <= abs(value) < 1e6 else f"{value:.5e}"
