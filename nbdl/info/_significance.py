r"""Whether an estimate could be chance, and how far it may be off.

A permutation test estimates again after one sample was shuffled, which leaves its distribution as it is and
breaks the dependence that is asked about:

========== ===============================================================================================
"global"   all rows: for samples without order
"block"    runs of neighbouring rows: for series, where a row resembles those before it
"local"    rows with the same, or nearly the same, value of what is known already: for conditional
           measures, where a global shuffle would break the dependence of X on Z too
========== ===============================================================================================

.. math::
    p = \frac{1 + \#\{i : null_i \ge estimate\}}{1 + n} \qquad
    z = \frac{estimate - \overline{null}}{s_{null}}

So p is never 0, and where there is no dependence it is at most a with a probability of at most a. Shuffle i
is a function of (seed, i) alone: the result has the same bits for any number of threads.

Phipson and Smyth, Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9 (2010), eq. 2.
Runge, Conditional independence testing based on a nearest-neighbor estimator of conditional mutual
information, AISTATS (2018). Carlstein, Ann. Statist. 14 (1986), for blocks. Politis and Romano, Ann. Statist.
22 (1994), for subsamples.
"""

import math
import numbers
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from nbdl._cores import thread_count
from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.info._counts import Joint, relabel
from nbdl.info._measures import (
    by_estimator,
    choose,
    entropies,
    function_of,
    in_bounds,
    nats_of,
    sizes_of,
)
from nbdl.info._samples import read, same_length, without_missing
from nbdl.info._series import check_integer, problem
from nbdl.info._shuffle import Anywhere, Blocks, Near, Within, resample, rows_of

ARGUMENTS = {  # how many samples a measure takes
    "entropy": (1,),
    "active_information_storage": (1,),
    "mutual_information": (2,),
    "transfer_entropy": (2, 3),
    "conditional_mutual_information": (3,),
}
ROUNDING = 1e-12  # nats by which two sums of the same terms may differ


class PermutationTest(NamedTuple):
    """What a permutation test found."""

    estimate: float
    p_value: float  # of an estimate as large as this by chance
    z_score: float  # how many standard deviations of the null the estimate is above the mean of the null
    null: np.ndarray  # the estimate after each shuffle, in the order of their numbers


class Interval(NamedTuple):
    """What resampling found."""

    estimate: float
    low: float
    high: float
    standard_error: float
    values: np.ndarray  # the estimate of each resample, in the order of their numbers


def permutation_test(
    measure,
    x,
    y=None,
    z=None,
    estimator=None,
    *,
    permutations=200,
    method=None,
    block=None,
    neighbours=5,
    seed=0,
    threads=None,
    base="e",
    nan_policy="raise",
    **options,
):
    """Test a measure of dependence against shuffles of `x`.

    Parameters
    ----------
    measure : str
        "mutual_information"; "conditional_mutual_information"; "transfer_entropy": x is the source, whose
        histories are shuffled, y the target, z what else is given; "active_information_storage" of x alone.
    x, y, z : (N,) or (N, D)
        As of the measure.
    estimator : str, optional
        As of the measure.
    permutations : int
        How many shuffles; p is at least 1 / (1 + permutations).
    method : "global", "block" or "local", optional
        See the head of this file. If not given "block" where `block` is, "local" where something is known
        already, else "global".
    block : int, optional
        Rows of a block; the square root of N if not given.
    neighbours : int
        For "local" with a continuous condition: a row may take the value of one of so many rows that are
        nearest in the condition, itself among them. Where `x` follows several columns of the condition
        steeply, near is not near enough, and p-values are too small (docs/info/significance.md has figures).
    seed : int
        From 0 to 2^63 - 1.
    threads : int, optional
        All processors if not given.
    base, **options
        As of the measure.
    nan_policy : "raise" or "omit"
        What is done about missing values.

    Returns
    -------
    PermutationTest
        A named tuple: estimate, p_value, z_score, null.

    Raises
    ------
    OptionError, ShapeError, UsageError
        On options out of range, and all that the measure refuses.
    """
    check_integer("`permutations`", permutations, 1)
    _check_seed(seed)
    work = _Work(measure, (x, y, z), estimator, nan_policy, options)
    shuffle = work.shuffler(method, block, neighbours)
    observed = work.value(np.arange(work.rows))
    value = work.shuffled()
    null = _map(lambda number: value(shuffle(seed, number)), permutations, threads)
    as_large = int((null >= observed - ROUNDING).sum())
    spread = null.std(ddof=1) if permutations > 1 else math.nan
    z_score = (observed - null.mean()) / spread if spread > ROUNDING else math.nan
    nats = nats_of(base)
    return PermutationTest(observed / nats, (1 + as_large) / (1 + permutations), float(z_score), null / nats)


def bootstrap(
    measure,
    x,
    y=None,
    z=None,
    estimator=None,
    *,
    resamples=1000,
    level=0.95,
    block=1,
    seed=0,
    threads=None,
    base="e",
    nan_policy="raise",
    **options,
):
    """An interval for a measure, from estimates of parts of the data.

    Discrete data is drawn with replacement. Continuous data is not, for a row that occurs twice is its own
    nearest neighbour: each resample is a random half of the rows, whose estimates scatter as much as those of
    all rows would in further samples. The interval has the quantiles of the deviations from their mean,
    mirrored at the estimate; it does not take away a bias that the estimator has.

    Parameters
    ----------
    measure, x, y, z, estimator
        As in `permutation_test`; also "entropy" of x alone.
    resamples : int
        How many: at least 2.
    level : float
        Of confidence, between 0 and 1.
    block : int
        Rows that are drawn together, for series: about as many as resemble one another.
    seed, threads, base, nan_policy, **options
        As in `permutation_test`.

    Returns
    -------
    Interval
        A named tuple: estimate, low, high, standard_error, values.
    """
    check_integer("`resamples`", resamples, 2)
    _check_seed(seed)
    check_integer("`block`", block, 1)
    if not isinstance(level, numbers.Real) or not 0 < level < 1:
        raise OptionError("`level` must be between 0 and 1, got {!r}", level)
    work = _Work(measure, (x, y, z), estimator, nan_policy, options)
    blocks, half = -(-work.rows // block), work.record.data != "discrete"
    if blocks < 2:
        raise OptionError("`block` must leave at least 2 blocks of {} rows, got {}", work.rows, block)

    def one(number):
        return work.value(rows_of(resample(seed, number, blocks, half), block, work.rows))

    nats = nats_of(base)
    estimate, values = work.value(np.arange(work.rows)) / nats, _map(one, resamples, threads) / nats
    drawn = blocks // 2 if half else blocks
    deviations = (values - values.mean()) * (math.sqrt(drawn / (blocks - drawn)) if half else 1.0)
    low, high = estimate - np.quantile(deviations, [(1 + level) / 2, (1 - level) / 2])
    return Interval(estimate, float(low), float(high), float(deviations.std(ddof=1)), values)


class _Work:
    """A measure of samples that are read, checked and without missing values, to be taken many times."""

    def __init__(self, measure, samples, estimator, nan_policy, options):
        if measure not in ARGUMENTS:
            raise UsageError("`measure` must be one of {}, got {!r}", ", ".join(ARGUMENTS), measure)
        if nan_policy not in ("raise", "omit"):
            raise OptionError('`nan_policy` must be "raise" or "omit", got {!r}', nan_policy)
        samples = [s for s in samples if s is not None]
        if len(samples) not in ARGUMENTS[measure]:
            wanted = " or ".join(map(str, ARGUMENTS[measure]))
            raise ShapeError("`{}` takes {} samples, got {}", measure, wanted, len(samples))
        self.measure, named, estimator, options = problem(measure, samples, estimator, options)
        samples = [read(name, x) for name, x in named.items()]
        same_length(samples)
        self.samples, _ = without_missing(samples, None, nan_policy)
        self.rows = len(self.samples[0].values)
        self.record = choose(self.measure, self.samples, estimator)
        self.options = dict(options)
        if self.record.data == "discrete":
            k = self.options.pop("k", None)
            self.entropy = function_of(self.record, "entropy", self.options)
            joint = Joint([s.values for s in self.samples])
            self.sizes = sizes_of(k, [s.name for s in self.samples], joint)
            self.terms = entropies(self.measure, len(self.samples))
            groups = {(0,), *(part for _, g in self.terms for part in (g, g[1:]) if part)}
            self.codes = {group: _smallest(joint.codes(group)[0]) for group in groups}

    def value(self, rows):
        """The estimate from these rows alone, in nats."""
        if self.record.data == "discrete":
            h = {group: self._entropy_of(group, self.codes[group][rows]) for _, group in self.terms}
            value = sum(factor * h[group] for factor, group in self.terms)
            return in_bounds(self.measure, value, h) if self.record.name == "ml" else value
        taken = [s.taking(rows) for s in self.samples]
        return by_estimator(self.record, self.measure, taken, False, 1, self.options)

    def shuffled(self):
        """A function of an order: the estimate with the rows of the first sample in that order.

        Of discrete data, the entropies that the order does not change are computed once.
        """
        if self.record.data != "discrete":
            return self._shuffled_by_estimator() or self._reordered
        mine = self.codes[0,]
        moving = [(factor, group) for factor, group in self.terms if group[0] == 0 and group[1:]]
        fixed = [(factor, group) for factor, group in self.terms if (factor, group) not in moving]
        constant = sum(factor * self._entropy_of(group, self.codes[group]) for factor, group in fixed)

        def value(order):
            x = mine[order]
            return constant + sum(
                f * self._entropy_of(group, x, self.codes[group[1:]]) for f, group in moving
            )

        return value

    def _shuffled_by_estimator(self):
        """The same, by an estimator that has a way of its own to do it many times; else None."""
        name = f"shuffled_{self.measure}"
        if name not in self.record.measures or any(s.kind == "discrete" for s in self.samples):
            return None
        return function_of(self.record, name, self.options)(*(s.values for s in self.samples), **self.options)

    def _reordered(self, order):
        first, *others = self.samples
        return by_estimator(self.record, self.measure, [first.taking(order), *others], False, 1, self.options)

    def _entropy_of(self, group, *codes):
        """The entropy of a group of samples, given codes that stand for its rows together."""
        counts = Joint(codes).counts(tuple(range(len(codes))))
        return float(self.entropy(counts, k=math.prod(self.sizes[i] for i in group), **self.options))

    def shuffler(self, method, block, neighbours):
        """The random orders of `method`: a function of seed and number."""
        if len(self.samples) < 2:
            raise UsageError("a permutation test is one of dependence, got `{}`", self.measure)
        known = self.samples[2] if len(self.samples) > 2 else None
        if method is None:
            method = "block" if block is not None else "global" if known is None else "local"
        if method not in ("global", "block", "local"):
            raise OptionError('`method` must be "global", "block" or "local", got {!r}', method)
        if block is not None and method != "block":
            raise OptionError('`block` is for method "block", got {!r}', method)
        if method == "global":
            return Anywhere(self.rows)
        if method == "block":
            size = math.isqrt(self.rows) if block is None else block
            check_integer("`block`", size)
            return Blocks(self.rows, size)
        if known is None:
            raise OptionError(
                '`method` "local" is for measures with a condition, `{}` has none', self.measure
            )
        if known.kind == "discrete":
            return Within(known.values)
        check_integer("`neighbours`", neighbours)
        return Near(known.values, neighbours)


def _check_seed(seed):
    check_integer("`seed`", seed, 0)
    if seed >= 2**63:
        raise OptionError("`seed` must be at most 2^63 - 1, got {}", seed)


def _smallest(codes):
    """Codes 0, 1, ... without gaps, in the smallest integers that hold them: counting is faster."""
    codes, size = relabel(codes)
    return codes.astype(np.min_scalar_type(size))


def _map(one, count, threads):
    """[one(0), one(1), ...] as float64, on so many threads."""
    threads = thread_count(threads)
    if threads == 1:
        return np.array([one(number) for number in range(count)])
    with ThreadPoolExecutor(threads) as pool:
        return np.array(list(pool.map(one, range(count))))
