"""Functions of the user that are called while a net is trained."""

from nbdl.errors import UsageError

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
