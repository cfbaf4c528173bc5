"""The progress of a run on stderr: a bar on a terminal, else one line for each epoch."""

import contextlib
import sys

from nbdl.cli._output import figure, note, result, to_json


@contextlib.contextmanager
def watch(config, form):
    """A ``progress(event, **fields)`` for `nbdl.train.train`; with form "json", epochs go to stdout."""
    terminal = sys.stderr.isatty()
    with _bar() if terminal else contextlib.nullcontext() as bar:
        yield _Progress(config, form, bar)


class _Progress:
    def __init__(self, config, form, bar):
        self._config, self._json, self._bar = config, form == "json", bar
        self._task, self._compiled, self._epochs, self._state = None, 0, config.epochs, ""

    def __call__(self, event, **fields):
        getattr(self, f"_on_{event}", lambda **fields: None)(**fields)

    def _on_compile(self, kernel, count, **_):
        if not self._compiled:
            self._say("compiling kernels for this machine, once")
        self._compiled = count
        if self._task is not None:
            self._bar.update(self._task, state=f"compiling, {count} kernels so far")

    def _on_data(self, about):
        from nbdl import registry

        if about and self._config.data not in registry.default().names("dataset"):
            self._say(about)

    def _on_start(self, epochs, steps, samples, **_):
        self._epochs = epochs
        what = f"training {self._config.model or 'a net of your own'} on {self._config.data}"
        often = f"{epochs} epoch{'s' * (epochs != 1)} of {steps} steps"
        self._say(f"{what}: {samples} samples, {often}, {self._config.optimizer}")
        if self._bar is not None:
            self._task = self._bar.add_task("", total=epochs * steps, state="")

    def _on_ready(self):
        if self._task is not None:  # nothing is compiling any more
            self._bar.update(self._task, state=self._state)

    def _on_step(self, epoch, step, steps, loss, **_):
        if self._task is not None:
            self._state = f"epoch {epoch}/{self._epochs}  loss {figure(loss)}"
            self._bar.update(self._task, completed=(epoch - 1) * steps + step, state=self._state)

    def _on_epoch(self, epoch, **row):
        if self._compiled:
            self._say(f"compiled {self._compiled} kernel{'s' * (self._compiled > 1)}")
            self._compiled = 0
        self._on_ready()  # measuring the test data may have compiled something too
        shown = {k: v for k, v in row.items() if k.startswith(("train_", "valid_", "test_"))}
        figures = "  ".join(f"{k.replace('_', ' ')} {figure(v)}" for k, v in shown.items())
        if self._json:
            result(to_json({"epoch": epoch, **row}))
        else:
            self._say(
                f"epoch {epoch:{len(str(self._epochs))}}/{self._epochs}  {figures}  {row['seconds']:.1f} s"
            )

    def _say(self, text):
        if self._bar is not None:
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            note(text)


def _bar():
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)
