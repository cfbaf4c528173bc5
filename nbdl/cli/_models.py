"""``nbdl models``: the models that `nbdl train` knows by name."""

import click

from nbdl.cli._output import common_options, emit, pairs, table

OWN = {  # presets that name no data set
    "table": "your files",
    "text": "your texts",
    "pairs": "your pairs of sentences",
}


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


@models.command()
@click.argument("name")
@common_options
def show(name):
    """Show one model: what it reads, its options, and its settings for each data set.

    Options are given as `nbdl train NAME --set model_options.KEY=VALUE`. Those that follow from the data
    (outputs, vocabulary, image) need not be given.
    """
    import inspect

    from nbdl import registry
    from nbdl.records import resolve

    known = registry.default()
    record, build = known.get("model", name), resolve(known.get("model", name).build)
    options = registry.parameters(build)
    shown = {
        "name": name,
        "about": inspect.getdoc(build) or record.about,
        "reads": _reads(record, build, options),
        "options": {k: None if v is inspect.Parameter.empty else v for k, v in options.items()},
        "presets": {data: dict(values) for data, values in record.presets.items()},
        "plugin": known.owner("model", name).name,
    }
    emit(shown, lambda: _page(shown))


def _reads(record, build, options):
    """What kind of inputs a model is for."""
    import inspect

    from nbdl import nn
    from nbdl.nn._parameter import inside

    if "pairs" in record.presets:
        return "pairs of sentences: a file of lines, with a tab between the two languages"
    if "vocabulary" in options:
        return "text: token ids (N, T)"
    if any(v is inspect.Parameter.empty for v in options.values()):
        return "see above"
    todo, seen = [build()], set()
    while todo:
        thing = todo.pop()
        if isinstance(thing, nn.Conv2d):
            return "images (N, C, H, W)"
        if id(thing) not in seen:
            seen.add(id(thing))
            todo += [item for _, item in inside(thing)]
    return "tables, images, series: samples of any shape"


def _page(shown):
    options = [(f"model_options.{k}", str(v)) for k, v in shown["options"].items()]
    settings = [
        (f"for {OWN.get(data, data)}", ", ".join(f"{k} {v}" for k, v in values.items()) or "the defaults")
        for data, values in shown["presets"].items()
    ]
    return "\n".join(
        [
            f"{shown['name']}: {shown['about']}",
            "",
            pairs([("reads", shown["reads"]), *options, *settings, ("plugin", shown["plugin"])]),
        ]
    )
