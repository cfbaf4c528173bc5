"""How many cores this process may use."""

import os


def cores():
    """The number of cores that the system gives this process, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
