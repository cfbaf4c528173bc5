"""``nbdl translate``: sentences in another language, and how near they are to translations by people."""

import sys

import click

from nbdl.cli import _net
from nbdl.cli._errors import advised
from nbdl.cli._output import common_options, emit, figure, table
from nbdl.errors import UsageError


@click.command()
@click.argument("path", metavar="RUN")
@click.argument("sentences", nargs=-1, metavar="[SENTENCE]...")
@click.option("--file", metavar="FILE", help="Translate the lines of a text file.")
@click.option("--references", metavar="FILE", help="Translate a file of pairs, and compare.")
@click.option(
    "--test", is_flag=True, help="Translate the pairs that the run was not trained on, and compare."
)
@click.option(
    "--bleu",
    "k",
    type=click.IntRange(min=1),
    default=2,
    metavar="K",
    help="Compare runs of up to K tokens. Default: 2.",
)
@click.option("--beam", type=int, default=1, metavar="N", help="Follow N translations at once. Default: 1.")
@click.option(
    "--length-penalty",
    type=float,
    default=0.75,
    metavar="X",
    help="The larger, the longer translations are. Default: 0.75.",
)
@_net.option
@common_options
def translate(path, sentences, file, references, test, k, own, **options):
    """Translate sentences by a trained model (the folder of a run of seq2seq, bahdanau or transformer).

    Without sentences, a file or pairs, the lines of stdin are translated. Of pairs BLEU is the mean over the
    sentences, each compared with that of its translations which it is nearest to.

    \b
    nbdl translate runs/seq2seq-fra-eng-001 "go ." "i lost ." --beam 4
    nbdl translate runs/seq2seq-fra-eng-001 --test --bleu 4
    """
    import nbdl.train
    from nbdl import registry
    from nbdl.data._pairs import LENGTH, SIDES
    from nbdl.train._save import check_weights
    from nbdl.train._translate import best_bleu, translations

    given = {"sentences": bool(sentences), "--file": file, "--references": references, "--test": test}
    given = [name for name, value in given.items() if value]
    if len(given) > 1:
        raise UsageError("{} exclude each other", " and ".join(given))
    net, config, preparation = nbdl.train.load_run(path, _net.made(own))
    if config is None:
        raise advised(UsageError("a model file does not say how it reads"), path, "the run's folder instead")
    if not set(SIDES) <= set(preparation.vocabularies):
        other = "nbdl generate, or " if preparation.vocabularies else ""
        what = "the model does not translate: it has no vocabularies of two languages"
        raise advised(UsageError(what), path, f"{other}a run of: nbdl train seq2seq --data PAIRS.txt")
    check_weights(net, path)
    known = {}
    if references or test:
        known = _references(references, config, preparation.vocabularies)
        sentences = known
    elif not sentences:
        sentences = _lines(file)
    length = config.data_options.get("length", LENGTH)
    with registry.swap(**config.swap):
        found = translations(net, list(sentences), preparation.vocabularies, length=length, **options)
    rows = [{"source": t.source, "translation": t.text, "score": t.score} for t in found]
    result = {"translations": rows, **options, "model": path}
    if known:
        for row, t in zip(rows, found):
            row["bleu"] = best_bleu(t, known[t.source], k)
        result |= {"bleu": sum(row["bleu"] for row in rows) / len(rows), "k": k}
    emit(result, lambda: _report(rows, result))


def _report(rows, result):
    columns = ["source", "translation", *(["bleu"] if "bleu" in result else [])]
    cells = [[figure(row[c]) if c == "bleu" else row[c] for c in columns] for row in rows]
    text = table(columns, cells)
    if "bleu" in result:
        text += f"\n\nBLEU-{result['k']} of {len(rows)} sentences  {figure(result['bleu'])}"
    return text


def _references(path, config, vocabularies):
    """The tokens of all translations, by the sentences of a file, or of the run's own for testing."""
    from nbdl.data._fault import expanded, fault
    from nbdl.data._pairs import held_out, read_sentences

    own = path is None
    path = expanded(config.data if own else path)
    options = config.data_options if own else {}
    pairs = read_sentences(path, options.get("lines"))
    sources, targets = pairs["source"], pairs["target"]
    kept = [True] * len(sources)
    if own:
        choice = {k: options[k] for k in ("test_fraction", "seed", "testing") if k in options}
        kept = held_out(sources, path, **choice)
    found = {}
    for source, target, keep in zip(sources, targets, kept):
        if keep:
            found.setdefault(source, []).append(vocabularies["target"].split(target))
    if not found:
        raise fault("it is empty", path, "source, a tab, target")
    return found


def _lines(path):
    """The lines of a file, or of stdin, but those that are empty."""
    from nbdl.data._fault import expanded, fault
    from nbdl.data._reading import read_text

    if path is None:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError('no sentence is given. Try nbdl translate RUN "go ."')
        try:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise fault(f"it is no text in UTF-8: {error}", "stdin", "a text in UTF-8") from error
    else:
        text = read_text(expanded(path))
    where = "stdin" if path is None else path
    lines = [line.strip() for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            raise fault(f"line {number} has a tab", where, "--references, if it is a file of pairs")
    lines = [line for line in lines if line]
    if not lines:
        raise fault("it is empty", where, "a sentence in each line")
    return lines
