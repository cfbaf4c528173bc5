r"""Variational autoencoders: a code for each sample, and samples from any code.

.. math:: (\mu, \log \sigma^2) = f(x),\qquad z = \mu + \sigma \epsilon,\qquad p(x \mid z) \text{ from } g(z)

Kingma and Welling 2013, Auto-encoding variational Bayes. Trained by the losses `bernoulli_elbo` and
`gaussian_elbo` of `nbdl.nn`.
"""

import math

from nbdl.errors import OptionError, ShapeError
from nbdl.nn import (
    Conv2d,
    ConvTranspose2d,
    Flatten,
    Linear,
    ReLU,
    Reshape,
    Sequential,
    reparameterize,
)
from nbdl.nn._options import positive
from nbdl.tape import apply, as_tensor

__all__ = ["VAE", "conv_vae", "vae"]

OUTPUTS = {"bernoulli": "logits", "gaussian": "output"}  # what a net of each decoder gives


class VAE:
    """An encoder and a decoder, and a random code between them.

    ``net(x)`` is a dict: what the decoder makes of a random code of each sample, "logits" (N, ...) of
    Bernoulli variables or the "output" of normal ones, and "mean" and "log_var" (N, latent) of the code. A
    prediction draws its code too, by one fixed key: so the evidence lower bound of a prediction is one.

    Parameters
    ----------
    encoder : callable
        Samples (N, ...) to (N, 2 latent): the means, then the logarithms of the variances.
    decoder : callable
        Codes (N, latent) to samples (N, ...).
    latent : int
    kind : "bernoulli" or "gaussian"
        What the decoder describes: logits of probabilities, or means.
    """

    def __init__(self, encoder, decoder, latent, kind="bernoulli"):
        self.latent = positive("VAE: `latent`", latent)
        if kind not in OUTPUTS:
            raise OptionError("VAE: `kind` must be one of {}, got {!r}", ", ".join(OUTPUTS), kind)
        self.encoder, self.decoder, self.kind = encoder, decoder, kind

    def __call__(self, x, train=None):
        mean, log_var = self.encode(x, train)
        made = self.decoder(reparameterize(mean, log_var, train), train=train)
        return {OUTPUTS[self.kind]: made, "mean": mean, "log_var": log_var}

    def encode(self, x, train=None):
        """Mean and logarithm of the variance of the code of each sample, (N, latent) both."""
        both = self.encoder(as_tensor(x), train=train)
        if both.shape[1:] != (2 * self.latent,):
            text = "VAE: the encoder must give (N, {}), twice the `latent`, got {}"
            raise ShapeError(text, 2 * self.latent, both.shape)
        return both[:, : self.latent], both[:, self.latent :]

    def decode(self, z):
        """The mean of p(x|z), (N, ...), of codes (N, latent): probabilities, or values."""
        z = as_tensor(z)
        if z.shape[1:] != (self.latent,):
            raise ShapeError("VAE: codes `z` must have shape (N, {}), got {}", self.latent, z.shape)
        made = self.decoder(z)
        return apply("sigmoid", made) if self.kind == "bernoulli" else made

    def reconstruct(self, x):
        """The mean of p(x|z) where z is the mean code of each sample: nothing is drawn."""
        return self.decode(self.encode(x)[0])


def vae(latent=2, hidden=(400,), shape=(1, 28, 28), kind="bernoulli", init="xavier_uniform"):
    """Dense layers with ReLU, from a sample to its code and in the reverse order back."""
    encoder, decoder = [Flatten()], []
    for features in hidden:
        encoder += [Linear(features, init=init), ReLU()]
        decoder = [Linear(features, init=init), ReLU(), *decoder]
    encoder.append(Linear(2 * latent, init=init))
    decoder += [Linear(math.prod(shape), init=init), Reshape(shape)]
    return VAE(Sequential(*encoder), Sequential(*decoder), latent, kind)


def conv_vae(
    latent=2, channels=(32, 64), hidden=256, shape=(1, 28, 28), kind="bernoulli", init="xavier_uniform"
):
    """Convolutions of stride 2, a dense layer, and transposed convolutions back to the image."""
    if len(shape) != 3:
        raise ShapeError("conv_vae: `shape` must be that of an image (C, H, W), got {}", tuple(shape))
    C, H, W = shape
    times = 2 ** len(channels)
    if H % times or W % times:
        text = "conv_vae: rows and columns of images must be multiples of {}, got {} x {}. Try model option "
        raise ShapeError(text + "channels with fewer numbers, or the model vae", times, H, W)
    small = (*channels[-1:], H // times, W // times)
    encoder = []
    for features in channels:
        encoder += [Conv2d(features, 4, stride=2, padding=1, init=init), ReLU()]
    encoder += [Flatten(), Linear(hidden, init=init), ReLU(), Linear(2 * latent, init=init)]
    decoder = [Linear(hidden, init=init), ReLU(), Linear(math.prod(small), init=init), ReLU(), Reshape(small)]
    for features in (*reversed(channels[:-1]), C):
        decoder += [ConvTranspose2d(features, 4, stride=2, padding=1, init=init), ReLU()]
    return VAE(Sequential(*encoder), Sequential(*decoder[:-1]), latent, kind)
