"""The doors to a training run: `fit` for a net at hand, `train` for settings, `load_run` for the result."""

import contextlib
import dataclasses
from pathlib import Path

import numpy as np

from nbdl import _jit, nn, registry
from nbdl.data import Data, Split
from nbdl.data import load as load_data
from nbdl.errors import DataError, SaveError, UsageError
from nbdl.nn._options import check_options
from nbdl.records import resolve as code
from nbdl.step import compile_step
from nbdl.train import _files
from nbdl.train._config import Config, check_values, to_toml
from nbdl.train._loop import CHECKPOINT, CONFIG, MODEL, Run, default_threads
from nbdl.train._save import load_net


def fit(
    net, data, loss=None, optimizer="sgd", lr=0.1, epochs=10, batch_size=128, seed=0, *, schedule="constant",
    dtype="float32", threads=0, compiled=True, clip_norm=0.0, optimizer_options=None, loss_options=None,
    schedule_options=None, groups=None,
    out=None, progress=None,
):  # fmt: skip
    """Train `net` on `data`.

    Parameters
    ----------
    net : callable
        Its parameters are drawn anew if they have no values yet, else training goes on from them.
    data : nbdl.data.Data, (x, y) pair, data set name or path
    loss, optimizer, schedule : str
        Names in the registry; the loss follows from the data if it is not given.
    lr : float
    epochs, batch_size, seed : int
    dtype : "float32" or "float64"
    threads : int
        0 takes one for each core. The bits of a run do not depend on it.
    compiled : bool
        As one native program (`nbdl.compile_step`), or kernel by kernel on the tape: slower, but for any net.
    clip_norm : float
        Gradients are scaled down together to a norm of at most this; 0 leaves them alone.
    optimizer_options, loss_options, schedule_options : dict, optional
    groups : dict, optional
        Optimizer options by parameter name pattern, ``{"*.b": {"weight_decay": 0.0}}``.
    out : path, optional
        A folder for checkpoints, log, model and curves; made if it does not exist. It must hold no run.
    progress : callable, optional
        ``progress(event, **fields)`` for "compile", "start", "step", "epoch" and "saved".

    Returns
    -------
    Run
    """
    config = Config(
        data=data if isinstance(data, str) else "", epochs=epochs, batch_size=batch_size, lr=float(lr),
        optimizer=optimizer, loss=loss or "", schedule=schedule, seed=seed, dtype=dtype,
        threads=threads, compiled=compiled, clip_norm=float(clip_norm),
        optimizer_options=optimizer_options or {}, loss_options=loss_options or {},
        schedule_options=schedule_options or {}, groups=groups or {},
    )  # fmt: skip
    check_values(config)
    return _run(
        net, _as_data(data), config, None if out is None else lambda: _new_folder(Path(out)), None, progress
    )


def train(config, out=None, resume=None, progress=None):
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

    Returns
    -------
    Run
    """
    saved = None
    if resume is not None:
        saved = _read_checkpoint(Path(resume))
        config = _resumed_config(config, saved[1])
    data = load_data(config.data, **config.data_options)
    net = _net(config, data)

    def place():
        if resume is not None:
            return Path(resume)
        return _new_folder(Path(out)) if out is not None else _next_folder(config)

    return _run(net, data, config, place, saved, progress)


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
    net, split = _net(config, data), _cast(data.train, config.dtype)
    with registry.swap(**config.swap):
        nn.init(net, split.x[:1], config.seed, config.dtype)
        return compile_step(
            net, config.loss, config.optimizer, example=(split.x[:1], split.y[:1]),
            threads=config.threads or default_threads(), lr=config.lr, seed=config.seed,
            loss_options=config.loss_options, optimizer_options=config.optimizer_options,
            groups=config.groups, clip_norm=config.clip_norm or None,
        )  # fmt: skip


def _net(config, data):
    """The net of a config, with as many outputs as the data ask for."""
    make = code(registry.default().get("model", config.model).build)
    config.model_options = {**_sizes(make, data), **config.model_options}
    config.loss = config.loss or _loss_of(data)
    return _build(config)


def _loss_of(data):
    return "mse" if data.classes is None else "softmax_cross_entropy"


def _build(config):
    build = code(registry.default().get("model", config.model).build)
    check_options(f"model `{config.model}`", build, config.model_options)
    return build(**config.model_options)


def _run(net, data, config, place, saved, progress):
    """The run itself; `place` makes its folder, once everything else is known to be right."""
    progress = progress or (lambda event, **fields: None)
    _check_data(data)
    config.loss = config.loss or _loss_of(data)
    data = dataclasses.replace(
        data, train=_cast(data.train, config.dtype), test=_cast(data.test, config.dtype)
    )
    compiled = []

    def on_compile(name):
        compiled.append(name)
        progress("compile", kernel=name, count=len(compiled))

    with _jit.watch(on_compile):
        with registry.swap(**config.swap):
            if not all(p.ready for p in nn.parameters(net)):
                nn.init(net, data.train.x, config.seed, config.dtype, keep=True)
        run = Run(net, data, config)
        if saved is not None:
            run.restore(*saved)
        if place is not None:
            run.folder = place()
            _files.write_bytes(run.folder / CONFIG, to_toml(config).encode())
        run.go(progress)
    if run.folder is not None and not run.interrupted:
        run.finish(progress)
    return run


def _sizes(build, data):
    """How many outputs the data ask for, if the model can be told."""
    if "outputs" not in registry.parameters(build):
        return {}
    return {"outputs": data.train.y.shape[1] if data.classes is None else data.classes}


def _as_data(data):
    if isinstance(data, (str, Path)):
        return load_data(str(data))
    if isinstance(data, Data):
        return data
    x, y = (np.asarray(a) for a in data)
    integers = y.dtype.kind in "iu"
    empty = Split(x[:0], y[:0])
    return Data("data", Split(x, y), empty, int(y.max(initial=-1)) + 1 if integers else None, "")


def _check_data(data):
    for name, split in (("train", data.train), ("test", data.test)):
        if len(split.x) != len(split.y):
            raise DataError("{} data: {} inputs but {} targets", name, len(split.x), len(split.y))
        for what, a in (("inputs", np.asarray(split.x)), ("targets", np.asarray(split.y))):
            if a.dtype.kind == "f" and not np.isfinite(a).all():
                where = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
                raise DataError("{} {} hold {} at index {}", name, what, a[where], where)
    if not len(data.train.x):
        raise DataError("{}: the training data are empty", data.name)


def _cast(split, dtype):
    """Inputs and real-valued targets in the dtype of the net."""
    x, y = np.asarray(split.x), np.asarray(split.y)
    return Split(x.astype(dtype, copy=False), y.astype(dtype, copy=False) if y.dtype.kind == "f" else y)


def _make(folder, exist_ok):
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        if exist_ok:  # it is no folder
            raise SaveError("cannot make the folder {}: there is a file of that name", folder) from None
        raise
    except OSError as error:
        raise SaveError("cannot make the folder {}: {}", folder, error.strerror or error) from error
    return folder


def _new_folder(folder):
    """A folder that the user named; what it holds already is never overwritten."""
    if (folder / CHECKPOINT).exists() or (folder / MODEL).exists():
        raise SaveError("{} holds a run already. Try another folder, or --resume {}", folder, folder)
    return _make(folder, exist_ok=True)


def _next_folder(config):
    """The next free ``runs/<model>-<data>-<number>``."""
    name = f"{config.model}-{Path(config.data).stem}"
    root = _make(Path("runs"), exist_ok=True)
    for number in range(1, 10_000):
        with contextlib.suppress(FileExistsError):
            return _make(root / f"{name}-{number:03d}", exist_ok=False)
    raise SaveError("{} holds 9999 runs of {} already: name a folder with --out", root, name)


def _read_checkpoint(folder):
    path = folder / CHECKPOINT
    if not path.exists():
        raise DataError("{} holds no run that could be resumed: there is no {}", folder, CHECKPOINT)
    arrays, document = _files.read(path)
    if document.get("kind") != "checkpoint":
        raise DataError("{} holds a {}, not a checkpoint", path, document.get("kind"))
    return arrays, document


def _resumed_config(config, document):
    """The settings of a checkpoint, with the epochs of `config` if that agrees in all it says."""
    known = {f.name for f in dataclasses.fields(Config)}
    saved = Config(**{k: v for k, v in document["config"].items() if k in known})
    if config is None:
        return saved
    for field in known - {"epochs"}:
        ours, theirs = getattr(saved, field), getattr(config, field)
        if isinstance(ours, dict):  # options that follow from the data are in the saved ones alone
            ours = {k: ours.get(k) for k in theirs} if field == "model_options" else ours
        if theirs != ours and not (field == "loss" and not theirs):
            raise UsageError(
                "the run was made with {} = {!r}, not {!r}: only `epochs` may change on resuming",
                field,
                ours,
                theirs,
            )
    return dataclasses.replace(saved, epochs=config.epochs)


def load_run(path):
    """The net and the `Config` (None for a plain model file) of a run folder or a model file.

    A run's net is that of its last checkpoint, whether the run was finished or not.
    """
    path = Path(path)
    if not path.exists():
        raise DataError("there is no run or model file {}", path)
    if not path.is_dir():
        return load_net(path), None
    arrays, document = _read_checkpoint(path)
    config = _resumed_config(None, document)
    if not config.model:  # a net of the user's own
        return load_net(path / MODEL), config
    net = _build(config)
    nn.load_state_dict(net, {k.removeprefix("net/"): a for k, a in arrays.items() if k.startswith("net/")})
    return net, config
