"""Groups of parameters: what some of them are trained with that the others are not."""

import fnmatch
import glob
import math

import numpy as np

from nbdl.errors import UsageError
from nbdl.nn import named_parameters
from nbdl.nn._options import is_number

OWN = {"lr_factor": 1.0, "frozen": False}  # what a group may say besides the options of the optimizer


def by_name(net, groups):
    """`groups` as a dict by name pattern: a function ``groups(name, parameter)`` is asked for each parameter.

    It returns the options of that parameter as a dict, or None. The parameters must have their shapes.
    """
    if not callable(groups):
        return dict(groups or {})
    found = {}
    for name, p in named_parameters(net).items():
        options = groups(name, p)
        if options is not None and not isinstance(options, dict):
            text = "`groups` must return a dict of options or None, got {!r} for `{}`"
            raise UsageError(text, options, name)
        if options:
            found[glob.escape(name)] = options
    return found


def options_of(parameters, groups, common):
    """The options of each parameter by name: the `common` ones, then those of each group it belongs to.

    Raises `UsageError` for a group that is no table, that no parameter belongs to, or whose `lr_factor` or
    `frozen` is out of range.
    """
    chosen = {name: dict(common) for name in parameters}
    for pattern, other in groups.items():
        if not isinstance(other, dict):
            raise UsageError("group `{}` must be a table of options, got {!r}", pattern, other)
        members = [name for name in parameters if fnmatch.fnmatchcase(name, pattern)]
        if not members:
            text = "no parameter is named like the group `{}`; there are {}"
            raise UsageError(text, pattern, list(parameters))
        _check(pattern, other)
        for name in members:
            chosen[name].update(other)
    return chosen


def _check(pattern, options):
    factor, frozen = (options.get(name, default) for name, default in OWN.items())
    if not is_number(factor) or not 0 <= factor < math.inf:
        text = "group `{}`: `lr_factor` must be a finite number from 0, got {!r}"
        raise UsageError(text, pattern, factor)
    if not isinstance(frozen, (bool, np.bool_)):
        raise UsageError("group `{}`: `frozen` must be true or false, got {!r}", pattern, frozen)
