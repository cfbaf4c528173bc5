"""Objects of the user's own: of --net, a net of their class for a run that has its weights; a function."""

import importlib
import os
import sys

import click

from nbdl.errors import NbdlError, UsageError

option = click.option(
    "--net",
    "own",
    metavar="MODULE:NAME",
    help="A net of your own: its class, or a function that makes it. MODULE may be a file.py.",
)


def made(place):
    """The net of ``module:name`` or ``file.py:name``, or None: the object of that name, or what it makes.

    Its module is imported, which runs it: the user names it, no file does.
    """
    if place is None:
        return None

    def make(found):
        return found() if isinstance(found, type) or hasattr(found, "__code__") else found

    return imported(place, "--net", "a function without arguments that makes the net", make)


def imported(place, what, wanted, make=lambda found: found):
    """``make(object)`` of the object that `place` names, given by `what`; `wanted` says what it should be."""
    from nbdl.records import reason

    module, _, name = place.rpartition(":")
    if not module or not name.isidentifier():
        raise UsageError("{} must be MODULE:NAME, as in mine:Own or mine.py:Own, got `{}`", what, place)
    folder, module = _found(module)
    sys.path.insert(0, folder)
    advice = "the name of a module or file that can be imported from here"
    try:
        found = getattr(_imported(module, place), name)
        advice = f"{wanted}, in place of `{name}`"
        return make(found)
    except NbdlError:
        raise
    except Exception as error:
        raise UsageError("{} {}: {}. Try {}", what, place, reason(error), advice) from error
    finally:
        sys.path.remove(folder)


def _imported(module, place):
    """The module; what it raises while it runs is said to come from there."""
    from nbdl.records import reason

    try:
        return importlib.import_module(module)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == module:
            raise
        what = str(error).partition(". Try ")[0] if isinstance(error, NbdlError) else reason(error)
        text = 'while running {}: {}. Try `if __name__ == "__main__":` above what trains in it'
        raise UsageError(text, place.rpartition(":")[0], what) from error


def _found(module):
    """The folder to look in, and the name of the module."""
    if not module.endswith(".py"):
        return os.getcwd(), module
    folder, file = os.path.split(os.path.abspath(module))
    return folder, file.removesuffix(".py")
