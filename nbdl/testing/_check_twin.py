"""Checks that hold a lanes twin to its kernel: results, gradients, and what its leaves may touch."""

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from numba import config

from nbdl import registry
from nbdl.errors import VerificationError
from nbdl.kernels.lanes import LossTwin
from nbdl.kernels.simd.registers import LANES
from nbdl.records import resolve
from nbdl.shapes import site_of
from nbdl.testing import _guard
from nbdl.testing._subject import Subject, distance
from nbdl.testing._twin_run import Operands, aligned, call

SAMPLES = 5, 40  # a part of a block; some blocks and a part


def check_twin(record, seed=0):
    """Hold the lanes twin of a kernel to the kernel, on all its cases; raises `VerificationError`.

    Parameters
    ----------
    record : Kernel or str
        A record, or the name of one in the registry.
    seed : int
        Seed of the cases.

    Returns
    -------
    dict from the name of each case to whether the twin serves it (else the kernel itself runs).
    """
    served, record = {}, _record(record)
    subject = Subject(record, seed)
    for case in subject.cases:
        for dtype, samples in itertools.product(("float32", "float64"), SAMPLES):
            served[case.name] = compare(record, case, dtype, samples, seed)
    if not any(served.values()):
        case = subject.cases[0]
        inputs = subject.inputs(case, np.dtype("float32"))
        *_, why = site_of(record, inputs, subject.given(case), np.dtype("float32"))
        text = "lanes twin of `{}` serves none of its cases; in `{}`, {}"
        raise VerificationError(text, record.name, case.name, why or "an input is empty")
    return served


def compare(record, case, dtype, samples, seed=0):
    """Run one case, its samples repeated; False where the twin does not serve it.

    Everything runs on arrays with forbidden pages at either end, then on whole planes, two rows at a
    time, and in place if the twin says so.
    """
    record = _record(record)
    subject = Subject(record, seed)
    inputs = subject.inputs(case, np.dtype(dtype))
    twin, site, _ = site_of(record, inputs, subject.given(case), np.dtype(dtype))
    given = dict(zip(record.inputs, inputs))
    if twin is None or not all(given[name].size for name in twin.grads):
        return False
    for name in (*twin.grads, "labels"):
        if name in given:
            given[name] = np.resize(given[name], (samples, *given[name].shape[1:]))
    trial = _Trial(subject, case, twin, site, given, f"{dtype}, {samples} samples")
    if _guard.available and not config.DISABLE_JIT:  # first: a leaf that writes too far ends a child, not us
        for at in ("end", "start"):
            trial.guarded(at)
    trial.compare("on whole planes")
    trial.compare("two rows at a time", strips=True)
    if trial.twin.inplace:
        trial.compare("in place", inplace=True)
    return True


def _record(record):
    return registry.default().get("kernel", record) if isinstance(record, str) else record


@dataclass
class _Trial:
    """A twin and its kernel on the same minibatch."""

    subject: Subject
    case: object
    twin: object
    site: object
    given: dict
    what: str

    @functools.cached_property
    def wanted(self):
        """What the kernel computes in float64 from the same numbers, and the cotangent of the result."""
        exact = [_float64(a) for a in self.given.values()]
        result = self.subject.run(self.case, exact)[0]
        dy = np.random.default_rng(0).standard_normal(np.shape(result))
        dy = np.asarray(dy, self.site.dtype)
        found = {"the result": result}
        if getattr(self.case, "grad", True):
            for name, x in self.given.items():
                if x is not None and (self.twin.grads.get(name) or name in self.twin.parameters):
                    found[name] = self.subject.gradient(self.case, name, _float64(dy), exact)
        return found, dy

    def run(self, place=aligned, **how):
        """The same by the twin."""
        wanted, dy = self.wanted
        operands = Operands(self.twin, self.site, self.given, place, **how)
        found = {"the result": operands.forward()}
        for name in [n for n in wanted if n in self.given]:
            found[name] = operands.gradient(name, dy)
            if isinstance(self.twin, LossTwin) and operands.idle(f"d{name}").any():
                self.fail("the gradient of `{}` is not zero in lanes that hold no sample", name)
        for name in operands.spoiled():
            self.fail("`{}` was written to between two planes", name)
        return found

    def compare(self, how, **options):
        wanted, _ = self.wanted
        allowed = self.subject.tolerance(self.site.dtype)
        for name, got in self.run(**options).items():
            error = distance(got, wanted[name])
            if not error <= allowed:
                what = f"the gradient of `{name}`" if name in self.given else name
                self.fail("{}: {} is off by {:.3g} (allowed {:.3g})", how, what, error, allowed)

    def guarded(self, at):
        def work(say):
            arrays = []

            def place(array):
                arrays.append(_guard.Guarded(array, at))
                return arrays[-1].array

            self.run(place)
            if not all(guarded.intact() for guarded in arrays):
                raise IndexError("wrote outside an array")

        fault, _ = _guard.in_child(work)
        name, _, text = fault.partition(": ")
        if name == "VerificationError":  # its sentence is whole
            raise VerificationError("{}", text)
        if name == "TypingError":
            self.fail("a leaf does not compile: {}", text)
        if fault:
            self.fail("with forbidden pages at the {} of every array: {}", at, fault)

    def fail(self, sentence, *values):
        text = "lanes twin of `{}`, case `{}`, {}: " + sentence
        raise VerificationError(text, self.subject.record.name, self.case.name, self.what, *values)


def _float64(a):
    return a.astype(np.float64) if a is not None and a.dtype.kind == "f" else a


# --- optimizers -------------------------------------------------------------------------------------------


def check_update_twin(record, dtype, options=(), steps=3):
    """Hold the lanes twin of an optimizer to its update kernel; raises `VerificationError`.

    Parameters
    ----------
    record : Optimizer or str
        A record, or the name of one in the registry.
    dtype : "float32" or "float64"
    options : dict, optional
        Options of the optimizer.
    steps : int
        How many updates are compared.
    """
    record = registry.default().get("optimizer", record) if isinstance(record, str) else record
    twin, update, options = resolve(record.lanes), resolve(record.update), dict(options)
    rng, size = np.random.default_rng(0), 3 * LANES[dtype]
    names = ["w", "dw", *record.state]
    arrays = {n: aligned(np.zeros(size, dtype)) for n in names}
    arrays["w"][:] = rng.standard_normal(size)
    wanted = {n: a.copy() for n, a in arrays.items()}
    takes = registry.parameters(record.update)
    for step in range(1, steps + 1):
        arrays["dw"][:] = wanted["dw"][:] = rng.standard_normal(size)
        fixed = {n: v for n, v in {"lr": 0.1, "step": step}.items() if n in takes}
        update(*wanted.values(), **fixed, **options)
        numbers = np.array(twin.factors(0.1, step, **options), dtype)
        call(twin.leaf(dtype), [*((a, 0) for a in (*arrays.values(), numbers)), size])
        for name in names:
            error = distance(arrays[name], wanted[name])
            if not error <= 4 * np.finfo(dtype).eps:
                text = "lanes twin of optimizer `{}`, {}: `{}` is off by {:.3g} after {} steps"
                raise VerificationError(text, record.name, dtype, name, error, step)
