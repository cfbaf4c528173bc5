"""What a variational autoencoder draws: samples from random codes, and samples from the codes of others."""

import numpy as np

from nbdl import registry
from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.kernels import gaussian_sample
from nbdl.nn._parameter import dtype_of
from nbdl.train._loop import Run
from nbdl.train._measure import predict


def draw_samples(net, count, seed=0):
    """New samples of a variational autoencoder: what its decoder makes of codes from N(0, I).

    Parameters
    ----------
    net : Run or net
        A net with `decode` and `latent`, as `nbdl.models.VAE`.
    count : int
        How many, at least 1.
    seed : int
        The same seed gives the same samples; of more, the first are the same.

    Returns
    -------
    (count, ...) array
        The mean of p(x|z) of each code, as it is shown in pictures: of Bernoulli variables probabilities.

    Raises
    ------
    OptionError, UsageError
        For a count or a seed out of its range; for a net that has no decoder of codes.

    Examples
    --------
    >>> images = nbdl.train.draw_samples(run, 64)
    >>> images.shape
    (64, 1, 28, 28)
    """
    net, swap = own_net("draw_samples", net)
    for name, value, least in (("count", count, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise OptionError("draw_samples: `{}` must be an integer from {}, got {!r}", name, least, value)
    zeros = np.zeros((count, net.latent))
    with registry.swap(**swap):
        return decode(net, gaussian_sample(zeros, zeros, int(seed), 0, 0))


def decode(net, z):
    """The mean of p(x|z), (N, ...), of codes z (N, latent)."""
    net, swap = own_net("decode", net)
    z = np.asarray(z)
    if z.ndim != 2 or z.shape[1] != net.latent or not len(z):
        raise ShapeError("decode: `z` must have shape (N, {}), got {}", net.latent, z.shape)
    with registry.swap(**swap):
        return predict(_Part(net, "decode"), z.astype(dtype_of(net, z)))


def reconstruct(net, x):
    """Samples x (N, ...) through their codes: the mean of p(x|z) where z is the mean of q(z|x).

    Nothing is drawn. `net` is a run, or a net with `reconstruct`, as `nbdl.models.VAE`; x is what it takes.
    """
    net, swap = own_net("reconstruct", net)
    with registry.swap(**swap):
        return predict(_Part(net, "reconstruct"), x)


def own_net(where, net):
    """The net of a run, or the net itself, and what is swapped; `UsageError` unless it decodes codes."""
    run = net if isinstance(net, Run) else None
    net = run.net if run is not None else net
    if not (callable(getattr(net, "decode", None)) and isinstance(getattr(net, "latent", None), int)):
        text = "{}: the net must have `decode` and `latent`, as an nbdl.models.VAE has, got {}"
        raise UsageError(text, where, type(net).__name__)
    return net, run.config.swap if run is not None else {}


class _Part:
    """A method of a net as a net of its own, with the same parameters."""

    def __init__(self, net, name):
        self.net, self._name = net, name

    def __call__(self, x, train=None):
        return getattr(self.net, self._name)(x)
