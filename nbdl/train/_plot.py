"""The curves of a run as a picture, and what flowed through its net."""

import io
import math

import numpy as np

from nbdl.errors import UsageError

MOST_DECADES = 12  # what the colours of a logarithmic map span at most
DECADES = 100  # the largest value of an axis by the least, from which on it is logarithmic


def curves(history, title):
    """PNG bytes with the loss by epoch, and each metric beside it, or None where matplotlib is missing."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    epochs = [row["epoch"] for row in history]
    panels = _panels(history[0])
    columns, rows = min(len(panels), 2), -(-len(panels) // 2)
    figure = Figure(figsize=(5 * columns, 3.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in grid[len(panels) :]:
        axis.set_axis_off()
    for axis, (figured, keys) in zip(grid, panels.items()):
        axis.set_yscale(_scale([row[key] for key in keys for row in history], figured != "loss"))
        for key in keys:
            values = [row[key] for row in history]
            label = key.replace("_", " ")
            axis.plot(epochs, values, "o-", markersize=3, label=f"{label} ({values[-1]:.4g})")
        axis.set_xlabel("epoch")
        axis.locator_params(axis="x", integer=True)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    figure.suptitle(title)
    return _png(figure)


def _panels(row):
    """The keys of a row of the history that are drawn together: the loss of each part, the accuracy ..."""
    panels = {}
    for key in row:
        part, _, figured = key.partition("_")
        if part in ("train", "valid", "test"):
            panels.setdefault(figured, []).append(key)
    return panels


def flow(rows, title):
    """PNG bytes with what `nbdl.statistics` found after some epochs, or None without matplotlib.

    Four maps, an epoch in each column: deviation, share of zeros or saturated elements, and gradient of each
    result of the net, and the gradient of each parameter. Grey is what is 0 or not there.
    """
    try:
        from matplotlib import colormaps
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    activations = [f"{a['op']} {a['layer']}".rstrip() for a in rows[0]["activations"]]
    parameters = [p["name"] for p in rows[0]["parameters"]]

    def table(part, value):
        found = [[math.nan if value(item) is None else value(item) for item in row[part]] for row in rows]
        return np.array(found, float).reshape(len(rows), -1).T

    maps = [
        ("results: standard deviation", activations, table("activations", lambda a: a["std"]), True),
        (
            "results: share of zeros or of saturated, the larger", activations,
            table("activations", lambda a: max(a["zeros"], a["saturated"] or 0.0)), False,
        ),
        (
            "gradients of results: root mean square", activations,
            table("activations", lambda a: a["gradient"]), True,
        ),
        ("gradients of parameters: norm", parameters, table("parameters", lambda p: p["gradient"]), True),
    ]  # fmt: skip
    height = 1.6 + 0.17 * min(max(len(activations), len(parameters)), 60)
    figure = Figure(figsize=(13, 2 * height), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (name, labels, values, logarithmic) in zip(figure.subplots(2, 2).flat, maps):
        if not labels:
            axis.set_axis_off()
            continue
        axis.set_title(name, fontsize=10)
        shown, limits, form = np.ma.masked_invalid(values), {"vmin": 0, "vmax": 1}, None
        if logarithmic:  # as exponents, which have a place in the float32 of pictures
            shown = np.ma.log10(np.ma.masked_less_equal(shown, 0))
            least, most = (shown.min(), shown.max()) if shown.count() else (0.0, 0.0)
            limits = {"vmin": max(least, most - MOST_DECADES), "vmax": most + 1e-3}
            form = _power
        colours = colormaps["viridis"].with_extremes(bad="0.8")
        drawn = axis.imshow(shown, aspect="auto", interpolation="nearest", cmap=colours, **limits)
        every = -(-len(labels) // 60)
        axis.set_yticks(range(0, len(labels), every), labels[::every], fontsize=7)
        every = -(-len(rows) // 12)
        axis.set_xticks(range(0, len(rows), every), [row["epoch"] for row in rows[::every]])
        axis.set_xlabel("epoch")
        figure.colorbar(drawn, ax=axis, format=form)
    figure.suptitle(title)
    return _png(figure)


def information_plane(points, estimators, samples, title):
    """PNG bytes of the points of an `InformationPlane`: the plane by each estimator, and below its bias.

    Raises `UsageError` where matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError('a picture needs matplotlib: pip install "nbdl[plot]"') from error
    figure = Figure(figsize=(5.6 * len(estimators), 6.6), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, len(estimators), squeeze=False, height_ratios=(2, 1))
    names = {p.layer: f"{p.layer}: {p.op}, {p.units} units" for p in points}
    for (plane, bias), estimator in zip(grid.T, estimators):
        for layer, name in names.items():
            own = [p for p in points if p.estimator == estimator and p.layer == layer]
            epochs = [p.epoch for p in own]
            x_t, t_y = [p.x_t for p in own], [p.t_y for p in own]
            (line,) = plane.plot(x_t, t_y, color=f"C{layer % 10}", linewidth=0.8, alpha=0.5, label=name)
            drawn = plane.scatter(x_t, t_y, c=epochs, s=22, cmap="viridis", zorder=2)
            plane.scatter(x_t[-1:], t_y[-1:], s=60, facecolors="none", edgecolors=line.get_color(), zorder=3)
            bias.plot(epochs, [p.x_t_bias for p in own], color=line.get_color(), label="I(X;T)")
            bias.plot(epochs, [p.t_y_bias for p in own], color=line.get_color(), linestyle="--")
        if estimator == "binned":
            plane.axvline(math.log(samples), color="0.6", linewidth=0.8, linestyle=":")
        plane.set_title(f"{estimator}, {samples} samples", fontsize=10)
        plane.set_xlabel("I(X;T), nats")
        plane.set_ylabel("I(T;Y), nats")
        plane.legend(frameon=False, fontsize=7)
        figure.colorbar(drawn, ax=plane, label="epoch")
        bias.axhline(0, color="0.6", linewidth=0.8)
        bias.set_title("bias, nats: of I(X;T), dashed of I(T;Y)", fontsize=9)
        bias.set_xlabel("epoch")
        for axis in (plane, bias):
            axis.grid(alpha=0.3)
    figure.suptitle(title)
    return _png(figure)


def _power(exponent, position):
    """The number of a tick that stands for its exponent."""
    return f"{10.0**exponent:.2g}"


def _png(figure):
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
