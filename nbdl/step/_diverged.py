"""What is said of a loss that is no number, or a net: the sample that causes it, the update, or the rate."""

import numpy as np

from nbdl.errors import NumericError
from nbdl.nn._inputs import named
from nbdl.nn._parameter import named_arrays


def diverged(loss, step, rate, x, y, rows, net=None):
    """The `NumericError` of update `step` (from 1), made at `rate` on the samples `rows` of x and y.

    Of the `net` a parameter or buffer is named that an update before made infinite or NaN.
    """
    what = f"the loss is {loss} at step {step}"
    data = [*named(x).items(), *named(y, "y").items()]
    bad = next(filter(None, (_bad_sample(name, a, rows) for name, a in data)), "")
    if bad:
        return NumericError("{}: {}. Leave such samples out, or fill in what is missing", what, bad)
    name = None if net is None else not_finite(net)
    if step == 1 and name:
        text = "{}, before any update: `{}` is not finite. Draw the weights anew with nbdl.nn.init"
        return NumericError(text, what, name)
    if step == 1:
        text = "{}, before any update: the inputs, the targets or the first weights are too large. Scale them"
        return NumericError(text, what)
    if name:
        text = "{}: `{}` was no longer finite, though the loss of the step before was. {}"
        return NumericError(text, what, name, advice_of_update(rate))
    if np.isfinite(loss):
        what += ", and its sum over the minibatch is too large for the dtype"
    return NumericError("{}: training diverged. {}", what, advice(rate))


def spoilt(net, step, rate):
    """The `NumericError` of a net that update `step` or one before left not finite, or None.

    A loss is finite where its gradient need not be, and no update looks at gradients.
    """
    name = not_finite(net)
    if name is None:
        return None
    text = "`{}` is not finite after step {}, though the loss of each step was. {}"
    return NumericError(text, name, step, advice_of_update(rate))


def not_finite(net):
    """The name of the first parameter or buffer that holds NaN or infinity, or None."""
    return next((name for name, p in named_arrays(net).items() if not np.isfinite(p.data).all()), None)


def advice_of_update(rate):
    """What to try after an update made a net infinite or NaN."""
    return advice(rate) + ", or look for what has a value but no gradient, as sqrt at 0"


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
