"""Functions of the user that are called while a net is trained, and the numbers that they note."""

import math

from nbdl.errors import OptionError, UsageError
from nbdl.nn._options import is_number

EVENTS = "step", "epoch"


def listeners(callbacks):
    """The functions by event: ``{"epoch": f, "step": [g, h]}`` with every event and a list for each.

    Raises `UsageError` for an event that there is none of, or what cannot be called.
    """
    callbacks = {} if callbacks is None else callbacks
    if not isinstance(callbacks, dict):
        text = '`callbacks` must be a dict of functions by event, as {{"epoch": f}}, got {}'
        raise UsageError(text, type(callbacks).__name__)
    found = {event: [] for event in EVENTS}
    for event, given in callbacks.items():
        if event not in EVENTS:
            raise UsageError("`callbacks`: there is no event {!r}, only {}", event, " and ".join(EVENTS))
        found[event] = list(given) if isinstance(given, (list, tuple)) else [given]
        for function in found[event]:
            if not callable(function):
                raise UsageError("`callbacks`: {!r} for `{}` cannot be called", function, event)
    return found


def tell(functions, event, run):
    """Call the functions of an event, in their order; what one of them raises says which it was and when."""
    for function in functions:
        try:
            function(run)
        except Exception as error:
            name = getattr(function, "__qualname__", None) or repr(function)
            done = run.steps if event == "step" else run.epoch
            error.add_note(f"in the callback `{name}`, called after {event} {done}")
            raise


def noted(name, value):
    """A number that a callback adds to the row of an epoch; the errors are those of `Run.log`."""
    if not isinstance(name, str) or not name or is_figure(name) or name == "event":
        raise UsageError("log: `name` must be text, and no figure that runs have, got {!r}", name)
    if not is_number(value) or not math.isfinite(value):
        raise OptionError("log: `value` of `{}` must be a finite number, got {!r}", name, value)
    return float(value)


def is_figure(name):
    """Whether a key of a row of the history is one that runs make, and not their callbacks."""
    return name in ("epoch", "step", "seconds") or name.startswith(("train_", "test_", "valid_"))
