"""``nbdl ngrams``: the most frequent runs of tokens of a text, and Zipf's law of their ranks."""

from pathlib import Path

import click

from nbdl.cli._output import common_options, emit, note, pairs, table


@click.command()
@click.argument("file", metavar="FILE|FOLDER")
@click.option("-n", "lengths", type=click.IntRange(min=1), multiple=True, help="Tokens of a run; repeatable.")
@click.option("--tokens", type=click.Choice(["char", "word"]), default="word", help="Default: word.")
@click.option("--as-is", is_flag=True, help="Keep case and punctuation marks.")
@click.option("--top", type=click.IntRange(min=0), default=10, help="Runs that are shown. Default: 10.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png", help="Counts over ranks.")
@common_options
def ngrams(file, lengths, tokens, as_is, top, plot):
    """Count runs of 1, 2 and 3 tokens (or those that -n says) of a text, or of a folder of .txt files.

    \b
    nbdl ngrams book.txt
    nbdl ngrams book.txt -n 1 -n 2 --tokens char --plot zipf.png
    """
    from nbdl.data import Vocabulary, ngram_counts, tokenize, zipf_exponent, zipf_picture
    from nbdl.data._fault import expanded, fault
    from nbdl.data._reading import read_texts
    from nbdl.train import _files

    path = expanded(file)
    cut = tokenize(read_texts(path), tokens, not as_is)
    if not cut:
        raise fault(f"the text holds no {tokens}", path, "a longer text, or --as-is")
    vocabulary = Vocabulary.of(cut, unit=tokens, normalize=not as_is)
    ids, found, curves = vocabulary.ids(cut), [], {}
    for n in lengths or (1, 2, 3):
        grams, counts = ngram_counts(ids, n)
        first = [(vocabulary.decode(row), int(count)) for row, count in zip(grams[:top], counts)]
        exponent = zipf_exponent(counts) if len(counts) > 1 else None
        found.append({"n": n, "different": len(counts), "zipf_exponent": exponent, "top": first})
        curves[f"n = {n}"] = counts
    if plot is not None:
        _files.write_bytes(plot, zipf_picture(curves, path.name))
        note(f"picture: {plot}")
    emit({"tokens": len(cut), "unit": tokens, "ngrams": found}, lambda: _report(len(cut), found))


def _report(tokens, found):
    parts = [pairs([("tokens", tokens)])]
    for each in found:
        head = f"n = {each['n']}: {each['different']} different"
        if each["zipf_exponent"] is not None:
            head += f", Zipf exponent {each['zipf_exponent']:.3f}"
        rows = [(gram.replace("\n", "\\n"), count) for gram, count in each["top"]]
        parts.append(f"{head}\n{table(['tokens', 'count'], rows)}" if rows else head)
    return "\n\n".join(parts)
