"""A function as a layer."""

import inspect

from nbdl import registry
from nbdl.errors import UsageError
from nbdl.records import resolve
from nbdl.tape import apply, as_tensor


class Lambda:
    """A registered function as a layer: ``nn.Lambda("exp")``, ``nn.Lambda("mean", {"axis": (2, 3)})``.

    A net with it can be saved as a whole. A function of yours is called as it is,
    ``nn.Lambda(lambda x: x * 2)``; of a net with one the weights alone are saved.

    Parameters
    ----------
    function : str or callable
        The name of a kernel or array operation that one input is enough for, or a function of one tensor.
    options : dict, optional
        Its constants by name.
    """

    def __init__(self, function, options=None):
        self.function, self.options = function, dict(options or {})
        if isinstance(function, str):
            record = registry.default().get("kernel", function)
            known = inspect.signature(resolve(record.forward)).parameters
            needed = [n for n in record.inputs if known[n].default is inspect.Parameter.empty]
            if len(needed) > 1:
                text = "Lambda: `function` must need one input, `{}` needs {}"
                raise UsageError(text, function, ", ".join(needed))
            if unknown := set(self.options) - (set(known) - {*record.inputs, "out"}):
                text = "Lambda: `{}` has no option `{}`; it takes {}"
                takes = ", ".join(n for n in known if n not in {*record.inputs, "out"}) or "none"
                raise UsageError(text, function, sorted(unknown)[0], takes)
        elif not callable(function) or isinstance(function, type):
            raise UsageError("Lambda: `function` must be a name or a function, got {!r}", function)

    def __call__(self, x, train=None):
        if isinstance(self.function, str):
            return apply(self.function, x, **self.options)
        return self.function(as_tensor(x), **self.options)
