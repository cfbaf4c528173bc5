"""Estimates as pictures: a matrix of pairs as a heat map, a scan of lags as a curve, a ranking as bars."""

import io
import math
import textwrap

import numpy as np

WRITTEN = 40  # columns up to which numbers stand in the cells
CELL = 0.45  # inches of a cell that has a number in it
LARGEST = 24.0  # inches of a picture without numbers
LETTERS = 12  # of a title, in an inch
MANY, QUANTILE, FAR = 40, 0.975, 1.5  # cells from which few that are far off do not stretch the colours


def heat_map(matrix, names, label, title=""):
    """PNG bytes of what the pairs of columns have; the diagonal is left empty.

    Numbers stand in the cells of up to 40 columns; the picture grows with them. Of many cells the colours end
    at the quantiles 2.5 % and 97.5 % where others are half as far again: the colour bar has a tip there.

    Parameters
    ----------
    matrix : (n, n)
    names : sequence of n str
    label : str
        What the colours mean.
    title : str
    """
    a = np.array(matrix, np.float64)
    n = len(a)
    np.fill_diagonal(a, np.nan)
    cell = CELL if n <= WRITTEN else min(CELL, LARGEST / n)
    longest = 0.07 * min(40, max(map(len, names), default=0))  # inches of a name, about
    figure = _figure(max(4.5, 2.2 + longest + cell * n), max(3.2, 1.6 + 0.7 * longest + cell * n))
    axes = figure.subplots()
    low, high, extend = limits(a)
    image = axes.imshow(np.ma.masked_invalid(a), cmap="viridis", vmin=low, vmax=high)
    axes.set_facecolor("#dddddd")
    size = 8 if n <= WRITTEN else max(3, 72 * cell * 0.8)
    short = [name if len(name) <= 40 else f"{name[:38]}..." for name in names]
    axes.set_xticks(range(n), short, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(range(n), short, fontsize=size)
    if n <= WRITTEN:
        for i, j in zip(*np.nonzero(~np.isnan(a))):
            dark = np.isfinite(a[i, j]) and _luminance(image.cmap(image.norm(a[i, j]))) < 0.5
            color = "white" if dark else "black"
            axes.text(j, i, _number(a[i, j]), ha="center", va="center", fontsize=7, color=color)
    figure.colorbar(image, label=label, shrink=0.8, aspect=30, extend=extend)
    return _png(figure, title)


def limits(values):
    """The ends of the colours, and which of them have values beyond: "neither", "min", "max" or "both"."""
    v = values[np.isfinite(values)]
    if not v.size:
        return 0.0, 1.0, "neither"
    low, high = v.min(), v.max()
    if v.size >= MANY:
        few, most = np.quantile(v, [1 - QUANTILE, QUANTILE])
        middle = np.median(v)
        low = few if middle - low > FAR * (middle - few) else low
        high = most if high - middle > FAR * (most - middle) else high
    beyond = (v.min() < low, v.max() > high)
    return low, high, {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[beyond]


def curve(x, y, x_label, y_label, title=""):
    """PNG bytes of y over x."""
    figure = _figure(6, 3.8)
    axes = figure.subplots()
    axes.plot(x, y, "o-", color="#1f6fb4", markersize=4)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3)
    return _png(figure, title)


def bars(values, names, ends, label, title=""):
    """PNG bytes of values as bars, the first on top; `ends` are those of their intervals, NaN for none."""
    a, low_high = np.array(values, np.float64), np.array(ends, np.float64)
    figure = _figure(6.4, max(2.0, 1.2 + 0.26 * len(a)))
    axes = figure.subplots()
    places = np.arange(len(a))
    axes.barh(places, np.where(np.isfinite(a), a, 0), height=0.7, color="#1f6fb4")
    known = np.isfinite(low_high).all(axis=1)
    axes.hlines(places[known], *low_high[known].T, color="black", linewidth=1.2)
    axes.set_yticks(places, [name if len(name) <= 40 else f"{name[:38]}..." for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.grid(alpha=0.3, axis="x")
    return _png(figure, title)


def bottleneck(x_z, z_y, betas, bound, unit, title=""):
    """PNG bytes of I(Z;Y) over I(X;Z), coloured by beta; `bound` is I(X;Y), or None."""
    from matplotlib.colors import LogNorm

    figure = _figure(6.4, 4.4)
    axes = figure.subplots()
    wide = max([*x_z, 1e-12]) * 1.05
    if bound is not None:
        axes.axhline(bound, color="0.6", linewidth=0.8, linestyle="--", label="I(X;Y)")
        axes.plot([0, min(bound, wide)], [0, min(bound, wide)], color="0.6", linewidth=0.8, label="I(X;Z)")
        axes.legend(frameon=False, loc="lower right")
    axes.plot(x_z, z_y, color="0.8", linewidth=1, zorder=1)
    shown = [max(beta, 1e-3) for beta in betas]
    drawn = axes.scatter(x_z, z_y, c=shown, s=16, cmap="viridis", norm=LogNorm(), zorder=2)
    figure.colorbar(drawn, label="beta")
    axes.set_xlabel(f"I(X;Z), {unit}")
    axes.set_ylabel(f"I(Z;Y), {unit}")
    axes.grid(alpha=0.3)
    return _png(figure, title)


def _number(value):
    """As many digits as a cell has room for."""
    if not math.isfinite(value):
        return f"{value}"
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{round(value, digits) + 0.0:.{digits}f}"  # + 0.0: no -0.00


def _luminance(color):
    red, green, blue = color[:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _figure(width, height):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure, title):
    """The bytes of a picture, with its title in lines that it is wide enough for."""
    room = int(LETTERS * figure.get_figwidth())
    lines = [part for line in title.splitlines() for part in textwrap.wrap(line, room)]
    figure.suptitle("\n".join(lines), fontsize=10, x=0.01, ha="left")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
