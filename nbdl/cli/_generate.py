"""``nbdl generate``: text from a language model, pictures from a variational autoencoder."""

from pathlib import Path

import click

from nbdl.cli import _net
from nbdl.cli._errors import advised
from nbdl.cli._output import common_options, emit, note
from nbdl.errors import UsageError


@click.command()
@click.argument("path", metavar="RUN")
@click.option("--prefix", metavar="TEXT", help="What comes before.")
@click.option("--tokens", type=int, default=200, metavar="N", help="How many to add. Default: 200.")
@click.option("--temperature", type=float, default=1.0, metavar="X", help="Below 1: fewer surprises.")
@click.option("--top-k", type=int, default=0, metavar="N", help="Draw from the N most probable tokens.")
@click.option("--top-p", type=float, default=1.0, metavar="X", help="Draw from those that have this share.")
@click.option("--greedy", is_flag=True, help="Take the most probable token each time.")
@click.option("--beam", type=int, default=0, metavar="N", help="The best text that a beam so wide finds.")
@click.option("--seed", type=int, default=0, metavar="N", help="From 0 to 2^63 - 1. Default: 0.")
@click.option("--samples", type=click.IntRange(1), metavar="N", help="Of an autoencoder. Default: 64.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="States at each token; samples of an autoencoder.",
)
@click.option(
    "--plane",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="Of an autoencoder whose codes have 2 numbers: their plane.",
)
@_net.option
@common_options
def generate(path, prefix, tokens, samples, plot, plane, own, **options):
    """Go on with a text by a trained language model, or draw samples by a variational autoencoder.

    RUN is a run's folder. A language model needs --prefix, an autoencoder --plot or --plane.

    \b
    nbdl generate runs/window_lm-book-001 --prefix "it has"
    nbdl generate runs/window_lm-book-001 --prefix "it has" --temperature 0.8 --top-k 5 --seed 1
    nbdl generate runs/rnn_lm-book-001 --prefix "the time machine" --tokens 40 --plot states.png
    nbdl generate runs/vae-digits-001 --plot samples.png --plane plane.png
    """
    import nbdl.train
    from nbdl import registry
    from nbdl.cli._generate_samples import generate_samples
    from nbdl.data._text import LENGTH
    from nbdl.nn._attention import room
    from nbdl.nn._parameter import per_sample_buffers
    from nbdl.train import _files
    from nbdl.train._generate import encoded
    from nbdl.train._save import check_weights

    net, config, preparation = nbdl.train.load_run(path, _net.made(own))
    if config is None:
        what = "a model file does not say how many tokens it reads at a time"
        raise advised(UsageError(what), path, "the run's folder instead")
    if callable(getattr(net, "decode", None)) and hasattr(net, "latent"):
        if prefix is not None:
            what = "the model draws samples from random codes: it takes no --prefix"
            raise advised(UsageError(what), path, f"nbdl generate {path} --plot samples.png")
        check_weights(net, path)
        generate_samples(net, config, preparation, path, samples, options["seed"], plot, plane)
        return
    if samples is not None or plane is not None:
        what = "--samples and --plane are of a variational autoencoder, and this is none"
        raise advised(UsageError(what), path, "a run of vae, or --prefix for a language model")
    if prefix is None:
        raise advised(UsageError("a language model goes on with a text"), path, '--prefix "it has"')
    vocabulary = preparation.vocabularies.get("text")
    if vocabulary is None:
        what, hint = "the model has no vocabulary: it reads no text", "a language model"
        if preparation.vocabularies:
            what, hint = "the model translates, it goes on with no text", f'nbdl translate {path} "{prefix}"'
        raise advised(UsageError(what), path, hint)
    check_weights(net, path)
    if plot is not None and (not per_sample_buffers(net) or room(net)):
        what = "there is a picture of the states of a recurrent net alone"
        raise advised(UsageError(what), path, "a run of rnn_lm with --plot")
    length = config.data_options.get("length", LENGTH)
    with registry.swap(**config.swap):
        ids = encoded(prefix, vocabulary)
        ids = nbdl.train.generate(net, ids, tokens, vocabulary, length=length, **options)
        if plot is not None:
            shown = [vocabulary.tokens[i] for i in ids]
            picture = nbdl.train.states_picture(nbdl.train.states(net, ids), shown, config.model)
            _files.write_bytes(plot, picture)
            note(f"picture: {plot}")
    text = vocabulary.decode(ids)
    emit({"text": text, "prefix": prefix, "tokens": tokens, **options, "model": path}, lambda: text)
