"""``nbdl info``: information measures of the columns of a file."""

import contextlib
import re
import warnings
from pathlib import Path

import click

from nbdl.cli._info_answers import scan, value
from nbdl.cli._info_asked import lags_of, read
from nbdl.cli._info_bottleneck import NAME, bottleneck
from nbdl.cli._info_matrix import matrix
from nbdl.cli._info_report import list_all, report, save
from nbdl.cli._output import check_picture, common_options, emit, note
from nbdl.errors import UsageError

WARNINGS = 3  # that are shown
FLAGS = {  # what Python's options are called here
    ", or one for each sample": "",
    r"discrete=True\b": "--discrete COL",
    r"discrete=False\b": "--continuous COL",
    r'estimator="(\w+)"': r"--estimator \1",
}


@click.command()
@click.argument("measure", required=False, metavar="MEASURE")
@click.argument("file", required=False, metavar="FILE")
@click.option("-x", "xs", multiple=True, metavar="COL", help="Columns of the first sample, or of every one.")
@click.option("-y", "ys", multiple=True, metavar="COL", help="Columns of the second.")
@click.option("-z", "zs", multiple=True, metavar="COL", help="Columns of the third.")
@click.option("--weights", metavar="COL", help="How much each row counts, for discrete data.")
@click.option("--trials", metavar="COL", help="Series: a change in this column begins another trial.")
@click.option("--mask", metavar="COL", help="The rows that count, for which this column is 1 or true.")
@click.option("--exclude", multiple=True, metavar="COL", help="None of the variables, where all columns are.")
@click.option("--discrete", multiple=True, metavar="COL", help="The values of these columns are symbols.")
@click.option("--continuous", multiple=True, metavar="COL", help="The values of these columns are measured.")
@click.option("--estimator", metavar="NAME", help="By default one that fits the kinds of the columns.")
@click.option("--k", metavar="N", help="Nearest neighbours; for discrete data sizes of alphabets, N or N,N.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any other option of the measure.")
@click.option("--base", metavar="2|e|10|bits", help="Of the logarithm; nats if not given.")
@click.option(
    "--nan-policy",
    type=click.Choice(["raise", "omit", "propagate"]),
    help="Rows with missing values: an error (if not given), left out, or no result.",
)
@click.option(
    "--permutations",
    type=click.IntRange(0),
    metavar="N",
    help="A p-value, from N shuffles of x; with 0 from a formula, for estimators ml and gaussian.",
)
@click.option("--bootstrap", type=click.IntRange(2), metavar="N", help="A 95 % interval, from N resamples.")
@click.option("--lags", metavar="A:B", help="A value for each lag from A to B: x so many rows before y.")
@click.option("--pairwise", is_flag=True, help="A matrix of all pairs of columns, or of those given by -x.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png", help="Of --pairwise or --lags.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Of shuffles and resamples. Default: 0.")
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Default: all cores. Results do not depend on it."
)
@click.option("--list", "listing", is_flag=True, help="List the measures and the estimators.")
@common_options
def info(measure, file, listing, pairwise, lags, plot, **given):
    """Entropy, mutual information and their kin, of the columns of a table.

    FILE is .csv, .npy, .npz, or a name of `nbdl data list`. A column COL is given by its name or its number
    from 0; a,b are two columns as one joint variable. Text and numbers of few values are discrete, other
    numbers continuous where they are measured: the result says how each column was taken, --discrete and
    --continuous change it. A missing value is an empty field or NaN, and NA, N/A or ? in a column of numbers.

    \b
    MEASURE                          of
    entropy                          -x
    conditional_entropy              -x when -y is known
    mutual_information               -x and -y
    conditional_mutual_information   -x and -y when -z is known
    kl_divergence                    -x from -y
    transfer_entropy                 from -x to -y, -z known too: rows are times
    total_correlation                -x -x -x: any number of variables
    information_bottleneck           -x and -y, symbols: a curve; --set betas=[4,2]
    and others                       see --list

    \b
    nbdl info mutual_information iris.csv -x petal_length -y species --base bits --permutations 1000
    nbdl info mutual_information iris.csv --pairwise --plot matrix.png
    """
    if listing:
        list_all()
        return
    if not measure or not file:
        raise UsageError("a measure and a file are needed. Try nbdl info entropy FILE -x COL, or --list")
    _check_together(pairwise, lags, given["bootstrap"])
    if plot is not None:
        _check_plot(plot, pairwise or lags or measure == NAME)
    if measure == NAME:
        if pairwise or lags:
            raise UsageError("`{}` takes no --{}", NAME, "pairwise" if pairwise else "lags")
        asked = read("mutual_information", file, lags=lags, **given)
        with telling():
            bottleneck(asked, plot, Path(file).name)
        return
    asked = read(measure, file, lags=lags, **given)
    with telling():
        if pairwise:
            answer = matrix(asked)
        elif lags:
            answer = scan(asked, lags_of(lags))
        else:
            answer = value(asked)
    emit(answer, lambda: report(answer))
    if plot is not None:
        save(plot, answer, Path(file).name)
        note(f"picture: {plot}")


def _check_together(pairwise, lags, bootstrap):
    if pairwise and (lags or bootstrap):
        raise UsageError("--pairwise goes with --permutations alone, not with --lags or --bootstrap")
    if lags and bootstrap:
        raise UsageError("--lags goes with --permutations, not with --bootstrap")


def _check_plot(path, drawn):
    """What would make the picture fail, before anything is computed."""
    if not drawn:
        raise UsageError(
            "there is a picture of a matrix, of lags or of a bottleneck. Try --pairwise or --lags with --plot"
        )
    check_picture(path)


@contextlib.contextmanager
def telling():
    """Says so on stderr when something must be compiled, which takes seconds; shows the first warnings."""
    from nbdl import _jit

    told = []

    def tell(name):
        if not told:
            note("compiling for this machine, once")
        told.append(name)

    with _jit.watch(tell), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    texts = list(dict.fromkeys(" ".join(str(w.message).split()) for w in caught))
    for text in texts[:WARNINGS]:
        for option, flag in FLAGS.items():
            text = re.sub(option, flag, text)
        note(f"warning: {text}")
    if len(texts) > WARNINGS:
        note(f"and {len(texts) - WARNINGS} more warnings like these")
