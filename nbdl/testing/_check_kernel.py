"""Small named checks that hold a kernel to its reference, its gradient and the kernel law.

Each check is a short function on a `Subject`, a record with its code, cases and reference at hand. A check
that does not apply raises `unittest.SkipTest` with the reason; one that fails raises `VerificationError` with
the kernel, the check, the case and the figures.
"""

import functools
import itertools
import re
from unittest import SkipTest

import numba
import numpy as np
from numba import types

from nbdl import registry
from nbdl.errors import VerificationError
from nbdl.testing import _guard
from nbdl.testing._subject import Fault, Subject, distance, fail

GRADIENT = 1e-6  # allowed error of a gradient against central differences
STEP = 1e-6  # of these differences


def check_kernel(record, seed=0, only=None):
    """Run the checks of a kernel; raises `VerificationError` at the first that fails.

    Parameters
    ----------
    record : Kernel or str
        A record, or the name of one in the registry.
    seed : int
        Seed of the cases.
    only : str, optional
        The name of a single check to run.

    Returns
    -------
    dict from the name of each check to "passed" or the reason why it was skipped.
    """
    results = {}
    for name, check in checks(record, seed):
        if only in (None, name):
            try:
                check()
                results[name] = "passed"
            except SkipTest as reason:
                results[name] = str(reason)
    return results


def checks(record, seed=0):
    """The checks of a kernel, as pairs (name, function without arguments)."""
    if isinstance(record, str):
        record = registry.default().get("kernel", record)
    subject = functools.cache(lambda: Subject(record, seed))  # by the first check: listing imports no kernel
    for name, check, *arguments in _plan(record):
        yield name, functools.partial(_run, record, name, check, subject, arguments)


def _plan(record):
    yield "signature", check_signature
    if record.target == "numpy":
        yield "runs", check_runs
        yield from ((f"gradient_{i}", check_gradient, i) for i in record.grads)
        return
    yield "docstring", check_docstring
    yield "forward_float64", check_forward, np.float64
    yield "forward_float32", check_forward, np.float32
    yield "out", check_out
    for i in record.grads:
        yield f"gradient_{i}", check_gradient, i
        yield f"gradient_{i}_float32", check_gradient_float32, i
        yield f"gradient_{i}_accumulates", check_accumulates, i
    yield "inputs_unchanged", check_inputs_unchanged
    if record.batch == "each":
        yield "batch_each", check_batch_each
    yield from ((f"layout_{layout}", check_layout, layout) for layout in LAYOUTS)
    yield "bad_arguments", check_bad_arguments
    yield "njit", check_njit
    yield "cores", check_cores
    yield "guard_pages_end", check_guard_pages, "end"
    yield "guard_pages_start", check_guard_pages, "start"


def _run(record, name, check, subject, arguments):
    case = None
    try:
        k = subject()
        k.case = None
        try:
            return check(k, *arguments)
        finally:
            case = k.case
    except SkipTest:
        raise
    except Fault as fault:
        case, text = fault.args
    except Exception as error:  # the kernel itself failed, or does not compile
        text = f"raised {type(error).__name__}: {error}"
    where = "" if case is None else f"case {getattr(case, 'name', case)}: "
    raise VerificationError("kernel `{}`, check {}: {}{}", record.name, name, where, text)


# --- the law ----------------------------------------------------------------------------------------------


def check_signature(k):
    names, inputs = list(k.parameters), list(k.record.inputs)
    if names[: len(inputs)] != inputs:
        fail(None, "forward must take the inputs {} first, got {}", inputs, names)
    if "out" in names and (names[-1] != "out" or k.parameters["out"] is not None):
        fail(None, "`out` must be the last parameter of forward, with default None; got {}", names)
    known = {*names, *k.record.outputs, *(f"{i}_shape" for i in inputs)} - {"out"}
    known |= {f"d{output}" for output in k.record.outputs[1:]}
    for name, kernel in k.grads.items():
        if name not in inputs:
            fail(None, "`grads` has `{}`, which is no input", name)
        got = list(registry.parameters(kernel))
        first, last = f"d{k.record.outputs[0]}", f"d{name}"
        if len(got) < 2 or (got[0], got[-1]) != (first, last):
            fail(None, "the gradient of `{}` must take {} first and {} last, got {}", name, first, last, got)
        if not known.issuperset(got[1:-1]):
            unknown = sorted(set(got[1:-1]) - known)
            fail(None, "the gradient of `{}` takes {}: no input, output, constant or shape", name, unknown)
        forward, code = str(k.record.forward), str(k.record.grads[name])
        called = tuple(f":{f}_d{name}" for f in (k.record.name, forward.partition(":")[2]))
        if forward.startswith("nbdl.") and not code.endswith(called):
            fail(None, "the gradient kernel must be called {}_d{}, got {}", k.record.name, name, code)


def check_docstring(k):
    text = k.forward.__doc__ or ""
    for name in k.record.inputs:
        if not re.search(rf"\b{name}\b", text):
            fail(None, "the docstring of forward must say what `{}` is", name)
    if not re.search(r"\([\w/*+. ]+,[\w/*+,. ]*\)|shape", text):
        fail(None, "the docstring of forward must say the shapes of the arrays, as in (N, D)")
    for name, kernel in k.grads.items():
        if not (kernel.__doc__ or "").strip():
            fail(None, "the gradient kernel of `{}` has no docstring", name)


# --- values -----------------------------------------------------------------------------------------------


def check_runs(k):
    for case in k.cases:
        inputs = k.inputs(case, np.float64)
        given = [a for n, a in zip(k.record.inputs, inputs) if n in k.grads and a is not None]
        floats = given and all(a.dtype.kind == "f" for a in given)  # else it may compare, or count
        for y in k.run(case, inputs):
            if floats and np.asarray(y).dtype != np.float64:
                fail(case, "the result must be float64 like the inputs, got {}", np.asarray(y).dtype)


def check_forward(k, dtype):
    for case in k.cases:
        inputs, got, _ = _forward(k, case, dtype)
        truth = k.truth(case, inputs)
        counts = len(k.record.outputs), len(got), len(truth)
        if len(set(counts)) > 1:
            fail(case, "{} outputs are named, forward returns {}, the reference {}", *counts)
        for name, y, want in zip(k.record.outputs, got, truth):
            k.compare(case, f"`{name}`", y, want, k.tolerance(dtype))
            if isinstance(y, np.ndarray) and y.dtype.kind == "f" and y.dtype != dtype:
                fail(case, "`{}` must have the dtype of the inputs, got {}", name, y.dtype)


def _forward(k, case, dtype):
    """(inputs, outputs, `out`); float32 goes through `out` if there is one, so that both ways are tried."""
    inputs, out = k.inputs(case, dtype), {}
    if dtype is np.float32 and "out" in k.parameters:
        shape = np.shape(k.run(case, k.inputs(case, np.float64))[0])
        out["out"] = np.full(shape, np.nan, dtype)
    return inputs, k.run(case, inputs, **out), out.get("out")


def check_out(k):
    if "out" not in k.parameters:
        raise SkipTest("forward takes no `out`")
    for case in k.cases:
        _, got, out = _forward(k, case, np.float32)
        if got[0].ctypes.data != out.ctypes.data:
            fail(case, "forward must return the array passed as `out`")


def check_gradient(k, name):
    """<gradient, u> against the central difference along a random direction u."""
    rng = np.random.default_rng(k.seed + 2)
    for case, inputs, x in k.differentiable(name):
        dy, u = k.cotangent(case, inputs), rng.standard_normal(x.shape)
        further = k.further(case, inputs)
        terms = k.gradient(case, name, dy, inputs, np.zeros(x.shape), further=further) * u
        ahead, behind = ([a + h * u if a is x else a for a in inputs] for h in (STEP, -STEP))
        function = k.truth if k.has_reference else k.run
        given = {f"d{k.record.outputs[0]}": dy, **further}
        outputs = zip(k.record.outputs, function(case, ahead), function(case, behind))
        numeric = sum(np.sum(given[f"d{o}"] * (a - b)) for o, a, b in outputs if f"d{o}" in given)
        numeric /= 2 * STEP
        error = abs(terms.sum() - numeric) / max(abs(numeric), np.linalg.norm(terms), STEP)
        if not error <= GRADIENT:
            text = "along a random direction the gradient is {:.9g}, differences say {:.9g} (off by {:.3g})"
            fail(case, text, terms.sum(), numeric, error)


def check_gradient_float32(k, name):
    case, inputs, x = k.differentiable(name)[0]
    dy = k.cotangent(case, inputs)
    want = k.gradient(case, name, dy, inputs, np.zeros(x.shape))
    start, single = np.zeros(x.shape, np.float32), k.inputs(case, np.float32)
    got = k.gradient(case, name, dy.astype(np.float32), single, start)
    k.compare(case, f"the float32 gradient of `{name}`", got, want, 10 * k.tolerance(np.float32))


def check_accumulates(k, name):
    case, inputs, x = k.differentiable(name)[0]
    dy = k.cotangent(case, inputs)
    alone = k.gradient(case, name, dy, inputs, np.zeros(x.shape))
    start = np.random.default_rng(k.seed + 3).standard_normal(x.shape)
    total = k.gradient(case, name, dy, inputs, start.copy())
    k.compare(case, f"what was added to a given array `d{name}`", total - start, alone, 1e-12)
    if registry.parameters(k.grads[name])[f"d{name}"] is None:
        new = k.gradient(case, name, dy, inputs)
        if not isinstance(new, np.ndarray) or new.dtype != np.float64:
            fail(case, "without a given array `d{}` must be returned as a new one", name)
        k.compare(case, f"the new array `d{name}`", new, alone, 1e-12)


def check_inputs_unchanged(k):
    for case in k.cases:
        inputs = k.inputs(case, np.float64)
        k.run(case, inputs)
        k.gradients(case, inputs, k.cotangent(case, inputs))
        for name, a, b in zip(k.record.inputs, inputs, k.inputs(case, np.float64)):
            if a is not None and not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                fail(case, "input `{}` was written to", name)


def check_batch_each(k):
    """The two halves of a minibatch give the two halves of the result."""
    case, inputs = next(((c, i) for c in k.cases for i in [k.inputs(c, np.float64)] if len(i[0]) > 1), (0, 0))
    if not case:
        raise SkipTest("no case has two samples")
    n, want = len(inputs[0]), k.run(case, inputs)
    halves = slice(0, n // 2), slice(n // 2, n)
    alike = [i for i, a in enumerate(inputs) if i and np.ndim(a) and len(a) == n]  # samples, or by chance
    for split in (s for size in range(len(alike), -1, -1) for s in itertools.combinations(alike, size)):
        parts = [[a[half] if i in (0, *split) else a for i, a in enumerate(inputs)] for half in halves]
        try:
            first, second = (k.run(case, part) for part in parts)
        except ValueError:  # a weight was split that has as many rows as there are samples
            continue
        whole = (np.concatenate([a, b]) if np.ndim(a) else np.nan for a, b in zip(first, second))
        if all(distance(a, b) <= k.tolerance(np.float64) for a, b in zip(whole, want)):
            return
    fail(case, "the results of two halves of the minibatch are not those of the whole")


# --- what is handed in ------------------------------------------------------------------------------------


def _strided(a):
    wide = np.zeros([2 * n for n in a.shape], a.dtype)
    view = wide[(slice(None, None, 2),) * a.ndim]
    view[...] = a
    return view


def _reversed(a):
    back = (slice(None, None, -1),) * a.ndim
    return a[back].copy()[back]


def _readonly(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {"fortran": np.asfortranarray, "strided": _strided, "reversed": _reversed, "readonly": _readonly}


def check_layout(k, layout):
    """The first case with its arrays laid out otherwise; every second element also for the gradients."""
    case, change = k.cases[0], LAYOUTS[layout]
    inputs = k.inputs(case, np.float64)
    hard = [a if np.ndim(a) == 0 else change(a) for a in inputs]
    for name, got, want in zip(k.record.outputs, k.run(case, hard), k.run(case, inputs)):
        k.compare(case, f"`{name}` of {layout} inputs", got, want, k.tolerance(np.float64))
    if layout == "strided":
        dy = k.cotangent(case, inputs)
        want = k.gradients(case, inputs, dy)
        for name, got in k.gradients(case, hard, change(dy) if dy.ndim else dy).items():
            k.compare(case, f"`d{name}` of {layout} arrays", got, want[name], k.tolerance(np.float64))


def check_bad_arguments(k):
    if not k.bad:
        raise SkipTest("there are no bad cases")
    for bad in k.bad:
        try:
            k.run(bad, [*bad.inputs, *[None] * (len(k.record.inputs) - len(bad.inputs))])
        except bad.error as error:
            for name in [bad.names] if isinstance(bad.names, str) else bad.names:
                if f"`{name}`" not in str(error):
                    fail(bad, "the message must name `{}`, got: {}", name, error)
        except Exception as error:
            fail(bad, "must raise {}, raised {}: {}", bad.error.__name__, type(error).__name__, error)
        else:
            fail(bad, "must raise {}, raised nothing", bad.error.__name__)


# --- compiled code ----------------------------------------------------------------------------------------


def _needs_jit():
    if numba.config.DISABLE_JIT:
        raise SkipTest("the JIT is disabled")


def check_njit(k):
    """From a user's compiled function, then from inside its ``prange``: one dtype, one case."""
    _needs_jit()
    case = k.cases[0]
    inputs = k.inputs(case, np.float64)
    want = np.asarray(k.run(case, inputs)[0])
    given, f = k.given(case), k.forward
    constants = tuple(given[name] for name in k.parameters if name in given)
    if len(k.record.outputs) > 1:
        call = numba.njit(lambda *inputs: f(*inputs, *constants)[0])
    else:
        call = numba.njit(lambda *inputs: f(*inputs, *constants))
    k.compare(case, "the result in compiled code", call(*inputs), want, 1e-12)
    store = _store_array if want.ndim else _store_scalar

    @numba.njit(parallel=True)
    def parallel(results, *inputs):
        for i in numba.prange(results.shape[0]):
            store(call(*inputs), results[i])

    results = np.zeros((2, want.size), want.dtype)
    parallel(results, *inputs)
    k.compare(case, "the result inside prange", results, np.array([want.reshape(-1)] * 2), 1e-12)


@numba.njit
def _store_scalar(y, row):
    row[0] = y


@numba.njit
def _store_array(y, row):
    flat = y.reshape(y.size)
    for i in range(flat.size):
        row[i] = flat[i]


def check_cores(k):
    """However its door is called, a core is compiled once for each dtype."""
    _needs_jit()
    cores = [c for f in (k.forward, *k.grads.values()) for c in [_core(f, k.record.op)] if c is not None]
    if not cores:
        raise SkipTest("there is no core")
    for case, dtype in itertools.product(k.cases, (np.float64, np.float32)):
        _forward(k, case, dtype)
    for layout in LAYOUTS:
        check_layout(k, layout)
    k.case = None
    for c in cores:
        signatures = _signatures(c)
        seen = [_float_types(signature) for signature in signatures]
        if len(set(seen)) < len(seen):
            fail(None, "`{}` was compiled more than once for a dtype: {}", c.__name__, signatures)
    if not any(map(_signatures, cores)):
        raise SkipTest("everything came compiled from the disk cache")


def _signatures(core):
    """Those of its inner form: a door is compiled with its core in it."""
    return (core.inner() if hasattr(core, "inner") else core).signatures


def _core(door, op):
    """The core of a door: ``_<name>`` or ``_<op>``, else the last private compiled function that it calls."""
    function = getattr(door, "py_func", door)
    private = [n for n in function.__code__.co_names if n.startswith("_")]
    compiled = [n for n in private if hasattr(function.__globals__.get(n), "signatures")]
    named = [n for n in (f"_{function.__name__}", f"_{op}") if n in compiled]
    return function.__globals__[(named or compiled[-1:])[0]] if compiled else None


def _float_types(signature):
    """The float dtypes of the arrays that a core is compiled for, also of those in a tuple."""
    arguments = [t for a in signature for t in (a.types if isinstance(a, types.BaseTuple) else (a,))]
    return frozenset(str(a.dtype) for a in arguments if isinstance(getattr(a, "dtype", None), types.Float))


def check_guard_pages(k, at):
    """Every array of every call lies flush with a page that must not be touched."""
    _needs_jit()
    if not _guard.available:
        raise SkipTest("this system cannot fork")
    for case in k.cases:
        _calls(k, case, np.asarray)  # compiles here, not in the child

    def work(say):
        for case in k.cases:
            say(case.name)
            placed = []

            def place(a, placed=placed):
                placed.append(_guard.Guarded(a, at))
                return placed[-1].array

            _calls(k, case, place)
            if not all(p.intact() for p in placed):
                raise RuntimeError("wrote outside an array")

    fault, name = _guard.in_child(work)
    if fault:
        fail(name, "{} (arrays flush with the {} of their memory)", fault, at)


def _calls(k, case, place):
    """One call of the forward kernel, into `out` where it takes one, and of each gradient kernel."""
    single, double = (
        [None if a is None else place(a) for a in k.inputs(case, dtype)] for dtype in (np.float32, np.float64)
    )
    first = k.run(case, double)[0]
    if "out" in k.parameters:
        k.run(case, single, out=place(np.zeros(np.shape(first), np.float32)))
    k.gradients(case, double, place(k.cotangent(case, double)), place)
