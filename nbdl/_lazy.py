"""Packages whose pages are imported at first use: whoever needs one name does not wait for all."""

import dis
import importlib
import sys


def pages(spec):
    """What a package needs for its names to be imported at first use: `__all__`, `__getattr__`, `__dir__`.

    The names are those that the package's file imports from its own pages ``if TYPE_CHECKING``, where editors
    find them too. `spec` is the package's own ``__spec__``.
    """
    home = homes(spec)

    def get(name):
        if name not in home:
            raise AttributeError(f"module '{spec.name}' has no attribute '{name}'")
        value = getattr(importlib.import_module(home[name]), name)
        setattr(sys.modules[spec.name], name, value)
        return value

    return sorted(home), get, lambda: sorted({*vars(sys.modules[spec.name]), *home})


def homes(spec):
    """The page of each public name of a package.

    It is read in the package's bytecode, which is there where the sources are not.
    """
    found, page = {}, ""
    for instruction in dis.get_instructions(spec.loader.get_code(spec.name)):
        if instruction.opname == "IMPORT_NAME":
            page = instruction.argval
        elif instruction.opname == "IMPORT_FROM" and page.startswith(f"{spec.name}."):
            found[instruction.argval] = page
    return found
