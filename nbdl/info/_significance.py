r"""Whether an estimate could be chance, and how far it may be off.

A permutation test estimates again after one sample was shuffled, which leaves its distribution as it is and
breaks the dependence that is asked about:

========== ===============================================================================================
"global"   all rows: for samples without order
"block"    runs of neighbouring rows: for series, where a row resembles those before it
"local"    rows with the same, or nearly the same, value of what is known already: for conditional
           measures, where a global shuffle would break the dependence of X on Z too
========== ===============================================================================================

`_null.py` says which rows are moved for which measure.

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
from nbdl.errors import DataError, OptionError
from nbdl.info._estimate import nats_of
from nbdl.info._labels import OF_INFORMATION
from nbdl.info._null import LESS, check_measure, null_of
from nbdl.info._repeated import Repeated
from nbdl.info._series import check_integer
from nbdl.info._shuffle import resample, rows_of
from nbdl.info._telling import telling

RESAMPLED = {  # the measures that have intervals: how many samples they take, at least and at most
    "entropy": (1, 1),
    "active_information_storage": (1, 1),
    "mutual_information": (2, 2),
    "conditional_entropy": (2, 2),
    "transfer_entropy": (2, 3),
    "conditional_mutual_information": (3, 3),
}
ROUNDING = 1e-12  # nats by which two sums of the same terms may differ


class PermutationTest(NamedTuple):
    """What a permutation test found."""

    estimate: float
    p_value: float  # of an estimate that says as much by chance: as large, of some measures as small
    z_score: float  # how many standard deviations of the null the estimate is above the mean of the null
    null: np.ndarray  # the estimate after each shuffle, in the order of their numbers

    def __repr__(self):
        return _in_short(self)


class Interval(NamedTuple):
    """What resampling found."""

    estimate: float
    low: float
    high: float
    standard_error: float
    values: np.ndarray  # the estimate of each resample, in the order of their numbers

    def __repr__(self):
        return _in_short(self)


def _in_short(result):
    """A named tuple of numbers and one array, which is told by its length."""
    shown = (f"{v:.6g}" if np.ndim(v) == 0 else f"<{len(v)} estimates>" for v in result)
    return f"{type(result).__name__}({', '.join(map('='.join, zip(result._fields, shown)))})"


def permutation_test(
    measure,
    *samples,
    estimator=None,
    permutations=200,
    method=None,
    block=None,
    neighbours=None,
    seed=0,
    threads=None,
    base="e",
    nan_policy="raise",
    **options,
):
    """Test a measure of dependence, or of difference, against what shuffles make of it.

    Parameters
    ----------
    measure : str
        "mutual_information", "conditional_entropy", "conditional_mutual_information", and the agreement of
        labels ("normalized_mutual_information", ...): x is shuffled. "transfer_entropy": x is the source,
        whose histories are shuffled, y the target, z what else is given; "active_information_storage" of x
        alone. "total_correlation": every sample but the last one. "kl_divergence": rows of x and y are dealt
        again to both, a test whether they are samples of one distribution.
    *samples : (N,) or (N, D)
        x, y, z, as of the measure. The name of an estimator may come last.
    estimator : str, optional
        As of the measure.
    permutations : int
        How many shuffles; p is at least 1 / (1 + permutations).
    method : "global", "block" or "local", optional
        See the head of this file. If not given "block" where `block` is, "local" where something is known
        already, else "global".
    block : int, optional
        Rows of a block; the square root of N if not given.
    neighbours : int, optional
        For "local" with a continuous condition: a row may take the value of one of so many rows that are
        nearest in the condition, itself among them; 5 if not given. Where `x` follows several columns of the
        condition steeply, near is not near enough, and p-values are too small (docs/info/significance.md has
        figures).
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
    if base != "e" and measure in OF_INFORMATION and measure != "variation_of_information":
        raise OptionError("`{}` has no unit, got `base` {!r}", measure, base)
    nats, (samples, estimator) = nats_of(base), _named_last(samples, estimator)
    shuffling = {"method": method, "block": block, "neighbours": neighbours}
    after = null_of(measure, samples, estimator, nan_policy, options, **shuffling)
    null = _map(lambda number: after(seed, number), permutations, threads)
    observed, sign = after.observed, -1 if measure in LESS else 1
    as_much = int((sign * null >= sign * observed - ROUNDING).sum())
    finite = permutations > 1 and np.isfinite(null).all()
    spread = null.std(ddof=1) if finite else math.nan
    z_score = (observed - null.mean()) / spread if spread > ROUNDING else math.nan
    return PermutationTest(observed / nats, (1 + as_much) / (1 + permutations), float(z_score), null / nats)


def bootstrap(
    measure,
    *samples,
    estimator=None,
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
    measure, *samples, estimator
        As in `permutation_test`: "entropy" of one sample, "mutual_information", "conditional_entropy",
        "conditional_mutual_information", "transfer_entropy", "active_information_storage".
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
    samples, estimator = _named_last(samples, estimator)
    check_measure(measure, samples, RESAMPLED)
    work = Repeated(measure, samples, estimator, nan_policy, options)
    blocks, half = -(-work.rows // block), work.record.data != "discrete"
    if blocks < 2:
        raise OptionError("`block` must leave at least 2 blocks of {} rows, got {}", work.rows, block)

    def one(number):
        return work.value(rows_of(resample(seed, number, blocks, half), block, work.rows))

    nats = nats_of(base)
    estimate, values = work.value(np.arange(work.rows)) / nats, _map(one, resamples, threads) / nats
    if (infinite := int((~np.isfinite(values)).sum())) or not math.isfinite(estimate):
        text = (
            "`{}` is {} of all rows, and infinite of {} of {} resamples: there is no interval. Try noise=1e-6"
        )
        raise DataError(text, measure, estimate, infinite, resamples)
    drawn = blocks // 2 if half else blocks
    deviations = (values - values.mean()) * (math.sqrt(drawn / (blocks - drawn)) if half else 1.0)
    low, high = estimate - np.quantile(deviations, [(1 + level) / 2, (1 - level) / 2])
    return Interval(estimate, float(low), float(high), float(deviations.std(ddof=1)), values)


def _named_last(samples, estimator):
    """Samples and estimator, where its name stands behind the samples, as in a call of the measure itself."""
    if samples and isinstance(samples[-1], str):
        if estimator is not None:
            raise OptionError("two estimators are given, {!r} and {!r}", samples[-1], estimator)
        *samples, estimator = samples
    return [s for s in samples if s is not None], estimator


def _check_seed(seed):
    check_integer("`seed`", seed, 0)
    if seed >= 2**63:
        raise OptionError("`seed` must be at most 2^63 - 1, got {}", seed)


def _map(one, count, threads):
    """[one(0), one(1), ...] as float64, on so many threads."""
    threads = thread_count(threads)

    def quietly(number):
        with telling(False):  # the estimate itself has said it
            return one(number)

    if threads == 1:
        return np.array([quietly(number) for number in range(count)])
    with ThreadPoolExecutor(threads) as pool:
        return np.array(list(pool.map(quietly, range(count))))
