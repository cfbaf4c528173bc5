"""The doors to a training run: `fit` for a net at hand, `train` for settings, `load_run` for the result."""

import contextlib
import dataclasses
import stat
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nbdl import _jit, nn, registry
from nbdl.data import Preparation, Split
from nbdl.data import load as load_data
from nbdl.data._fault import fault, look, near, reading
from nbdl.errors import ShapeError, UsageError
from nbdl.nn._inputs import each, taken
from nbdl.nn._options import check_options
from nbdl.nn._own_loss import loss_record
from nbdl.nn._parameter import ready
from nbdl.optim._groups import by_name
from nbdl.records import resolve as code
from nbdl.step import compile_step
from nbdl.train import _files
from nbdl.train._augment import augmented
from nbdl.train._best import held_out
from nbdl.train._checkpoint import TITLE, check_position, read_checkpoint, saved_config
from nbdl.train._class_weights import BALANCED, settled
from nbdl.train._config import Config, check_values, to_toml
from nbdl.train._folder import new_folder, next_folder, tidied
from nbdl.train._loop import CHECKPOINT, CONFIG, MODEL, STATISTICS, Run
from nbdl.train._samples import as_data, cast, check_data, floats, warn_of_pixels
from nbdl.train._save import check_weights, load_prepared
from nbdl.train._statistics import read_rows


def fit(
    net, data, loss=None, optimizer="sgd", lr=0.1, epochs=10, batch_size=128, seed=0, *, schedule="constant",
    dtype="float32", threads=0, compiled=True, clip_norm=0.0, clip_value=0.0, optimizer_options=None,
    loss_options=None, schedule_options=None, groups=None, validation=0.0, patience=0, min_delta=0.0,
    statistics=0, callbacks=None, out=None, progress=None,
):  # fmt: skip
    """Train `net` on `data`.

    Parameters
    ----------
    net : callable
        Its parameters are drawn anew if they have no values yet, else training goes on from them.
    data : nbdl.data.Data, (x, y) pair, data set name or path
        Each of x and y is an array, or several by name in a dict: the net is called ``net(**x, train=...)``,
        the loss is given the dict of targets. Integers and truth values of x stay what they are for a net
        that takes them, as token ids (N, T). Targets are integers (numbers of classes), text or truth values
        (labels, see `Run.preparation`), (N,) or of any shape of a sample, or floats: values (N,) or (N, Q).
        Tables in files are standardised.
    loss : str or function, optional
        A name in the registry; or ``loss(prediction, y)``, which is given tensors and makes one of one
        element of them, a mean over the samples. It follows from the data if it is not given.
    optimizer, schedule : str
        Names in the registry.
    lr : float
    epochs, batch_size, seed : int
    dtype : "float32" or "float64"
    threads : int
        0 takes as many as are the fastest. The bits of a run do not depend on it.
    compiled : bool
        As one native program (`nbdl.compile_step`), or kernel by kernel on the tape: slower, but for any net.
    clip_norm : float
        Gradients are scaled down together to a norm of at most this; 0 leaves them alone.
    clip_value : float
        Each element of the gradients is brought between minus this and this; 0 leaves them alone.
    optimizer_options, loss_options, schedule_options : dict, optional
    groups : dict or callable, optional
        Options by parameter name pattern, ``{"*.b": {"weight_decay": 0.0}, "0.*": {"frozen": True}}``: those
        of the optimizer, ``lr_factor`` and ``frozen``. Or a function ``groups(name, parameter)`` that returns
        such options or None. See `nbdl.optim.Updater`.
    validation : float
        The share of the training samples that is held out, at random by the seed, and measured after each
        epoch: ``valid_loss`` and so on in the history.
    patience : int
        Ends training after so many epochs in which ``valid_loss`` has not fallen by more than `min_delta`;
        the net is then that of the best epoch. 0 trains all epochs and keeps the last.
    min_delta : float
    statistics : int
        Measures activations and gradients (`nbdl.statistics`) on the first minibatch of the data, before the
        first epoch and after every so many: `Run.statistics`, and a picture in the run's folder. 0: never.
    callbacks : dict, optional
        Functions by event, ``{"epoch": f, "step": [g, h]}``: each is called with the `Run`, after an update
        ("step"), or after the measurements of an epoch, when ``run.history[-1]`` has them ("epoch"). It may
        look at the run, end it (``run.stop()``), note a number in the history (``run.log(name, value)``) and
        set the learning rate (``run.lr = ...``). With a function for "step" a call of the native program is
        one step. What one raises ends the run, with a note that names the function.
    out : path, optional
        A folder for checkpoints, log, model and curves; made if it does not exist. It must hold no run.
    progress : callable, optional
        ``progress(event, **fields)`` for "compile", "start", "ready", "step", "epoch" and "saved".

    Returns
    -------
    Run

    Raises
    ------
    DataError, ShapeError, LabelError
        For data that are no numbers or labels, or do not fit the net.

    Warns
    -----
    UserWarning
        If the net ends worse than a constant: the mean of the targets, or the most frequent class. If inputs
        are images of unsigned bytes, which are left as they are: give x / 255. If Ctrl-C ended the training.
    """
    if isinstance(loss, (np.ndarray, list)):
        text = "`loss` must be the name of a loss, got {}. Try nbdl.fit(net, (x, y)): the data are a pair"
        raise UsageError(text, type(loss).__name__)
    record = None if loss in (None, "") else loss_record(loss)
    config = Config(
        data=data if isinstance(data, str) else "", epochs=epochs, batch_size=batch_size, lr=float(lr),
        optimizer=optimizer, loss=record.name if record else "", schedule=schedule, seed=seed, dtype=dtype,
        threads=threads, compiled=compiled, clip_norm=float(clip_norm), clip_value=float(clip_value),
        optimizer_options=optimizer_options or {}, loss_options=loss_options or {},
        schedule_options=schedule_options or {}, groups={} if callable(groups) else groups or {},
        validation=float(validation), patience=patience, min_delta=float(min_delta),
        statistics=statistics,
    )  # fmt: skip
    check_values(config)
    place = None if out is None else lambda: new_folder(Path(out))
    run = _run(net, as_data(data), config, place, None, progress, record, groups, callbacks)
    if run.interrupted:
        text = f"training was interrupted after step {run.steps}: the net is as it was then"
        warnings.warn(text, UserWarning, stacklevel=2)
    return run


def train(config, out=None, resume=None, progress=None, callbacks=None):
    """Run the settings `config` (see `resolve`) in a run folder.

    Parameters
    ----------
    config : Config or None
        None takes the settings of the run that is resumed.
    out : path, optional
        The run folder; by default the next free ``runs/<model>-<data>-<number>``.
    resume : path, optional
        A run folder whose checkpoint to go on from; of its settings only `epochs` may be changed.
    progress : callable, optional
    callbacks : dict, optional
        As in `fit`.

    Returns
    -------
    Run
    """
    if config is not None and config.lr == 0:
        warnings.warn("the learning rate `lr` is 0: nothing will be learnt", stacklevel=2)
    saved = None
    if resume is not None:
        saved = read_checkpoint(Path(resume))
        config = _resumed_config(config, saved[1])
        if not config.model:
            what = "it is a run of a net that only your own code can build"
            raise fault(what, Path(resume) / CHECKPOINT, "nbdl.fit again, with that net")
    data = load_data(config.data, **config.data_options)
    with contextlib.nullcontext() if saved is None else reading(Path(resume) / CHECKPOINT, TITLE):
        net = _net(config, data)
        if saved is not None:  # before anything is drawn: what a damaged file asks for may be too large
            nn.load_state_dict(net, _weights(saved[0]))
    if saved is not None:
        check_weights(net, resume)

    def place():
        if resume is not None:
            return Path(resume), False
        return new_folder(Path(out)) if out is not None else next_folder(config)

    return _run(net, data, config, place, saved, progress, callbacks=callbacks)


def compile_config(config, data):
    """The step that `train` would run, for a net of its own.

    Parameters
    ----------
    config : Config
        What it leaves to the data (the outputs of the net, the loss) is noted in it.
    data : Data
        Of the samples only the first is looked at, and of that only the shape.

    Returns
    -------
    CompiledStep
    """
    first = slice(0, 1)
    net, split = _net(config, data), cast(Split(*(taken(a, first) for a in data.train)), config.dtype)
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


def _net(config, data):
    """The net of a config, with as many outputs as the data ask for, for images of their size."""
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
    config.loss = config.loss or _loss_of(data)
    return _build(config)


def _loss_of(data):
    if isinstance(data.train.y, Mapping):
        names = ", ".join(data.train.y)
        raise UsageError("targets of several names ({}) need a `loss` that takes them as a dict", names)
    return "mse" if data.classes is None else "softmax_cross_entropy"


def _build(config):
    build = code(registry.default().get("model", config.model).build)
    check_options(f"model `{config.model}`", build, config.model_options)
    return augmented(build(**config.model_options), config.augment)


def _run(net, data, config, place, saved, progress, loss=None, groups=None, callbacks=None):
    """The run itself; `place` makes its folder, once everything else is known to be right."""
    progress = progress or (lambda event, **fields: None)
    check_data(data)
    config.loss = config.loss or _loss_of(data)
    data, valid = held_out(data, config.validation, config.seed)
    config.loss_options = settled(loss or loss_record(config.loss), config.loss_options, data)
    preparation = Preparation.of(data, config.loss)
    if saved is not None:
        preparation = Preparation.read(saved[1].get("preparation"), CHECKPOINT)
        data = preparation.agree(data, config.data or data.name)
        if valid is not None:
            valid = preparation.agree(dataclasses.replace(data, train=valid), config.data or data.name).train
    compiled = []

    def on_compile(name):
        compiled.append(name)
        progress("compile", kernel=name, count=len(compiled))

    with _jit.watch(on_compile):
        with registry.swap(**config.swap):
            example = preparation.inputs(taken(data.train.x, slice(0, 1)))
            if not ready(net):
                try:
                    nn.init(net, example, config.seed, config.dtype, keep=True)
                except ShapeError as error:  # it names the shape of a part
                    text = "inputs of shape {} do not fit the net: {}"
                    raise ShapeError(text, each(np.shape, data.train.x), error) from error
            as_floats = floats(net, example, config.dtype)
            warn_of_pixels(net, data.train.x, config.dtype, 3)
        if callable(groups):
            config.groups = by_name(net, groups)
        if not preparation.mean.size:
            train, test = (cast(split, config.dtype, as_floats) for split in (data.train, data.test))
            data = dataclasses.replace(data, train=train, test=test)
            valid = valid and cast(valid, config.dtype, as_floats)
        run = Run(net, data, config, preparation, as_floats, valid, loss, callbacks)
        if saved is not None:
            check_position(saved[1], run.batches)
            run.restore(*saved)
        if data.about:
            progress("data", about=data.about)
        if place is None:
            run.go(progress)
        else:
            run.folder, made = place()
            if saved is not None:
                run.statistics = read_rows(run.folder / STATISTICS, run.epoch)
            with tidied(run.folder, made):
                _files.write_bytes(run.folder / CONFIG, to_toml(config).encode())
                run.go(progress)
    if run.folder is not None and not run.interrupted:
        run.finish(progress)
    return run


def _sizes(build, data):
    """What the data ask for, if the model can be told: how many outputs, images of which size, whether a
    minibatch goes on where the one before ended."""
    known, sizes = registry.parameters(build), {}
    if "vocabulary" in known and data.classes is not None:
        follows = data.order is not None and data.order.sequential
        return {"vocabulary": data.classes, **({"carry": follows} if "carry" in known else {})}
    several = {f"{name}_vocabulary": len(v) for name, v in data.vocabularies.items()}
    if several and set(several) <= set(known):
        return several
    if "outputs" in known and not isinstance(data.train.y, Mapping):
        values = data.train.y.shape[1] if data.train.y.ndim > 1 else 1
        sizes["outputs"] = values if data.classes is None else data.classes
    if "image" in known and not isinstance(data.train.x, Mapping) and data.train.x.ndim == 4:
        sizes["image"] = min(data.train.x.shape[2:])
    return sizes


def _resumed_config(config, document):
    """The settings of a checkpoint, with the epochs of `config` if that agrees in all it says."""
    saved = saved_config(document)
    if config is None:
        return saved
    for field in {f.name for f in dataclasses.fields(Config)} - {"epochs"}:
        ours, theirs = getattr(saved, field), getattr(config, field)
        if isinstance(ours, dict):  # options that follow from the data are in the saved ones alone
            ours = {k: ours.get(k) for k in theirs} if field == "model_options" else ours
            if field == "loss_options" and theirs.get("weight") == BALANCED:  # saved as numbers
                theirs = {**theirs, "weight": ours.get("weight")}
        if theirs != ours and not (field == "loss" and not theirs):
            raise UsageError(
                "the run was made with {} = {!r}, not {!r}: only `epochs` may change on resuming",
                field,
                ours,
                theirs,
            )
    if config.epochs < document["epoch"]:
        text = "the run has done {} epochs: `epochs` must be at least as many on resuming, got {}"
        raise UsageError(text, document["epoch"], config.epochs)
    return dataclasses.replace(saved, epochs=config.epochs)


def load_run(path):
    """What a run folder or a model file holds.

    Returns
    -------
    net, config, preparation
        The net of the run's last checkpoint, whether the run was finished or not; the `Config`, None for a
        plain model file; and the `nbdl.data.Preparation`: ``preparation.inputs(x)`` is what the net takes,
        ``preparation.values(net(...))`` is in the units of the targets.
    """
    path = Path(path)
    status = look(path)
    if status is None:
        raise fault("there is no such run or model file", path, near(path) or "a path that exists")
    if not stat.S_ISDIR(status.st_mode):
        net, preparation = load_prepared(path)
        return net, None, preparation
    arrays, document = read_checkpoint(path)
    config = _resumed_config(None, document)
    preparation = Preparation.read(document.get("preparation"), path / CHECKPOINT)
    if not config.model:  # a net of the user's own
        return load_prepared(path / MODEL)[0], config, preparation
    with reading(path / CHECKPOINT, TITLE):
        net = _build(config)
        nn.load_state_dict(net, _weights(arrays))
    return net, config, preparation


def _weights(arrays):
    """The values of parameters and buffers in a checkpoint, by name."""
    return {k.removeprefix("net/"): a for k, a in arrays.items() if k.startswith("net/")}
