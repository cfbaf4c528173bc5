"""PyTorch as a peer: the same arithmetic on the same numbers, as its users would write it for speed.

Kernels run without gradient tracking and into given memory where torch can do that. A net becomes a
`torch.nn.Sequential` with the same weights; its steps read minibatches that lie ready in memory, and the
optimizer is the fused one. It runs eagerly, with convolutions also in the layout `channels_last`, which has
the channels of a pixel side by side, and compiled (`torch.compile` of net, loss and gradient).
"""

from functools import partial

import numpy as np
import torch
from torch.nn import functional

from nbdl import nn
from nbdl.bench import _torch_of_layers, _torch_of_transformers
from nbdl.bench._race import Competitor
from nbdl.bench._rows import first
from nbdl.models import VAE

VERSION = torch.__version__


def competitors(case, arguments, quick):
    """Torch's entries for a row; none for what it does not have."""
    torch.set_num_threads(case.threads)
    if case.kind == "step":
        forms = [("eager", False), *([] if quick else [("channels last", False), ("compile", True)])]
        return [
            Competitor(name, partial(_step, case, arguments, name == "channels last", compiled))
            for name, compiled in forms
            if name != "channels last" or case.convolutions
        ]
    if case.kind == "predict":
        return [Competitor("eager", partial(_predict, case, arguments))]
    if case.name not in KERNELS:
        return []
    images = any(isinstance(a, np.ndarray) and a.ndim == 4 for a in arguments.values())
    orders = {"eager": torch.contiguous_format} | ({"channels last": torch.channels_last} if images else {})
    return [Competitor(name, partial(_kernel, case, arguments, order)) for name, order in orders.items()]


def _kernel(case, arguments, order):
    given = {k: _tensor(v, order) if isinstance(v, np.ndarray) else v for k, v in arguments.items()}
    call = KERNELS[case.name](**given, **case.more)

    def run(n):
        with torch.no_grad():
            for _ in range(n):
                result = call()
        return first(result).detach().numpy()

    return run


def _tensor(array, order):
    """A copy in memory that torch has aligned; images in their `order`."""
    order = order if array.ndim == 4 else torch.contiguous_format
    return torch.from_numpy(array).clone(memory_format=order)


# --- kernels: the arguments of ours, by name -> a call that does the same -----------------------------------


def conv2d(x, w, b, out, stride, padding):
    return lambda: functional.conv2d(x, w, b, stride, padding)


def conv2d_dx(dy, w, x_shape, dx, stride, padding):
    x = torch.empty_like(dx)
    return lambda: _convolution_backward(dy, x, w, stride, padding, 0)


def conv2d_dw(dy, x, w_shape, dw, stride, padding):
    w = torch.empty_like(dw)
    return lambda: _convolution_backward(dy, x, w, stride, padding, 1)


def _convolution_backward(dy, x, w, stride, padding, which):
    pairs = [stride] * 2, [padding] * 2, [1, 1]
    wanted = [which == 0, which == 1, False]
    return torch.ops.aten.convolution_backward(dy, x, w, None, *pairs, False, [0, 0], 1, wanted)[which]


def linear(x, w, b, out):
    return lambda: torch.addmm(b, x, w, out=out)


def linear_dx(dy, w, dx):
    return lambda: torch.addmm(dx, dy, w.t(), out=dx)


def linear_dw(dy, x, dw):
    return lambda: torch.addmm(dw, x.t(), dy, out=dw)


def matmul(a, b, out):
    return lambda: torch.mm(a, b, out=out)


def bmm(a, b, out):
    return lambda: torch.bmm(a, b, out=out)


def softmax_cross_entropy(x, labels, dloss, dx):
    x.requires_grad_()

    def call():
        with torch.enable_grad():
            return torch.autograd.grad(functional.cross_entropy(x, labels), x)[0]

    return call


def max_pool2d(x, out, kernel, stride, padding):
    return lambda: functional.max_pool2d(x, kernel, stride, padding)


def max_pool2d_dx(dy, index, x_shape, dx, kernel, stride, padding):
    x = torch.empty_like(dx)
    pairs = [kernel] * 2, [stride] * 2, [padding] * 2, [1, 1]
    return lambda: torch.ops.aten.max_pool2d_with_indices_backward(dy, x, *pairs, False, index)


def avg_pool2d(x, out, kernel, stride, padding):
    return lambda: functional.avg_pool2d(x, kernel, stride, padding)


def avg_pool2d_dx(dy, x_shape, dx, kernel, stride, padding):
    x = torch.empty_like(dx)
    pairs = [kernel] * 2, [stride] * 2, [padding] * 2
    return lambda: torch.ops.aten.avg_pool2d_backward(dy, x, *pairs, False, True, None)


def _update(optimizer, options, w, dw, lr, **ours):
    """One step of a torch optimizer; `ours` are the state, which torch makes itself, and the same options."""
    w.grad = dw
    step = optimizer([w], lr, **options).step

    def call():
        step()
        return w

    return call


UPDATES = {  # fused where torch has that for a CPU
    "sgd": (torch.optim.SGD, {"fused": True}),
    "momentum": (torch.optim.SGD, {"fused": True, "momentum": 0.9}),
    "adagrad": (torch.optim.Adagrad, {"fused": True}),
    "rmsprop": (torch.optim.RMSprop, {"centered": True, "momentum": 0.9}),
    "adadelta": (torch.optim.Adadelta, {}),
    "adam": (torch.optim.Adam, {"fused": True}),
    "adamw": (torch.optim.AdamW, {"fused": True}),
    "adamax": (torch.optim.Adamax, {}),
    "nadam": (torch.optim.NAdam, {}),
    "amsgrad": (torch.optim.Adam, {"fused": True, "amsgrad": True}),
}

KERNELS = _torch_of_layers.KERNELS | {
    f.__name__: f
    for f in (
        conv2d, conv2d_dx, conv2d_dw, linear, linear_dx, linear_dw, matmul, bmm, softmax_cross_entropy,
        max_pool2d, max_pool2d_dx, avg_pool2d, avg_pool2d_dx,
    )
} | {f"{name}_update": partial(_update, *given) for name, given in UPDATES.items()}  # fmt: skip


# --- training steps -----------------------------------------------------------------------------------------

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
LAYERS = _torch_of_transformers.LAYERS | {
    nn.Conv2d: lambda layer: _conv2d_layer(layer),
    nn.Linear: lambda layer: _linear_layer(layer),
    nn.MaxPool2d: lambda layer: torch.nn.MaxPool2d(layer.kernel, layer.stride, layer.padding[::2]),
    nn.AvgPool2d: lambda layer: torch.nn.AvgPool2d(layer.kernel, layer.stride, layer.padding[::2]),
    nn.GlobalAvgPool2d: lambda layer: torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()),
    nn.Dropout: lambda layer: torch.nn.Dropout(layer.p),
    nn.ReLU: lambda layer: torch.nn.ReLU(),
    nn.Sigmoid: lambda layer: torch.nn.Sigmoid(),
    nn.Flatten: lambda layer: torch.nn.Flatten(),
    nn.RNN: lambda layer: _RNN(torch.nn.RNN, layer),
    nn.LSTM: lambda layer: _RNN(torch.nn.LSTM, layer),
    nn.GRU: lambda layer: _GRU([layer]),
    nn.Stack: lambda layer: _GRU(layer.layers),
    nn.Residual: lambda layer: _Residual(layer),
    nn.Concat: lambda layer: _Concat(layer),
    nn.Reshape: lambda layer: torch.nn.Unflatten(1, layer.shape),
    VAE: lambda layer: _VAE(layer),
}


class _RNN(torch.nn.Module):
    """The states of all steps. One of the two biases stays zero: both would learn twice as fast as one."""

    def __init__(self, kind, layer):
        super().__init__()
        self.rnn = kind(len(layer.wx.data), layer.hidden, batch_first=True)
        arrays = layer.wx.data.T, layer.wh.data.T, layer.b.data, np.zeros_like(layer.b.data)
        with torch.no_grad():
            for p, values in zip(self.rnn.parameters(), arrays):
                p.copy_(torch.from_numpy(values.copy()))
        self.rnn.bias_hh_l0.requires_grad_(False)

    def forward(self, x):
        return self.rnn(x)[0]


class _GRU(torch.nn.Module):
    """The states of all steps, of the last of some layers of one size."""

    def __init__(self, layers):
        super().__init__()
        first = layers[0]
        self.gru = torch.nn.GRU(len(first.wx.data), first.hidden, num_layers=len(layers), batch_first=True)
        arrays = [a.data.T for layer in layers for a in (layer.wx, layer.wh, layer.b, layer.bh)]
        with torch.no_grad():
            for p, values in zip(self.gru.parameters(), arrays, strict=True):
                p.copy_(torch.from_numpy(values.copy()))

    def forward(self, x):
        return self.gru(x)[0]


class _Residual(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.body, self.shortcut = (
            torch.nn.Identity() if part is None else module(part) for part in (layer.body, layer.shortcut)
        )

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class _Concat(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.branches = torch.nn.ModuleList(
            torch.nn.Identity() if branch is None else module(branch) for branch in layer.branches
        )

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class _VAE(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.latent, self.encoder, self.decoder = net.latent, module(net.encoder), module(net.decoder)

    def forward(self, x):
        mean, log_var = self.encoder(x).split(self.latent, 1)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        return self.decoder(z), mean, log_var


def _elbo(given, x):
    logits, mean, log_var = given
    apart = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    return (apart + 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum()) / len(x)


def _cross_entropy(logits, labels):
    """Of all positions, with the classes last."""
    return functional.cross_entropy(logits.flatten(0, -2), labels.flatten())


LOSSES = {"softmax_cross_entropy": _cross_entropy, "bernoulli_elbo": _elbo}


def _step(case, arguments, channels_last, compiled):
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net = module(case.net).to(memory_format=layout)
    optimizer = OPTIMIZERS[case.optimizer](net.parameters(), case.lr, fused=True)
    form = _compile if compiled else lambda f: f
    loss_of = form(lambda x, y: LOSSES[case.loss](net(x), y))
    order = arguments["order"]
    x = torch.from_numpy(arguments["x"][order])
    x = x.contiguous(memory_format=layout if x.ndim == 4 else torch.contiguous_format).split(case.batch)
    y = torch.from_numpy(arguments["y"][order]).split(case.batch)  # of an autoencoder x once more
    done = 0

    def run(n):
        nonlocal done
        for _ in range(n):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(x[done], y[done])
            loss.backward()
            optimizer.step()
            done = (done + 1) % len(x)
        return np.asarray(loss.item())

    return run


def _predict(case, arguments):
    net, x = module(case.net).eval(), torch.from_numpy(arguments["x"])

    def run(n):
        with torch.no_grad():
            for _ in range(n):
                y = net(x)
        return y.numpy()

    return run


def module(net):
    """A net of ours whose parameters are there, as a `torch.nn.Module` with the same."""
    if not isinstance(net, nn.Sequential):
        return LAYERS[type(net)](net)
    return torch.nn.Sequential(*_layers(net.layers))


def _layers(layers):
    """The same in PyTorch, where a norm of images is another one than that of rows."""
    images = True
    for layer in layers:
        images = images and not isinstance(layer, (nn.Flatten, nn.GlobalAvgPool2d))
        if isinstance(layer, nn.BatchNorm):
            norm = torch.nn.BatchNorm2d if images else torch.nn.BatchNorm1d
            yield norm(layer.gamma.data.size, layer.eps, layer.momentum)
        else:
            yield module(layer)


def _compile(function):
    torch._dynamo.reset()
    return torch.compile(function)


def _conv2d_layer(layer):
    out, channels = layer.w.data.shape[:2]
    options = {"stride": layer.stride, "padding": layer.padding[::2], "bias": layer.bias}
    made = torch.nn.Conv2d(channels * layer.groups, out, layer.kernel, groups=layer.groups, **options)
    return _weights(made, layer.w.data, layer.b)


def _linear_layer(layer):
    return _weights(torch.nn.Linear(*layer.w.data.shape, bias=layer.bias), layer.w.data.T, layer.b)


def _weights(made, w, b):
    with torch.no_grad():
        made.weight.copy_(torch.from_numpy(w.copy()))
        if b is not None:
            made.bias.copy_(torch.from_numpy(b.data.copy()))
    return made
