"""Calling a net for its shapes alone: nothing is computed, and no kernel compiles.

What comes out of a kernel its record says: ``shape(*inputs, **constants)`` gets arrays without values, and
returns a list of (shape, dtype), one for each output (`nbdl.kernels.door.sizes` makes it of a kernel's door).
Where it says nothing the lanes twin is asked; other kernels run, on zeros.
"""

import os
import sys
from pathlib import Path

import numpy as np

from nbdl.errors import PluginError, TapeError
from nbdl.kernels.lanes import LossTwin, Site, Twin, Unfit
from nbdl.records import resolve

_HERE = f"{Path(__file__).parent}{os.sep}"  # as the files of its code are named


class Tracer:
    """Stands in for the kernels while a net is recorded (see `nbdl.tape.tracing`)."""

    def __init__(self, dtype):
        self.dtype, self.calls = np.dtype(dtype), []
        self.inputs = ()  # tensors
        self.made = {}  # tensors by id whose values a net must not look at: its inputs, what it computes

    def run(self, record, forward, inputs, constants):
        """What the kernel would return, as far as shapes go."""
        arrays = [None if t is None else t._array for t in inputs]
        found = self._outputs(record, arrays, constants)
        if found is None:
            with np.errstate(all="ignore"):
                return forward(*arrays, **constants)
        outputs = tuple(np.broadcast_to(np.zeros((), dtype), shape) for shape, dtype in found)
        return outputs if len(record.outputs) > 1 else outputs[0]

    def _outputs(self, record, arrays, constants):
        """(shape, dtype) of each output; None where the kernel has to run."""
        if record.shape:
            return resolve(record.shape)(*arrays, **constants)
        if record.target == "numpy":
            return None
        twin, site, _ = site_of(record, arrays, constants, self.dtype)
        if twin is None:
            return None
        if isinstance(twin, LossTwin):
            return [((), self.dtype)]
        samples = (len(next(a for a in arrays if a is not None)),)
        return [((*samples, *site.shapes[name]), self.dtype) for name in record.outputs]

    def note(self, call, results):
        self.made.update((id(result), result) for result in results)
        self.calls.append((call, results, _where()))

    def knows(self, tensor):
        """Whether this tensor is an input of the net, or made of its inputs or its parameters."""
        return id(tensor) in self.made

    def widened(self, record, inputs, result):
        """Whether NumPy made floats of integers, wider than those of the net.

        On the tape comparisons and indices are arrays, which take the dtype of a tensor when they meet one.
        """
        if record.target != "numpy" or result.dtype.kind != "f" or result.dtype == self.dtype:
            return False
        made = [t for t in inputs if t is not None and (t.requires_grad or id(t) in self.made)]
        return bool(made) and all(t.dtype.kind in "biu" for t in made)

    def refuse(self, what, tensor=None):
        """Raise `TapeError`: a net does what no kernel does, to any tensor or to one it must not look at.

        Those are its inputs, what it computes, and what is trained: what it saw would be a constant.
        """
        if tensor is None or tensor.requires_grad or id(tensor) in self.made:
            raise TapeError(
                "{}, in {}, while the net and its loss are traced: a compiled program makes the same kernel "
                "calls whatever the values are; nbdl.where, take and take_along_axis choose by values, or "
                "train eagerly (compiled=False)",
                what,
                _where(),
            )


def site_of(record, arrays, constants, dtype, samples=None):
    """(twin, site, "") of a kernel call on these arrays; (None, None, why) where no twin serves it.

    `samples` names the inputs that have samples: those that the twin takes in lanes or as an index, if it is
    not given.
    """
    if not record.lanes:
        return None, None, "it has no lanes twin"
    twin = resolve(record.lanes)
    if not isinstance(twin, Twin):
        text = "kernel `{}`: `lanes` must name a Twin of nbdl.kernels.lanes, got {}"
        raise PluginError(text, record.name, repr(twin))
    given = {n: a for n, a in zip(record.inputs, arrays) if a is not None}
    if samples is None:
        samples = {n for n in given if n in twin.grads or n in twin.index}
    roles = {n: twin.role(n, n in samples) for n in given}
    for name, role in roles.items():
        if not role:
            where = "an array, and here it has samples" if name in samples else "lanes, where it is not"
            return None, None, f"its twin reads `{name}` in {where}"
    lanes = [n for n in given if roles[n] == "lanes"]
    if not lanes and "index" not in roles.values():
        return None, None, f"`grads` of its twin names none of its inputs ({', '.join(record.inputs)})"
    if not all(_of(dtype, record, given, n, roles[n] == "lanes", twin) for n in given):
        return None, None, f"its twin serves arrays of one dtype, here {dtype}"
    if len({len(given[n]) if given[n].ndim else -1 for n in lanes}) > 1:
        return None, None, "its inputs differ in their number of samples"
    shapes = {n: a.shape[1:] if n in samples else a.shape for n, a in given.items()}
    samples = frozenset(n for n in samples if n in given)
    try:
        shape = twin.shape(Site(shapes, constants, dtype.name, samples))
    except Unfit:
        return None, None, "its twin is not for these shapes or options"
    outputs = shape if isinstance(shape, dict) else dict.fromkeys(record.outputs, shape)
    if not isinstance(twin, LossTwin):
        samples |= {n for n in record.outputs if n not in twin.shared}
    return twin, Site({**shapes, **outputs}, constants, dtype.name, samples), ""


def _of(dtype, record, given, name, in_lanes, twin):
    """Whether a twin may read an operand as numbers of `dtype`.

    Integers and truth values are such numbers where NumPy computes with them, and where no gradient flows;
    but of several truth values alone it makes others.
    """
    array = given[name]
    if array.dtype == dtype or (in_lanes and not twin.grads[name]):
        return True
    if array.dtype.kind == "f" or not in_lanes:
        return array.dtype.kind != "f"
    return record.target == "numpy" and (array.dtype.kind in "iu" or len(given) == 1)


def _where():
    """The line of the net that is running: the first frame outside this package, or the last inside."""
    frame, inside = sys._getframe(1), ""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_HERE):
            return f"{Path(file).name}:{frame.f_lineno}"
        if file.startswith(f"{_HERE}nn{os.sep}"):
            inside = inside or f"{Path(file).name}:{frame.f_lineno}"
        frame = frame.f_back
    return inside
