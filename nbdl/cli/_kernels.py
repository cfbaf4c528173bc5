"""``nbdl kernels``: what there is, what one of them takes, and whether they keep the kernel law."""

import inspect
import sys
from functools import partial

import click

from nbdl.cli._output import common_options, emit, note, pairs, result, settings, table
from nbdl.errors import UsageError, VerificationError


@click.group()
@common_options
def kernels():
    """The kernels: compiled operations with their gradients, callable from your own compiled code."""


@kernels.command("list")
@common_options
def list_kernels():
    """List all kernels. Those with target numpy are array plumbing and compile nothing."""
    from nbdl import registry

    known = registry.default()
    rows = []
    for name in known.names("kernel"):
        record = known.get("kernel", name)
        gradients = list(record.grads)
        rows.append(
            {"name": name, "op": record.op, "target": record.target, "gradients": gradients,
             "plugin": known.owner("kernel", name).name}
        )  # fmt: skip
    cells = [(r["name"], r["op"], r["target"], ", ".join(r["gradients"]), r["plugin"]) for r in rows]
    emit(rows, lambda: table(["name", "op", "target", "gradients", "plugin"], cells))


@kernels.command()
@click.argument("name")
@common_options
def show(name):
    """Show one kernel: its arguments, its documentation, its gradients, its reference, its formula."""
    from nbdl import records, registry

    record = registry.default().get("kernel", name)
    owner = registry.default().owner("kernel", name)
    function = records.resolve(record.forward)
    shown = {
        "name": name,
        "call": _call(record.name, function),
        "import": _place(record.forward),
        "op": record.op,
        "target": record.target,
        "inputs": list(record.inputs),
        "outputs": list(record.outputs),
        "gradients": {i: _call(_place(code), records.resolve(code)) for i, code in record.grads.items()},
        "reference": _place(record.reference) or None,
        "plugin": owner.name,
        "distribution": owner.distribution,
        "documentation": inspect.getdoc(getattr(function, "py_func", function)) or "",
        "formula": _formula(function),
    }
    emit(shown, lambda: _page(shown))


def _page(shown):
    lines = [
        ("import", shown["import"]),
        ("operation", f"{shown['op']} ({shown['target']})"),
        *((f"gradient of {i}", call) for i, call in shown["gradients"].items()),
        ("reference", shown["reference"] or "none"),
        ("plugin", shown["plugin"]),
    ]
    parts = shown["call"], shown["documentation"], shown["formula"], pairs(lines)
    return "\n\n".join(filter(None, parts))


def _formula(function):
    """What the page of a kernel says at its head: the formula, and where the code hides it, a plain loop."""
    module = sys.modules.get(getattr(function, "__module__", None))
    return inspect.cleandoc(module.__doc__ or "") if module else ""


def _call(name, function):
    return f"{name.rpartition(':')[2]}{inspect.signature(getattr(function, 'py_func', function))}"


def _place(code):
    return code if isinstance(code, str) else f"{code.__module__}:{code.__qualname__}"


@kernels.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@common_options
def verify(names):
    """Hold kernels to their reference, their gradients and the kernel law, and their lanes twins to them.

    All kernels are verified if none is named.

    A failed check is printed with the case and the figures, and the command ends with exit code 6.
    """
    from unittest import SkipTest

    from nbdl import registry
    from nbdl.testing import check_twin, checks

    known = registry.default()
    records = [(name, known.get("kernel", name)) for name in names or known.names("kernel")]
    results, human = [], settings().format == "human"
    for name, record in records:
        passed, skipped, failed = 0, [], []
        twin = [("lanes_twin", partial(check_twin, record))] if record.lanes else []
        for check, run in [*checks(record), *twin]:
            try:
                run()
                passed += 1
            except SkipTest as reason:
                skipped.append({"check": check, "reason": str(reason)})
            except VerificationError as error:
                failed.append({"check": check, "error": str(error)})
        results.append({"name": name, "passed": passed, "skipped": skipped, "failed": failed})
        line = f"{name}: {'FAILED' if failed else 'ok'}, {passed} passed"
        line += f", {len(skipped)} skipped" if skipped else ""
        line += f", {len(failed)} failed" if failed else ""
        (result if human else note)(line)
        for fault in failed:
            note(f"  {fault['error']}")
    bad = [r["name"] for r in results if r["failed"]]
    if not human:
        emit(results, str)
    if bad:
        error = VerificationError("{} of {} kernels failed: {}", len(bad), len(results), ", ".join(bad))
        error.add_note(f"try: nbdl kernels show {bad[0]}")
        raise error
    if not results:
        raise UsageError("there are no kernels to verify")
