"""Batch normalization layer."""

from nbdl.errors import OptionError, ShapeError
from nbdl.nn._options import by_name
from nbdl.nn._parameter import Buffer, Parameter, cast
from nbdl.nn._train import training
from nbdl.tape import apply, apply_all, as_tensor


class BatchNorm:
    """Brings each channel of x (N, C) or (N, C, ...) to mean 0 and variance 1, then scales and shifts it.

    In training by the mean and variance of the minibatch (`nbdl.kernels.batch_norm`), which also go into
    running averages; in prediction by these (`nbdl.kernels.batch_norm_inference`). One class for dense layers
    and for images: the channels are axis 1.

    Parameters
    ----------
    momentum : float
        From 0 to 1: the share of a minibatch in the new running averages, as in torch. 0.1 if neither it nor
        `decay` is given; to give both is an error.
    decay : float, optional
        Instead of `momentum`, the share of the old averages, 1 - momentum: what Keras and ONNX call momentum.
    unbiased : bool
        Whether the running variance averages variances divided by n - 1, as in torch, or by n, as in Keras
        and ONNX.
    eps : float
        Added to the variance; positive.
    affine : bool
        Whether there are gamma (C,), a scale that starts at 1, and beta (C,), a shift that starts at 0.

    Raises
    ------
    ShapeError
        When called, if x has another number of channels than at first, or in training one value for each.
    """

    @by_name("nbdl finds the channels itself: nn.BatchNorm(), nn.BatchNorm(momentum=0.01)")
    def __init__(self, *, momentum=None, decay=None, unbiased=True, eps=1e-5, affine=True):
        momentum = _momentum(decay, momentum)
        if not 0 <= momentum <= 1:
            raise OptionError("BatchNorm: `momentum` must be from 0 to 1, got {!r}", momentum)
        if not eps > 0:
            raise OptionError("BatchNorm: `eps` must be positive, got {!r}", eps)
        self.momentum, self.decay, self.unbiased = float(momentum), None, bool(unbiased)
        self.eps, self.affine = float(eps), bool(affine)
        self.gamma = Parameter("ones") if affine else None
        self.beta = Parameter("zeros") if affine else None
        self.running_mean, self.running_var = Buffer("zeros"), Buffer("ones")

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if x.ndim < 2:
            raise ShapeError("BatchNorm: `x` must have at least 2 dimensions (N, C), got shape {}", x.shape)
        for array in (self.gamma, self.beta, self.running_mean, self.running_var):
            if array is not None and not array.ready:
                array.fill((x.shape[1],))
        if x.shape[1:2] != self.running_mean.shape:
            raise ShapeError(
                "BatchNorm: `x` must have {} channels in axis 1, as at the first call, got shape {}",
                self.running_mean.size,
                x.shape,
            )
        x = cast(x, self.running_mean)
        if train is None:
            running = self.running_mean, self.running_var
            return apply("batch_norm_inference", x, self.gamma, self.beta, *running, eps=self.eps)
        train = training(self, train)
        running = train.value(self.running_mean), train.value(self.running_var)
        options = {"eps": self.eps, "momentum": self.momentum, "unbiased": self.unbiased}
        y, _, _, mean, var = apply_all("batch_norm", x, self.gamma, self.beta, *running, **options)
        train.keep(self.running_mean, mean)
        train.keep(self.running_var, var)
        return y


def _momentum(decay, momentum):
    """The momentum of a layer; at most one of the two may be given."""
    if decay is None:
        return 0.1 if momentum is None else momentum
    if momentum is not None:
        raise OptionError(
            "BatchNorm: `momentum` (the share of the new) and `decay` (of the old) say the same: give one of "
            "them, got {!r} and {!r}",
            momentum,
            decay,
        )
    if not 0 <= decay <= 1:
        raise OptionError("BatchNorm: `decay` must be from 0 to 1, got {!r}", decay)
    return 1 - decay
