r"""What variational autoencoders are made of: a sampled code, and the evidence lower bound as a loss.

.. math:: \log p(x) \ge \mathrm{ELBO} = E_{z \sim q(z|x)} \log p(x|z) - D(q(z|x) \Vert \mathcal N(0, I))

The encoder says of each sample x the mean and the logarithm of the variance of a normal distribution q(z|x),
the decoder what the distribution p(x|z) of the sample is. Kingma and Welling 2013, Auto-encoding variational
Bayes; beta on the divergence is that of Higgins et al. 2017, beta-VAE.
"""

import math
from collections.abc import Mapping

import numpy as np

from nbdl.errors import DataError, OptionError, ShapeError, UsageError
from nbdl.nn._options import is_number
from nbdl.nn._train import training
from nbdl.tape import apply, as_tensor, cast, no_grad


def reparameterize(mean, log_var, train=None):
    """A normal sample for each element: ``mean + exp(log_var / 2) * eps``, with gradients to both.

    Parameters
    ----------
    mean, log_var : (N, ...) tensors
        Of one shape.
    train : nn.Train, optional
        Keys the random numbers, as those of dropout. Without it, in a prediction, they are those of one fixed
        key: the same for every call, and by the position of a sample in the minibatch.

    See Also
    --------
    nbdl.kernels.gaussian_sample
    """
    mean, log_var = as_tensor(mean), as_tensor(log_var)
    key = {"seed": 0, "op": 0, "step": 0}
    if train is not None:
        train = training("reparameterize", train)
        key = {"seed": train.seed, "op": train.next_op(), "step": train.step}
    return apply("gaussian_sample", mean, log_var, **key)


def gaussian_kl(mean, log_var, *, reduction="mean"):
    """KL divergence in nats of N(`mean`, exp(`log_var`)) (N, ...) from N(0, I), summed over each sample.

    `reduction` over the samples: "mean", "sum" or "none". See `nbdl.kernels.gaussian_kl`.
    """
    mean, log_var = as_tensor(mean), as_tensor(log_var)
    if reduction not in ("mean", "sum", "none"):
        raise OptionError("gaussian_kl: `reduction` must be mean, sum or none, got {!r}", reduction)
    if reduction == "none":
        each = 0.5 * (mean * mean + log_var.exp() - 1 - log_var)
        return each.reshape(each.shape[0], -1).sum(axis=1)
    loss = apply("gaussian_kl", mean, log_var)
    return loss if reduction == "mean" else loss * mean.shape[0]


def bernoulli_elbo(prediction, target, *, beta=1.0):
    """The negative evidence lower bound of a decoder of Bernoulli variables, in nats of a sample.

    Parameters
    ----------
    prediction : dict
        What the net gives: "logits" (N, ...), and "mean" and "log_var" (N, L) of the code.
    target : (N, ...)
        The samples themselves, of the shape of the logits: 0 and 1, or probabilities between, as the grey of
        a pixel. In `nbdl.fit` and `nbdl train` these are the inputs: the targets of the data are not read.
    beta : float
        What a nat of the divergence counts, from 0.

    Returns
    -------
    scalar : the mean over samples of -log p(x|z) + beta KL, each summed over a sample.

    Raises
    ------
    DataError
        For targets outside [0, 1], where they can be looked at.
    OptionError, UsageError, ShapeError
    """
    return _bernoulli("bernoulli_elbo", prediction, target) + _cost("bernoulli_elbo", prediction, beta)


def gaussian_elbo(prediction, target, *, beta=1.0, std=1.0):
    """The negative evidence lower bound of a decoder of normal variables, in nats of a sample.

    Parameters
    ----------
    prediction : dict
        What the net gives: "output" (N, ...), the means of the samples, and "mean" and "log_var" (N, L) of
        the code. With "output_log_var", of the shape of the output, the variances are learnt too.
    target : (N, ...)
        The samples themselves, as in `bernoulli_elbo`.
    beta : float
    std : float
        The standard deviation of each element, where none is learnt; above 0.

    Notes
    -----
    -log p(x|z) is the sum over the elements of (x - m)^2 / 2 s^2 + log s + log(2 pi) / 2.
    """
    return _gaussian("gaussian_elbo", prediction, target, std) + _cost("gaussian_elbo", prediction, beta)


def _bernoulli(where, prediction, target):
    """Mean over samples of -log p(x|z)."""
    if isinstance(target, np.ndarray):
        check_shares(where, target)
    x, target = _pair(where, prediction, "logits", target)
    return apply("binary_cross_entropy_with_logits", x, target) * _size(x)


def _gaussian(where, prediction, target, std):
    x, target = _pair(where, prediction, "output", target)
    if not is_number(std) or not 0 < std < math.inf:
        raise OptionError("{}: `std` must be a finite number above 0, got {!r}", where, std)
    if "output_log_var" not in prediction:
        constant = math.log(std) + 0.5 * math.log(2 * math.pi)
        return (apply("mse", x, target) * (0.5 / std**2) + constant) * _size(x)
    log_var = as_tensor(prediction["output_log_var"])
    if log_var.shape != x.shape:
        text = "{}: `output_log_var` must have the shape of the output {}, got {}"
        raise ShapeError(text, where, x.shape, log_var.shape)
    distance = x - target
    each = distance * distance * (-log_var).exp() + log_var
    return (each.mean() * 0.5 + 0.5 * math.log(2 * math.pi)) * _size(x)


def _cost(where, prediction, beta):
    if not is_number(beta) or not 0 <= beta < math.inf:
        raise OptionError("{}: `beta` must be a finite number from 0, got {!r}", where, beta)
    kl = gaussian_kl(*(_part(where, prediction, name) for name in ("mean", "log_var")))
    return kl if beta == 1 else kl * float(beta)


def _pair(where, prediction, name, target):
    """What the decoder gives, and the target in its dtype."""
    x = _part(where, prediction, name)
    target = cast(target, x.dtype)
    if target.shape != x.shape:
        text = "{}: the target must have the shape of `{}` {}, got {}. Try the inputs themselves as targets"
        raise ShapeError(text, where, name, x.shape, target.shape)
    return x, target


def _part(where, prediction, name):
    if not isinstance(prediction, Mapping) or name not in prediction:
        given = ", ".join(prediction) if isinstance(prediction, Mapping) else type(prediction).__name__
        other = {"logits": ". Try the loss gaussian_elbo", "output": ". Try the loss bernoulli_elbo"}
        hint = other[name] if {"logits", "output"} & set(prediction) - {name} and name in other else ""
        text = "{}: the net must give `{}` by name, in a dict, got {}{}"
        raise UsageError(text, where, name, given, hint)
    return as_tensor(prediction[name])


def _size(x):
    return float(math.prod(x.shape[1:]))


def check_shares(where, target):
    """Raise `DataError` for values of an array outside [0, 1]."""
    least, most = float(np.min(target, initial=0)), float(np.max(target, initial=0))
    if not (least >= 0 and most <= 1):
        text = "{}: samples must lie in [0, 1], got values from {:.6g} to {:.6g}. Try to scale them, or the "
        raise DataError(text + "loss gaussian_elbo and a VAE of kind gaussian", where, least, most)


# --- what the records of the two losses name --------------------------------------------------------------


def own_inputs(x, y):
    """What an autoencoder is compared with: its inputs, one array of floats."""
    if isinstance(x, Mapping):
        raise UsageError("an autoencoder reads one array, got several: {}", ", ".join(x))
    if x.dtype.kind != "f":
        raise DataError("an autoencoder reads floats, got {}. Try x.astype('float32')", x.dtype)
    return x


def own_shares(x, y):
    """`own_inputs`, of which each element is a probability."""
    x = own_inputs(x, y)
    check_shares("bernoulli_elbo", x)
    return x


def samples(prediction, target, **options):
    """What the mean of a loss of whole samples divides by."""
    return len(target)


def elbo(prediction, target, std=1.0):
    """The evidence lower bound, in nats of a sample, whatever beta it was trained with."""
    return -reconstruction(prediction, target, std) - kl(prediction, target)


def reconstruction(prediction, target, std=1.0):
    """-log p(x|z) of the samples that the decoder was given codes of, in nats of a sample."""
    with no_grad():
        if "logits" in prediction:
            return _bernoulli("reconstruction", prediction, target).item()
        return _gaussian("reconstruction", prediction, target, std).item()


def kl(prediction, target):
    """The divergence of the codes from N(0, I), in nats of a sample."""
    with no_grad():
        return _cost("kl", prediction, 1.0).item()
