"""The gradient of the tape against central differences, for any function of Tensors."""

import numpy as np

from nbdl.errors import VerificationError
from nbdl.tape import Tensor, no_grad, tensor


def gradcheck(f, *inputs, eps=1e-6, rtol=1e-6, seed=0):
    r"""Check the tape's gradient of `f` with respect to each float input; True, or an error.

    The result is projected on a random cotangent v, and every element of every input is moved by
    :math:`\pm h`, :math:`h = eps \max(1, |x|)`, in float64:

    .. math:: \frac{\partial}{\partial x_i} \langle v, f(x) \rangle
              \approx \frac{\langle v, f(x + h e_i) \rangle - \langle v, f(x - h e_i) \rangle}{2 h}

    Parameters
    ----------
    f : callable
        Takes as many Tensors as there are inputs and returns one Tensor.
    *inputs : arrays or Tensors
        Float ones are cast to float64 and checked; others are passed as they are.
    eps : float
        Relative step of the differences.
    rtol : float
        Largest error allowed, relative to the element's gradient (on top of the rounding of the difference).
    seed : int
        Seed of the cotangent.

    Raises
    ------
    VerificationError
        Names the input, its worst element and both gradients.
    """
    arrays = [np.array(x.data if isinstance(x, Tensor) else x) for x in inputs]
    checked = [a.dtype.kind == "f" for a in arrays]
    arrays = [a.astype(np.float64) if c else a for a, c in zip(arrays, checked)]
    tensors = [tensor(a, requires_grad=c) for a, c in zip(arrays, checked)]
    y = f(*tensors)
    v = np.random.default_rng(seed).standard_normal(y.shape)
    if y.requires_grad:
        y.backward(v)

    def projected():
        with no_grad():
            return float(np.sum(v * f(*[tensor(a) for a in arrays]).data))

    noise = 16 * np.finfo(np.float64).eps * np.abs(v * y.data).sum() / eps  # of rounding, in the difference
    for number, (a, t) in enumerate(zip(arrays, tensors)):
        if not t.requires_grad:
            continue
        taped = np.zeros(a.shape) if t.grad is None else t.grad
        numeric, error = np.zeros(a.shape), np.zeros(a.shape)
        for i in np.ndindex(a.shape):
            value = a[i]
            h = eps * max(1.0, abs(value))
            a[i] = value + h
            above = projected()
            a[i] = value - h
            numeric[i] = (above - projected()) / (2 * h)
            a[i] = value
            error[i] = abs(taped[i] - numeric[i]) - rtol * max(abs(taped[i]), abs(numeric[i])) - noise
        if a.size and not error.max() <= 0:  # a NaN is an error too
            worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), a.shape)
            raise VerificationError(
                "gradcheck: input {}, element {}: the tape says {}, central differences say {}",
                number, tuple(int(i) for i in worst), float(taped[worst]), float(numeric[worst]),
            )  # fmt: skip
    return True
