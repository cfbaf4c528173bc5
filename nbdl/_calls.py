"""Calls of kernels, and the walk backwards through them.

A `Call` refers to the tensors that it was made from, a result to its call: the tape is these references.
Which arguments a gradient kernel wants is read from its signature (see `nbdl.records.Kernel`).
"""

import functools
import itertools

import numpy as np

from nbdl import registry
from nbdl.errors import TapeError
from nbdl.records import resolve

_serial = itertools.count()  # orders calls; never part of a result


class Call:
    """One kernel call: `record`, `inputs` (Tensors or None), `constants` by name, `outputs` (arrays)."""

    __slots__ = ("constants", "inputs", "outputs", "record", "serial", "tensor_version", "versions")

    def __init__(self, record, inputs, constants, outputs, version):
        self.record, self.inputs, self.constants, self.outputs = record, inputs, constants, outputs
        self.versions = [t._version[0] if t is not None else 0 for t in inputs]
        self.tensor_version = version, version[0]
        self.serial = next(_serial)

    def __repr__(self):
        shapes = ", ".join("None" if t is None else f"{t.dtype}{list(t.shape)}" for t in self.inputs)
        constants = "".join(f", {k}={v!r}" for k, v in self.constants.items())
        return f"{self.record.name}({shapes}{constants})"


_FREED = Call.__new__(Call)


def walk(result, dy, retain):
    if not result.requires_grad:
        raise TapeError("backward: nothing was recorded for this tensor: no input has requires_grad=True")
    history = _history(result)  # whatever can be wrong is found before the first gradient is touched
    gradients = {id(t): np.zeros(t.shape, t.dtype) for t in history}

    def destination(tensor):
        if tensor._call is not None:
            return gradients[id(tensor)]
        if tensor.grad is None:  # a leaf: gradients stay with it
            tensor.grad = np.zeros(tensor.shape, tensor.dtype)
        return tensor.grad

    destination(result)[...] += dy
    for tensor in history:
        call, g = tensor._call, gradients.pop(id(tensor))
        for name, source in _differentiable(call):
            _Gradient(call.record, name).run(call, g, destination(source))
    if not retain:
        for tensor in history:
            tensor._call = _FREED


def _differentiable(call):
    return [(n, t) for n, t in zip(call.record.inputs, call.inputs) if t is not None and t.requires_grad]


def _history(result):
    """The tensors that `result` was made from by calls: itself first, each after what was made from it."""
    found, todo = {}, [result]
    while todo:
        tensor = todo.pop()
        call = tensor._call
        if call is None or id(tensor) in found:
            continue
        if call is _FREED:
            raise TapeError(
                "backward: the tape was freed by an earlier backward; pass retain=True to keep it"
            )
        version, was = call.tensor_version
        if version[0] != was:
            raise TapeError("backward: the result of `{}` was written to since it was made", call)
        found[id(tensor)] = tensor
        for name, source in _differentiable(call):
            _Gradient(call.record, name).check(call)
            todo.append(source)
    return sorted(found.values(), key=lambda t: -t._call.serial)


def gradient(call, name, dy, destination):
    """Add the gradient of one call with respect to its input `name` to the array `destination`."""
    _Gradient(call.record, name).run(call, dy, destination)


@functools.cache
class _Gradient:
    """A gradient kernel and where its arguments come from."""

    def __init__(self, record, name):
        if name not in record.grads:
            raise TapeError("the gradient of `{}` with respect to `{}` is not defined", record.name, name)
        self.kernel = resolve(record.grads[name])
        _, *wanted, last = registry.parameters(self.kernel)
        constants = registry.parameters(record.forward)
        self.arguments = []
        for parameter in wanted:
            base = parameter.removesuffix("_shape")
            if parameter in record.inputs:
                self.arguments.append(("input", record.inputs.index(parameter), parameter))
            elif parameter in record.outputs:
                self.arguments.append(("output", record.outputs.index(parameter), parameter))
            elif base != parameter and base in record.inputs:
                self.arguments.append(("shape", record.inputs.index(base), parameter))
            elif parameter in constants:
                self.arguments.append(("constant", parameter, parameter))
            else:
                raise TapeError(
                    "gradient kernel of `{}`: parameter `{}` is no input, output, shape or constant of it",
                    record.name,
                    parameter,
                )
        if last != f"d{name}":
            raise TapeError(
                "gradient kernel of `{}`: the last parameter must be `d{}`, got `{}`", record.name, name, last
            )

    def check(self, call):
        """Raise `TapeError` if an input that this gradient needs was written to since the call."""
        for kind, key, parameter in self.arguments:
            tensor = call.inputs[key] if kind == "input" else None
            if tensor is not None and tensor._version[0] != call.versions[key]:
                raise TapeError(
                    "backward: `{}` of `{}` was written to since, its gradient needs it", parameter, call
                )

    def run(self, call, dy, destination):
        values = [self._value(call, kind, key) for kind, key, _ in self.arguments]
        if not isinstance(call.outputs[0], np.ndarray):
            dy = float(dy)
        self.kernel(dy, *values, destination)

    def _value(self, call, kind, key):
        if kind == "constant":
            return call.constants[key]
        if kind == "output":
            return call.outputs[key]
        tensor = call.inputs[key]
        if kind == "shape":
            return tensor.shape
        return None if tensor is None else tensor._array
