"""The built-in records, as strings: nothing here imports a kernel, a layer or a data set."""

from nbdl.hookspecs import hookimpl
from nbdl.records import (
    Dataset,
    Estimator,
    Initializer,
    Kernel,
    Layer,
    Loss,
    Measure,
    Metric,
    Model,
    Optimizer,
    Schedule,
)


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


def _kernel(name, inputs, grads=None, **fields):
    fields = {
        "reference": f"nbdl.testing.reference:{name}",
        "cases": f"nbdl.testing.cases:{name}",
        "lanes": f"nbdl.kernels.lanes:{name}",
        **fields,
    }
    return _op(name, inputs, grads, **fields)


@hookimpl
def nbdl_kernels():
    yield _kernel("linear", ("x", "w", "b"), batch="each")
    yield Kernel(  # `matmul` is that of the tape, for any number of dimensions
        "mm", "nbdl.kernels:matmul", ("a", "b"), grads={i: f"nbdl.kernels:matmul_d{i}" for i in "ab"},
        reference="nbdl.testing.reference:matmul", cases="nbdl.testing.cases:matmul",
    )  # fmt: skip
    yield _kernel("bmm", ("a", "b"), lanes="")
    yield _kernel("conv2d", ("x", "w", "b"), batch="each")
    yield _kernel(
        "max_pool2d", ("x",), forward="nbdl.kernels:max_pool2d_argmax", outputs=("y", "index"), batch="each"
    )
    yield _kernel("avg_pool2d", ("x",), batch="each")
    for name in ("relu", "sigmoid", "tanh"):
        yield _kernel(name, ("x",), batch="each")
    for name in ("softmax", "log_softmax"):  # not batch="each": the axis may be that of the samples
        yield _kernel(name, ("x",))
    for name in ("softmax_cross_entropy", "nll_loss"):
        yield _kernel(name, ("x", "labels", "weight"), ("x",), outputs=("loss",))
        yield _kernel(f"{name}_each", ("x", "labels", "weight"), ("x",), lanes="")
    yield _kernel("softmax_cross_entropy_soft", ("x", "target", "weight"), ("x",), outputs=("loss",))
    yield _kernel("mse", ("x", "target"), outputs=("loss",))
    for name in ("entropy", "mutual_information"):
        yield _kernel(name, ("p",), lanes="")
    for name in ("cross_entropy", "kl_divergence", "js_divergence"):
        yield _kernel(name, ("p", "q"), lanes="")
    yield _kernel("info_nce", ("x", "y"), outputs=("loss",), lanes="")
    yield _kernel("dropout", ("x",))
    yield _kernel("masked_scale", ("x", "mask"), ("x",), batch="each", lanes="")
    for name in ("add", "sub", "mul", "div", "power", "maximum", "matmul", "concatenate"):
        yield _op(name, ("a", "b"), module="nbdl.array_ops", target="numpy")
    for name in (
        "neg",
        "exp",
        "log",
        "sqrt",
        "absolute",
        "sum",
        "mean",
        "max",
        "reshape",
        "transpose",
        "getitem",
    ):
        yield _op(name, ("a",), module="nbdl.array_ops", target="numpy")


@hookimpl
def nbdl_layers():
    for name in (
        "AvgPool2d", "Conv2d", "Dropout", "Flatten", "Linear", "MaxPool2d", "ReLU", "Sequential", "Sigmoid",
        "Softmax", "Tanh",
    ):  # fmt: skip
        yield Layer(name, f"nbdl.nn:{name}")


@hookimpl
def nbdl_losses():
    yield Loss("softmax_cross_entropy", "nbdl.nn:softmax_cross_entropy", metrics=("accuracy",))
    for name in ("mse", "cross_entropy", "kl_divergence", "js_divergence", "info_nce"):
        yield Loss(name, f"nbdl.nn:{name}")


@hookimpl
def nbdl_optimizers():
    for name, state in (("sgd", ()), ("momentum", ("v",)), ("adam", ("m", "v")), ("adamw", ("m", "v"))):
        lanes = f"nbdl.kernels.lanes:{name}_update"
        yield Optimizer(name, f"nbdl.kernels:{name}_update", state, per="element", lanes=lanes)


@hookimpl
def nbdl_schedules():
    for name in ("constant", "cosine", "exponential", "multi_factor", "polynomial"):
        yield Schedule(name, f"nbdl.optim:{name}")


@hookimpl
def nbdl_initializers():
    for name in (
        "zeros", "ones", "normal", "uniform", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal",
        "lecun_uniform", "orthogonal",
    ):  # fmt: skip
        yield Initializer(name, f"nbdl.nn._init:{name}")


@hookimpl
def nbdl_metrics():
    yield Metric("accuracy", "nbdl.train:accuracy")
    yield Metric("mean_absolute_error", "nbdl.train:mean_absolute_error", better="lower")


@hookimpl
def nbdl_models():
    sgd, adam = {"optimizer": "sgd"}, {"optimizer": "adam"}
    yield Model(
        "linear_regression", "nbdl.models:linear_regression", about="y = x w + b",
        presets={
            "synthetic_regression": {**sgd, "epochs": 3, "batch_size": 32, "lr": 0.03},
            "table": {**sgd, "epochs": 30, "batch_size": 32, "lr": 0.03},
        },
    )  # fmt: skip
    yield Model(
        "softmax_regression", "nbdl.models:softmax_regression", about="linear classifier",
        presets={
            "digits": {**sgd, "epochs": 20, "batch_size": 32, "lr": 0.1},
            "mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.1},
            "fashion_mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.1},
            "table": {**sgd, "epochs": 50, "batch_size": 32, "lr": 0.1},
        },
    )  # fmt: skip
    yield Model(
        "mlp", "nbdl.models:mlp", about="hidden layers with ReLU",
        presets={
            "digits": {**adam, "epochs": 20, "batch_size": 32, "lr": 0.001},
            "mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.1},
            "fashion_mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.1},
            "table": {**adam, "epochs": 50, "batch_size": 32, "lr": 0.003},
        },
    )  # fmt: skip
    yield Model(
        "lenet", "nbdl.models:lenet", about="LeNet-5 as in the book: sigmoid, average pooling",
        presets={
            "digits": {**adam, "epochs": 20, "batch_size": 32, "lr": 0.005},
            "mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.9},
            "fashion_mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.9},
        },
    )  # fmt: skip
    yield Model(
        "lenet_modern", "nbdl.models:lenet_modern", about="LeNet-5 with ReLU and max pooling",
        presets={
            "digits": {**adam, "epochs": 20, "batch_size": 32, "lr": 0.001},
            "mnist": {**adam, "epochs": 5, "batch_size": 256, "lr": 0.001},
            "fashion_mnist": {**adam, "epochs": 5, "batch_size": 256, "lr": 0.001},
        },
    )  # fmt: skip


@hookimpl
def nbdl_datasets():
    yield Dataset(
        "digits", "nbdl.data._digits:digits", "handwritten digits, bundled with scikit-learn; size=28 or 8"
    )
    yield Dataset(
        "fashion_mnist", "nbdl.data._mnist:fashion_mnist", "pictures of clothing, 28 x 28 (30 MB download)",
        shape=(1, 28, 28), classes=10,
    )  # fmt: skip
    yield Dataset(
        "mnist", "nbdl.data._mnist:mnist", "handwritten digits, 28 x 28 (12 MB download)",
        shape=(1, 28, 28), classes=10,
    )  # fmt: skip
    yield Dataset(
        "synthetic_regression", "nbdl.data._synthetic:synthetic_regression", "points about a known plane"
    )


@hookimpl
def nbdl_measures():
    for name, inputs in (
        ("entropy", ("x",)),
        ("joint_entropy", ("*xs",)),
        ("conditional_entropy", ("x", "given")),
        ("mutual_information", ("x", "y")),
        ("conditional_mutual_information", ("x", "y", "z")),
        ("total_correlation", ("*xs",)),
        ("dual_total_correlation", ("*xs",)),
        ("o_information", ("*xs",)),
        ("co_information", ("*xs",)),
        ("kl_divergence", ("x", "y")),
        ("normalized_mutual_information", ("x", "y")),
        ("adjusted_mutual_information", ("x", "y")),
        ("variation_of_information", ("x", "y")),
        ("v_measure", ("x", "y")),
        ("transfer_entropy", ("source", "target")),
        ("active_information_storage", ("x",)),
        ("permutation_entropy", ("x",)),
        ("sample_entropy", ("x",)),
        ("spectral_entropy", ("x",)),
        ("lempel_ziv_complexity", ("x",)),
    ):
        yield Measure(name, f"nbdl.info:{name}", inputs)


@hookimpl
def nbdl_estimators():
    for name in (
        "ml", "miller_madow", "jackknife", "grassberger", "grassberger1988", "zhang", "shrink", "dirichlet",
        "jeffreys", "laplace", "perks", "minimax", "wolpert_wolf", "chao_shen", "chao_wang_jost",
    ):  # fmt: skip
        yield Estimator(name, "discrete", {"entropy": f"nbdl.info._corrections:{name}"})
    yield Estimator("nsb", "discrete", {"entropy": "nbdl.info._nsb:nsb"})
    for name in ("vasicek", "van_es", "ebrahimi", "correa"):
        yield _continuous(name, "_spacing", entropy=name)
    mutual = ("mutual_information", "conditional_mutual_information")
    yield _continuous("gaussian", "_gaussian", **{m: m for m in ("entropy", *mutual, "kl_divergence")})
    copula = {m: f"copula_{m}" for m in mutual} | {f"shuffled_{m}": "copula_shuffled" for m in mutual}
    yield _continuous("gaussian_copula", "_gaussian", **copula)
    yield _continuous(
        "ksg1", "_ksg", mutual_information="ksg1", total_correlation="ksg1",
        conditional_mutual_information="frenzel_pompe",
        **{f"shuffled_{m}": f"_ksg_shuffled:{m}" for m in mutual},
    )  # fmt: skip
    yield _continuous("ksg2", "_ksg", mutual_information="ksg2", total_correlation="ksg2")
    yield _continuous("kozachenko_leonenko", "_neighbours", entropy="kozachenko_leonenko")
    yield _continuous("knn", "_divergence", kl_divergence="kl_divergence")
    gao = {"mutual_information": "gao", "total_correlation": "gao", mutual[1]: "_conditional:gao"}
    yield _estimator("mixed", "ross", "_mixed", mutual_information="ross")
    yield _estimator("mixed", "gao", "_mixed", **gao)
    yield _estimator("mixed", "mesner_shalizi", "_conditional", **{mutual[1]: "mesner_shalizi"})
    entropies = {m: m for m in ("entropy", "conditional_entropy")}
    yield _estimator("mixed", "by_class", "_by_class", **entropies)
    for name in ("binned", "ordinal"):
        yield _continuous(name, f"_{name}", **{m: m for m in ("symbols", "entropy", *mutual)})


def _continuous(name, module, **functions):
    return _estimator("continuous", name, module, **functions)


def _estimator(data, name, module, **functions):
    """An estimator of such data by its measures, each with its function: a name, or ``module:name``."""
    places = {measure: f if ":" in f else f"{module}:{f}" for measure, f in functions.items()}
    return Estimator(name, data, {measure: f"nbdl.info.{place}" for measure, place in places.items()})
