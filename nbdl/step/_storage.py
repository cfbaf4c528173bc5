"""One storage: parameters and buffers where programs can read them; the net's own arrays are views of it."""

import numpy as np

from nbdl.errors import UsageError
from nbdl.step._driver import aligned

SLACK = 16  # elements behind an array that a vector may read, never write


class Storage:
    """The parameters and buffers of a net, each in aligned memory with room for whole registers.

    A second program for the same net finds the memory of the first. `flat` holds the arrays by name; the
    padding behind the values is zero. With `training` it is that of a program that trains some parameters.
    """

    def __init__(self, stored, training=False):
        self.stored, self.flat, self._views = stored, {}, {}
        self._trained = {name: p.requires_grad for name, p in stored.items()} if training else {}
        for name, p in stored.items():
            if p.home is None or not np.may_share_memory(p.home[0], p._array):
                p.home = *aligned_like(p._array), np.zeros(1, np.int64)
            self.flat[name], self._views[name], _ = p.home
            p._array = p.home[1]

    def check(self):
        """Raise `UsageError` unless the arrays, and which of them are trained, are as they were."""
        for name, p in self.stored.items():
            view = self._views[name]
            if p._array is not view:
                now = "no values" if p._array is None else f"{p._array.dtype} {p._array.shape}"
                raise UsageError(
                    "`{}` was {} {} when the net was compiled, and has {} now: compile it again",
                    name,
                    view.dtype,
                    view.shape,
                    now,
                )
            if self._trained.get(name, p.requires_grad) != p.requires_grad:
                how = ("trained", "frozen") if self._trained[name] else ("frozen", "to be trained")
                text = "`{}` was {} when the net was compiled, and is {} now: compile it again"
                raise UsageError(text, name, *how)


def aligned_like(array):
    """A copy in aligned memory: (flat, with zeros behind the values; view of the array's shape)."""
    padded = aligned(array.size + SLACK, array.dtype)
    flat = padded[: -(-array.size // SLACK) * SLACK]
    flat[: array.size] = array.reshape(-1)
    return flat, flat[: array.size].reshape(array.shape)
