"""``nbdl models``: the models that `nbdl train` knows by name."""

import click

from nbdl.cli._output import common_options, emit, table


@click.group()
@common_options
def models():
    """The models that `nbdl train` knows by name."""


@models.command("list")
@common_options
def list_models():
    """List the models, with the data sets that they have settings for; the first is the default."""
    from nbdl import registry

    known = registry.default()
    rows = []
    for name in known.names("model"):
        record = known.get("model", name)
        presets = {data: dict(values) for data, values in record.presets.items()}
        plugin = known.owner("model", name).name
        rows.append({"name": name, "about": record.about, "presets": presets, "plugin": plugin})
    cells = [(r["name"], r["about"], ", ".join(r["presets"]), r["plugin"]) for r in rows]
    emit(rows, lambda: table(["name", "about", "settings for", "plugin"], cells))
