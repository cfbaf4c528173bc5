"""A row of the kernels, and the arrays that rows are made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np

from nbdl import kernels, registry


@dataclass(frozen=True)
class Case:
    """A row: the kernels `calls` (else the one called `name`), on arguments that `arguments()` makes.

    The arrays named by `written` are written, and the first of them holds the result. Without any, each call
    makes its results anew, `fresh` bytes, and the first of them counts. `more` is what only a peer needs to
    know.
    """

    name: str
    size: str
    flops: int
    arguments: Callable
    written: tuple = ()
    calls: tuple = ()
    fresh: int = 0
    more: dict = field(default_factory=dict)

    kind: ClassVar = "kernel"
    threads: ClassVar = 1
    samples: ClassVar = None
    random: ClassVar = False
    check_after: ClassVar = 1  # repetitions before the result is compared with a peer's

    def bytes(self, arguments):
        """Moved by one repetition at least."""
        return self.fresh + sum(a.nbytes for a in arguments.values() if isinstance(a, np.ndarray))

    def kernels(self):
        """The kernels that are called."""
        return [getattr(kernels, name) for name in self.calls or (self.name,)]

    def start(self, arguments):
        """``run(n)``: n repetitions, then the result."""
        work = []
        for kernel in self.kernels():
            known = registry.parameters(kernel)
            work.append(partial(kernel, **{k: v for k, v in arguments.items() if k in known}))

        def run(n):
            for _ in range(n):
                for call in work:
                    found = call()
            return arguments[self.written[0]] if self.written else first(found)

        return run


def first(found):
    """The first result of a call that may return several."""
    return found[0] if isinstance(found, tuple) else found


def normal(*shape):
    """Normal random numbers, the same at each call."""
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def zeros(*shape):
    """Zeros in memory that the process has already."""
    return np.full(shape, 0, np.float32)
