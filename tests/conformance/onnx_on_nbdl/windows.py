"""Windows: convolution, pooling, padding. An ONNX image of one spatial dimension is one of height 1 here."""

import functools

import numpy as np

from nbdl import kernels


def as_images(a):
    """(N, C, W) as images (N, C, 1, W) of height 1; (N, C, H, W) as they are."""
    return a[:, :, None, :] if a.ndim == 3 else a


def like(x, y):
    """The result `y` for images with as many spatial dimensions as `x` has."""
    return y[:, :, 0] if x.ndim == 3 else y


def window(sizes, kernel, auto_pad="NOTSET", strides=None, pads=None, dilations=None, ceil_mode=0):
    """The options of a sliding window over `sizes` in nbdl's terms, with a height where there is none."""
    n = len(kernel)
    strides, dilations, pads = strides or [1] * n, dilations or [1] * n, pads or [0] * 2 * n
    sides = [same_padding(auto_pad, *axis) for axis in zip(sizes, kernel, strides, dilations)]
    if auto_pad in ("NOTSET", "VALID"):
        sides = list(zip(pads[:n], pads[n:]))
    height = [1] * (2 - n)
    return {
        "kernel": (*height, *kernel),
        "stride": (*height, *strides),
        "dilation": (*height, *dilations),
        "padding": sum(([(0, 0)] * (2 - n) + sides), ()),
        "ceil_mode": bool(ceil_mode),
    }


def same_padding(auto_pad, size, taps, stride, dilation):
    """So many zeros before and after that there are size / stride windows (rounded up)."""
    total = max(0, (-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1 - size)
    half = total // 2
    return (half, total - half) if auto_pad == "SAME_UPPER" else (total - half, half)


def conv(x, w, b=None, *, group=1, kernel_shape=None, **attributes):
    options = window(x.shape[2:], w.shape[2:], **attributes)
    del options["kernel"], options["ceil_mode"]
    return like(x, kernels.conv2d(as_images(x), as_images(w), b, groups=group, **options))


def average_pool(x, *, kernel_shape, count_include_pad=0, **attributes):
    options = window(x.shape[2:], kernel_shape, **attributes)
    return like(x, kernels.avg_pool2d(as_images(x), count_include_pad=bool(count_include_pad), **options))


def max_pool(x, *, kernel_shape, storage_order=0, outputs=1, **attributes):
    options = window(x.shape[2:], kernel_shape, **attributes)
    images = as_images(x)
    if outputs == 1:
        return like(x, kernels.max_pool2d(images, **options))
    y, index = kernels.max_pool2d_argmax(images, **options)
    return like(x, y), like(x, flat_index(index, images.shape, storage_order))


def flat_index(index, shape, storage_order):
    """From our count within a plane to one over all planes, by rows or (`storage_order` 1) by columns."""
    N, C, H, W = shape
    if storage_order:
        index = index % W * H + index // W
    return index + np.arange(N * C).reshape(N, C, 1, 1) * (H * W)


def global_pool(pool, x):
    return pool(as_images(x)).reshape(x.shape[:2] + (1,) * (x.ndim - 2))


def lp_pool(x, *, kernel_shape, p=2, **attributes):
    options = window(x.shape[2:], kernel_shape, **attributes)
    return like(x, kernels.lp_pool2d(as_images(x), p=p, **options))


def conv_transpose(
    x, w, b=None, *, group=1, kernel_shape=None, auto_pad="NOTSET", strides=None, pads=None, dilations=None,
    output_padding=None, output_shape=None,
):  # fmt: skip
    """Where a size is asked for, what is missing comes last; what is too much goes from both sides."""
    n = x.ndim - 2
    strides, dilations, ends = strides or [1] * n, dilations or [1] * n, output_padding or [0] * n
    sides = list(zip(pads[:n], pads[n:])) if pads else [(0, 0)] * n
    if output_shape or auto_pad.startswith("SAME"):
        sizes = output_shape or [stride * size for stride, size in zip(strides, x.shape[2:])]
        axes = zip(x.shape[2:], w.shape[2:], strides, dilations, ends, sizes)
        more = [s * (i - 1) + e + (k - 1) * d + 1 - size for i, k, s, d, e, size in axes]
        ends = [e + max(0, -m) for e, m in zip(ends, more)]
        halves = [(max(0, m) // 2, max(0, m) - max(0, m) // 2) for m in more]
        sides = halves if auto_pad == "SAME_UPPER" else [half[::-1] for half in halves]
    height = [1] * (2 - n)
    y = kernels.conv_transpose2d(
        as_images(x), as_images(w), b, groups=group, stride=(*height, *strides),
        dilation=(*height, *dilations), padding=sum([(0, 0)] * (2 - n) + sides, ()),
        output_padding=(*([0] * (2 - n)), *ends),
    )  # fmt: skip
    return like(x, y)


def pad(x, pads, value=None, axes=None, *, mode="constant"):
    """Of the last two axes; numbers that are no floats go through float64, which holds them.

    `pads` are an attribute in old versions of the operator.
    """
    pads, axes = np.asarray(pads), range(x.ndim) if axes is None else axes
    around = dict(zip([int(a) % x.ndim for a in axes], zip(pads.tolist(), pads[len(pads) // 2 :].tolist())))
    sides = [around.get(axis, (0, 0)) for axis in range(x.ndim)]
    assert not any(sum(sides[:-2], ()))
    images = x if x.dtype.kind == "f" else x.astype(np.float64)
    options = {"mode": mode, "value": 0.0 if value is None else float(value)}
    return kernels.pad2d(images, sum(sides[-2:], ()), **options).astype(x.dtype)


def unpool(x, index, shape=None, *, kernel_shape, strides=None, pads=None):
    """Each maximum at its place; the index counts over all planes. A larger `shape` is padded at the ends."""
    N, C, P, Q = x.shape
    strides, pads = strides or [1, 1], pads or [0] * 4
    sizes = [
        (n - 1) * s - a - b + k for n, s, a, b, k in zip((P, Q), strides, pads[:2], pads[2:], kernel_shape)
    ]
    places = index - np.arange(N * C).reshape(N, C, 1, 1) * (sizes[0] * sizes[1])
    y = kernels.max_unpool2d(x, places, tuple(sizes))
    if shape is None:
        return y
    H, W = shape[2:].tolist()
    return kernels.pad2d(y, (0, H - sizes[0], 0, W - sizes[1]))


def col2im(x, size, block, *, strides=None, pads=None, dilations=None):
    pads = pads or [0] * 4
    return kernels.fold2d(
        x, tuple(size.tolist()), tuple(block.tolist()), stride=tuple(strides or (1, 1)),
        padding=(pads[0], pads[2], pads[1], pads[3]), dilation=tuple(dilations or (1, 1)),
    )  # fmt: skip


OPERATORS = {
    "AveragePool": average_pool,
    "Col2Im": col2im,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "GlobalAveragePool": functools.partial(global_pool, kernels.global_avg_pool2d),
    "GlobalMaxPool": functools.partial(global_pool, kernels.global_max_pool2d),
    "LpPool": lp_pool,
    "MaxPool": max_pool,
    "MaxUnpool": unpool,
    "Pad": pad,
}
