"""One storage: the parameters of a net in memory that programs can read, and the net's own arrays as views of it."""

import numpy as np

from nbdl.step._driver import aligned

SLACK = 16  # elements behind an array that a vector may read, never write


class Storage:
    """The parameters of a net, each in aligned memory with room for whole registers.

    A second program for the same net finds the memory of the first. `flat` holds the arrays by name; the padding
    behind the values is zero.
    """

    def __init__(self, parameters):
        self.parameters, self.flat, self._views = parameters, {}, {}
        for name, p in parameters.items():
            found = getattr(p, "storage", None)
            if found is None or not np.may_share_memory(found, p._array):
                found, p._array = aligned_like(p._array)
                p.storage = found
            self.flat[name], self._views[name] = found, p._array

    def rebind(self):
        """Parameters that were given new arrays since: take their values, and give them the views again."""
        for name, p in self.parameters.items():
            if p._array is not self._views[name]:
                self._views[name][...] = p._array
                p._array, p.storage = self._views[name], self.flat[name]


def aligned_like(array):
    """A copy in aligned memory: (flat, with zeros behind the values; view of the array's shape)."""
    whole = aligned(array.size + SLACK, array.dtype)
    flat = whole[: -(-array.size // SLACK) * SLACK]
    flat[: array.size] = array.reshape(-1)
    return flat, flat[: array.size].reshape(array.shape)
