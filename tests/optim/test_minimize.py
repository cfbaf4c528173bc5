"""`minimize`: the book's traces (V-36, V-37), one loop for Python, tensors and Numba, and where it ends."""

import numba
import numpy as np
import pytest

import nbdl
from nbdl.errors import NumericError, OptionError, UsageError
from nbdl.optim import FUNCTIONS, Trace, minimize, trace_picture

OPTIMIZERS = nbdl.registry.default().names("optimizer")


@numba.njit
def valley(x):
    return 0.1 * x[0] ** 2 + 2 * x[1] ** 2


@numba.njit
def slope(x):
    return np.array([0.2 * x[0], 4 * x[1]])


def ends_at(trace, *want, atol=1.1e-6):
    np.testing.assert_allclose(trace.x[-1], want, atol=atol)
    assert not trace.stopped


# --- the book -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lr, want", [(0.2, 0.060466), (0.05, 3.486784), (1.1, 61.917364)])
def test_step_sizes_of_gradient_descent_v36(lr, want):
    for f in (lambda x: x[0] ** 2, lambda x: float(x[0]) ** 2):  # by the tape, and by differences
        ends_at(minimize(f, 10, steps=10, lr=lr), want)


def test_a_local_minimum_and_two_variables_v36():
    ends_at(minimize(FUNCTIONS["waves"].f.py_func, 10.0, steps=10, lr=2), -1.528166)
    ends_at(minimize(lambda x: x[0] ** 2 + 2 * x[1] ** 2, [-5, -2], steps=20, lr=0.1), -0.057646, -0.000073)


def test_newton_v36():
    c = 0.15 * np.pi

    def first(x):
        return np.cos(c * x) - c * x * np.sin(c * x)

    def second(x):
        return (-2 * c * np.sin(c * x) - c**2 * x * np.cos(c * x)).reshape(1, 1)

    waves = FUNCTIONS["waves"].f.py_func
    exact = {"gradient": first, "hessian": second, "method": "newton", "steps": 10}
    ends_at(minimize(waves, 10, **exact), 26.834133)
    ends_at(minimize(waves, 10, **exact, lr=0.5), 7.269860)
    ends_at(minimize(waves, 10, "newton", steps=10, lr=0.5), 7.269860, atol=1e-5)  # by differences
    ends_at(minimize(lambda x: np.cosh(0.5 * x[0]), 10, "newton", steps=10), 0.0)


@pytest.mark.parametrize(
    "method, options, want",
    [
        ("gd", {"lr": 0.4}, (-0.943467, -0.000073)),
        ("gd", {"lr": 0.6}, (-0.387814, -1673.365109)),
        ("momentum", {"lr": 0.6, "momentum": 0.5}, (0.007188, 0.002553)),
        ("momentum", {"lr": 0.6, "momentum": 0.25}, (-0.126340, -0.186632)),
        ("adagrad", {"lr": 0.4, "eps": 0.0, "eps_root": 1e-6}, (-2.382563, -0.158591)),
        ("adagrad", {"lr": 2.0, "eps": 0.0, "eps_root": 1e-6}, (-0.002295, 0.0)),
        ("rmsprop", {"lr": 0.4, "alpha": 0.9, "eps": 0.0, "eps_root": 1e-6}, (-0.010599, 0.0)),
    ],
)
def test_optimizers_on_a_valley_v37(method, options, want):
    trace = minimize(valley.py_func, [-5, -2], method, steps=20, **options)
    ends_at(trace, *want)
    assert trace.gradient == "tape" and trace.x.shape == (21, 2) and trace.steps == 20


def test_small_steps_descend_by_the_square_of_the_slope_e22():
    """f(x - eta f'(x)) = f(x) - eta f'(x)^2 + O(eta^2 f'^2): the step that the expansion is for."""
    for name in ("cosh", "waves", "rosenbrock"):
        known = FUNCTIONS[name]
        before = None
        for lr in (1e-4, 5e-5, 2.5e-5):
            trace = minimize(known.f.py_func, known.x0, steps=1, lr=lr)
            fall, promised = trace.f[0] - trace.f[1], lr * trace.gradient_norm[0] ** 2
            assert fall > 0
            rest = abs(fall - promised)
            assert before is None or rest == pytest.approx(before / 4, rel=0.15)  # second order in eta
            before = rest


# --- three kinds of functions, all methods ------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_is_its_kernel_step_by_step(name):
    trace = minimize(valley.py_func, [-5, -2], name, steps=4, lr=0.1, gradient=slope.py_func)
    record = nbdl.registry.default().get("optimizer", name)
    update = nbdl.records.resolve(record.update)
    w, state = np.array([-5.0, -2.0]), [np.zeros(2) for _ in record.state]
    for step in range(1, 5):
        counted = {"step": step} if "step" in nbdl.registry.parameters(record.update) else {}
        update(w, slope(w), *state, lr=0.1, **counted)
        np.testing.assert_array_equal(trace.x[step], w)
    assert trace.f[-1] < trace.f[0] and trace.gradient == "given"


@pytest.mark.parametrize("method, options", [("gd", {}), ("adam", {"beta1": 0.8})])
def test_a_compiled_function_takes_the_same_path(method, options):
    given = {"steps": 30, "lr": 0.1, "noise": 0.1, "schedule": "cosine", **options}
    for gradient in ({}, {"gradient": slope}):
        compiled = minimize(valley, [-5, -2], method, **given, **gradient)
        plain = minimize(valley.py_func, [-5, -2], method, **given)
        np.testing.assert_allclose(compiled.x, plain.x, atol=1e-8)
        np.testing.assert_allclose(compiled.f, plain.f, atol=1e-8)
        assert compiled.gradient == ("given" if gradient else "central differences")


def test_a_compiled_function_of_integers_and_a_gradient_that_is_a_view():
    @numba.njit
    def steps(x):
        return int(x[0]) ** 2

    @numba.njit
    def down(x):
        return np.ones((x.size, 2))[:, 0]

    trace = minimize(steps, [3.0], steps=3, lr=1.0, gradient=down)
    assert trace.f.tolist() == [9, 4, 1, 0]


def test_any_shape_and_x0_is_left_alone():
    target, x0 = np.arange(6.0).reshape(2, 3), np.zeros((2, 3))
    trace = minimize(lambda x: ((x - target) ** 2).sum(), x0, "nesterov", steps=300, lr=0.05)
    np.testing.assert_allclose(trace.x[-1], target, atol=1e-4)
    assert trace.x.shape == (301, 2, 3) and not x0.any() and trace.gradient == "tape"


def test_noise_is_keyed():
    runs = [minimize(valley.py_func, [-5, -2], steps=5, lr=0.1, noise=1.0, seed=s).x for s in (0, 0, 1)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.abs(runs[0] - runs[2]).max() > 0.01


@pytest.mark.parametrize("rule", ["armijo", "wolfe"])
@pytest.mark.parametrize("method", ["gd", "newton", "preconditioned"])
def test_line_searches_always_go_down(method, rule):
    trace = minimize(FUNCTIONS["rosenbrock"].f.py_func, [-1.2, 1], method, steps=60, line_search=rule)
    assert (np.diff(trace.f) < 0).all() and trace.f[-1] < 0.2 * trace.f[0]
    if method == "newton":
        np.testing.assert_allclose(trace.x[-1], 1, atol=1e-5)


def test_wolfe_steps_satisfy_both_conditions():
    f, gradient = FUNCTIONS["rosenbrock"].f.py_func, nbdl.optim.gradient
    trace = minimize(f, [-1.2, 1], steps=25, line_search="wolfe")
    for before, after in zip(trace.x, trace.x[1:]):
        step, g = after - before, gradient(f, before)  # t d
        assert f(after) <= f(before) + 1e-4 * (g @ step) and gradient(f, after) @ step >= 0.9 * (g @ step)


def test_preconditioning_is_newton_without_the_rest_of_the_hessian():
    trace = minimize(valley.py_func, [-5, -2], "preconditioned", steps=1)
    np.testing.assert_allclose(trace.x[-1], 0, atol=1e-6)  # the Hessian is diagonal: one step
    both = [minimize(lambda x: x[0] ** 2 + x[0] * x[1] + x[1] ** 2, [3, -1], m, steps=1).x[-1]
            for m in ("newton", "preconditioned")]  # fmt: skip
    np.testing.assert_allclose(both, [[0, 0], [0.5, -1.5]], atol=1e-6)


# --- where it ends ------------------------------------------------------------------------------------------


@numba.njit
def falls_off(x):
    return np.nan if x[0] < 2.5 else x[0]


@pytest.mark.parametrize("f", [falls_off, falls_off.py_func])
def test_a_function_that_becomes_nan_keeps_the_trace_until_then(f):
    with pytest.warns(RuntimeWarning, match="f is nan after 8 steps; the trace ends there. Try a smaller"):
        trace = minimize(f, [10.2], steps=50, lr=1.0)
    np.testing.assert_allclose(trace.x[:, 0], 10.2 - np.arange(8), atol=1e-6)
    assert trace.stopped == "f is nan after 8 steps" and trace.steps == 7 and np.isfinite(trace.f).all()
    assert "stopped: f is nan" in repr(trace)


def test_divergence_is_said():
    with pytest.warns(RuntimeWarning, match="after"):
        trace = minimize(lambda x: x[0] ** 4, [10.0], steps=50, lr=1.0)
    assert 2 < trace.steps < 50 and np.isfinite(trace.gradient_norm).all()


def test_newton_ends_where_the_hessian_is_singular():
    with pytest.warns(RuntimeWarning, match="the Hessian is singular"):
        trace = minimize(lambda x: 2 * x[0] + x[1], [1, 1], "newton", hessian=lambda x: np.zeros((2, 2)))
    assert trace.steps == 0
    with pytest.warns(RuntimeWarning, match="does not lead downhill"):
        minimize(FUNCTIONS["saddle"].f.py_func, [0.1, 1], "newton", line_search="armijo")


def test_tolerance():
    trace = minimize(valley.py_func, [-5, -2], "newton", steps=50, tolerance=1e-6)
    assert 1 <= trace.steps < 5 and "tolerance" in trace.stopped and trace.gradient_norm[-1] <= 1e-6


@pytest.mark.parametrize("x0", [[np.nan, 1], [np.inf, 1], []])
def test_x0_must_be_finite(x0):
    with pytest.raises(OptionError, match="`x0` must be at least one number, and finite"):
        minimize(valley, x0)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"method": "adma"}, "adma"),
        ({"momentum": 0.5}, "no option `momentum`"),
        ({"method": "adam", "line_search": "wolfe"}, "`line_search` is for gd, newton, preconditioned"),
        ({"line_search": "exact"}, "`line_search` must be armijo or wolfe"),
        ({"method": "newton", "noise": 1.0}, "`noise`"),
        ({"hessian": slope}, "`hessian` is for newton"),
        ({"gradient": "exact"}, "`gradient` must be"),
        ({"gradient": lambda x: np.ones(3)}, r"`gradient` must return an array of shape \(2,\)"),
    ],
)
def test_messages(given, message):
    with pytest.raises(UsageError, match=message):
        minimize(valley.py_func, [-5, -2], **given)


def test_more_messages():
    for given in ({"lr": -1.0}, {"steps": 0}, {"tolerance": np.nan}, {"noise": -1.0}):
        with pytest.raises(OptionError, match=f"minimize: `{next(iter(given))}`"):
            minimize(valley.py_func, [-5, -2], **given)
    with pytest.raises(NumericError, match="`f` is nan at `x0`"):
        minimize(falls_off, [1.0])
    with pytest.raises(UsageError, match=r"`f` must return one number, got an array of shape \(2,\)"):
        minimize(lambda x: 2 * np.asarray(x), [1.0, 2.0])
    with pytest.raises(ZeroDivisionError):
        minimize(lambda x: 1 / int(x[0] > 5), [1.0, 2.0])  # the user's own error


# --- pictures, test functions -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_test_functions_have_gradients_and_pictures(name):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    known = FUNCTIONS[name]
    f = known.f.py_func
    assert len(known.x0) == len(known.low) == len(known.high) and np.isfinite(f(np.array(known.x0)))
    trace = Trace("gd", np.array([known.x0, known.low]), np.zeros(2), np.zeros(2), "tape")
    assert trace_picture(f, trace, known.low, known.high).startswith(b"\x89PNG")


def test_a_picture_of_more_variables():
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    trace = minimize(lambda x: (x**2).sum(), np.ones(3), steps=3)
    assert trace_picture(None, trace).startswith(b"\x89PNG")
