"""The curves of a run as a picture."""

import io

import numpy as np

DECADES = 100  # the largest value of an axis by the least, from which on it is logarithmic


def curves(history, title):
    """PNG bytes with loss (and metrics) by epoch, or None where matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    epochs = [row["epoch"] for row in history]
    losses = [k for k in ("train_loss", "valid_loss", "test_loss") if k in history[0]]
    metrics = [k for k in history[0] if k.startswith(("valid_", "test_")) and k not in losses]
    figure = Figure(figsize=(5 * (1 + bool(metrics)), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 1 + bool(metrics), squeeze=False)[0]
    for axis, keys in zip(axes, (losses, metrics)):
        axis.set_yscale(_scale([row[key] for key in keys for row in history], keys is metrics))
        for key in keys:
            values = [row[key] for row in history]
            label = key.replace("_", " ")
            axis.plot(epochs, values, "o-", markersize=3, label=f"{label} ({values[-1]:.4g})")
        axis.set_xlabel("epoch")
        axis.locator_params(axis="x", integer=True)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    figure.suptitle(title)
    buffer = io.BytesIO()
    with np.errstate(over="ignore"):  # the ticks beyond a loss of 1e300
        figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _scale(values, shares):
    """The scale of an axis: "log" where values from 0 span decades, but for shares of one, else "linear"."""
    known = [v for v in values if v > 0]
    if not known or min(values) < 0 or (shares and max(known) <= 1):
        return "linear"
    return "log" if max(known) / min(known) >= DECADES else "linear"
