r"""How often runs of n tokens occur, and Zipf's law of their ranks.

.. math:: n_i \propto i^{-\alpha}

for the i-th most frequent token: a straight line on logarithmic axes. Zhang et al., Dive into Deep Learning,
section 9.3; Zipf 1949, Human Behavior and the Principle of Least Effort.
"""

import io

import numpy as np

from nbdl.errors import DataError, DtypeError, ShapeError, UsageError

DENSE = 4  # codes for each token, up to which they are counted in a table and not by sorting


def ngram_counts(ids, n=1):
    """The runs of `n` tokens of a text, the most frequent first.

    Parameters
    ----------
    ids : (T,) integers from 0
        Of a text, see `Vocabulary.encode`.
    n : int

    Returns
    -------
    grams : (M, n) int64
        Each run once; runs that are as frequent in the order of their ids. M is 0 if T < n.
    counts : (M,) int64

    Examples
    --------
    >>> grams, counts = ngram_counts(np.array([0, 1, 0, 1, 1, 0]), 2)
    >>> grams.tolist(), counts.tolist()
    ([[0, 1], [1, 0], [1, 1]], [2, 2, 1])
    """
    ids = as_ids("ngram_counts", ids)
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise UsageError("ngram_counts: `n` must be an integer of at least 1, got {!r}", n)
    if len(ids) < n:
        return np.zeros((0, n), np.int64), np.zeros(0, np.int64)
    size, codes, bound = int(ids.max()) + 1, ids[: len(ids) - n + 1], int(ids.max()) + 1
    for k in range(1, n):
        if bound * size >= 2**63:  # what occurs has numbers that are small enough
            codes = np.unique(codes, return_inverse=True)[1]
            bound = int(codes.max()) + 1
        codes, bound = codes * size + ids[k : len(ids) - n + 1 + k], bound * size
    if bound <= max(DENSE * len(codes), 2**16):
        counts = np.bincount(codes, minlength=0)
        firsts = np.zeros(len(counts), np.int64)
        firsts[codes[::-1]] = np.arange(len(codes))[::-1]
        found = counts > 0
        firsts, counts = firsts[found], counts[found]
    else:
        _, firsts, counts = np.unique(codes, return_index=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return ids[firsts[order][:, None] + np.arange(n)], counts[order]


def zipf_exponent(counts):
    """The exponent alpha of Zipf's law: the slope of log(count) over log(rank), by least squares.

    Parameters
    ----------
    counts : (M,) positive numbers
        In any order; at least 2.
    """
    counts = np.sort(np.asarray(counts, np.float64))[::-1]
    if counts.ndim != 1 or len(counts) < 2 or not counts[-1] > 0:
        text = "zipf_exponent: `counts` must be at least 2 positive numbers, got shape {}"
        raise DataError(
            text + ("" if not counts.size else ", the least {}"), counts.shape, *counts.ravel()[-1:]
        )
    return float(-np.polyfit(np.log(np.arange(1, len(counts) + 1)), np.log(counts), 1)[0])


def zipf_picture(counts, title=""):
    """PNG bytes of counts over ranks on logarithmic axes, one curve for each n. Needs matplotlib.

    Parameters
    ----------
    counts : dict
        Counts (M,), as `ngram_counts` gives them, by the name of their curve.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError('a picture needs matplotlib: pip install "nbdl[plot]"') from error
    figure = Figure(figsize=(5.5, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name, each in counts.items():
        each = np.sort(np.asarray(each))[::-1]
        # of many ranks only as many points as can be seen
        ranks = np.unique(np.geomspace(1, max(len(each), 1), 2000).astype(int))[: len(each)]
        axes.plot(ranks, each[ranks - 1], label=name)
    axes.set(xscale="log", yscale="log", xlabel="rank", ylabel="count")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.suptitle(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def as_ids(name, ids, size=None):
    """Token ids (T,) as int64, from 0, below `size` if it is given; else an error that names them."""
    ids = np.asarray(ids)
    if ids.dtype.kind not in "iu" and ids.size:
        text = "{}: `ids` must be integers, got {}. Try the `encode` of a vocabulary"
        raise DtypeError(text, name, ids.dtype)
    if ids.ndim != 1:
        raise ShapeError("{}: `ids` must be of shape (T,), got {}", name, ids.shape)
    if ids.size and (ids.min() < 0 or (size is not None and ids.max() >= size)):
        most = "up" if size is None else f"to {size - 1}"
        raise DataError("{}: `ids` must be from 0 {}, got {} to {}", name, most, ids.min(), ids.max())
    return ids.astype(np.int64)
