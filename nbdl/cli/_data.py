"""``nbdl data``: the data sets that --data knows by name."""

import click

from nbdl.cli._output import common_options, emit, table


@click.group()
@common_options
def data():
    """The data sets that --data knows by name. It also takes a path: .npz, .csv, or a folder of IDX files."""


@data.command("list")
@common_options
def list_data():
    """List the data sets."""
    from nbdl import registry

    known = registry.default()
    rows = [
        {"name": name, "about": known.get("dataset", name).about, "plugin": known.owner("dataset", name).name}
        for name in known.names("dataset")
    ]
    emit(rows, lambda: table(["name", "about", "plugin"], [tuple(row.values()) for row in rows]))
