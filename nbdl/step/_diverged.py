"""What is said of a loss that is no number: the sample that causes it, or else the learning rate."""

import numpy as np

from nbdl.errors import NumericError
from nbdl.nn._inputs import named


def diverged(loss, step, rate, x, y, rows):
    """The `NumericError` of update `step` (from 1), made at `rate` on the samples `rows` of x and y."""
    what = f"the loss is {loss} at step {step}"
    data = [*named(x).items(), *named(y, "y").items()]
    bad = next(filter(None, (_bad_sample(name, a, rows) for name, a in data)), "")
    if bad:
        return NumericError("{}: {}. Leave such samples out, or fill in what is missing", what, bad)
    if step == 1:
        text = "{}, before any update: the inputs, the targets or the first weights are too large. Scale them"
        return NumericError(text, what)
    if np.isfinite(loss):
        what += ", and its sum over the minibatch is too large for the dtype"
    return NumericError("{}: training diverged. {}", what, advice(rate))


def advice(rate):
    """What to try after training diverged at this learning rate."""
    return f"Try a smaller learning rate than {rate}" if rate > 0 else "Scale the inputs and the targets"


def _bad_sample(name, array, rows):
    """Which of the samples `rows` is the first that holds NaN or infinity, in words; or ""."""
    if array.dtype.kind != "f":
        return ""
    rows = np.sort(rows)
    bad = np.argwhere(~np.isfinite(array[rows]))
    if not len(bad):
        return ""
    first, *element = bad[0].tolist()
    place = f", element {element}" if element else ""
    return f"`{name}` holds {array[(rows[first], *element)]} at sample {rows[first]}{place}"
