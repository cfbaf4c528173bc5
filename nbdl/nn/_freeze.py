"""Parameters that training leaves as they are."""

import fnmatch

from nbdl.errors import UsageError
from nbdl.nn._parameter import named_parameters


def freeze(net, *patterns):
    """Freeze the parameters whose names fit one of the patterns, all without any; returns the net.

    No gradient is found for a frozen parameter, and no optimizer changes it. It is one with
    ``requires_grad=False``: that is no part of its values, and not saved. A step that is compiled already
    (`nbdl.compile_step`) refuses to go on with other parameters: compile it again. Buffers are not frozen: a
    batch norm goes on with its averages.

    Parameters
    ----------
    net : callable
    *patterns : str
        ``"0.*"`` for all of the first layer, ``"*.b"`` for every bias; a tied parameter has the name that
        `named_parameters` gives it.

    Raises
    ------
    UsageError
        For a pattern that fits no parameter.

    Examples
    --------
    >>> from nbdl import nn
    >>> net = nn.freeze(nn.Sequential(nn.Linear(4), nn.ReLU(), nn.Linear(2)), "0.*")
    >>> [name for name, p in nn.named_parameters(net).items() if p.requires_grad]
    ['2.w', '2.b']
    """
    return _set(net, patterns, False)


def unfreeze(net, *patterns):
    """Let the parameters be trained again whose names fit one of the patterns, all without any.

    See `freeze`.
    """
    return _set(net, patterns, True)


def _set(net, patterns, trained):
    parameters, chosen = named_parameters(net), []
    for pattern in patterns or ("*",):
        fitting = fnmatch.filter(parameters, pattern) if isinstance(pattern, str) else []
        if not fitting:
            text = "no parameter is named like the pattern {!r}; there are {}"
            raise UsageError(text, pattern, list(parameters) or "none")
        chosen += fitting
    for name in chosen:
        parameters[name].requires_grad = trained
    return net
