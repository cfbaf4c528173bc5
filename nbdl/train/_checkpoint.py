"""Checkpoints: all that a run needs to go on, and what is read back, every number of its type and range."""

import dataclasses
import json
import math

import numpy as np

from nbdl import nn
from nbdl.data._fault import AGAIN, fault, look, reading
from nbdl.errors import UsageError
from nbdl.train import _files
from nbdl.train._callbacks import is_figure
from nbdl.train._config import Config, check_values
from nbdl.train._folder import CHECKPOINT, LOG, STATISTICS
from nbdl.train._save import described

MANY = 2**63 - 1
# key -> type, least, most
NUMBERS = {
    "epoch": (int, 0, MANY), "batch": (int, 0, MANY), "steps": (int, 0, MANY),
    "sum": (float, -math.inf, math.inf), "count": (float, 0.0, math.inf), "seconds": (float, 0.0, math.inf),
    "lr": (float, 0.0, math.inf), "skipped": (int, 0, MANY),
}  # fmt: skip
ROW = {"epoch": (int, 1, MANY), "step": (int, 0, MANY), "seconds": (float, 0.0, math.inf)}
TITLE = "checkpoint of a run"


def write_checkpoint(run):
    """Save the state of a run in its folder, in one file; and the log so far."""
    arrays = {f"net/{k}": a for k, a in nn.state_dict(run.net, per_sample=True).items()}
    arrays |= {f"optimizer/{k}": a for k, a in run._updates.updater.state_dict().items()}
    arrays |= {f"best/{k}": a for k, a in run._best.state.items()}
    document = {
        "kind": "checkpoint", "config": dataclasses.asdict(run.config), "epoch": run.epoch,
        "batch": run._batch, "steps": run.steps, "sum": run._sum, "count": run._count,
        "history": run.history, "seconds": run.seconds, "preparation": run.preparation.document(),
        "best": run._best.epoch, "lr": run.lr, "skipped": run._skipped, "logged": run._logged,
    }  # fmt: skip
    if not run.config.model:
        document |= described(run.net)
    _files.write_bytes(run.folder / LOG, _lines(run.history))
    if run.config.statistics:
        _files.write_bytes(run.folder / STATISTICS, _lines(run.statistics))
    _files.write(run.folder / CHECKPOINT, arrays, document)


def restore(run, arrays, document):
    """Bring a run into the state of a checkpoint."""
    part = lambda p: {k.removeprefix(p): a for k, a in arrays.items() if k.startswith(p)}  # noqa: E731
    nn.load_state_dict(run.net, part("net/"))
    run._updates.updater.load_state_dict(part("optimizer/"), document["steps"])
    run._epoch, run._batch, run.steps = document["epoch"], document["batch"], document["steps"]
    run._sum, run._count = document["sum"], document["count"]
    run.history, run.seconds, run._saved = document["history"], document["seconds"], run.steps
    run.lr, run._skipped, run._logged = document["lr"], document["skipped"], document["logged"]
    best = document["best"]
    if best:
        state = {name: np.array(a) for name, a in part("best/").items()}
        run._best.epoch, run._best.state = best, state
        run._best.loss = run.history[best - 1]["valid_loss"]


def _lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def read_checkpoint(folder):
    """The arrays and the document of the checkpoint in a run's folder.

    Raises
    ------
    DataError
        If there is none, or it is damaged, or one of its fields is missing, of the wrong type or out of its
        range: a right checksum says only that these bytes were written together.
    """
    path = folder / CHECKPOINT
    if look(path) is None:
        inside = sorted(folder.glob(f"*/{CHECKPOINT}"), key=lambda found: found.stat().st_mtime)
        raise fault(
            f"it is a folder that holds no run to go on with: there is no {CHECKPOINT}",
            folder,
            inside[-1].parent if inside else 'the folder that `nbdl train` printed after "run"',
        )
    arrays, document = _files.read(path, TITLE)
    if document.get("kind") != "checkpoint":
        raise fault(f"it holds a {document.get('kind')}, not a checkpoint", path, AGAIN)
    with reading(path, TITLE):
        config, history = saved_config(document), document["history"]
        document = {
            "lr": config.lr,
            "skipped": 0,
            "best": 0,
            "logged": {},
            **document,
        }  # files from before have none
        for key, rule in NUMBERS.items():
            _check(document, key, *rule)
        if not isinstance(history, list) or len(history) != document["epoch"]:
            raise ValueError(f"`history` must hold {document['epoch']} epochs")
        _check(document, "best", int, 0, document["epoch"])
        if document["best"] and "valid_loss" not in history[0]:
            raise ValueError("`best` is an epoch, and `history` has no valid_loss")
        if document["epoch"] > config.epochs:
            raise ValueError(f"`epoch` is {document['epoch']} of {config.epochs}")
        for name in document["logged"]:
            _check(document["logged"], name, float, -math.inf, math.inf)
        for row in history:
            if set(filter(is_figure, row)) != set(filter(is_figure, history[0])):
                raise ValueError("the epochs of `history` have different figures")
            for key, rule in ROW.items():
                _check(row, key, *rule)
            for key in row.keys() - ROW.keys():
                _check(row, key, float, -math.inf, math.inf, key.endswith("_loss") or not is_figure(key))
    return arrays, document


def saved_config(document):
    """The settings that a checkpoint was made with, checked."""
    known = {f.name for f in dataclasses.fields(Config)}
    config = Config(**{k: v for k, v in document["config"].items() if k in known})
    check_values(config)
    return config


def check_position(document, batches):
    """Raise `DataError` unless the checkpoint can be one of a run of so many steps an epoch."""
    epoch, batch, steps, count = (document[key] for key in ("epoch", "batch", "steps", "count"))
    if batch > batches or steps + document["skipped"] != epoch * batches + batch or (count and not batch):
        raise fault(
            f"the checkpoint is from step {steps}, {batch} steps after epoch {epoch}, and an epoch of these "
            f"data has {batches} steps",
            CHECKPOINT,
            "the data that the run was started on",
        )


def check_parts(history, valid, test):
    """Raise unless a run that goes on measures what it measured before."""
    for part, name, there in (("valid", "validation", valid), ("test", "test", test)):
        if history and (f"{part}_loss" in history[0]) != there:
            how, now = ("without", "with") if there else ("with", "without")
            text = "the run was started {} samples for `{}`, and cannot go on {}. Try those that it had"
            raise UsageError(text, how, name, now)


def _check(table, key, kind, least, most, finite=True):
    value = table[key]
    known = (int, float) if kind is float else int
    if not isinstance(value, known) or isinstance(value, bool):
        raise ValueError(f"`{key}` must be a number, got {str(value)[:40]!r}")
    value = kind(value)  # of an integer that no float64 holds this fails
    if finite and not (least <= value <= most and math.isfinite(value)):
        raise ValueError(f"`{key}` must be from {least} to {most}, got {value}")
