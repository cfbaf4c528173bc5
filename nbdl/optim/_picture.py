"""The path of `minimize` as a picture."""

import io

import numpy as np

from nbdl.errors import UsageError

BLUE, ORANGE = "#1f6fb4", "#e8590c"
MARGIN = 0.1  # of the path's extent, around what is shown


def trace_picture(f, trace, low=None, high=None, title=""):
    """PNG bytes: contours of a function of two variables, or the curve of one, with the path of a `Trace`.

    `low` and `high` are the corners of what is shown at least; a path that leaves them makes it larger, up to
    4 times, and is cut there. For more variables f is drawn over the steps. Needs matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError('a picture needs matplotlib: pip install "nbdl[plot]"') from error
    path = trace.x.reshape(len(trace.f), -1)
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    if path.shape[1] > 2:
        axes.plot(np.arange(len(trace.f)), trace.f, "o-", color=BLUE, markersize=3)
        axes.set(xlabel="step", ylabel="f")
        axes.grid(alpha=0.3)
    else:
        low, high = _region(path, low, high)
        (_curve if path.shape[1] == 1 else _contours)(axes, f, trace, path, low, high)
    axes.set_title(title or repr(trace), fontsize=10, loc="left", wrap=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _region(path, low, high):
    """The corners of what is shown."""
    least, most = path.min(axis=0), path.max(axis=0)
    room = MARGIN * np.where(most > least, most - least, 1.0)
    least, most = least - room, most + room
    if low is None:
        return least, most
    low, high = np.array(low, float), np.array(high, float)
    reach = 1.5 * (high - low)
    return np.clip(least, low - reach, low), np.clip(most, high, high + reach)


def _curve(axes, f, trace, path, low, high):
    x = np.linspace(low[0], high[0], 400)
    axes.plot(x, [float(np.reshape(f(np.array([v])), ())) for v in x], color="0.6", linewidth=1.2)
    _path(axes, path[:, 0], trace.f)
    axes.set(xlabel="x", ylabel="f", xlim=(low[0], high[0]))
    axes.grid(alpha=0.3)


def _contours(axes, f, trace, path, low, high):
    x, y = (np.linspace(low[i], high[i], 121) for i in range(2))
    z = np.array([[float(np.reshape(f(np.array([a, b])), ())) for a in x] for b in y])
    # levels at equal shares of the surface: narrow valleys have lines too
    levels = np.unique(np.quantile(z[np.isfinite(z)], np.linspace(0, 1, 16) ** 1.5))
    if len(levels) > 1:
        axes.contourf(x, y, z, levels, cmap="Blues_r", alpha=0.55)
        axes.contour(x, y, z, levels, colors="0.45", linewidths=0.6)
    _path(axes, path[:, 0], path[:, 1])
    axes.set(xlabel="x1", ylabel="x2", xlim=(low[0], high[0]), ylim=(low[1], high[1]))


def _path(axes, across, up):
    axes.plot(across, up, "o-", color=ORANGE, markersize=3.5, linewidth=1.2, label=f"{len(up) - 1} steps")
    axes.plot(across[0], up[0], "s", color="black", markersize=6, label="x0")
    axes.plot(across[-1], up[-1], "*", color="black", markersize=11, label="the end")
    axes.legend(loc="upper right", fontsize=8, framealpha=0.9)
