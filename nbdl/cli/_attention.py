"""``nbdl attention``: which tokens a net looks at, as a table or a picture."""

from pathlib import Path

import click

from nbdl.cli import _net
from nbdl.cli._errors import advised
from nbdl.cli._output import common_options, emit, figure, note, table
from nbdl.errors import UsageError


@click.command()
@click.argument("path", metavar="RUN")
@click.argument("sentence")
@click.option("--target", metavar="TEXT", help="A translation to go by. Default: what the net finds.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png", help="All maps as a picture.")
@_net.option
@common_options
def attention(path, sentence, target, plot, own):
    """Show what each token attends, in each layer and head of a trained model (a run's folder).

    A table has, for each query, the key that it attends most; JSON has all weights.

    \b
    nbdl attention runs/transformer-fra-eng-001 "go ." --plot maps.png
    nbdl attention runs/bahdanau-fra-eng-001 "go ." --target "va !" --format json
    """
    import nbdl.train
    from nbdl import registry
    from nbdl.data._pairs import LENGTH
    from nbdl.train import _files
    from nbdl.train._save import check_weights

    net, config, preparation = nbdl.train.load_run(path, _net.made(own))
    if config is None:
        raise advised(UsageError("a model file does not say how it reads"), path, "the run's folder instead")
    check_weights(net, path)
    length = config.data_options.get("length", LENGTH)
    with registry.swap(**config.swap):
        maps = nbdl.train.attention(net, sentence, preparation.vocabularies, target=target, length=length)
    if plot is not None:
        _files.write_bytes(plot, nbdl.train.attention_picture(maps, config.model))
        note(f"picture: {plot}")
    document = [{**m._asdict(), "weights": m.weights.tolist()} for m in maps]
    emit({"sentence": sentence, "maps": document, "model": path}, lambda: _report(maps))


def _report(maps):
    rows = []
    for name, weights, queries, keys in maps:
        for head, of_head in enumerate(weights):
            for query, given in zip(queries, of_head):
                most = int(given.argmax())
                rows.append([name, str(head), query, keys[most], figure(given[most])])
    return table(["map", "head", "query", "attends most", "weight"], rows)
