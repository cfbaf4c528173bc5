"""Estimates as pictures: a matrix of pairs as a heat map, a scan of lags as a curve. Needs matplotlib."""

import io

import numpy as np

WRITTEN = 16  # columns up to which the numbers stand in the cells


def heat_map(matrix, names, label):
    """PNG bytes of what the pairs of columns have; the diagonal is left empty.

    Parameters
    ----------
    matrix : (n, n)
    names : sequence of n str
    label : str
        What the colours mean.
    """
    a = np.array(matrix, np.float64)
    n = len(a)
    np.fill_diagonal(a, np.nan)
    figure = _figure(2.5 + 0.5 * n, 1.5 + 0.45 * n)
    axes = figure.subplots()
    shown = np.ma.masked_invalid(a)
    image = axes.imshow(shown, cmap="viridis")
    axes.set_facecolor("#dddddd")
    axes.set_xticks(range(n), names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(n), names, fontsize=8)
    if n <= WRITTEN:
        middle = (shown.max() + shown.min()) / 2 if shown.count() else 0.0
        for i, j in zip(*np.nonzero(~np.ma.getmaskarray(shown))):
            color = "white" if a[i, j] < middle else "black"
            axes.text(j, i, f"{a[i, j]:.2f}", ha="center", va="center", fontsize=7, color=color)
    figure.colorbar(image, label=label, shrink=0.8)
    return _png(figure)


def curve(x, y, x_label, y_label):
    """PNG bytes of y over x."""
    figure = _figure(6, 3.5)
    axes = figure.subplots()
    axes.plot(x, y, "o-", color="#1f6fb4", markersize=4)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3)
    return _png(figure)


def _figure(width, height):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
