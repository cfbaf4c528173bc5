"""``nbdl plugins``: what is installed, in which state, and whether it does what it says."""

from collections import Counter

import click

from nbdl.cli._output import common_options, emit, table
from nbdl.errors import PluginError, VerificationError


@click.group()
@common_options
def plugins():
    """Installed packages that add kernels, layers, losses, optimizers, data sets, models.

    NBDL_PLUGINS=a,b in the environment allows these alone; --no-plugins allows none.
    """


@plugins.command("list")
@common_options
def list_plugins():
    """List all plugins: version, state, what each offers; for a broken one the reason."""
    from nbdl import __version__, registry

    rows = []
    for plugin in registry.default().plugins():
        counts = Counter(kind for kind, _ in plugin.records)
        version = plugin.version or (__version__ if plugin.name == registry.BUILTIN else "")
        rows.append(
            {"name": plugin.name, "distribution": plugin.distribution, "version": version,
             "state": plugin.state, "reason": plugin.reason, "records": dict(sorted(counts.items()))}
        )  # fmt: skip
    emit(rows, lambda: table(["name", "distribution", "version", "state", "offers"], map(_cells, rows)))


def _cells(row):
    offers = ", ".join(
        f"{n} {kind}{'s' if n != 1 and kind != 'loss' else 'es' if n != 1 else ''}"
        for kind, n in row["records"].items()
    )
    return row["name"], row["distribution"], row["version"], row["state"], row["reason"] or offers


@plugins.command()
@click.argument("name")
@common_options
def check(name):
    """Load the plugin NAME and try out everything that it offers; exit code 5 if something fails."""
    from nbdl import registry
    from nbdl.testing import check_plugin

    try:
        checked = check_plugin(name)
    except VerificationError as error:
        fault = PluginError("plugin `{}` does not do what it says: {}", name, error)
        (kinds,) = ({kind for kind, _ in p.records} for p in registry.default().plugins() if p.name == name)
        kernel = "nbdl kernels verify NAME for a kernel of it, and " * ("kernel" in kinds)
        fault.add_note(f"try: {kernel}--debug for the traceback")
        raise fault from error
    rows = [{"kind": kind, "name": each} for kind, each in checked]
    emit(
        {"name": name, "checked": rows},
        lambda: "\n".join([*(f"{r['kind']} {r['name']}: ok" for r in rows), f"plugin {name}: ok"]),
    )
