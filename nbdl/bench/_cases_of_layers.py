"""The kernel rows of norms, activations, adaptive poolings, transposed convolutions and attention.

They are called as one who has no array for the result calls them: each repetition makes its results anew,
and so does a peer's. Bytes are those of what must be read and of what must be written, each once.
"""

from math import prod

import numpy as np

from nbdl import kernels
from nbdl.bench._rows import Case, normal

IMAGES = (256, 64, 28, 28)
SIZES = {
    "rows": ((4096, 512),),
    "images": (IMAGES,),
    "elements": ((4096, 512), IMAGES),
    "bins": (((64, 128, 28, 28), 7), ((64, 128, 28, 28), 5), ((64, 512, 7, 7), 1)),
    "planes": ((64, 512, 7, 7), (64, 128, 28, 28)),
    "transposed": (  # N, C, H = W, O, KH = KW, padding, stride
        (32, 64, 16, 32, 4, 1, 2), (16, 128, 8, 64, 2, 0, 2), (32, 32, 32, 32, 3, 1, 1),
    ),
    "series": ((32, 64, 1000, 64, 5), (16, 1, 4096, 32, 9)),  # N, C, length, O, taps
    "heads": (  # samples, heads, queries, features, causal
        (1, 8, 2048, 64, False), (2, 8, 512, 64, True), (8, 8, 128, 64, False), (128, 4, 10, 64, False),
        (32, 4, 64, 32, False),
    ),
}  # fmt: skip
QUICK = {
    "rows": ((6, 20),), "images": ((3, 4, 5, 5),), "elements": ((6, 20),),
    "bins": (((2, 3, 8, 8), 4), ((2, 3, 8, 8), 3)), "planes": ((2, 3, 5, 5),),
    "transposed": ((2, 3, 5, 4, 4, 1, 2),), "series": ((2, 3, 40, 4, 3),),
    "heads": ((2, 2, 7, 5, True),),
}  # fmt: skip
ACTIVATIONS = ("gelu", "gelu_tanh", "silu", "mish", "elu", "softplus")


def _bytes(shape):
    """Of a float32 array."""
    return 4 * prod(shape)


def _text(shape):
    return "x".join(map(str, shape))


def batch_norm(*shape):
    def arguments():
        one = normal(shape[1]) ** 2
        return {"x": normal(*shape), "gamma": one, "beta": one, "running_mean": one, "running_var": one}

    return Case("batch_norm", _text(shape), 0, arguments, fresh=_bytes(shape))


def batch_norm_backward(*shape):
    def arguments():
        x, gamma = normal(*shape), normal(shape[1]) ** 2
        _, mean, rstd, *_ = kernels.batch_norm(x, gamma, gamma, gamma, gamma)
        return {"dy": x[::-1].copy(), "x": x, "gamma": gamma, "mean": mean, "rstd": rstd}

    return Case("batch_norm_backward", _text(shape), 0, arguments, fresh=_bytes(shape))


def _row_norm(name, affine):
    def make(*shape):
        def arguments():
            return {"x": normal(*shape), **{k: normal(shape[-1]) ** 2 for k in affine}}

        return Case(name, _text(shape), 0, arguments, fresh=_bytes(shape))

    def make_backward(*shape):
        def arguments():
            x = normal(*shape)
            return {"dy": x[::-1].copy(), "x": x, "gamma": normal(shape[-1]) ** 2}

        return Case(f"{name}_backward", _text(shape), 0, arguments, fresh=_bytes(shape))

    return make, make_backward


def _activation(name):
    def make(*shape):
        return Case(name, _text(shape), 0, lambda: {"x": normal(*shape)}, fresh=_bytes(shape))

    def make_dx(*shape):
        def arguments():
            x = normal(*shape)
            return {"dy": x[::-1].copy(), "x": x}

        return Case(f"{name}_dx", _text(shape), 0, arguments, fresh=_bytes(shape))

    return make, make_dx


def _pool(name, size):
    """What a pooling is called: global ones have no size."""
    return (f"global_{name}", {}) if size is None else (f"adaptive_{name}", {"size": size})


def _bins(shape, size):
    if size is None:
        return shape[:2], f"{_text(shape)} to 1x1, global"
    return (*shape[:2], size, size), f"{_text(shape)} to {size}x{size}"


def _avg_pool(shape, size=None):
    (name, options), (y, text) = _pool("avg_pool2d", size), _bins(shape, size)
    return Case(name, text, 0, lambda: {"x": normal(*shape), **options}, fresh=_bytes(y))


def _avg_pool_dx(shape, size=None):
    (name, _), (y, text) = _pool("avg_pool2d", size), _bins(shape, size)

    def arguments():
        return {"dy": normal(*y), "x_shape": shape}

    return Case(f"{name}_dx", text, 0, arguments, fresh=_bytes(shape))


def _max_pool(shape, size=None):
    (name, options), (y, text) = _pool("max_pool2d", size), _bins(shape, size)
    return Case(f"{name}_argmax", text, 0, lambda: {"x": normal(*shape), **options}, fresh=3 * _bytes(y))


def _max_pool_dx(shape, size=None):
    (name, options), (_, text) = _pool("max_pool2d", size), _bins(shape, size)

    def arguments():
        dy, index = getattr(kernels, f"{name}_argmax")(normal(*shape), **options)
        return {"dy": dy, "index": index, "x_shape": shape}

    return Case(f"{name}_dx", text, 0, arguments, fresh=_bytes(shape))


def _of_planes(make):
    return lambda *shape: make(shape)


def _transposed(N, C, H, O, K, padding, stride):
    """What the three kernels of a transposed convolution share: shapes, text, FLOPs, options."""
    P = (H - 1) * stride - 2 * padding + K
    x, w, y = (N, C, H, H), (C, O, K, K), (N, O, P, P)
    text = f"{_text(x)}, {K}x{K} to {O}" + (f", stride {stride}" if stride > 1 else "")
    return x, w, y, text, 2 * prod(x) * O * K * K, {"stride": stride, "padding": padding}


def conv_transpose2d(*size):
    x, w, y, text, flops, options = _transposed(*size)

    def arguments():
        return {"x": normal(*x), "w": normal(*w), "b": normal(w[1]), **options}

    return Case("conv_transpose2d", text, flops, arguments, fresh=_bytes(y))


def conv_transpose2d_dx(*size):
    x, w, y, text, flops, options = _transposed(*size)

    def arguments():
        return {"dy": normal(*y), "w": normal(*w), "x_shape": x, **options}

    return Case("conv_transpose2d_dx", text, flops, arguments, fresh=_bytes(x))


def conv_transpose2d_dw(*size):
    x, w, y, text, flops, options = _transposed(*size)

    def arguments():
        return {"dy": normal(*y), "x": normal(*x), "w_shape": w, **options}

    return Case("conv_transpose2d_dw", text, flops, arguments, fresh=_bytes(w))


def conv1d(N, C, T, O, K):
    x, w, y = (N, C, T), (O, C, K), (N, O, T)

    def arguments():
        return {"x": normal(*x), "w": normal(*w), "b": normal(O), "padding": K // 2}

    return Case("conv1d", f"{_text(x)}, {K} to {O}", 2 * prod(y) * C * K, arguments, fresh=_bytes(y))


def _attention(*size):
    """What forward and backward share: the shape, its text, products, arguments."""
    *shape, causal = size
    N, H, T, D = shape
    pairs = N * H * T * (T + 1) // 2 if causal else N * H * T * T
    text = _text(shape) + (", causal" if causal else "")
    q, k, v = (np.random.default_rng(i).standard_normal(shape, np.float32) for i in range(3))
    return tuple(shape), text, 2 * pairs * D, {"q": q, "k": k, "v": v, "causal": causal}


def attention(*size):
    shape, text, flops, _ = _attention(*size)
    return Case(
        "scaled_dot_product_attention", text, 2 * flops, lambda: _attention(*size)[3], fresh=_bytes(shape)
    )


def attention_backward(*size):
    shape, text, flops, _ = _attention(*size)

    def arguments():
        given = _attention(*size)[3]
        y, lse = kernels.scaled_dot_product_attention(**given)
        return {"dy": normal(*shape), **given, "y": y, "lse": lse}

    name = "scaled_dot_product_attention_backward"
    return Case(name, text, 5 * flops, arguments, fresh=3 * _bytes(shape))


MAKERS = (
    (batch_norm, "images"),
    (batch_norm_backward, "images"),
    *((make, "rows") for make in _row_norm("layer_norm", ("gamma", "beta"))),
    *((make, "rows") for make in _row_norm("rms_norm", ("gamma",))),
    *((make, "elements") for name in ACTIVATIONS for make in _activation(name)),
    *((make, "bins") for make in (_avg_pool, _avg_pool_dx, _max_pool, _max_pool_dx)),
    *((_of_planes(make), "planes") for make in (_avg_pool, _avg_pool_dx, _max_pool, _max_pool_dx)),
    (conv_transpose2d, "transposed"),
    (conv_transpose2d_dx, "transposed"),
    (conv_transpose2d_dw, "transposed"),
    (conv1d, "series"),
    (attention, "heads"),
    (attention_backward, "heads"),
)


def layer_cases(quick=False):
    """All rows of this page, in the order of the table."""
    return [make(*size) for make, what in MAKERS for size in (QUICK if quick else SIZES)[what]]
