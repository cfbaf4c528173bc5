"""The kit must find what is wrong: one sound kernel, and one kernel for each fault."""

import os
from dataclasses import replace
from types import SimpleNamespace

import numba
import numpy as np
import pytest

import nbdl
from nbdl import jit, registry
from nbdl.errors import OptionError, PluginError, ShapeError, UsageError, VerificationError
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.records import Estimator, Kernel, Loss, Optimizer
from nbdl.testing import check_kernel, check_plugin, checks, gradcheck

needs_jit = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled")


# --- a sound kernel ---------------------------------------------------------------------------------------


@jit
def cube(x, factor=1, out=None):
    """factor x^3 for x of any shape."""
    x = as_float("cube: `x`", x, ANY)
    if factor < 0:
        raise OptionError("cube: `factor` must not be negative, got {}", factor)
    y = as_out("cube: `out`", out, x.shape, x)
    _cube(x.reshape(x.size), np.int64(factor), y.reshape(y.size))
    return y


@jit
def _cube(x, factor, y):
    for i in range(x.size):
        y[i] = factor * x[i] * x[i] * x[i]


@jit
def cube_dx(dy, x, factor=1, dx=None):
    """Adds 3 factor x^2 dy to dx."""
    dy = as_float("cube_dx: `dy`", dy, ANY)
    x = as_float("cube_dx: `x`", x, ANY)
    dx = as_grad("cube_dx: `dx`", dx, x.shape, x)
    _cube_dx(dy.reshape(dy.size), x.reshape(x.size), np.int64(factor), dx.reshape(dx.size))
    return dx


@jit
def _cube_dx(dy, x, factor, dx):
    for i in range(dy.size):
        dx[i] += 3 * factor * x[i] * x[i] * dy[i]


def reference(x, factor=1):
    return factor * x**3


def cases(rng):
    return [
        SimpleNamespace(name="plain", inputs=(rng.standard_normal((4, 3)),), constants={}),
        SimpleNamespace(name="twice", inputs=(rng.standard_normal((4, 3)),), constants={"factor": 2}),
        SimpleNamespace(
            name="negative",
            inputs=(np.ones((1, 1)),),
            constants={"factor": -1},
            error=OptionError,
            names="factor",
        ),
    ]


def kernel(forward=cube, dx=cube_dx, **fields):
    return Kernel("cube", forward, grads={"x": dx}, **{"reference": reference, "cases": cases, **fields})


def test_a_sound_kernel_passes_every_check():
    results = check_kernel(kernel(batch="each"))
    skipped = {name: reason for name, reason in results.items() if reason != "passed"}
    if numba.config.DISABLE_JIT:
        assert set(skipped) == {"njit", "cores", "guard_pages_end", "guard_pages_start"}
    else:
        assert set(skipped) <= {"cores"}  # when its machine code came from the disk
    assert {"forward_float32", "gradient_x", "layout_reversed", "batch_each"} <= set(results)


def test_checks_are_named_and_run_one_by_one():
    names = [name for name, _ in checks(kernel())]
    assert names[0] == "signature" and len(names) == len(set(names))
    assert check_kernel(kernel(), only="docstring") == {"docstring": "passed"}
    assert check_kernel("add")["gradient_b"] == "passed"  # array plumbing, by its name in the registry


# --- one kernel for each fault ----------------------------------------------------------------------------


def forward(f):
    """`f(x, y)` on flat arrays, dressed as a forward kernel."""
    f = numba.njit(f)

    @numba.njit
    def dressed(x, factor=1, out=None):
        """x (N, D) -> (N, D)."""
        x = as_float("`x`", x, 2)
        y = as_out("`out`", out, x.shape, x)
        f(x.reshape(x.size), y.reshape(y.size))
        return y

    return dressed


def gradient(f):
    f = numba.njit(f)

    @numba.njit
    def dressed(dy, x, dx=None):
        """Adds to dx."""
        dx = as_grad("`dx`", dx, x.shape, x)
        f(
            np.ascontiguousarray(dy).reshape(dy.size),
            np.ascontiguousarray(x).reshape(x.size),
            dx.reshape(dx.size),
        )
        return dx

    return dressed


@forward
def squares(x, y):
    for i in range(x.size):
        y[i] = x[i] * x[i]


@forward
def writes_inputs(x, y):
    for i in range(x.size):
        y[i] = x[i] * x[i] * x[i]
        x[i] = 0


@forward
def mixes_samples(x, y):
    for i in range(x.size):
        y[i] = x[i] * x[i] * x[i] + x[0]


@forward
def reads_past_the_end(x, y):
    for i in range(x.size):
        y[i] = x[i] * x[i] * x[i] + 0 * x[i + 1]


@forward
def reads_before_the_start(x, y):
    for i in range(x.size):
        y[i] = x[i] * x[i] * x[i] + 0 * x[i - 13]  # of 12 elements: Numba adds 12 to a negative index


@numba.njit
def forgets_out(x, factor=1, out=None):
    """x (N, D)."""
    return x * x * x


@numba.njit
def widens(x, factor=1):
    """x (N, D)."""
    return x.astype(np.float64) ** 3


def not_compiled(x, factor=1, out=None):
    """x (N, D)."""
    return x**3


def options_first(factor, x):
    """x (N, D)."""


def no_docstring(x, factor=1):
    return x**3


@gradient
def doubled(dy, x, dx):
    for i in range(dy.size):
        dx[i] += 6 * x[i] * x[i] * dy[i]


@gradient
def overwrites(dy, x, dx):
    for i in range(dy.size):
        dx[i] = 3 * x[i] * x[i] * dy[i]


@gradient
def gradient_past_the_end(dy, x, dx):
    for i in range(dy.size):
        dx[i] += 3 * x[i] * x[i] * dy[i] + 0 * dx[i + 600]


def no_cotangent(x, dx):
    pass


def unknown_parameter(dy, weights, dx):
    pass


def one(rng):
    return cases(rng)[:1]


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        (kernel(squares), "forward_float64", "case plain: `y` is off by"),
        (kernel(squares), "forward_float32", "case plain: `y` is off by"),
        (kernel(widens), "forward_float32", "must have the dtype of the inputs"),
        (kernel(writes_inputs, cases=one), "inputs_unchanged", "input `x` was written to"),
        (kernel(mixes_samples, cases=one, batch="each"), "batch_each", "two halves"),
        (kernel(forgets_out), "out", "return the array passed as `out`"),
        (kernel(dx=doubled, cases=one), "gradient_x", "differences say"),
        (kernel(dx=overwrites, cases=one), "gradient_x_accumulates", "added to a given array `dx`"),
        (kernel(squares), "bad_arguments", "must raise OptionError, raised nothing"),
        (kernel(options_first), "signature", "inputs ['x'] first"),
        (kernel(dx=no_cotangent), "signature", "must take dy first and dx last"),
        (kernel(dx=unknown_parameter), "signature", "['weights']"),
        (kernel(no_docstring), "docstring", "what `x` is"),
        (kernel(cases=""), "forward_float64", "no `cases`"),
        (kernel(cases="nowhere:cases"), "forward_float64", "ModuleNotFoundError"),
    ],
    ids=lambda value: value if isinstance(value, str) and "`" not in value and " " not in value else None,
)
def test_fault_is_found(fault, check, message):
    with pytest.raises(VerificationError) as caught:
        check_kernel(fault, only=check)
    assert message in str(caught.value)
    assert f"kernel `cube`, check {check}: " in str(caught.value)


@needs_jit
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (kernel(reads_past_the_end, cases=one), "guard_pages_end"),
        (kernel(reads_before_the_start, cases=one), "guard_pages_start"),
        (kernel(dx=gradient_past_the_end, cases=one), "guard_pages_end"),
    ],
)
def test_a_stray_access_is_reported_and_the_process_lives(fault, check):
    if numba.config.BOUNDSCHECK:
        message = "out of bounds"
    else:
        message = "case plain: read or wrote outside an array (signal 11, SIGSEGV)"
    with pytest.raises(VerificationError) as caught:
        check_kernel(fault, only=check)
    assert message in str(caught.value)


@needs_jit
def test_a_kernel_that_is_not_compiled_cannot_be_called_from_compiled_code():
    with pytest.raises(VerificationError, match="TypingError"):
        check_kernel(kernel(not_compiled), only="njit")


# --- a core that is compiled anew for each layout ---------------------------------------------------------


@numba.njit
def cube_many(x, factor=1):
    """x of any shape."""
    return _cube_many(x, factor)


@numba.njit
def _cube_many(x, factor):
    return factor * x * x * x


@needs_jit
def test_a_core_compiled_twice_for_one_dtype_is_found():
    with pytest.raises(VerificationError, match="`_cube_many` was compiled more than once for a dtype"):
        check_kernel(Kernel("cube", cube_many, reference=reference, cases=one), only="cores")


# --- gradcheck --------------------------------------------------------------------------------------------


def test_gradcheck_passes_and_takes_what_numpy_takes():
    assert gradcheck(lambda x, w: (x @ w).exp().sum(axis=0), np.ones((2, 3), np.float32), np.eye(3))
    assert gradcheck(lambda x: x * x, 3.0)
    assert gradcheck(lambda x, i: x[i.data], [1.0, 2.0, 3.0], np.array([0, 0, 2]))


def test_gradcheck_names_input_and_worst_element():
    def f(x, y):
        return x * y.detach() * np.array([0.0, 1.0, 5.0])  # a path of the gradient is cut

    with pytest.raises(VerificationError, match=r"input 1, element \(2,\): the tape says 0"):
        gradcheck(f, [1.0, 1.0, 1.0], [1.0, 2.0, 3.0])


def test_gradcheck_refuses_nan():
    with pytest.raises(VerificationError, match="nan"), np.errstate(invalid="ignore"):
        gradcheck(lambda x: x.log(), [-1.0, 1.0])


# --- plugins ----------------------------------------------------------------------------------------------


def half_step(w, dw, lr, step):
    w -= lr / 2 * dw


def out_of_place(w, dw, lr):
    return w - lr * dw


def plug_in(counts, *, k=None):
    p = counts / counts.sum()
    return -(p * np.log(p)).sum()


def spread(x, y, *, local=False, threads=1):
    assert x.dtype == np.int64 and x.shape == (60,) and y.shape == (60, 1)
    return y[:, 0] if local else y.mean()


@pytest.fixture
def plugin():
    """check_plugin on a plugin with these records."""

    def check(**hooks):
        module = SimpleNamespace(
            **{name: nbdl.hookimpl(lambda r=records: r) for name, records in hooks.items()},
        )
        for name, function in vars(module).items():
            function.__name__ = name
        entry = SimpleNamespace(name="mine", dist=None, load=lambda: module)
        former = registry.use(registry.Registry(entries=[entry]))
        try:
            return check_plugin("mine")
        finally:
            registry.use(former)

    return check


def test_check_plugin_runs_what_it_finds(plugin):
    loss = Loss("square", lambda p, t: ((p - t) * (p - t)).mean())
    counts = Estimator("counts", "discrete", {"entropy": plug_in})
    samples = Estimator("samples", "mixed", {"mutual_information": spread, "total_correlation": spread})
    hooks = {"nbdl_optimizers": [Optimizer("half", half_step)], "nbdl_losses": [loss]}
    assert sorted(plugin(**hooks, nbdl_estimators=[counts, samples])) == [
        ("estimator", "counts"),
        ("estimator", "samples"),
        ("loss", "square"),
        ("optimizer", "half"),
    ]


@pytest.mark.parametrize(
    ("hooks", "error", "message"),
    [
        ({"nbdl_optimizers": [Optimizer("o", out_of_place)]}, VerificationError, "in place"),
        (
            {"nbdl_optimizers": [Optimizer("o", half_step, state=("m",))]},
            VerificationError,
            "['w', 'dw', 'm']",
        ),
        (
            {"nbdl_losses": [Loss("l", "nowhere:loss")]},
            PluginError,
            "loss `l`, `compute`: `nowhere:loss` could not be imported: ModuleNotFoundError",
        ),
        ({"nbdl_losses": [Loss("l", lambda p, t: p)]}, VerificationError, "one finite number"),
        ({"nbdl_losses": [Loss("l", lambda p, t: p.sum() * np.inf)]}, VerificationError, "finite"),
        ({"nbdl_kernels": [kernel(squares)]}, VerificationError, "off by"),
        ({"nbdl_kernels": [object()]}, PluginError, "plugin `mine` is broken"),
        (
            {"nbdl_estimators": [Estimator("e", "discrete", {"entropy": lambda n, *, k: 2.0})]},
            VerificationError,
            "estimator `e`: counts [5000 3000 2000] and k=4 must give about 1.0297 nats, got 2.0",
        ),
        (
            {"nbdl_estimators": [Estimator("e", "mixed", {"entropy": "nowhere:h"})]},
            PluginError,
            "estimator `e`, `measures[entropy]`: `nowhere:h` could not be imported",
        ),
    ],
    ids=["in place", "state", "code", "scalar", "finite", "kernel", "broken", "counts", "measures"],
)
def test_check_plugin_says_what_is_wrong(plugin, hooks, error, message):
    with pytest.raises(error) as caught:
        plugin(**hooks)
    assert message in str(caught.value)


def test_check_plugin_knows_its_plugins():
    with pytest.raises(UsageError, match="unknown plugin `nothing`; there are: nbdl"):
        check_plugin("nothing")


def test_shape_error_is_not_hidden_by_the_kit():
    """An error of the wrong class is a fault of the kernel, not of the kit."""

    def wrong_class(rng):
        *good, bad = cases(rng)
        bad.error = ShapeError
        return [*good, bad]

    with pytest.raises(VerificationError, match="must raise ShapeError, raised OptionError"):
        check_kernel(kernel(cases=wrong_class), only="bad_arguments")


def twice(x):
    return 2 * x, 3 * x


def twice_dx(dy, dh, dx):
    dx += 2 * dy + 3 * dh


def forgetful_dx(dy, dh, dx):
    dx += 2 * dy + 0 * dh


def test_the_cotangents_of_further_outputs_count():
    kernel = nbdl.Kernel("twice", twice, ("x",), ("y", "h"), grads={"x": twice_dx}, target="numpy")
    assert check_kernel(kernel)["gradient_x"] == "passed"
    with pytest.raises(VerificationError, match="check gradient_x: case 3x3: along a random direction"):
        check_kernel(replace(kernel, grads={"x": forgetful_dx}))
