"""How many cores this process may use, and how many threads an option stands for."""

import functools
import numbers
import os
import warnings

from nbdl.errors import OptionError


def cores():
    """The number of cores that the system gives this process, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count(threads, every=None):
    """The number of threads that an option `threads` stands for: at most one for each core.

    Parameters
    ----------
    threads : int or `every`
    every : optional
        The value that stands for one thread for each core.

    Raises
    ------
    OptionError
        If it is neither an integer of at least 1 nor `every`.
    """
    if threads is every or (isinstance(threads, str) and threads == every):
        return cores()
    if isinstance(threads, bool) or not isinstance(threads, numbers.Integral) or threads < 1:
        other = "" if every is None else f' or "{every}"'
        raise OptionError("`threads` must be an integer > 0{}, got {!r}", other, threads)
    if threads > cores():
        _say_once(f"`threads` is {threads}: it takes {cores()}, one for each core that this process may use")
    return min(int(threads), cores())


@functools.cache
def _say_once(text):
    warnings.warn(text, RuntimeWarning, stacklevel=4)
