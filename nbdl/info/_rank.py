r"""Which columns say most about another one, and which say what the others have not said.

With the columns S that were chosen before, the next one is that of the largest

========= ======================================================= ==========================================
none      I(X_i; Y)                                               what it says alone
"mrmr"    I(X_i; Y) - mean of I(X_i; X_s) over s in S             relevance less redundancy
"jmi"     mean of I(X_i, X_s; Y) over s in S                      what it says beside each of the others
========= ======================================================= ==========================================

.. math:: I(X_i, X_s; Y) = I(X_s; Y) + I(X_i; Y | X_s)

The first one is that of the largest I(X_i; Y). Of p-values p_(1) <= ... <= p_(m) the q-value of the k-th is
the smallest rate of false discoveries at which it is still one:

.. math:: q_{(k)} = \min_{j \ge k} \frac{m}{j} p_{(j)}

Peng, Long and Ding, Feature selection based on mutual information, IEEE Trans. Pattern Anal. Mach. Intell.
27 (2005), eq. 6. Yang and Moody, Data visualization and feature selection, NIPS (1999). Brown et al.,
Conditional likelihood maximisation, J. Mach. Learn. Res. 13 (2012), who compare them. Benjamini and Hochberg,
Controlling the false discovery rate, J. R. Stat. Soc. B 57 (1995).
"""

import math
from typing import NamedTuple

import numpy as np

from nbdl import registry
from nbdl._cores import thread_count
from nbdl.errors import OptionError, UsageError
from nbdl.info._mask import counting, rows_that_count
from nbdl.info._pairwise import Pairs, columns_of
from nbdl.info._samples import check_nan_policy, read, said_of, same_length
from nbdl.info._series import check_integer
from nbdl.info._significance import bootstrap, permutation_test

SELECTIONS = (None, "mrmr", "jmi")
CHOSEN = 20  # columns that are chosen one after the other, if nothing is said


class Ranking(NamedTuple):
    """Columns, from the one that says most; every field has one entry for each."""

    names: list  # of text
    columns: np.ndarray  # their places in X
    values: np.ndarray  # I(X_i; Y), or I(X_i; Y | Z)
    scores: np.ndarray  # by which the column was chosen; the values where nothing else was asked for
    low: np.ndarray | None  # the ends of 95 % intervals of the values, where resamples were asked for
    high: np.ndarray | None
    p_values: np.ndarray | None  # where permutations were asked for
    q_values: np.ndarray | None  # of all columns together, those that are not shown too

    def __repr__(self):
        few = [f"{name}: {value:.4g}" for name, value in zip(self.names[:5], self.values)]
        more = f", and {len(self.names) - 5} more" if len(self.names) > 5 else ""
        return f"Ranking({', '.join(few)}{more})"


def rank(
    X,
    y,
    estimator=None,
    *,
    select=None,
    top=None,
    discrete=None,
    given=None,
    mask=None,
    permutations=0,
    resamples=0,
    seed=0,
    base="e",
    nan_policy="raise",
    threads=None,
    **options,
):
    """The columns of X by their mutual information with y, the largest first.

    Parameters
    ----------
    X : (N, p), a list of p columns (N,) or (N, D) of any kinds, a mapping of them by name, or a table
        As in `pairwise`.
    y : (N,) or (N, D), or the name of a column of X
        A column of X is not ranked itself.
    estimator : str, optional
        As in `mutual_information`; the default one may differ from column to column.
    select : None, "mrmr" or "jmi"
        How columns that repeat each other are told, see the head of this file. It takes an estimate of each
        pair of a chosen column and one that is not.
    top : int, optional
        How many columns are returned: all if not given, of a selection 20.
    discrete : bool, or one for each column of X and then one for y
        As in `entropy`.
    given : (N,) or (N, D), optional
        What is known already: columns rank by I(X_i; Y | Z). Not with `select`.
    mask : (N,) truth values, optional
        The rows that count.
    permutations : int
        Shuffles of a permutation test of each column; p is at least 1 / (1 + permutations). With many columns
        a q-value is small only where there are as many permutations.
    resamples : int
        For an interval of each value, as in `bootstrap`.
    seed : int
        Of shuffles and resamples, from 0 to 2^63 - 1.
    base, nan_policy, threads, **options
        As in `mutual_information`. "omit" leaves out the rows that lack a value of the column or of y.

    Returns
    -------
    Ranking
        A named tuple of arrays: names, columns, values, scores, low, high, p_values, q_values. A column with
        too few rows is NaN, and comes last.

    Raises
    ------
    OptionError, ShapeError, UsageError
        On options out of range, and all that `mutual_information` refuses.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 1000)
    >>> X = {"noise": rng.random(1000), "signal": y + rng.normal(size=1000), "copy": y}
    >>> nbdl.info.rank(X, y).names
    ['copy', 'signal', 'noise']
    """
    if select not in SELECTIONS:
        raise OptionError('rank: `select` must be None, "mrmr" or "jmi", got {!r}', select)
    if select and given is not None:
        raise UsageError("rank: `given` goes without `select`")
    for name, value in (("permutations", permutations), ("resamples", resamples)):
        check_integer(f"`{name}`", value, 0)
    if top is not None:
        check_integer("`top`", top, 1)
    check_nan_policy(nan_policy)
    columns, name_of_y, y = _with_y(X, y)
    known = {} if given is None else {"given": given}
    if mask is not None:
        keep = rows_that_count(mask, len(next(iter(columns.values()))))
        named, nan_policy = counting({**columns, **known, "": y}, keep, nan_policy, False)
        y, known = named.pop(""), {name: named.pop(name) for name in known}
        columns = named
    said = said_of(discrete, [*columns, name_of_y])
    samples = [read(name, x, d) for (name, x), d in zip([*columns.items(), (name_of_y, y)], said)]
    condition = [read("given", given) for given in known.values()]
    same_length([samples[-1], *samples[:-1], *condition])
    asked = _Asked(
        samples, condition, threads, estimator=estimator, base=base, nan_policy=nan_policy, **options
    )
    values = asked.information()
    few = len(columns) if top is None and not select else min(top or CHOSEN, len(columns))
    order, scores = _chosen(asked, values, select, few)
    p_values = q_values = low = high = None
    if permutations:
        p_values = asked.each(permutation_test, "p_value", permutations=permutations, seed=seed)
        q_values = _q_values(p_values)[order]
        p_values = p_values[order]
    if resamples:
        low, high = asked.each(bootstrap, "low", "high", only=order, resamples=resamples, seed=seed)
    names = list(columns)
    return Ranking(
        [names[i] for i in order], order, values[order], scores, low, high, p_values, q_values
    )  # fmt: skip


def _with_y(X, y):
    """The columns of X, and y, which may be one of them, with the name that errors have for it."""
    columns = columns_of("rank", X)
    if not isinstance(y, str):
        return columns, "y", y
    if y not in columns:
        shown = ", ".join(list(columns)[:CHOSEN])
        raise UsageError("rank: `y` must be samples or a column of `X`, got {!r}; there are {}", y, shown)
    values = columns.pop(y)
    if not columns:
        raise UsageError("rank: `X` has no column but `{}`", y)
    return columns, y, values


class _Asked:
    """Some columns, and the last one that they are asked about."""

    def __init__(self, samples, condition, threads, **options):
        self.samples, self.condition, self.options = samples, condition, options
        self.threads, self.y = thread_count(threads), len(samples) - 1

    def pairs(self, condition=()):
        record = registry.default().get("measure", "mutual_information")
        return Pairs("rank", record, self.samples, condition, {**self.options, "threads": 1})

    def information(self):
        """I(X_i; Y), or I(X_i; Y | Z), of each column."""
        pairs = [(i, self.y) for i in range(self.y)]
        return np.array(self.pairs(self.condition).values(pairs, self.threads))

    def between(self, columns, s):
        """I(X_i; X_s) of some columns."""
        return np.array(self.pairs().values([(i, s) for i in columns], self.threads))

    def beside(self, columns, s):
        """I(X_i; Y | X_s) of some columns."""
        return np.array(self.pairs([self.samples[s]]).values([(i, self.y) for i in columns], self.threads))

    def each(self, function, *fields, only=None, **more):
        """Fields of what a function of `_significance` finds for each column."""
        pairs = self.pairs(self.condition)
        measure = "conditional_mutual_information" if self.condition else "mutual_information"

        def compute(*two, z=None, **options):
            return function(measure, *two, z, **options, **more)

        pairs.compute = compute
        pairs.options["threads"] = self.threads  # of shuffles, of one column after the other
        found = pairs.values([(i, self.y) for i in (range(self.y) if only is None else only)], 1)
        found = np.array([[getattr(each, f, math.nan) for f in fields] for each in found]).T
        return found if len(fields) > 1 else found[0]


def _chosen(asked, values, select, count):
    """Columns in the order in which they are chosen, and by which scores."""
    comparable = np.where(np.isnan(values), -np.inf, values)
    if not select:
        order = np.argsort(-comparable, kind="stable")[:count]
        return order, values[order]
    order, scores, sums = [], [], np.zeros(len(values))
    rest = list(range(len(values)))
    while len(order) < count:
        if not order:
            score = comparable
        elif select == "mrmr":
            sums[rest] += asked.between(rest, order[-1])
            score = comparable - sums / len(order)
        else:
            sums[rest] += asked.beside(rest, order[-1]) + values[order[-1]]
            score = sums / len(order)
        score = np.where(np.isnan(score), -np.inf, score)
        best = max(rest, key=lambda i: score[i])
        order.append(best)
        scores.append(score[best])
        rest.remove(best)
    return np.array(order), np.array(scores)


def _q_values(p_values):
    """Those of Benjamini and Hochberg; NaN where there is no p-value."""
    q_values, found = np.full(len(p_values), np.nan), np.flatnonzero(~np.isnan(p_values))
    order = found[np.argsort(p_values[found], kind="stable")]
    m = len(order)
    bounds = p_values[order] * m / np.arange(1, m + 1)
    q_values[order] = np.minimum(np.minimum.accumulate(bounds[::-1])[::-1], 1)
    return q_values
