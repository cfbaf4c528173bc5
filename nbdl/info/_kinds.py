r"""What kind the samples of a measure are: one rule for Python, for `pairwise` and for the command line.

What the user says (``discrete=``) holds, and so do text and truth values, which are symbols. Of numbers,

========================= ==============================================================================
entropies                 integers are symbols, floats are continuous: these are different quantities.
                          Floats that are few or whole and recur (`recurs`) are symbols
information               the same quantity either way, so that the dtype does not count. Columns of at
                          most `FEW` values that recur, and integers of so few, are symbols. Numbers of
                          more values are symbols where the combinations seen have `ROWS` rows each, and
                          continuous where there are fewer: then plug-in values are too large
========================= ==============================================================================

Continuous numbers that recur, or lie on a grid, have no density: nearest neighbours tie. They are spread,

.. math:: x_i + h u_i, \qquad u_i \sim U(-\tfrac12, \tfrac12)

with h the step of the grid, or the smaller gap beside a value where there is none. The u are independent of
everything, and x can be read from the sum: each information is exactly what it was. They are counter-based
random numbers, the same for any number of threads. Where single values recur in a continuum (zeros, the end
of a scale) nothing is spread; estimators of such mixtures are taken.

Denuit, Lambert, Constraints on concordance measures in bivariate discrete data, J. Multivariate Anal. 93
(2005), section 2, for the continuous extension of a discrete variable.
"""

import sys
import warnings

import numpy as np

from nbdl.info._counts import Joint
from nbdl.kernels._philox import fill

FEW = 20  # values of a column of symbols
RECURS = 5  # rows for each value, on average, of floats that are symbols
ROWS = 20  # for each combination that was seen, from which on plug-in information is 1/40 nat off at most
SCARCE = 5  # fewer for each combination: a plug-in value is likely to be off by more than 0.1 nats
EXAMPLE = 20  # rows: who gives fewer does not ask for an estimate
OFTEN, SHARE = 3, 0.01  # a value recurs if it occurs more often, and these have a share of the rows
FINE = 100  # steps between neighbouring rows, from which on a grid is not seen
SHOWN = 3  # values of a mixture that are named
_SPREAD = 4  # what random numbers are for, as `op` of their counter
INFORMATION = (
    "mutual_information",
    "conditional_mutual_information",
    "total_correlation",
    "dual_total_correlation",
    "o_information",
    "co_information",
    "kl_divergence",
)
PAIRED = ("mutual_information", "conditional_mutual_information")  # of any mixture of kinds


def fitted(measure, samples, data=None, weighted=False):
    """The samples, without missing values, with the kinds that the rule in the head of this file gives them.

    `data` is that of the estimator, if one was named: then only what it cannot take is changed, where it may
    be. Weighted rows are counted. Also the `Joint` of the samples, if it was made.
    """
    if data == "discrete" or weighted:
        return [_as_symbols(s) if _may_be_symbols(s) else s for s in samples], None
    if data is not None:
        return [s.as_numbers() if s.kind == "discrete" and _many(s) else s for s in samples], None
    informs, apart = measure in INFORMATION, measure == "kl_divergence"
    few = [s.kind == "continuous" and not s.said and recurs(s.values, not informs) for s in samples]
    if not apart or all(f or s.kind == "discrete" for f, s in zip(few, samples)):
        samples = [_as_symbols(s) if f else s for f, s in zip(few, samples)]
    if not informs or not any(map(_may_be_many, samples)):
        return samples, None
    joint = None
    if not apart and all(s.kind == "discrete" or (not s.said and _recur_enough(s)) for s in samples):
        joint = Joint([s.values for s in samples])
        if len(samples[0].values) >= ROWS * joint.counts(range(len(samples))).size:
            return [_as_symbols(s) if s.kind == "continuous" else s for s in samples], joint
    measured = [_many(s) for s in samples]
    if any(measured) and measure not in PAIRED and all(map(_whole, samples)):
        measured = [True] * len(samples)
    joint = None if any(measured) else joint
    return [_as_measured(s) if m else s for s, m in zip(samples, measured)], joint


def _may_be_symbols(s):
    return s.kind == "continuous" and not s.said and recurs(s.values, whole=True)


def _may_be_many(s):
    """What `_many` is, or True where it takes time to find out."""
    if s.said or not s.of_numbers:
        return False
    return s.kind == "continuous" or any(int(x.max()) - int(x.min()) >= FEW for x in s.values.T)


def _many(s):
    """Whether a sample may be measured numbers: of more values than symbols have, and nothing is said."""
    return _may_be_many(s) and any(not _at_most(x, FEW) for x in s.values.T)


def _whole(s):
    return not s.said and s.of_numbers and not (s.values[:1] % 1).any() and not (s.values % 1).any()


def _recur_enough(s):
    """Whether each value of each column has `ROWS` rows, on average."""
    return all(_at_most(x, x.size // ROWS) for x in s.values.T)


def _at_most(x, count):
    """Whether x (N,) has at most so many different values."""
    return np.unique(x[: 2 * count + 1]).size <= count and np.unique(x).size <= count


def _as_symbols(s):
    about = f"{_values(s)}, taken as symbols"
    return s._replace(kind="discrete", about=about)


def _as_measured(s):
    if s.kind == "continuous":
        return s
    about = f"{_values(s)}, too few rows for plug-in values, taken as measured"
    return s.as_numbers()._replace(about=about)


def recurs(x, whole):
    """Whether the floats in x (N, D) are symbols: at most `FEW` values or, if `whole` counts, any whole
    numbers; in all columns, with `RECURS` rows for each value."""
    return all(_recurs(column, whole) for column in x.T)


def _recurs(x, whole):
    most = x.size // RECURS
    if not whole or (x[:FEW] % 1).any() or (x % 1).any():
        most = min(most, FEW)
    return _at_most(x, most) and (x != x[0]).any()


# --- numbers on a grid ------------------------------------------------------------------------------------


def spread(measure, samples, seed=0):
    """Samples whose continuous columns are spread where they recur or lie on a grid; and which are mixtures
    of single values and a continuum, by name."""
    done, mixtures = [], []
    together = measure == "kl_divergence" and len({s.values.shape[1] for s in samples}) == 1
    for i, s in enumerate(samples):
        if s.kind == "discrete":
            done.append(s)
            continue
        columns, lumpy, mixed = [], False, []
        for d, x in enumerate(s.values.T):
            pool = np.concatenate([each.values[:, d] for each in samples]) if together else x
            width, recurring, atoms = _widths(x, pool)
            mixed += atoms
            columns.append(x if width is None else x + width * _uniform(seed, i, d, x.size))
            lumpy = lumpy or recurring
        about = s.about
        if mixed:
            mixtures.append(s.name)
            about = about or f"{_values(s)}; of these often {' and '.join(f'{v:g}' for v in mixed[:SHOWN])}"
        elif lumpy and not s.said:
            about = about or f"{_values(s)}: rounded, spread over their steps"
        done.append(s._replace(values=np.ascontiguousarray(np.stack(columns, 1)), about=about, ends=None))
    return done, mixtures


def _widths(x, pool):
    """How widely each value of x (N,) is to be spread, None for not at all; whether values recur; and those
    that do in a mixture, the most frequent one first. The grid is that of `pool`, (M,), which holds all of x.
    """
    values, count = np.unique(pool, return_counts=True)
    if values.size < 2:
        return None, False, []
    recurring = count[count > OFTEN].sum() >= SHARE * pool.size
    step = step_of(values)
    if step is not None:
        fine = count.max() == 1 and np.median(np.diff(values)) > FINE * step
        return None if fine else step, recurring, []
    if not recurring:
        return None, False, []
    if pool.size < RECURS * values.size:
        return None, True, values[np.argsort(-count, kind="stable")][: (count > OFTEN).sum()].tolist()
    gaps = np.diff(values)
    gaps = np.minimum(np.append(gaps, np.inf), np.append(np.inf, gaps))
    return gaps[np.searchsorted(values, x)], True, []


def step_of(values):
    """The step of the grid on which sorted, different numbers lie (at least 2 of them); None if on none."""
    gaps = np.diff(values)
    if not (values % 1).any() and max(-values[0], values[-1]) < 2.0**53:
        return float(np.gcd.reduce(gaps.astype(np.int64)))
    error = 8 * np.finfo(np.float64).eps * max(-values[0], values[-1])  # of a difference
    step = gaps.min()
    while True:  # Euclid's algorithm, with differences that are rounded
        times = np.rint(gaps / step)
        allowed = error * (1 + times)
        if step <= 4 * allowed.max():
            return None
        rest = np.abs(gaps - times * step)
        if (rest <= allowed).all():
            return float(step)
        step = rest[rest > allowed].min()


def _uniform(seed, sample, column, n):
    """Random numbers from -1/2 to 1/2, (n,)."""
    words = np.empty((n + 3) // 4 * 4, np.uint32)
    fill(seed, _SPREAD, sample, column, 0, words)
    return (words[:n] + 0.5) / 2.0**32 - 0.5


# --- what is said -----------------------------------------------------------------------------------------


def describe(s):
    """A sample in words: what its values are, and what was decided about them."""
    return s.about or ("as said, " if s.said else "") + _values(s)


def _values(s):
    present = s.values if s.missing is None else s.values[~s.missing]
    if s.values.dtype.kind == "O":
        different = len(set(map(tuple, present)))
    else:
        different = np.unique(present, axis=0 if present.shape[1] > 1 else None).shape[0]
    what = {"b": "truth values", "f": "numbers"}.get(s.values.dtype.kind, "whole numbers")
    if s.values.dtype.kind in "USO":
        what = "text"
    elif what == "numbers" and present.size and not (present % 1).any():
        what = "whole numbers"
    columns = f"{present.shape[1]} columns, " if present.shape[1] > 1 else ""
    return f"{columns}{what}, {different} different"


def warn_of_choices(samples):
    """One warning of all that was decided about samples from their content."""
    chosen = [f"`{s.name}` ({s.about})" for s in samples if s.about]
    if chosen:
        text = "{}. discrete=True is for symbols, discrete=False for measured numbers, or one for each sample"
        warn(text.format(", ".join(chosen)))


def warn_of_few_rows(measure, names, rows, seen):
    """Warn where `rows` rows show so many different combinations of symbols that plug-in values are off."""
    if rows < EXAMPLE or rows >= SCARCE * seen or measure == "kl_divergence":
        return
    way = "too small" if measure.endswith("entropy") else "off" if measure.startswith("co_") else "too large"
    what = f"combinations of {', '.join(f'`{n}`' for n in names)}" if len(names) > 1 else f"`{names[0]}`"
    warn(
        f"{rows} rows are few for {seen} different {what}: the plug-in {measure.replace('_', ' ')} is {way}. "
        'estimator="grassberger" and "chao_shen" correct for it; discrete=False is for measured numbers'
    )


def warn(text):
    """A warning at the line that called this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("nbdl.info"):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, RuntimeWarning, stacklevel=level)
