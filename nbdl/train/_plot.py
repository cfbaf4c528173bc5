"""The curves of a run as a picture."""

import io


def curves(history, title):
    """PNG bytes with loss (and metrics) by epoch, or None where matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    epochs = [row["epoch"] for row in history]
    losses = [k for k in ("train_loss", "test_loss") if k in history[0]]
    metrics = [k for k in history[0] if k.startswith("test_") and k not in losses]
    figure = Figure(figsize=(5 * (1 + bool(metrics)), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 1 + bool(metrics), squeeze=False)[0]
    for axis, keys in zip(axes, (losses, metrics)):
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
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
