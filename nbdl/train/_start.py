"""The doors to a training run: `fit` for a net at hand, `train` for settings."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np

from nbdl import _jit, nn, registry
from nbdl.data import Preparation
from nbdl.data import load as load_data
from nbdl.data._fault import AGAIN, reading
from nbdl.errors import ShapeError, UsageError
from nbdl.nn._inputs import count, each, taken
from nbdl.nn._own_loss import loss_record
from nbdl.nn._parameter import ready
from nbdl.optim._groups import by_name
from nbdl.train import _files
from nbdl.train._best import held_out
from nbdl.train._checkpoint import TITLE, check_parts, check_position, read_checkpoint, restore, saved_config
from nbdl.train._class_weights import settled
from nbdl.train._config import Config, check_patience, check_values, to_toml
from nbdl.train._flow import read_rows
from nbdl.train._folder import CHECKPOINT, CONFIG, STATISTICS, finish, new_folder, next_folder, tidied
from nbdl.train._load import check_own, net_of_run, resumed_config, weights
from nbdl.train._loop import Run
from nbdl.train._model import loss_of, net_of
from nbdl.train._samples import as_data, as_pair, cast, check_data, floats, warn_of_pixels
from nbdl.train._save import check_weights

OTHER = "the net, the data and the arguments that the run was started with"


def fit(
    net, data, loss=None, optimizer="sgd", lr=0.1, epochs=10, batch_size=128, seed=0, *, schedule="constant",
    dtype="float32", threads=0, compiled=True, clip_norm=0.0, clip_value=0.0, optimizer_options=None,
    loss_options=None, schedule_options=None, groups=None, test=None, validation=0.0, patience=0,
    min_delta=0.0, drop_last=False, statistics=0, callbacks=None, out=None, resume=None, progress=None,
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
    test : (x, y) pair, optional
        Samples of your own that are measured after each epoch, in the form of the training samples:
        ``test_loss`` and so on in the history. They take the place of those that the data have.
    validation : float or (x, y) pair
        The share of the training samples that is held out, at random by the seed, or samples of your own.
        They are measured after each epoch, ``valid_loss`` and so on in the history, and `patience` goes by
        them.
    patience : int
        Ends training after so many epochs in which ``valid_loss`` has not fallen by more than `min_delta`;
        the net is then that of the best epoch. 0 trains all epochs and keeps the last.
    min_delta : float
    drop_last : bool
        Whether the samples of an epoch that fill no minibatch are left out, others in each epoch. Else the
        last minibatch is smaller, and its loss a mean over fewer.
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
    resume : path, optional
        The folder of a run to go on with, in place of `out`. Net, data and arguments must be those that it
        was started with; only `epochs` may be larger, and `threads` another number. The net gets the values
        of the last checkpoint.
    progress : callable, optional
        ``progress(event, **fields)`` is told "compile" (`kernel`, `count`), "data" (`about`), "start"
        (`epochs`, `steps` of an epoch, `samples`, `folder`), "ready", "step" (`epoch`, `step`, `steps`,
        `loss`), "epoch" (the row of the history) and "saved" (`path`).

    Returns
    -------
    Run
        Its `history` has a dict for each epoch: ``epoch``, ``step`` (updates so far), ``train_loss``,
        ``test_loss``, ``valid_loss`` and the metrics of each as far as they are measured, and ``seconds``
        since training began, without what came before it (compiling counts): of one epoch it is the
        difference to the row before.

    Raises
    ------
    DataError, ShapeError, LabelError
        For data that are no numbers or labels, or do not fit the net.
    UsageError
        For an argument that is unknown or out of its range; with `resume` for one that differs.

    Warns
    -----
    UserWarning
        If the net ends worse than a constant: the mean of the targets, or the most frequent class. If inputs
        are images of unsigned bytes, which are left as they are: give x / 255. If Ctrl-C ended the training.
    """
    if isinstance(loss, (np.ndarray, list, tuple)):
        text = "`loss` must be the name of a loss, got {}. Try nbdl.fit(net, (x, y), "
        raise UsageError(text + "test=(x_test, y_test)): data are pairs", type(loss).__name__)
    if out is not None and resume is not None:
        raise UsageError("`resume` goes on in the run's own folder: leave out `out`")
    record = None if loss in (None, "") else loss_record(loss)
    own = not isinstance(validation, (int, float, np.integer, np.floating))
    config = Config(
        data=str(data) if isinstance(data, (str, Path)) else "", epochs=epochs, batch_size=batch_size,
        lr=float(lr), optimizer=optimizer, loss=record.name if record else "", schedule=schedule, seed=seed,
        dtype=dtype, threads=threads, compiled=compiled, clip_norm=float(clip_norm),
        clip_value=float(clip_value),
        optimizer_options=optimizer_options or {}, loss_options=loss_options or {},
        schedule_options=schedule_options or {}, groups={} if callable(groups) else groups or {},
        validation=0.0 if own else float(validation), patience=patience, min_delta=float(min_delta),
        drop_last=drop_last, statistics=statistics,
    )  # fmt: skip
    check_values(config)
    check_patience(config, own)
    data = as_data(data)
    if test is not None:
        data = dataclasses.replace(data, test=as_pair(test, data, "test"))
    valid = as_pair(validation, data, "validation") if own else None
    saved, place = None, None if out is None else lambda: new_folder(Path(out))
    if resume is not None:
        saved, place = read_checkpoint(Path(resume)), lambda: (Path(resume), False)
        if callable(groups):  # what it says of the parameters is compared later
            config.groups = saved_config(saved[1]).groups
        config = resumed_config(config, saved[1])
    run = _run(net, data, config, place, saved, progress, record, groups, callbacks, valid, resume)
    if run.interrupted:
        text = f"training was interrupted after step {run.steps}: the net is as it was then"
        warnings.warn(text, UserWarning, stacklevel=2)
    return run


def train(config, out=None, resume=None, progress=None, callbacks=None, net=None):
    """Run the settings `config` (see `resolve`) in a run folder.

    Parameters
    ----------
    config : Config or None
        None takes the settings of the run that is resumed.
    out : path, optional
        The run folder; by default the next free ``runs/<model>-<data>-<number>``.
    resume : path, optional
        A run folder whose checkpoint to go on from; of its settings only `epochs` and `threads` may be
        changed.
    progress : callable, optional
    callbacks : dict, optional
        As in `fit`.
    net : net, optional
        Of a run that is resumed, where it is one of your own class.

    Returns
    -------
    Run
    """
    if config is not None and config.lr == 0:
        warnings.warn("the learning rate `lr` is 0: nothing will be learnt", stacklevel=2)
    saved = None
    if resume is not None:
        saved = read_checkpoint(Path(resume))
        config = resumed_config(config, saved[1])
        check_own(config, resume, net)
        if net is None and not config.model:
            net = net_of_run(Path(resume), saved[1])
    elif not config.model or net is not None:
        raise UsageError("a `net` of your own is trained by nbdl.fit(net, data); train needs a `model`")
    data = load_data(config.data, **config.data_options)
    if saved is None:
        net = net_of(config, data)
    else:
        with reading(Path(resume) / CHECKPOINT, TITLE, AGAIN if net is None else OTHER):
            net = net_of(config, data) if net is None else net
            nn.load_state_dict(net, weights(saved[0]))  # a damaged one may ask for too much to be drawn

    def place():
        if resume is not None:
            return Path(resume), False
        return new_folder(Path(out)) if out is not None else next_folder(config)

    return _run(net, data, config, place, saved, progress, callbacks=callbacks, resume=resume)


def _run(
    net, data, config, place, saved, progress, loss=None, groups=None, callbacks=None, valid=None,
    resume=None,
):  # fmt: skip
    """The run itself; `place` makes its folder, once everything else is known to be right."""
    progress = progress or (lambda event, **fields: None)
    check_data(data, valid)
    config.loss = config.loss or loss_of(data)
    if valid is None:
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
            chosen = by_name(net, groups)
            if saved is not None and chosen != config.groups:
                text = "the run was made with groups = {!r}, not {!r}: only `epochs` and `threads` may change"
                raise UsageError(text, config.groups, chosen)
            config.groups = chosen
        if not preparation.mean.size:
            train, test = (cast(split, config.dtype, as_floats) for split in (data.train, data.test))
            data = dataclasses.replace(data, train=train, test=test)
            valid = valid and cast(valid, config.dtype, as_floats)
        run = Run(net, data, config, preparation, as_floats, valid, loss, callbacks)
        if saved is not None:
            check_position(saved[1], run.batches)
            check_parts(saved[1]["history"], valid is not None, count(data.test.x) > 0)
            with reading(Path(resume) / CHECKPOINT, TITLE, OTHER):
                restore(run, *saved)
            check_weights(net, resume)
            if run.epoch == config.epochs:
                warnings.warn(
                    f"the run in {resume} has all its {run.epoch} epochs: nothing is left to train. Go on "
                    "with a larger `epochs`, on the command line --epochs",
                    stacklevel=3,
                )
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
        finish(run, progress)
    return run
