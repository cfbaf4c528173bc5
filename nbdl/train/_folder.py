"""The folder of a run: never one that holds a run already, and gone where nothing was saved."""

import contextlib
from pathlib import Path

from nbdl.errors import SaveError
from nbdl.train import _files, _plot
from nbdl.train._save import save

CHECKPOINT, MODEL, LOG, CONFIG, CURVES, STATISTICS, FLOW = (
    "checkpoint.safetensors", "model.safetensors", "log.jsonl", "config.toml", "curves.png",
    "statistics.jsonl", "statistics.png",
)  # fmt: skip


def new_folder(folder):
    """A folder that the user named, and whether it is new; what it holds already is never overwritten."""
    try:
        there, holds = folder.exists(), (folder / CHECKPOINT).exists() or (folder / MODEL).exists()
    except (OSError, ValueError) as error:  # the name is too long, or holds a null character
        text = getattr(error, "strerror", None) or error
        raise SaveError("cannot make the folder {}: {}", folder, text) from error
    if holds:
        raise SaveError(
            "{} holds a run already. Try another folder, or go on with that run: --resume {}, in Python "
            "resume={!r}",
            folder, folder, str(folder),
        )  # fmt: skip
    return _make(folder, exist_ok=True), not there


def next_folder(config):
    """The next free ``runs/<model>-<data>-<number>``, and that it is new."""
    name = f"{config.model}-{Path(config.data).stem}"
    root = _make(Path("runs"), exist_ok=True)
    for number in range(1, 10_000):
        with contextlib.suppress(FileExistsError):
            return _make(root / f"{name}-{number:03d}", exist_ok=False), True
    raise SaveError("{} holds 9999 runs of {} already: name a folder with --out", root, name)


@contextlib.contextmanager
def tidied(folder, made):
    """The block of a run: if it fails and has saved nothing, its settings and its new folder go."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            if {p.name for p in folder.iterdir()} <= {CONFIG}:
                (folder / CONFIG).unlink(missing_ok=True)
                if made:
                    folder.rmdir()
        raise


def finish(run, progress):
    """Save the model of a run that has ended, and the pictures of it."""
    save(run.net, run.folder / MODEL, run.preparation)
    progress("saved", path=run.folder / MODEL)
    title = f"{run.config.model or type(run.net).__name__} on {run.data.name}"
    pictures = {CURVES: _plot.curves(run.history, title)}
    if run.statistics:
        pictures[FLOW] = _plot.flow(run.statistics, title)
    for name, picture in pictures.items():
        if picture is not None:
            _files.write_bytes(run.folder / name, picture)
            progress("saved", path=run.folder / name)


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
