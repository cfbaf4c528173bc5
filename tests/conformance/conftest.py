"""ONNX operators on top of nbdl, and a runner for small ONNX graphs.

An operator takes arrays and its attributes, and returns an array or a tuple of arrays. Heavy ones call the
kernels, plumbing calls the tape. What ONNX says differently from nbdl is translated here and nowhere else:
padding by ``auto_pad``, one spatial dimension (an image of height 1), flat argmax, attributes of old opsets.
"""

import functools
import math

import numpy as np
import pytest

import nbdl
from nbdl import kernels


def on_tape(op, *arrays, **constants):
    return nbdl.apply(op, *arrays, **constants).numpy()


# --- windows: convolution and pooling ---------------------------------------------------------------------


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


# --- rows: softmax and losses -----------------------------------------------------------------------------


def along_axis(kernel, x, *, axis=None, opset=13):
    """Softmax and its logarithm; before opset 13 over all axes from `axis` (1 by default) on."""
    if opset >= 13:
        return kernel(x, -1 if axis is None else axis)
    split = 1 if axis is None else axis % x.ndim
    return kernel(x.reshape(math.prod(x.shape[:split]), -1)).reshape(x.shape)


def loss(mean, each, x, labels, weight=None, *, reduction="mean", ignore_index=-100):
    """Scores (N, C, d1, ...) as rows with the classes last, labels (N, d1, ...) as one list."""
    rows = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
    if reduction == "mean":
        y = mean(rows, labels.reshape(-1), weight, ignore_index)
    else:
        y = each(rows, labels.reshape(-1), weight, ignore_index).reshape(labels.shape)
        y = y if reduction == "none" else y.sum()
    return np.asarray(y, x.dtype)


def softmax_cross_entropy_loss(x, labels, weight=None, *, outputs=1, **attributes):
    y = loss(
        kernels.softmax_cross_entropy, kernels.softmax_cross_entropy_each, x, labels, weight, **attributes
    )
    return y if outputs == 1 else (y, kernels.log_softmax(x, 1))


# --- activations ------------------------------------------------------------------------------------------


def each(kernel, x, *options):
    """An activation of arrays of any shape, compiled for one."""
    return kernel(x.reshape(-1), *options).reshape(x.shape)


def gelu(x, *, approximate="none"):
    return each(kernels.gelu if approximate == "none" else kernels.gelu_tanh, x)


def selu(x, *, alpha=None, gamma=1.0):
    return each(kernels.selu, x) if alpha is None else x.dtype.type(gamma) * each(kernels.elu, x, alpha)


def swish(x, *, alpha=1.0):
    return each(kernels.silu, alpha * x) / x.dtype.type(alpha)


def prelu(x, slope):
    """One slope, one for each channel (C, 1, ...), or one for each element of the last axes of x."""
    if slope.size == 1 or slope.shape == (x.shape[1], *[1] * (x.ndim - 2)):
        return kernels.prelu(x, slope.reshape(-1))
    return kernels.prelu(x.reshape(-1, slope.size), slope.reshape(-1)).reshape(x.shape)


# --- products, dropout ------------------------------------------------------------------------------------


def gemm(a, b, c=None, *, alpha=1.0, beta=1.0, transA=0, transB=0, broadcast=0):
    a, b = alpha * (a.T if transA else a), b.T if transB else b
    if c is None:
        return kernels.linear(a, b)
    if c.shape in ((b.shape[1],), (1, b.shape[1])):
        return kernels.linear(a, b, beta * c.reshape(-1))
    return on_tape("add", kernels.linear(a, b), np.asarray(beta * c, a.dtype))


def matmul(a, b):
    return kernels.linear(a, b) if a.ndim == b.ndim == 2 else on_tape("matmul", a, b)


def dropout(x, ratio=None, training=False, *, seed=0, outputs=1):
    """The mask of a training case is the one that ONNX draws: uniform numbers of NumPy's seeded generator."""
    p = 0.5 if ratio is None else float(ratio)
    if training and p > 0:
        mask = np.random.RandomState(seed).uniform(0, 1, x.shape) >= p
        y = kernels.masked_scale(x, mask, p)
    else:
        mask = np.ones(x.shape, bool)
        y = kernels.dropout(x, 0.0, seed, 0, 0)
    return y if outputs == 1 else (y, mask)


# --- norms ------------------------------------------------------------------------------------------------


def batch_normalization(
    x, scale, b, mean, var, *, epsilon=1e-5, momentum=0.9, training_mode=0, is_test=1, spatial=1, outputs=1
):
    """The momentum of ONNX is the share of the old averages; it averages the biased variance."""
    if not training_mode:
        return kernels.batch_norm_inference(x, scale, b, mean, var, epsilon)
    y, *_, mean, var = kernels.batch_norm(x, scale, b, mean, var, epsilon, 1 - momentum, False)
    return (y, mean, var)[:outputs] if outputs > 1 else y


def as_rows(x, axis):
    """x (1, rows, elements) of all axes from `axis` on: ONNX may take in that of the samples."""
    return x.reshape(1, -1, math.prod(x.shape[axis % x.ndim :]))


def layer_normalization(x, scale, b=None, *, axis=-1, epsilon=1e-5, stash_type=1, outputs=1):
    """ONNX also gives the mean and 1 / deviation of each row, which nbdl makes again where it needs them."""
    rows, axis = as_rows(x, axis), axis % x.ndim
    y = kernels.layer_norm(rows, scale.reshape(-1), None if b is None else b.reshape(-1), epsilon)
    kept = rows.mean(axis=2), 1 / np.sqrt(rows.var(axis=2) + epsilon)
    shape = x.shape[:axis] + (1,) * (x.ndim - axis)
    return (y.reshape(x.shape), *(np.asarray(a, x.dtype).reshape(shape) for a in kept))[:outputs]


def rms_normalization(x, scale, *, axis=-1, epsilon=1e-5, stash_type=1):
    return kernels.rms_norm(as_rows(x, axis), scale.reshape(-1), epsilon).reshape(x.shape)


def group_normalization(x, scale, b, *, num_groups, epsilon=1e-5, stash_type=1):
    return kernels.group_norm(x, scale, b, num_groups, epsilon)


def instance_normalization(x, scale, b, *, epsilon=1e-5):
    return kernels.instance_norm(x, scale, b, epsilon)


def lrn(x, *, size, alpha=1e-4, beta=0.75, bias=1.0):
    return kernels.local_response_norm(x, size, alpha, beta, bias)


# --- plumbing ---------------------------------------------------------------------------------------------


def binary(op, a, b, *, axis=None, broadcast=0):
    """NumPy's broadcasting; before opset 7 the axes of `b` stand at `axis` of `a`."""
    if axis is not None:
        b = b.reshape(b.shape + (1,) * (a.ndim - axis - b.ndim))
    return on_tape(op, a, b)


def fold(op, *arrays):
    return functools.reduce(functools.partial(on_tape, op), arrays)


def reduce(op, x, *, axes, keepdims=1):
    return on_tape(op, x, axis=tuple(axes), keepdims=bool(keepdims))


def concatenate(*arrays, axis):
    return functools.reduce(lambda a, b: on_tape("concatenate", a, b, axis=axis), arrays)


def reshape(x, shape):
    return on_tape("reshape", x, shape=tuple(n or x.shape[i] for i, n in enumerate(shape.tolist())))


def flatten(x, *, axis=1):
    return on_tape("reshape", x, shape=(math.prod(x.shape[:axis]), -1))


def squeeze(x, *, axes):
    return on_tape("reshape", x, shape=tuple(n for i, n in enumerate(x.shape) if i not in axes))


def unsqueeze(x, *, axes):
    return on_tape("reshape", x, shape=np.expand_dims(x, tuple(axes)).shape)


def transpose(x, *, perm):
    return on_tape("transpose", x, axes=tuple(perm))


def cut(x, axis, start, end):
    index = [slice(None)] * x.ndim
    index[axis] = slice(start, end)
    return on_tape("getitem", x, index=tuple(index))


def slices(x, *, axes, starts, ends):
    for axis, start, end in zip(axes, starts, ends):
        x = cut(x, axis, start, end)
    return x


def split(x, *, axis=0, split=None, outputs=1):
    sizes = split or [x.shape[axis] // outputs] * outputs
    ends = np.cumsum(sizes).tolist()
    return tuple(cut(x, axis % x.ndim, end - size, end) for end, size in zip(ends, sizes))


def constant(*, value):
    from onnx import numpy_helper

    return numpy_helper.to_array(value)


OPERATORS = {
    "Abs": functools.partial(on_tape, "absolute"),
    "Add": functools.partial(binary, "add"),
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Celu": lambda x, alpha=1.0: each(kernels.celu, x, alpha),
    "Concat": concatenate,
    "Constant": constant,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Div": functools.partial(binary, "div"),
    "Dropout": dropout,
    "Elu": lambda x, alpha=1.0: each(kernels.elu, x, alpha),
    "Exp": functools.partial(on_tape, "exp"),
    "Flatten": flatten,
    "Gelu": gelu,
    "Gemm": gemm,
    "GlobalAveragePool": lambda x: global_pool(kernels.global_avg_pool2d, x),
    "GlobalMaxPool": lambda x: global_pool(kernels.global_max_pool2d, x),
    "GroupNormalization": group_normalization,
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5: each(kernels.hard_sigmoid, x, alpha, beta),
    "HardSwish": functools.partial(each, kernels.hard_swish),
    "InstanceNormalization": instance_normalization,
    "LRN": lrn,
    "LayerNormalization": layer_normalization,
    "LeakyRelu": lambda x, alpha=0.01: each(kernels.leaky_relu, x, alpha),
    "LogSoftmax": lambda x, **options: along_axis(kernels.log_softmax, x, **options),
    "LpPool": lp_pool,
    "MatMul": matmul,
    "Max": functools.partial(fold, "maximum"),
    "MaxPool": max_pool,
    "Mish": functools.partial(each, kernels.mish),
    "Mul": functools.partial(binary, "mul"),
    "Neg": functools.partial(on_tape, "neg"),
    "NegativeLogLikelihoodLoss": lambda *inputs, **options: loss(
        kernels.nll_loss, kernels.nll_loss_each, *inputs, **options
    ),
    "PRelu": prelu,
    "Pad": pad,
    "Pow": functools.partial(binary, "power"),
    "RMSNormalization": rms_normalization,
    "ReduceMean": functools.partial(reduce, "mean"),
    "ReduceSum": functools.partial(reduce, "sum"),
    "Relu": lambda x: kernels.relu(x),
    "Reshape": reshape,
    "Selu": selu,
    "Sigmoid": lambda x: kernels.sigmoid(x),
    "Slice": slices,
    "Softmax": lambda x, **options: along_axis(kernels.softmax, x, **options),
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy_loss,
    "Softplus": functools.partial(each, kernels.softplus),
    "Softsign": functools.partial(each, kernels.softsign),
    "Split": split,
    "Sqrt": functools.partial(on_tape, "sqrt"),
    "Squeeze": squeeze,
    "Sub": functools.partial(binary, "sub"),
    "Sum": functools.partial(fold, "add"),
    "Swish": swish,
    "Tanh": lambda x: kernels.tanh(x),
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}

# What an operator wants to know besides its attributes: the opset, or how many outputs are asked for.
WANTS_OPSET = {"LogSoftmax", "Softmax"}
WANTS_OUTPUTS = {
    "BatchNormalization",
    "Dropout",
    "LayerNormalization",
    "MaxPool",
    "SoftmaxCrossEntropyLoss",
    "Split",
}


# --- graphs -----------------------------------------------------------------------------------------------


def run_graph(model, inputs):
    """The outputs of an ONNX model, as a list of arrays."""
    from onnx import numpy_helper
    from onnx.helper import get_attribute_value

    graph = model.graph
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    # the data sets leave out the inputs that have initializers
    names = [i.name for i in graph.input if i.name not in values]
    values |= dict(zip(names, inputs, strict=True))
    for node in graph.node:
        options = {a.name: get_attribute_value(a) for a in node.attribute}
        options = {k: v.decode() if isinstance(v, bytes) else v for k, v in options.items()}
        if node.op_type in WANTS_OPSET:
            options["opset"] = model.opset_import[0].version
        if node.op_type in WANTS_OUTPUTS:
            options["outputs"] = len(node.output)
        arguments = [values[name] if name else None for name in node.input]
        results = OPERATORS[node.op_type](*arguments, **options)
        values |= zip(node.output, results if isinstance(results, tuple) else (results,), strict=True)
    return [values[o.name] for o in graph.output]


@pytest.fixture(scope="session")
def operators():
    """Names of the ONNX operators that there are."""
    return frozenset(OPERATORS)


@pytest.fixture(scope="session")
def check_graph():
    """``check_graph(case, model, inputs, wanted)``: equal values, shapes and dtypes, twice the same bits."""

    def check(case, model, inputs, wanted):
        before = [np.array(a) for a in inputs]
        with np.errstate(all="ignore"):  # NaN and infinity are results like any other
            results, again = run_graph(model, inputs), run_graph(model, inputs)
        for got, second, want in zip(results, again, wanted, strict=True):
            assert (got.shape, got.dtype) == (want.shape, want.dtype)
            np.testing.assert_allclose(got, want, rtol=case.rtol, atol=case.atol)
            assert got.tobytes() == second.tobytes()
        for a, was in zip(inputs, before):
            assert np.asarray(a).tobytes() == was.tobytes()

    return check
