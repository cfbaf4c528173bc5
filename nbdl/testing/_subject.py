"""What the checks look at: a kernel record with its code, cases and reference at hand."""

import functools
import inspect
from types import SimpleNamespace
from unittest import SkipTest

import numpy as np

from nbdl import registry
from nbdl.records import resolve

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}  # of forward against reference, see `distance`
PLUMBING = {"shape": (-1,), "index": 0}  # constants of array plumbing, which needs no cases of its own


class Fault(Exception):
    """A check failed: the case (or None) and a sentence."""


def fail(case, sentence, *values):
    raise Fault(case, sentence.format(*values))


class Subject:
    """A kernel record, resolved. Kernels are called exactly as the tape calls them."""

    def __init__(self, record, seed):
        self.record, self.seed = record, seed
        self.forward = resolve(record.forward)
        self.grads = {name: resolve(code) for name, code in record.grads.items()}
        self.parameters = registry.parameters(self.forward)
        optional = {n: d for n, d in self.parameters.items() if n not in (*record.inputs, "out")}
        self.constants = {n: d for n, d in optional.items() if d is not inspect.Parameter.empty}
        op = record
        if record.op != record.name:  # another kernel for an op is held to the truth of the op
            op = registry.default().get("kernel", record.op)
        self._reference, self._cases = record.reference or op.reference, record.cases or op.cases
        self.case = None  # the one that is tried just now

    # --- its cases --------------------------------------------------------------------------------------

    @functools.cached_property
    def _all(self):
        if self._cases:
            return resolve(self._cases)(np.random.default_rng(self.seed))
        if self.record.target == "numpy":
            inputs = np.random.default_rng(self.seed).uniform(0.5, 2, (len(self.record.inputs), 3, 3))
            constants = {n: v for n, v in PLUMBING.items() if n in self.parameters}
            return [SimpleNamespace(name="3x3", inputs=tuple(inputs), constants=constants)]
        return fail(None, "the record names no `cases`, so that nothing can be verified")

    @property
    def cases(self):
        return [c for c in self._all if not hasattr(c, "error")]

    @property
    def bad(self):
        return [c for c in self._all if hasattr(c, "error")]

    def differentiable(self, name):
        """The cases whose input `name` is given and has a gradient: (case, float64 inputs, that input)."""
        where, found = self.record.inputs.index(name), []
        for case in self.cases:
            inputs = self.inputs(case, np.float64)
            x = inputs[where]
            if getattr(case, "grad", True) and x is not None and x.dtype.kind == "f":
                found.append((case, inputs, inputs[where]))
        if not found:
            raise SkipTest(f"no case has a gradient with respect to `{name}`")
        return found

    def inputs(self, case, dtype):
        """The inputs as new C-contiguous arrays, float ones of this dtype; None for those left out."""
        arrays = [None if a is None else np.array(a, _floats(a, dtype), order="C") for a in case.inputs]
        return arrays + [None] * (len(self.record.inputs) - len(arrays))

    def given(self, case):
        return {**self.constants, **case.constants}

    # --- its kernels ------------------------------------------------------------------------------------

    def run(self, case, inputs, **out):
        """The outputs, always as a tuple."""
        self.case = case
        with np.errstate(all="ignore"):  # infinities and NaN are among the cases
            return _tuple(self.forward(*inputs, **self.given(case), **out))

    @property
    def has_reference(self):
        return bool(self._reference)

    def truth(self, case, inputs):
        """The outputs of the reference on the same numbers in float64."""
        if not self._reference:
            raise SkipTest("the record names no `reference`")
        exact = [a if a is None else a.astype(_floats(a, np.float64)) for a in inputs]
        return _tuple(resolve(self._reference)(*exact, **case.constants))

    def cotangent(self, case, inputs):
        """A random array for the first output, of its shape and of the dtype of the inputs."""
        shape = np.shape(self.run(case, inputs)[0])
        dtype = next(a.dtype for a in inputs if a is not None and a.dtype.kind == "f")
        return np.asarray(np.random.default_rng(self.seed + 1).standard_normal(shape), dtype)

    def further(self, case, inputs):
        """Random cotangents of the other outputs that gradient kernels ask for, by name: ``dh`` of ``h``."""
        rng, found = np.random.default_rng(self.seed + 4), {}
        asked = {p for kernel in self.grads.values() for p in registry.parameters(kernel)}
        for name, y in zip(self.record.outputs[1:], self.run(case, inputs)[1:]):
            if f"d{name}" in asked:
                found[f"d{name}"] = np.asarray(rng.standard_normal(np.shape(y)), np.asarray(y).dtype)
        return found

    def gradient(self, case, name, dy, inputs, *destination, further=()):
        """What the gradient kernel of input `name` adds to `destination`, or returns without one.

        `further` are the cotangents of further outputs by name (``dh``), zeros where they are left out.
        """
        known = {**self.given(case), **dict(zip(self.record.inputs, inputs))}
        known |= {f"{n}_shape": a.shape for n, a in zip(self.record.inputs, inputs) if a is not None}
        _, *wanted, _ = registry.parameters(self.grads[name])
        cotangents = {f"d{output}" for output in self.record.outputs}
        if set(wanted) & {*self.record.outputs, *cotangents}:
            outputs = dict(zip(self.record.outputs, self.run(case, inputs)))
            zeros = {f"d{n}": np.zeros_like(a) if np.ndim(a) else 0.0 for n, a in outputs.items()}
            known = {**outputs, **zeros, **known, **dict(further)}
        if dy.ndim == 0 and self.record.target != "numpy":
            dy = float(dy)
        self.case = case
        with np.errstate(all="ignore"):
            result = self.grads[name](dy, *[known[w] for w in wanted], *destination)
        return destination[0] if destination else result

    def gradients(self, case, inputs, dy, place=np.asarray):
        """All gradients, by input; `place` puts the arrays that they are added to where they shall be."""
        found = {}
        for name, x in zip(self.record.inputs, inputs):
            if name in self.grads and x is not None and getattr(case, "grad", True):
                found[name] = self.gradient(case, name, dy, inputs, place(np.zeros(x.shape, x.dtype)))
        return found

    # --- comparing --------------------------------------------------------------------------------------

    def tolerance(self, dtype):
        name = np.dtype(dtype).name
        return self.record.tolerance.get(name, TOLERANCE[name])

    def compare(self, case, what, got, want, tolerance):
        error = distance(got, want)
        if not error <= tolerance:
            fail(case, "{} is off by {:.3g} (allowed {:.3g})", what, error, tolerance)


def distance(got, want):
    """Largest error of the elements of `got`, each relative to the size of the element plus the mean size.

    Infinite where shapes differ, or where one has a NaN or an infinity and the other has not.
    """
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    finite = np.isfinite(want)
    if got.shape != want.shape or not np.array_equal(got[~finite], want[~finite], equal_nan=True):
        return np.inf
    error, size = np.abs(got[finite] - want[finite]), np.abs(want[finite])
    if not error.any():
        return 0.0
    return float((error / (size + size.mean() + np.finfo(np.float64).tiny)).max())


def _tuple(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _floats(a, dtype):
    return dtype if a.dtype.kind == "f" else a.dtype
