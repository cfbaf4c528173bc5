"""Checks that hold a lanes twin to its kernel: results, gradients, and what its leaves may touch."""

import functools
import itertools
from dataclasses import dataclass, replace

import numpy as np
from numba import config

from nbdl import registry
from nbdl.errors import OptionError, ShapeError, VerificationError
from nbdl.kernels.lanes.twin import Packed, pitch
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
        *_, why = _site(subject, case, subject.inputs(case, np.dtype("float32")), "float32")
        text = "lanes twin of `{}` serves none of its cases; in `{}`, {}"
        raise VerificationError(text, record.name, case.name, why or "an input is empty")
    for bad in subject.bad:
        _refused(subject, bad)
    return served


def compare(record, case, dtype, samples, seed=0):
    """Run one case, its samples repeated; False where the twin does not serve it.

    Everything runs on arrays with forbidden pages at either end, then on whole planes, two rows at a
    time, and, if the twin says so, in place and without gaps between planes.
    """
    record = _record(record)
    subject = Subject(record, seed)
    inputs = subject.inputs(case, np.dtype(dtype))
    twin, site, _ = _site(subject, case, inputs, dtype)
    given = dict(zip(record.inputs, inputs))
    if twin is None or not all(given[n].size for n in site.samples & given.keys()):
        return False
    for name in site.samples & given.keys():
        given[name] = np.resize(given[name], (samples, *given[name].shape[1:]))
    trial = _Trial(subject, case, twin, site, given, f"{dtype}, {samples} samples")
    if _guard.available and not config.DISABLE_JIT:  # first: a leaf that writes too far ends a child, not us
        for at in ("end", "start"):
            trial.guarded(at)
    trial.compare("on whole planes")
    trial.compare("two rows at a time", strips=True)
    if trial.twin.inplace:
        trial.compare("in place", inplace=True)
    if twin.packed and any(pitch(s) > pitch(Packed(s)) for n, s in site.shapes.items() if n in site.samples):
        replace(trial, site=site.packed()).compare("without gaps between planes")
    return True


def _record(record):
    return registry.default().get("kernel", record) if isinstance(record, str) else record


def _site(subject, case, inputs, dtype):
    """What `site_of` finds; inputs have samples where the twin takes such, but those that the case names."""
    record, samples = subject.record, None
    if case.arrays:
        twin = resolve(record.lanes)
        given = {n for n, a in zip(record.inputs, inputs) if a is not None}
        samples = {n for n in given - {*case.arrays} if n in twin.grads or n in twin.index}
    return site_of(record, inputs, subject.given(case), np.dtype(dtype), samples)


def _refused(subject, bad):
    """What the kernel refuses, a twin must too: options before it is chosen, an index by its status."""
    record, constants = subject.record, {**subject.constants, **bad.constants}
    inputs = [*bad.inputs, *[None] * (len(record.inputs) - len(bad.inputs))]
    if issubclass(bad.error, OptionError) and bad.constants and not record.shape:
        if site_of(record, inputs, constants, np.dtype("float64"))[0] is not None:
            text = (
                "lanes twin of `{}` serves options that the kernel refuses: `{}`. Give the record a `shape` "
                "(nbdl.kernels.door.sizes.outputs makes it of the kernel), or have the twin's raise Unfit"
            )
            raise VerificationError(text, record.name, bad.name)
    if issubclass(bad.error, ShapeError) or not any(n in resolve(record.lanes).index for n in record.inputs):
        return
    twin, site, _ = site_of(record, inputs, constants, np.dtype("float64"))
    given = dict(zip(record.inputs, inputs))
    if twin is not None and all(
        np.can_cast(given[n].dtype, np.int64) for n in twin.index if given.get(n) is not None
    ):
        if Operands(twin, site, given, _made(record, twin, site)).checked() == 0:
            text = "lanes twin of `{}` lets pass what the kernel refuses: `{}`"
            raise VerificationError(text, record.name, bad.name)


def _made(record, twin, site):
    """The outputs that a twin makes: the first, or all that its `shape` names."""
    shape = twin.shape(site)
    return tuple(shape) if isinstance(shape, dict) else record.outputs[:1]


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
    def made(self):
        return _made(self.subject.record, self.twin, self.site)

    @functools.cached_property
    def wanted(self):
        """What the kernel computes in float64 from the same numbers, and the cotangents of its outputs."""
        exact = [_float64(a) for a in self.given.values()]
        results = dict(zip(self.subject.record.outputs, self.subject.run(self.case, exact)))
        dy = np.random.default_rng(0).standard_normal(np.shape(results[self.made[0]]))
        cotangents = {"dy": np.asarray(dy, self.site.dtype)}
        for name, d in self.subject.further(self.case, exact).items():
            if name[1:] in self.made and name[1:] not in self.twin.shared:
                cotangents[name] = d.astype(self.site.dtype)
        found = {_said(name, self.made): results[name] for name in self.made}
        if getattr(self.case, "grad", True):
            further = {name: _float64(d) for name, d in cotangents.items() if name != "dy"}
            for name in self.differentiable():
                zeros = np.zeros(self.given[name].shape)
                gradient = self.subject.gradient(
                    self.case, name, _float64(cotangents["dy"]), exact, zeros, further=further
                )
                found[f"the gradient of `{name}`"] = gradient
        return found, cotangents

    def differentiable(self):
        """The inputs whose gradient the twin offers."""
        for name, x in self.given.items():
            offers = self.twin.grads if name in self.site.samples else self.twin.parameters
            if name in self.subject.grads and x is not None and x.dtype.kind == "f" and offers.get(name):
                yield name

    def run(self, place=aligned, **how):
        """The same by the twin."""
        wanted, cotangents = self.wanted
        operands = Operands(self.twin, self.site, self.given, self.made, place, **how)
        first = operands.forward()
        if operands.arrays["status"][0]:
            self.fail("a check refuses the sample at {}, which the kernel takes", -first - 1)
        found = {_said(name, self.made): operands.result(name) for name in self.made}
        further = {name[1:]: d for name, d in cotangents.items() if name != "dy"}
        for name in self.differentiable():
            if f"the gradient of `{name}`" in wanted:
                gradient = operands.gradient(name, cotangents["dy"], **further)
                found[f"the gradient of `{name}`"] = gradient
                if name in self.site.samples and operands.idle(f"d{name}").any():
                    self.fail("the gradient of `{}` is not zero in lanes that hold no sample", name)
        for name in operands.spoiled():
            self.fail("`{}` was written to between two planes", name)
        return found

    def compare(self, how, **options):
        wanted, _ = self.wanted
        allowed = self.subject.tolerance(self.site.dtype)
        for what, got in self.run(**options).items():
            error = distance(got, wanted[what])
            if not error <= allowed:
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
        if name == "LeafError":
            self.fail("a leaf does not compile: {}", text)
        if fault:
            self.fail("with forbidden pages at the {} of every array: {}", at, fault)

    def fail(self, sentence, *values):
        text = "lanes twin of `{}`, case `{}`, {}: " + sentence
        raise VerificationError(text, self.subject.record.name, self.case.name, self.what, *values)


def _said(output, made):
    return "the result" if output == made[0] else f"the output `{output}`"


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
