"""The kernel rows: what is called on which arrays, and how much arithmetic and memory that takes at least.

FLOPs are those of the sums of products, two for each product, those with zeros of the padding included; what
is done element by element is not counted. Bytes are those of all arrays, each counted once. Kernels are
serial: their rows run on one thread. Those of norms, activations and the like are in `_cases_of_layers.py`.
"""

from functools import partial
from math import prod

import numpy as np

from nbdl import kernels, registry
from nbdl.bench._cases_of_layers import layer_cases
from nbdl.bench._rows import Case, normal, zeros

SIZES = {
    "convolution": (  # N, C, H = W, O, KH = KW, padding, stride
        (256, 1, 28, 6, 5, 2, 1), (256, 6, 14, 16, 5, 0, 1), (64, 3, 32, 16, 3, 1, 1),
        (16, 64, 56, 64, 3, 1, 1), (16, 128, 28, 128, 3, 1, 1), (16, 256, 14, 256, 1, 0, 1),
        (8, 3, 224, 64, 7, 3, 2), (1, 64, 56, 64, 3, 1, 1),
    ),
    "linear": (  # N, D, Q
        (128, 400, 120), (128, 784, 256), (128, 1024, 1024), (128, 4096, 1024), (1, 512, 512),
    ),
    "products": (  # B, M, K, N
        (1, 512, 512, 512), (64, 128, 64, 128), (64, 128, 128, 64), (128, 10, 64, 10),
    ),
    "logits": ((4096, 1000),),  # N, classes
    "pooling": ((256, 6, 28, 2, 0, 2), (16, 64, 112, 3, 1, 2)),  # N, C, H = W, KH = KW, padding, stride
    "parameters": ((2**22,),),
}  # fmt: skip
QUICK = {  # only to see that everything works
    "convolution": ((2, 3, 12, 6, 3, 1, 1),), "linear": ((4, 40, 20),),
    "products": ((1, 9, 20, 7), (2, 5, 6, 7)), "logits": ((16, 10),), "pooling": ((2, 3, 12, 2, 0, 2),),
    "parameters": ((1000,),),
}  # fmt: skip

OPTIMIZERS = (  # with options by which all of their state is used
    ("sgd", {}), ("momentum", {}), ("adagrad", {}), ("rmsprop", {"centered": True, "momentum": 0.9}),
    ("adadelta", {}), ("adam", {}), ("adamw", {}), ("adamax", {}), ("nadam", {}), ("yogi", {}),
    ("amsgrad", {}), ("lars", {}), ("lamb", {}),
)  # fmt: skip


def kernel_cases(quick=False):
    """All kernel rows, in the order of the table."""
    of_nets = [make(*size) for make, what in MAKERS for size in (QUICK if quick else SIZES)[what]]
    return of_nets + layer_cases(quick)


def _convolution(N, C, H, O, K, padding, stride):
    """What the three kernels of a convolution share: shapes, text, FLOPs, options."""
    P = (H + 2 * padding - K) // stride + 1
    x, w, y = (N, C, H, H), (O, C, K, K), (N, O, P, P)
    text = f"{N}x{C}x{H}x{H}, {K}x{K} to {O}" + (f", stride {stride}" if stride > 1 else "")
    return x, w, y, text, 2 * prod(y) * C * K * K, {"stride": stride, "padding": padding}


def _conv2d(*size):
    x, w, y, text, flops, options = _convolution(*size)

    def arguments():
        return {"x": normal(*x), "w": normal(*w), "b": normal(w[0]), "out": zeros(*y), **options}

    return Case("conv2d", text, flops, arguments, ("out",))


def _conv2d_dx(*size):
    x, w, y, text, flops, options = _convolution(*size)

    def arguments():
        return {"dy": normal(*y), "w": normal(*w), "x_shape": x, "dx": zeros(*x), **options}

    return Case("conv2d_dx", text, flops, arguments, ("dx",))


def _conv2d_dw(*size):
    x, w, y, text, flops, options = _convolution(*size)

    def arguments():
        return {"dy": normal(*y), "x": normal(*x), "w_shape": w, "dw": zeros(*w), **options}

    return Case("conv2d_dw", text, flops, arguments, ("dw",))


def _linear(N, D, Q):
    def arguments():
        return {"x": normal(N, D), "w": normal(D, Q), "b": normal(Q), "out": zeros(N, Q)}

    return Case("linear", f"{D} to {Q}, N={N}", 2 * N * D * Q, arguments, ("out",))


def _linear_dx(N, D, Q):
    def arguments():
        return {"dy": normal(N, Q), "w": normal(D, Q), "dx": zeros(N, D)}

    return Case("linear_dx", f"{D} to {Q}, N={N}", 2 * N * D * Q, arguments, ("dx",))


def _linear_dw(N, D, Q):
    def arguments():
        return {"dy": normal(N, Q), "x": normal(N, D), "dw": zeros(D, Q)}

    return Case("linear_dw", f"{D} to {Q}, N={N}", 2 * N * D * Q, arguments, ("dw",))


def _matmul(B, M, K, N):
    batch = () if B == 1 else (B,)

    def arguments():
        return {"a": normal(*batch, M, K), "b": normal(*batch, K, N), "out": zeros(*batch, M, N)}

    size = " x ".join(map(str, (*batch, M, K, N)))
    return Case("bmm" if batch else "matmul", size, 2 * B * M * K * N, arguments, ("out",))


def _cross_entropy(N, classes):
    """The loss, then its gradient."""

    def arguments():
        labels = np.random.default_rng(1).integers(0, classes, N)
        return {"x": normal(N, classes), "labels": labels, "dloss": 1.0, "dx": zeros(N, classes)}

    calls = "softmax_cross_entropy", "softmax_cross_entropy_dx"
    return Case(calls[0], f"{N}x{classes}, with gradient", 0, arguments, ("dx",), calls)


def _pooling(N, C, H, K, padding, stride):
    """What the kernels of a pooling share: shapes, text, options."""
    P = (H + 2 * padding - K) // stride + 1
    text = f"{N}x{C}x{H}x{H}, {K}x{K}, stride {stride}"
    return (N, C, H, H), (N, C, P, P), text, {"kernel": K, "stride": stride, "padding": padding}


def _pool2d(name, *size):
    x, y, text, options = _pooling(*size)
    return Case(name, text, 0, lambda: {"x": normal(*x), "out": zeros(*y), **options}, ("out",))


def _max_pool2d_dx(*size):
    x, _, text, options = _pooling(*size)

    def arguments():
        dy, index = kernels.max_pool2d_argmax(normal(*x), **options)
        return {"dy": dy, "index": index, "x_shape": x, "dx": zeros(*x)}

    return Case("max_pool2d_dx", text, 0, arguments, ("dx",), more=options)


def _avg_pool2d_dx(*size):
    x, y, text, options = _pooling(*size)

    def arguments():
        return {"dy": normal(*y), "x_shape": x, "dx": zeros(*x), **options}

    return Case("avg_pool2d_dx", text, 0, arguments, ("dx",))


def _update(optimizer, options, n):
    record = registry.default().get("optimizer", optimizer)

    def arguments():
        step = {"step": 1} if "step" in registry.parameters(record.update) else {}
        state = {name: zeros(n) for name in record.state}
        return {"w": normal(n), "dw": normal(2 * n)[n:], "lr": 0.5, **state, **step, **options}

    return Case(f"{optimizer}_update", f"{n} parameters", 0, arguments, ("w", *record.state))


MAKERS = (
    (_conv2d, "convolution"),
    (_conv2d_dx, "convolution"),
    (_conv2d_dw, "convolution"),
    (_linear, "linear"),
    (_linear_dx, "linear"),
    (_linear_dw, "linear"),
    (_matmul, "products"),
    (_cross_entropy, "logits"),
    (partial(_pool2d, "max_pool2d"), "pooling"),
    (_max_pool2d_dx, "pooling"),
    (partial(_pool2d, "avg_pool2d"), "pooling"),
    (_avg_pool2d_dx, "pooling"),
    *((partial(_update, *optimizer), "parameters") for optimizer in OPTIMIZERS),
)
