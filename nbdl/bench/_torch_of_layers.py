"""PyTorch for the rows of norms, activations, adaptive poolings, transposed convolutions and attention.

Gradients are those of autograd, from a graph that is recorded once, where torch has no function for them.
"""

import torch
from torch.nn import functional

from nbdl.bench._rows import first


def _gradients(y, inputs, dy):
    """A call that computes the gradients alone, of the `inputs` that `y` was made of."""
    return lambda: torch.autograd.grad(y, inputs, dy, retain_graph=True)


def batch_norm(x, gamma, beta, running_mean, running_var):
    return lambda: functional.batch_norm(x, running_mean, running_var, gamma, beta, training=True)


def batch_norm_backward(dy, x, gamma, mean, rstd):
    with torch.enable_grad():
        beta, wanted = torch.zeros_like(gamma), [x, gamma]
        inputs = [a.requires_grad_() for a in (*wanted, beta)]
        return _gradients(functional.batch_norm(x, None, None, gamma, beta, training=True), inputs, dy)


def layer_norm(x, gamma, beta):
    return lambda: functional.layer_norm(x, gamma.shape, gamma, beta)


def layer_norm_backward(dy, x, gamma):
    with torch.enable_grad():
        inputs = [a.requires_grad_() for a in (x, gamma, torch.zeros_like(gamma))]
        return _gradients(functional.layer_norm(x, gamma.shape, *inputs[1:]), inputs, dy)


def rms_norm(x, gamma):
    return lambda: functional.rms_norm(x, gamma.shape, gamma, 1e-5)


def rms_norm_backward(dy, x, gamma):
    with torch.enable_grad():
        inputs = [a.requires_grad_() for a in (x, gamma)]
        return _gradients(functional.rms_norm(x, gamma.shape, gamma, 1e-5), inputs, dy)


def _gelu_tanh(x):
    return functional.gelu(x, approximate="tanh")


def _activation(f):
    return lambda x: lambda: f(x)


def _activation_dx(f):
    def of(dy, x):
        with torch.enable_grad():
            return _gradients(f(x.requires_grad_()), [x], dy)

    return of


def _adaptive(f, **options):
    return lambda x, size: lambda: f(x, size, **options)


def _global(f, **options):
    return lambda x: lambda: first(f(x, 1, **options)).flatten(1)


def _as_images(*arrays):
    """Global poolings of ours drop the axes of one element."""
    return [a[:, :, None, None] if a.ndim == 2 else a for a in arrays]


def _like(dy, x_shape):
    """Images in the order that `dy` has in memory."""
    return torch.empty(x_shape, memory_format=order(dy))


def order(x):
    """How torch names the order in memory."""
    return torch.contiguous_format if x.is_contiguous() else torch.channels_last


def _avg_pool2d_dx(dy, x_shape):
    x, (dy,) = _like(dy, x_shape).requires_grad_(), _as_images(dy)
    with torch.enable_grad():
        return _gradients(functional.adaptive_avg_pool2d(x, dy.shape[2:]), [x], dy)


def _max_pool2d_dx(dy, index, x_shape):
    x, (dy, index) = _like(dy, x_shape), _as_images(dy, index)
    return lambda: torch.ops.aten.adaptive_max_pool2d_backward(dy, x, index)


def conv_transpose2d(x, w, b, stride, padding):
    return lambda: functional.conv_transpose2d(x, w, b, stride, padding)


def _transposed(which):
    """The gradient for x (0) or w (1)."""

    def of(dy, stride, padding, w=None, x=None, x_shape=None, w_shape=None):
        x, w = _like(dy, x_shape) if x is None else x, torch.empty(w_shape) if w is None else w
        pairs = [stride] * 2, [padding] * 2, [1, 1]
        wanted = [which == 0, which == 1, False]
        call = torch.ops.aten.convolution_backward
        return lambda: call(dy, x, w, None, *pairs, True, [0, 0], 1, wanted)[which]

    return of


def scaled_dot_product_attention(q, k, v, causal):
    return lambda: functional.scaled_dot_product_attention(q, k, v, is_causal=causal)


def scaled_dot_product_attention_backward(dy, q, k, v, causal, y, lse):
    with torch.enable_grad():
        inputs = [a.requires_grad_() for a in (q, k, v)]
        return _gradients(functional.scaled_dot_product_attention(*inputs, is_causal=causal), inputs, dy)


def conv1d(x, w, b, padding):
    return lambda: functional.conv1d(x, w, b, padding=padding)


ACTIVATIONS = {
    "gelu": functional.gelu, "gelu_tanh": _gelu_tanh, "silu": functional.silu, "mish": functional.mish,
    "elu": functional.elu, "softplus": functional.softplus,
}  # fmt: skip
NORMS = batch_norm, batch_norm_backward, layer_norm, layer_norm_backward, rms_norm, rms_norm_backward
ATTENTION = scaled_dot_product_attention, scaled_dot_product_attention_backward
KERNELS = {
    **{f.__name__: f for f in (*NORMS, *ATTENTION, conv_transpose2d, conv1d)},
    **{name: _activation(f) for name, f in ACTIVATIONS.items()},
    **{f"{name}_dx": _activation_dx(f) for name, f in ACTIVATIONS.items()},
    "conv_transpose2d_dx": _transposed(0),
    "conv_transpose2d_dw": _transposed(1),
    "adaptive_avg_pool2d": _adaptive(functional.adaptive_avg_pool2d),
    "adaptive_max_pool2d_argmax": _adaptive(functional.adaptive_max_pool2d, return_indices=True),
    "global_avg_pool2d": _global(functional.adaptive_avg_pool2d),
    "global_max_pool2d_argmax": _global(functional.adaptive_max_pool2d, return_indices=True),
    **{f"{kind}_avg_pool2d_dx": _avg_pool2d_dx for kind in ("adaptive", "global")},
    **{f"{kind}_max_pool2d_dx": _max_pool2d_dx for kind in ("adaptive", "global")},
}
