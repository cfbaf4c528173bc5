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
    """One kernel call: `record`, `inputs` (Tensors or None), `constants` by name, `outputs` (arrays).

    `made` counts the writes to each output: the list that the tensor has, and what it said then.
    """

    __slots__ = ("constants", "inputs", "made", "outputs", "record", "serial", "versions")

    def __init__(self, record, inputs, constants, outputs, versions=()):
        self.record, self.inputs, self.constants, self.outputs = record, inputs, constants, outputs
        self.versions = [t._version[0] if t is not None else 0 for t in inputs]
        self.made = [(version, version[0]) for version in versions]
        self.serial = next(_serial)

    def __repr__(self):
        shapes = ", ".join("None" if t is None else f"{t.dtype}{list(t.shape)}" for t in self.inputs)
        constants = "".join(f", {k}={v!r}" for k, v in self.constants.items())
        return f"{self.record.name}({shapes}{constants})"


_FREED = Call.__new__(Call)


def walk(result, dy, retain, look=None):
    """Add the gradients of `result` to the leaves it was made from.

    ``look(call, cotangents)`` is told of each call what its outputs have been given, an array or None each.
    """
    if not result.requires_grad:
        raise TapeError("backward: nothing was recorded for this tensor: no input has requires_grad=True")
    calls = history(result)  # whatever can be wrong is found before the first gradient is touched
    cotangents = {call: [None] * len(call.outputs) for call in calls}

    def destination(tensor):
        if tensor._call is None:  # a leaf: gradients stay with it
            if tensor.grad is None:
                tensor.grad = np.zeros(tensor.shape, tensor.dtype)
            return tensor.grad
        given = cotangents[tensor._call]
        if given[tensor._output] is None:
            given[tensor._output] = np.zeros(tensor.shape, tensor.dtype)
        return given[tensor._output]

    destination(result)[...] += dy
    tensors = []
    for call in calls:
        given = cotangents.pop(call)
        if look is not None:
            look(call, given)
        for name, source in _differentiable(call):
            _Gradient(call.record, name).run(call, given, destination(source))
            tensors.append(source)
    if not retain:
        for tensor in (result, *tensors):
            if tensor._call is not None:
                tensor._call = _FREED


def _differentiable(call):
    return [(n, t) for n, t in zip(call.record.inputs, call.inputs) if t is not None and t.requires_grad]


def history(result):
    """The calls that `result` was made by: its own first, each before those that it takes from."""
    found, todo = set(), [result]
    while todo:
        tensor = todo.pop()
        call = tensor._call
        if call is None:
            continue
        if call is _FREED:
            raise TapeError(
                "backward: the tape was freed by an earlier backward; pass retain=True to keep it"
            )
        version, was = call.made[tensor._output]
        if version[0] != was:
            raise TapeError("backward: the result of `{}` was written to since it was made", call)
        if call in found:
            continue
        found.add(call)
        for name, source in _differentiable(call):
            _Gradient(call.record, name).check(call)
            todo.append(source)
    return sorted(found, key=lambda call: -call.serial)


@functools.cache
def reaches(record, output):
    """Whether a gradient flows back from an output: the first, and each that a gradient kernel asks for."""
    return output == record.outputs[0] or any(
        f"d{output}" in registry.parameters(kernel) for kernel in record.grads.values()
    )


def gradient(call, name, cotangents, destination):
    """Add the gradient of one call with respect to its input `name` to the array `destination`.

    `cotangents` has one array for each output, or None where there is none.
    """
    _Gradient(call.record, name).run(call, cotangents, destination)


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
            elif parameter[:1] == "d" and parameter[1:] in record.outputs[1:]:
                self.arguments.append(("cotangent", record.outputs.index(parameter[1:]), parameter))
            elif base != parameter and base in record.inputs:
                self.arguments.append(("shape", record.inputs.index(base), parameter))
            elif parameter in constants:
                self.arguments.append(("constant", parameter, parameter))
            else:
                raise TapeError(
                    "gradient kernel of `{}`: parameter `{}` is no input, output, cotangent, shape or "
                    "constant of it",
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

    def run(self, call, cotangents, destination):
        values = [self._value(call, cotangents, kind, key) for kind, key, _ in self.arguments]
        self.kernel(_cotangent(call, cotangents, 0), *values, destination)

    def _value(self, call, cotangents, kind, key):
        if kind == "constant":
            return call.constants[key]
        if kind == "output":
            return call.outputs[key]
        if kind == "cotangent":
            return _cotangent(call, cotangents, key)
        tensor = call.inputs[key]
        if kind == "shape":
            return tensor.shape
        return None if tensor is None else tensor._array


def _cotangent(call, cotangents, key):
    """That of one output: zeros where nothing flowed back, a number where the output is one."""
    dy, output = cotangents[key], call.outputs[key]
    if isinstance(output, np.ndarray):
        return np.zeros_like(output) if dy is None else dy
    return 0.0 if dy is None else float(dy)
