"""The net that settings name, with as many outputs as the data ask for, for images of their size."""

from collections.abc import Mapping

from nbdl import nn, registry
from nbdl.data import Preparation, Split
from nbdl.errors import UsageError
from nbdl.nn._inputs import each, taken
from nbdl.nn._options import check_options
from nbdl.nn._own_loss import loss_record
from nbdl.records import resolve as code
from nbdl.step import compile_step
from nbdl.train._augment import augmented
from nbdl.train._class_weights import BALANCED
from nbdl.train._measure import compared
from nbdl.train._samples import cast


def net_of(config, data):
    """The net of a config; what it leaves to the data (outputs, loss) is noted in it."""
    make = code(registry.default().get("model", config.model).build)
    if "vocabulary" in registry.parameters(make) and (
        isinstance(data.train.x, Mapping) or data.train.x.dtype.kind not in "iu"
    ):
        text = (
            "model `{}` reads text, as integers (N, T), got inputs of {}. Try a .txt file, timemachine, or "
        )
        kinds = each(lambda a: str(a.dtype), data.train.x)
        raise UsageError(text + "--set data_options.text=true", config.model, kinds)
    sides = {n.removesuffix("_vocabulary") for n in registry.parameters(make) if n.endswith("_vocabulary")}
    if not sides <= set(data.vocabularies):
        text = "model `{}` reads pairs of sentences, and {} holds none. Try a file with a sentence, a tab "
        raise UsageError(text + "and its translation in each line", config.model, config.data or data.name)
    sizes = _sizes(make, data)
    if config.model_options.get("carry") and not sizes.get("carry", True):
        text = "model option `carry` needs data option partition=sequential, got partition={}"
        raise UsageError(text, config.data_options.get("partition", "fixed"))
    config.model_options = {**sizes, **config.model_options}
    config.loss = config.loss or loss_of(data)
    return built(config)


def loss_of(data):
    """The name of the loss that fits the targets."""
    if isinstance(data.train.y, Mapping):
        names = ", ".join(data.train.y)
        raise UsageError("targets of several names ({}) need a `loss` that takes them as a dict", names)
    return "mse" if data.classes is None else "softmax_cross_entropy"


def built(config):
    """The net of settings that leave nothing to the data."""
    build = code(registry.default().get("model", config.model).build)
    check_options(f"model `{config.model}`", build, config.model_options)
    return augmented(build(**config.model_options), config.augment)


def _sizes(build, data):
    """What the data ask for, if the model can be told: how many outputs, images of which size, whether a
    minibatch goes on where the one before ended."""
    known, sizes = registry.parameters(build), {}
    if "vocabulary" in known and data.classes is not None:
        follows = data.order is not None and data.order.sequential
        sizes = {"vocabulary": data.classes, "carry": follows, "context": data.train.x.shape[-1]}
        return {name: size for name, size in sizes.items() if name in known}
    several = {f"{name}_vocabulary": len(v) for name, v in data.vocabularies.items()}
    if several and set(several) <= set(known):
        return several
    if "outputs" in known and not isinstance(data.train.y, Mapping):
        values = data.train.y.shape[1] if data.train.y.ndim > 1 else 1
        sizes["outputs"] = values if data.classes is None else data.classes
    if "image" in known and not isinstance(data.train.x, Mapping) and data.train.x.ndim == 4:
        sizes["image"] = min(data.train.x.shape[2:])
    if "shape" in known and not isinstance(data.train.x, Mapping):
        sizes["shape"] = list(data.train.x.shape[1:])
    return sizes


def compile_config(config, data):
    """The step that `train` would run, for a net of its own.

    Parameters
    ----------
    config : Config
        What it leaves to the data (the outputs of the net, the loss) is noted in it.
    data : Data
        Of the samples only the first is looked at, and of that only the shape; of a table with categories
        all of the training part.

    Returns
    -------
    CompiledStep
    """
    first, net = slice(0, 1), net_of(config, data)
    x, y = (taken(a, first) for a in data.train)
    if data.categories:  # which become as many columns as the training part has of them
        x = Preparation.of(data, config.loss).inputs(x)
    split = compared(loss_record(config.loss), cast(Split(x, y), config.dtype))
    loss_options = config.loss_options
    if loss_options.get("weight") == BALANCED:  # any weights: the program is the same
        loss_options = {**loss_options, "weight": [1.0] * (data.classes or 1)}
    with registry.swap(**config.swap):
        nn.init(net, split.x, config.seed, config.dtype)
        return compile_step(
            net, config.loss, config.optimizer, example=split,
            threads=config.threads or "auto", lr=config.lr, seed=config.seed,
            loss_options=loss_options, optimizer_options=config.optimizer_options,
            groups=config.groups, clip_norm=config.clip_norm or None, clip_value=config.clip_value or None,
        )  # fmt: skip
