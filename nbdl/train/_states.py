"""The state of a recurrent net at each token of a text, and a picture of it."""

import io

import numpy as np

from nbdl import registry
from nbdl.data._ngrams import as_ids
from nbdl.errors import UsageError
from nbdl.nn._parameter import per_sample_buffers
from nbdl.train._loop import Run
from nbdl.train._stream import Stream

ACROSS, MOST = 100, 1000  # tokens of a row of the picture, and of a picture
MARKS = {" ": "\u2423", "\n": "\u21b5", "\t": "\u21e5"}  # how white space is shown


def states(net, ids):
    """What a net that carries a state (`nn.Stateful`) has in it after each token of a text.

    Parameters
    ----------
    net : Run or net
    ids : (T,) integers
        The text, as the `encode` of its vocabulary gives it; at least one token.

    Returns
    -------
    dict
        For each buffer per sample of the net, by name, an array (T, ...).

    Raises
    ------
    UsageError
        If the net carries no state, or there is no token.
    LabelError, ShapeError
        For tokens that are not of the net.

    Examples
    --------
    >>> found = nbdl.train.states(run, vocabulary.encode("the time machine"))
    >>> found["1.state.0"].shape
    (16, 32)
    """
    swap = {}
    if isinstance(net, Run):
        net, swap = net.net, net.config.swap
    ids, names = as_ids("states", ids), list(per_sample_buffers(net))
    if not names:
        raise UsageError("states: the net carries no state. Try nn.Stateful(nn.RNN(32)) as a layer")
    if not len(ids):
        raise UsageError("states: `ids` must hold at least one token, got shape {}", ids.shape)
    with registry.swap(**swap):
        stream = Stream(net)
        found = [np.zeros((len(ids), *s.shape[1:]), s.dtype) for s in stream.state]
        for t, token in enumerate(ids):
            stream.read(token)
            for array, state in zip(found, stream.state):
                array[t] = state[0]
    return dict(zip(names, found))


def states_picture(found, tokens, title=""):
    """PNG bytes of states as heat maps, a column for each token, which stands above it. Needs matplotlib.

    Parameters
    ----------
    found : dict
        Arrays (T, ...) by the name of their map, as `states` gives them.
    tokens : list of str
        T of them. White space is shown as a mark.
    title : str

    Notes
    -----
    Karpathy, Johnson and Fei-Fei 2016, Visualizing and understanding recurrent networks. Long texts are cut
    into rows of 100 tokens; of very long ones the first 1000 tokens are shown.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError('a picture needs matplotlib: pip install "nbdl[plot]"') from error
    maps = {name: np.reshape(values, (len(values), -1)).T for name, values in found.items()}
    for name, values in maps.items():
        if values.shape[1] != len(tokens):
            text = "states_picture: `tokens` must be {}, as many as `{}` has rows, got {}"
            raise UsageError(text, values.shape[1], name, len(tokens))
    tokens = tokens[:MOST]
    starts = range(0, len(tokens), ACROSS)
    widest = max(map(len, tokens), default=1)
    across, slanted = min(len(tokens), ACROSS), widest > 1
    heights = [min(max(len(values), 8), 64) for _ in starts for values in maps.values()]
    room = 0.07 * min(widest, 12) + 0.35 if slanted else 0.5
    figure = Figure(
        figsize=(max(0.13 * across + 1.8, 4), 0.045 * sum(heights) + room * len(heights) + 0.5),
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    axes = iter(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    limits = {}
    for name, values in maps.items():
        most = float(np.abs(values).max(initial=0)) or 1.0
        limits[name] = {"vmin": -most, "vmax": most}
    for start in starts:
        part = [MARKS.get(t, t) for t in tokens[start : start + ACROSS]]
        for name, values in maps.items():
            axis = next(axes)
            shown = np.full((len(values), across), np.nan)
            shown[:, : len(part)] = values[:, start : start + len(part)]
            drawn = axis.imshow(
                shown, aspect="auto", interpolation="nearest", cmap="RdBu_r", **limits[name]
            )  # fmt: skip
            axis.set_xticks(range(len(part)), part, fontsize=7, rotation=90 * slanted)
            axis.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
            axis.tick_params(axis="y", labelsize=6)
            axis.set_ylabel(f"element of {name}", fontsize=7)
            bar = figure.colorbar(drawn, ax=axis, pad=0.01)
            bar.ax.tick_params(labelsize=6)
            bar.set_label("value", fontsize=7)
    figure.suptitle(title, fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
