"""Pictures of a variational autoencoder: a grid of samples, and its plane of codes."""

import io
from statistics import NormalDist

import numpy as np

from nbdl.errors import ShapeError, UsageError
from nbdl.train._draw import decode, own_net
from nbdl.train._measure import predict

SHARES = 0.025, 0.975  # of a normal distribution: between which quantiles codes are shown
POINTS = 5000  # that are drawn at most


def samples_picture(samples, title="", across=None):
    """PNG bytes of images side by side. Needs matplotlib.

    Parameters
    ----------
    samples : (N, H, W) or (N, C, H, W) array
        Of one channel, shown in grey, or three; values from 0 to 1, what is beyond is cut off.
    title : str
    across : int, optional
        How many stand in a row; as many as make a square if it is not given.
    """
    figures = _matplotlib()
    images = as_images("samples_picture", samples)
    N = len(images)
    across = max(1, min(N, across or int(np.ceil(np.sqrt(N)))))
    rows = -(-N // across)
    figure = figures(figsize=(0.6 * across + 0.3, 0.6 * rows + 0.6), layout="constrained")
    axis = figure.subplots()
    _show(axis, mosaic(images, rows, across))
    axis.set_axis_off()
    figure.suptitle(title, fontsize=9)
    return _png(figure)


def plane_picture(net, x=None, labels=None, title="", side=20):
    """PNG bytes of the plane of codes of a VAE with 2 latent dimensions. Needs matplotlib.

    On the right what the decoder makes of a grid of codes, at equal steps of the normal distribution's share;
    on the left the mean code of each sample of `x` (N, ...), coloured by its label, where samples are given.

    Raises
    ------
    UsageError
        If the codes have not 2 dimensions, or matplotlib is missing.
    """
    figures = _matplotlib()
    net, _ = own_net("plane_picture", net)
    if net.latent != 2:
        text = "there is a picture of the plane of codes for 2 latent dimensions, the net has {}"
        raise UsageError(text, net.latent)
    steps = np.array([NormalDist().inv_cdf(share) for share in np.linspace(*SHARES, side)])
    codes = np.stack(np.meshgrid(steps, steps[::-1]), axis=-1).reshape(-1, 2)
    made = mosaic(as_images("plane_picture", decode(net, codes)), side, side)
    figure = figures(figsize=(11.5 if x is not None else 5.6, 5.6), layout="constrained")
    axes = figure.subplots(1, 2 if x is not None else 1, squeeze=False)[0]
    if x is not None:
        _scatter(figure, axes[0], predict(net, x[:POINTS])["mean"], labels)
    _show(axes[-1], made)
    ticks = np.linspace(0, made.shape[1], side + 1)[:-1] + made.shape[1] / side / 2
    names = [f"{v:.1f}" for v in steps]
    axes[-1].set_xticks(ticks[::3], names[::3], fontsize=7)
    axes[-1].set_yticks(ticks[::3], names[::-1][::3], fontsize=7)
    axes[-1].set_title("what the decoder makes of each code", fontsize=9)
    axes[-1].set_xlabel("z1")
    axes[-1].set_ylabel("z2")
    figure.suptitle(title, fontsize=9)
    return _png(figure)


def as_images(where, samples):
    """Samples as (N, H, W) or (N, H, W, 3); `ShapeError` for what is no image."""
    samples = np.asarray(samples)
    if samples.ndim == 4 and samples.shape[1] in (1, 3):
        samples = samples[:, 0] if samples.shape[1] == 1 else samples.transpose(0, 2, 3, 1)
    elif samples.ndim != 3:
        text = "{}: samples must be images (N, H, W), (N, 1, H, W) or (N, 3, H, W), got {}"
        raise ShapeError(text, where, samples.shape)
    return samples


def mosaic(images, rows, across):
    """Images (N, H, W, ...) as one, row by row; white where there are none left."""
    (N, H, W), rest = images.shape[:3], images.shape[3:]
    whole = np.ones((rows, across, H, W, *rest))
    whole.reshape(rows * across, H, W, *rest)[:N] = np.clip(images, 0, 1)
    return whole.swapaxes(1, 2).reshape(rows * H, across * W, *rest)


def _scatter(figure, axis, codes, labels):
    axis.set_title("mean codes of the test samples", fontsize=9)
    axis.set_xlabel("z1")
    axis.set_ylabel("z2")
    if labels is None:
        axis.scatter(*codes.T, s=4, linewidths=0)
        return
    names, numbers = np.unique(np.asarray(labels)[: len(codes)], return_inverse=True)
    few = len(names) <= 10
    drawn = axis.scatter(
        *codes.T, s=4, linewidths=0, c=numbers, cmap="tab10" if few else "viridis",
        vmin=-0.5 if few else None, vmax=9.5 if few else None,
    )  # fmt: skip
    bar = figure.colorbar(drawn, ax=axis)
    if few:
        bar.ax.set_ylim(-0.5, len(names) - 0.5)
        bar.set_ticks(range(len(names)), labels=[str(name) for name in names])


def _show(axis, image):
    axis.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")


def _matplotlib():
    """A function that makes a figure; `UsageError` where matplotlib is missing."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError('a picture needs matplotlib: pip install "nbdl[plot]"') from error

    def figure(**options):
        made = Figure(**options)
        FigureCanvasAgg(made)
        return made

    return figure


def _png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
