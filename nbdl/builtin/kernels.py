"""The built-in kernels: the record says the room, which has the kernel, its twin and its truth."""

from nbdl.hookspecs import hookimpl
from nbdl.records import Kernel

ACTIVATIONS = {  # (page, kernel): its layer in `nbdl/nn/_activations.py`
    ("elementwise", "relu"): "ReLU",
    ("elementwise", "sigmoid"): "Sigmoid",
    ("elementwise", "tanh"): "Tanh",
    ("gelu", "gelu"): "GELU",
    ("gelu", "gelu_tanh"): "GELU",
    ("silu", "silu"): "SiLU",
    ("exponential_linear", "elu"): "ELU",
    ("exponential_linear", "selu"): "SELU",
    ("exponential_linear", "celu"): "CELU",
    ("leaky_relu", "leaky_relu"): "LeakyReLU",
    ("softplus", "softplus"): "Softplus",
    ("softplus", "mish"): "Mish",
    ("softsign", "softsign"): "Softsign",
    ("hard_sigmoid", "hard_sigmoid"): "HardSigmoid",
    ("hard_sigmoid", "hard_swish"): "HardSwish",
}


def _op(name, inputs, grads=None, outputs=("y",), module="nbdl.kernels", **fields):
    """A kernel record by the naming law: gradients are ``<name>_d<input>`` beside the forward kernel."""
    grads = inputs if grads is None else grads
    return Kernel(
        name,
        forward=fields.pop("forward", f"{module}:{name}"),
        inputs=tuple(inputs),
        outputs=outputs,
        grads={i: f"{module}:{name}_d{i}" for i in grads},
        **fields,
    )


def _kernel(room, name, inputs, grads=None, **fields):
    """A record of a kernel in ``nbdl/kernels/<room>.py``, with its shapes, lanes twin and truth beside it."""
    fields = {
        "reference": f"nbdl.kernels.{room}_truth:{name}",
        "cases": f"nbdl.kernels.{room}_truth:{name}_cases",
        "lanes": f"nbdl.kernels.{room}_lanes:{name}",
        "shape": f"nbdl.kernels.{room}:{name}_outputs",
        **fields,
    }
    return _op(name, inputs, grads, **fields)


def _array_ops(page, inputs, *names, grads=None, lanes=True, cases=True):
    """Records of NumPy functions in ``nbdl/array_ops/<page>.py``, their lanes twins and cases beside them."""
    for name in names:
        fields = {}
        if lanes:
            fields["lanes"] = f"nbdl.array_ops.{page}_lanes:{name}"
        if cases:
            fields["cases"] = f"nbdl.array_ops.{page}_truth:{name}_cases"
        yield _op(name, inputs, grads, module=f"nbdl.array_ops.{page}", target="numpy", **fields)


@hookimpl
def nbdl_kernels():
    yield _kernel("dense.linear", "linear", ("x", "w", "b"), batch="each")
    yield _kernel(
        "dense.linear_transposed", "linear_transposed", ("x", "w", "b"), batch="each",
        lanes="nbdl.kernels.dense.linear_lanes:linear_transposed",
    )  # fmt: skip
    truth = "nbdl.kernels.dense.matmul_truth"
    yield Kernel(  # `matmul` is that of the tape, for any number of dimensions
        "mm", "nbdl.kernels:matmul", ("a", "b"), grads={i: f"nbdl.kernels:matmul_d{i}" for i in "ab"},
        reference=f"{truth}:matmul", cases=f"{truth}:matmul_cases",
        shape="nbdl.kernels.dense.matmul:matmul_outputs",
    )  # fmt: skip
    yield _kernel("dense.matmul", "bmm", ("a", "b"), lanes="")
    yield _kernel("lookup.embedding", "embedding", ("ids", "w"), ("w",), batch="each")
    yield _kernel(
        "recurrent.rnn_scan", "rnn_scan", ("z", "h0", "wh", "lengths"), ("z", "h0", "wh"), outputs=("y", "h"),
        batch="each",
    )  # fmt: skip
    yield _kernel(
        "recurrent.gru_scan", "gru_scan", ("z", "h0", "wh", "bh", "lengths"), ("z", "h0", "wh", "bh"),
        outputs=("y", "h"), batch="each",
    )  # fmt: skip
    attended = "z", "keys", "values", "h0", "wq", "wv", "wh", "bh"
    yield _kernel(
        "recurrent.attention_gru_scan", "attention_gru_scan", (*attended, "lengths"), attended,
        outputs=("y", "h", "weights"), batch="each",
        tolerance={"float32": 2e-5},  # each step reads what rounding made of the one before
    )  # fmt: skip
    yield _kernel(
        "recurrent.lstm_scan", "lstm_scan", ("z", "h0", "c0", "wh", "peepholes", "lengths"),
        ("z", "h0", "c0", "wh", "peepholes"), outputs=("y", "h", "c"), batch="each",
    )  # fmt: skip
    yield _kernel(
        "attention.scaled_dot_product_attention", "scaled_dot_product_attention",
        ("q", "k", "v", "mask", "lengths"), ("q", "k", "v"), outputs=("y", "lse"),
    )  # fmt: skip
    yield _kernel(
        "attention.masked_softmax", "masked_softmax", ("x", "mask", "lengths"), ("x",), batch="each",
    )  # fmt: skip
    yield _kernel("attention.rotary_embedding", "rotary_embedding", ("x", "cos", "sin"), ("x",), lanes="")
    yield _kernel(
        "attention.key_value_cache", "next_places", ("seen",), (), outputs=("places",), batch="each", lanes=""
    )
    yield _kernel(
        "attention.key_value_cache", "cache_rows", ("cache", "rows", "places"), (), batch="each", lanes=""
    )
    for name in ("conv1d", "conv2d", "conv_transpose2d"):
        yield _kernel(f"convolution.{name}", name, ("x", "w", "b"), batch="each")
    yield _kernel("convolution.convolve2d", "convolve2d", ("x", "w"), batch="each")
    yield _kernel("convolution.pad2d", "pad2d", ("x",), batch="each")
    for name in ("unfold2d", "fold2d"):
        yield _kernel("convolution.unfold2d", name, ("x",), batch="each", lanes="")
    yield _kernel(
        "pooling.max_pool2d",
        "max_pool2d",
        ("x",),
        forward="nbdl.kernels:max_pool2d_argmax",
        outputs=("y", "index"),
        batch="each",
    )
    yield _kernel("pooling.avg_pool2d", "avg_pool2d", ("x",), batch="each")
    yield _kernel(
        "pooling.pool1d", "max_pool1d", ("x",), forward="nbdl.kernels:max_pool1d_argmax",
        outputs=("y", "index"), batch="each",
    )  # fmt: skip
    yield _kernel("pooling.pool1d", "avg_pool1d", ("x",), batch="each")
    yield _kernel("pooling.lp_pool2d", "lp_pool2d", ("x",), batch="each")
    for name in ("adaptive_avg_pool2d", "global_avg_pool2d"):
        yield _kernel("pooling.adaptive_avg_pool2d", name, ("x",), batch="each")
    for name in ("adaptive_max_pool2d", "global_max_pool2d"):
        yield _kernel(
            "pooling.adaptive_max_pool2d", name, ("x",), forward=f"nbdl.kernels:{name}_argmax",
            outputs=("y", "index"), batch="each",
        )  # fmt: skip
    yield _kernel("pooling.max_unpool2d", "max_unpool2d", ("x", "index"), ("x",), batch="each", lanes="")
    affine, room = ("x", "gamma", "beta"), "normalization.batch_norm"
    yield _kernel(
        room, "batch_norm", (*affine, "running_mean", "running_var"), affine,
        outputs=("y", "mean", "rstd", "new_running_mean", "new_running_var"),
    )  # fmt: skip
    room = "normalization.batch_norm_inference"
    yield _kernel(
        room, "batch_norm_inference", (*affine, "mean", "var"), affine, batch="each",
    )  # fmt: skip
    for name in ("layer_norm", "group_norm", "instance_norm"):
        yield _kernel(f"normalization.{name}", name, affine, batch="each")
    yield _kernel("normalization.rms_norm", "rms_norm", ("x", "gamma"), batch="each")
    yield _kernel("normalization.local_response_norm", "local_response_norm", ("x",), batch="each")
    yield _kernel("normalization.lp_normalize", "lp_normalize", ("x",))
    for page, name in ACTIVATIONS:
        yield _kernel(f"activation.{page}", name, ("x",), batch="each")
    yield _kernel("activation.prelu", "prelu", ("x", "w"), batch="each")
    for name in ("glu", "swiglu"):  # not batch="each": the axis may be that of the samples
        yield _kernel("activation.glu", name, ("x",))
    for name in ("softmax", "log_softmax"):  # not batch="each": the axis may be that of the samples
        yield _kernel("activation.softmax", name, ("x",))
    for room, name in (("loss.cross_entropy", "softmax_cross_entropy"), ("loss.nll", "nll_loss")):
        yield _kernel(room, name, ("x", "labels", "weight"), ("x",), outputs=("loss",))
        yield _kernel(room, f"{name}_each", ("x", "labels", "weight"), ("x",), lanes="")
    yield _kernel(
        "loss.cross_entropy",
        "softmax_cross_entropy_soft",
        ("x", "target", "weight"),
        ("x",),
        outputs=("loss",),
    )
    for room, name in (
        ("loss.mse", "mse"), ("loss.huber", "huber"), ("loss.huber", "l1"),
        ("loss.binary_cross_entropy", "binary_cross_entropy_with_logits"),
    ):  # fmt: skip
        yield _kernel(room, name, ("x", "target"), outputs=("loss",))
    yield _kernel(
        "loss.gaussian_nll", "gaussian_nll", ("x", "target", "log_var"), outputs=("loss",), lanes=""
    )
    yield _kernel("probability.moments", "covariance", ("x",), lanes="")
    yield _kernel("loss.hinge", "hinge", ("x", "labels"), ("x",), outputs=("loss",))
    yield _kernel("algebra.norm", "norm", ("x",), lanes="")
    yield _kernel("algebra.cosine_similarity", "cosine_similarity", ("x", "y"), outputs=("c",), lanes="")
    yield _kernel("algebra.angle", "angle", ("x", "y"), outputs=("theta",), lanes="")
    truth = "nbdl.kernels.algebra.projections_truth"
    for name in ("ball", "box", "halfspace", "simplex"):
        inputs, name = ("x", "w") if name == "halfspace" else ("x",), f"{name}_projection"
        yield _kernel(
            f"algebra.{name}", name, inputs, ("x",), batch="each", lanes="", reference=f"{truth}:{name}",
            cases=f"{truth}:{name}_cases",
        )  # fmt: skip
    for name in ("entropy", "mutual_information"):
        yield _kernel(f"information.{name}", name, ("p",), lanes="")
    for name in ("cross_entropy", "kl_divergence"):
        yield _kernel("information.divergence", name, ("p", "q"), lanes="")
    yield _kernel("information.jensen_shannon", "js_divergence", ("p", "q"), lanes="")
    yield _kernel("loss.info_nce", "info_nce", ("x", "y"), outputs=("loss",), lanes="")
    gaussian = "mean", "log_var"
    yield _kernel("loss.gaussian_kl", "gaussian_kl", gaussian, outputs=("loss",))
    yield _kernel(
        "latent.gaussian_sample", "gaussian_sample", gaussian, outputs=("z", "eps"),
        forward="nbdl.kernels:gaussian_sample_noise",
    )  # fmt: skip
    yield _kernel("regularization.dropout", "dropout", ("x",))
    for name in ("gaussian_noise", "random_crop", "random_flip"):
        yield _kernel(f"augmentation.{name}", name, ("x",))
    for name in ("sample_token", "greedy_token"):
        yield _kernel("decoding.sample_token", name, ("logits",), (), outputs=("token",), lanes="")
    yield _kernel("regularization.dropout", "masked_scale", ("x", "mask"), ("x",), batch="each", lanes="")
    yield from _array_ops("elementwise", ("a", "b"), "add", "sub", "mul", "div", "power")
    yield from _array_ops("elementwise", ("a", "b"), "maximum", "minimum")
    yield from _array_ops("elementwise", ("a",), "neg", "exp", "log", "sqrt", "absolute", "astype")
    yield from _array_ops("elementwise", ("a", "low", "high"), "clip")
    yield from _array_ops("elementwise", ("condition", "a", "b"), "where", grads=("a", "b"))
    for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
        yield from _array_ops("elementwise", ("a", "b"), name, grads=())
    yield from _array_ops("elementwise", ("a", "b"), "logical_and", "logical_or", grads=())
    yield from _array_ops("elementwise", ("a",), "logical_not", grads=())
    yield from _array_ops("products", ("a", "b"), "matmul", lanes=False, cases=False)
    yield from _array_ops("products", ("a", "b"), "einsum", lanes=False, cases=False)
    yield from _array_ops("reductions", ("a",), "sum", "mean", "var", "max", "min")
    yield from _array_ops("reductions", ("a",), "std", "prod", "cumsum", lanes=False, cases=False)
    yield from _array_ops("reductions", ("a",), "argmax", "argmin", grads=(), lanes=False, cases=False)
    yield from _array_ops("shape", ("a",), "reshape", lanes=False, cases=False)
    yield from _array_ops("shape", ("a",), "transpose", "getitem")
    yield from _array_ops("shape", ("a", "b"), "concatenate")
    yield from _array_ops("shape", ("a",), "tile")
    for name in ("take", "take_along_axis"):
        yield from _array_ops("shape", ("a", "indices"), name, grads=("a",), lanes=False)
