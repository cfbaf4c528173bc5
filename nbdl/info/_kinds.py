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
"""

import numpy as np

from nbdl.info._counts import Joint
from nbdl.info._samples import FEW, are_whole, at_most, recurs
from nbdl.info._telling import warn

ROWS = 20  # for each combination that was seen, from which on plug-in information is 1/40 nat off at most
SCARCE = 5  # fewer for each combination: a plug-in value is likely to be off by more than 0.1 nats
EXAMPLE = 20  # rows: who gives fewer does not ask for an estimate
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
        samples = [s.as_numbers() if s.kind == "discrete" and _many(s) else s for s in samples]
    informs, apart = measure in INFORMATION, measure == "kl_divergence"
    few = [s.kind == "continuous" and not s.said and recurs(s.values, not informs) for s in samples]
    none_left = all(f or s.kind == "discrete" for f, s in zip(few, samples))
    if (data is None and (none_left or (informs and not apart))) or (data == "mixed" and not none_left):
        samples = [_as_symbols(s) if f else s for f, s in zip(few, samples)]
    if not informs or data is not None:
        return samples, None
    joint = None
    if not apart and all(s.kind == "discrete" or (not s.said and _recur_enough(s)) for s in samples):
        joint = Joint([s.values for s in samples])
        few = all(s.said or joint.counts((i,)).size <= FEW for i, s in enumerate(samples))
        if few or len(samples[0].values) >= ROWS * joint.counts(range(len(samples))).size:
            return [_as_symbols(s) if s.kind == "continuous" else s for s in samples], joint
    measured = [_many(s) for s in samples]
    if any(measured) and measure not in PAIRED and all(map(_whole, samples)):
        measured = [True] * len(samples)
    joint = None if any(measured) else joint
    return [_as_measured(s) if m else s for s, m in zip(samples, measured)], joint


def _may_be_symbols(s):
    return s.kind == "continuous" and not s.said and recurs(s.values, whole=True)


def _many(s):
    """Whether a sample may be measured numbers: of more values than symbols have, and nothing is said."""
    return not s.said and s.of_numbers and any(not at_most(x, FEW) for x in s.values.T)


def _whole(s):
    return not s.said and s.of_numbers and are_whole(s.values)


def _recur_enough(s):
    """Whether each value of each column has `ROWS` rows, on average."""
    return all(at_most(x, x.size // ROWS) for x in s.values.T)


def _as_symbols(s):
    return s.as_symbols()._replace(about=f"{values_of(s)}, taken as symbols")


def _as_measured(s):
    if s.kind == "continuous":
        return s
    about = f"{values_of(s)}, too few rows for plug-in values, taken as measured"
    return s.as_numbers()._replace(about=about)


# --- what is said -----------------------------------------------------------------------------------------


def describe(s):
    """A sample in words: what its values are, and what was decided about them."""
    return s.about or ("as said, " if s.said else "") + values_of(s)


def values_of(s):
    """How many different values a sample has, and of what sort they are."""
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


def warn_of_few_rows(measure, samples, joint):
    """Warn where the rows of discrete samples, `joint`, show too many combinations for plug-in values."""
    if joint.weights is not None or joint.length < EXAMPLE:
        return
    seen = joint.counts(range(len(samples))).size
    if joint.length >= SCARCE * seen or any(joint.counts((i,)).size < 2 for i in range(len(samples))):
        return
    names = ", ".join(f"`{s.name}`" for s in samples)
    what = f"combinations of {names}" if len(samples) > 1 else f"values of {names}"
    way = "too small" if measure.endswith("entropy") else "off" if "o_info" in measure else "too large"
    value = measure.replace("_", " ")
    warn(
        f"{joint.length} rows are few for {seen} different {what}: the plug-in {value} is "
        f'{way}. estimator="grassberger" and "chao_shen" correct for it; discrete=False is for numbers'
    )
