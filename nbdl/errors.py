"""Exceptions. A message is a constant sentence with ``{}`` fields; the values travel as further arguments.

Compiled code can raise these too: Numba stores the sentence once and passes the values along, so that no
string is built inside a kernel. Each class keeps the built-in type that a Python user would catch.
"""


class NbdlError(Exception):
    """Base of every error that nbdl raises on purpose; the command line turns it into three lines."""

    exit_code = 1

    def __str__(self):
        if not self.args:
            return ""
        message, *values = self.args
        return message.format(*values) if values else str(message)


class ShapeError(NbdlError, ValueError):
    """An array has the wrong number of dimensions or the wrong sizes."""


class DtypeError(NbdlError, TypeError):
    """An argument has the wrong type or dtype."""


class OptionError(NbdlError, ValueError):
    """An option (stride, probability, learning rate ...) is outside its range."""

    exit_code = 2


class LabelError(NbdlError, ValueError):
    """A label or index that comes from data is outside its range."""


class ProbabilityError(NbdlError, ValueError):
    """Probabilities are negative, not a number, or do not sum to 1; or counts cannot be made to."""

    exit_code = 3


class TapeError(NbdlError, RuntimeError):
    """A gradient was asked for that the tape cannot give."""


class UsageError(NbdlError, ValueError):
    """An unknown name, key or option: the message says what exists and what is near."""

    exit_code = 2


class DataError(NbdlError, ValueError):
    """A data, model or config file is missing, cut short, corrupt or of the wrong kind."""

    exit_code = 3


class SaveError(NbdlError, RuntimeError):
    """A file could not be written: no such folder, no permission, disk full. The old file is intact."""


class NumericError(NbdlError, ArithmeticError):
    """A loss or a parameter is not finite: of the data, or because training diverged."""

    exit_code = 4


class PluginError(NbdlError, RuntimeError):
    """A plugin failed to load, or offers something that is not what it says."""

    exit_code = 5


class VerificationError(NbdlError, AssertionError):
    """A kernel does not agree with its reference, its gradient or the kernel law."""

    exit_code = 6
