"""Whether a net is worse than a constant: the mean of the targets, or the most frequent class."""

import numpy as np


def worse_than_a_constant(measured, targets, loss, part):
    """One sentence if predictions are worse than the best constant one, else None.

    Parameters
    ----------
    measured : dict
        "loss", "accuracy" ... of the predictions, in the units of the targets.
    targets : (N,) labels or (N, ...) values
    loss : str
        The mean squared error ("mse") is compared for values, the accuracy for labels.
    part : str
        What the targets are those of: "test" or "train".
    """
    y = np.asarray(targets)
    if not y.size:
        return None
    if "accuracy" in measured and y.dtype.kind in "iu" and y.ndim == 1:
        share = np.unique(y, return_counts=True)[1].max() / len(y)
        if measured["accuracy"] < share:
            return (
                f"the {part} accuracy is {measured['accuracy']:.4f}; to predict the most frequent class for "
                f"every sample gives {share:.4f}"
            )
    elif loss == "mse":
        of_mean = float(np.mean((y - y.mean(axis=0, dtype=np.float64)) ** 2))
        if measured["loss"] > of_mean:
            return (
                f"the {part} loss is {measured['loss']:.4g}; to predict the mean of the targets for every "
                f"sample gives {of_mean:.4g}"
            )
    return None
