"""Threads that stay, for work that is over in milliseconds: starting them would take as long."""

import functools
import os
from concurrent.futures import ThreadPoolExecutor

_pool = functools.cache(ThreadPoolExecutor)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child process has none of the threads


def in_parallel(function, items, threads):
    """``[function(i) for i in items]``, on as many threads. Items must not use threads themselves."""
    if threads == 1 or len(items) < 2:
        return [function(i) for i in items]
    return list(_pool(threads).map(function, items))
