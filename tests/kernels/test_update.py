"""Updates: published trajectories, torch, exact decay, and what they refuse."""

from importlib import import_module

import numpy as np
import pytest

from nbdl import kernels, registry
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels import adam_update, adamw_update, momentum_update
from nbdl.records import resolve

PAGES = (
    "sgd", "momentum", "adagrad", "rmsprop", "adadelta", "adam", "adamax", "nadam", "yogi", "amsgrad",
    "lars", "lamb",
)  # fmt: skip
TRUTH = {n: f for page in PAGES for n, f in vars(import_module(f"nbdl.kernels.update.{page}_truth")).items()}
RECORDS = {n: registry.default().get("optimizer", n) for n in (*PAGES, "adamw")}
STATES = {n: (resolve(record.update), len(record.state)) for n, record in RECORDS.items()}
BY_ELEMENT = [n for n, record in RECORDS.items() if record.per == "element"]


def options(name, step):
    return {"step": step} if "step" in registry.parameters(RECORDS[name].update) else {}


def descend(update, states, **options):
    """20 steps on f = 0.1 x1^2 + 2 x2^2 from (-5, -2)."""
    w, state = np.array([-5.0, -2.0]), [np.zeros(2) for _ in range(states)]
    for _ in range(20):
        update(w, np.array([0.2, 4.0]) * w, *state, **options)
    return w


@pytest.mark.parametrize(
    "options, want",
    [
        ({"lr": 0.4}, [-0.943467, -0.000073]),
        ({"lr": 0.6}, [-0.387814, -1673.365109]),
        ({"lr": 0.6, "momentum": 0.5}, [0.007188, 0.002553]),
        ({"lr": 0.6, "momentum": 0.25}, [-0.126340, -0.186632]),
        ({"lr": 0.4, "eps": 0.0, "eps_root": 1e-6}, [-2.382563, -0.158591]),
        ({"lr": 2.0, "eps": 0.0, "eps_root": 1e-6}, [-0.002295, 0.0]),
        ({"lr": 0.4, "alpha": 0.9, "eps": 0.0, "eps_root": 1e-6}, [-0.010599, 0.0]),
    ],
)
def test_trajectories_of_the_book_v37(options, want):
    name = "momentum" if "momentum" in options else "rmsprop" if "alpha" in options else "sgd"
    update, states = STATES["adagrad" if name == "sgd" and "eps" in options else name]
    np.testing.assert_allclose(descend(update, states, **options), want, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "first", "last"),
    [
        ("momentum", {"lr": 0.01, "momentum": 0.0, "nesterov": True}, 0.9999, [0.9959, 0.9599]),
        ("adagrad", {"lr": 0.2, "eps": 0.0, "eps_root": 0.3 + 1e-6}, 0.9963, [0.8560, 0.4825]),
        ("adadelta", {"lr": 1.0, "rho": 0.8, "eps_root": 1e-6}, 0.9978, [None, 0.9849]),
        ("rmsprop", {"lr": 0.001, "alpha": 0.9, "eps": 0.0, "eps_root": 1e-7, "centered": True}, 0.9967,
         [0.9864, 0.9864]),
        ("adamax", {"lr": 0.2, "beta1": 0.85, "beta2": 0.95, "eps": 1e-6}, 0.8, [0.1933, 0.2126]),
        ("nadam", {"lr": 0.5, "beta1": 0.5, "beta2": 0.67, "eps": 1e-5, "momentum_decay": 1.0}, 0.4281,
         [-1.7492, -1.7454]),
        ("amsgrad", {"lr": 0.001, "eps": 1e-7}, 0.999, [0.9955, 0.9955]),
        ("lamb", {"lr": 0.001, "eps": 1e-6}, 0.999, [0.9955, 0.9955]),
    ],
)  # fmt: skip
def test_trajectories_of_keras_v39(name, options, first, last):
    """Keras 3.15, Apache-2.0, keras/src/optimizers/*_test.py: what its optimizers are held to."""
    update, states = STATES[name]
    w, state = np.ones(10), [np.zeros(10) for _ in range(states)]
    gradients = [np.full(10, 0.01)] + [np.arange(0.1, 1.1, 0.1)] * 4
    bound = 5e-4 if name in ("rmsprop", "adamax", "nadam", "amsgrad", "lamb", "momentum") else 1e-4
    for step, dw in enumerate(gradients, 1):
        counted = {"step": step} if "step" in registry.parameters(RECORDS[name].update) else {}
        update(w, dw, *state, **counted, **options)
        if step == 1:
            np.testing.assert_allclose(w, first, rtol=bound, atol=bound)
    for got, want in zip(w[[0, -1]], last):
        assert want is None or abs(got - want) <= bound * (1 + abs(want))


def test_lamb_step_of_keras_v39():
    w, m, v = np.arange(1.0, 5), np.zeros(4), np.zeros(4)
    kernels.lamb_update(w, np.array([1.0, 6, 7, 2]), m, v, 0.5, 1, eps=1e-7)
    np.testing.assert_allclose(w, [-0.3693, 0.6306, 1.6306, 2.6306], atol=1e-4)


def test_adamw_trajectory_of_keras_v39():
    """Keras adds epsilon to the uncorrected root of v: that is epsilon / sqrt(1 - beta2^step) here."""
    w, m, v = np.ones(10), np.zeros(10), np.zeros(10)
    gradients = [np.full(10, 0.01)] + [np.arange(0.1, 1.1, 0.1)] * 4
    ends = []
    for step, dw in enumerate(gradients, 1):
        adamw_update(w, dw, m, v, 1.0, step, eps=2 / np.sqrt(1 - 0.999**step), weight_decay=0.5)
        ends.append(w[[0, -1]].copy())
    np.testing.assert_allclose(ends[0], 0.4998, atol=1e-4)
    np.testing.assert_allclose(ends[-1], [0.0263, -0.0159], atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name, torch_name, ours, theirs",
    [
        ("sgd", "SGD", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
        ("momentum", "SGD", {"weight_decay": 0.1}, {"weight_decay": 0.1, "momentum": 0.9}),
        ("momentum", "SGD", {"nesterov": True}, {"momentum": 0.9, "nesterov": True}),
        ("adam", "Adam", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
        ("adamw", "AdamW", {}, {}),
        ("adagrad", "Adagrad", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
        ("rmsprop", "RMSprop", {}, {}),
        ("rmsprop", "RMSprop", *[{"centered": True, "momentum": 0.9, "weight_decay": 0.1}] * 2),
        ("adadelta", "Adadelta", {"eps_root": 1e-6}, {"eps": 1e-6}),
        ("adamax", "Adamax", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
        ("nadam", "NAdam", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
        ("amsgrad", "Adam", {}, {"amsgrad": True}),
    ],
)
def test_agrees_with_torch(name, torch_name, ours, theirs, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    (update, states), w = STATES[name], rng.standard_normal((3, 4)).astype(dtype)
    t = torch.tensor(w.copy(), requires_grad=True)
    optimizer = getattr(torch.optim, torch_name)([t], lr=0.05, **theirs)
    state = [np.zeros_like(w) for _ in range(states)]
    for step in range(1, 51):
        dw = rng.standard_normal((3, 4)).astype(dtype)
        t.grad = torch.tensor(dw)
        optimizer.step()
        assert update(w, dw, *state, 0.05, **options(name, step), **ours) is None
    exact = 1e-8 if name == "nadam" else 1e-12  # torch keeps the product of its momenta in float32
    np.testing.assert_allclose(w, t.detach(), *[1e-5 if dtype == "float32" else exact] * 2)


@pytest.mark.parametrize("name", STATES)
def test_agrees_with_the_reference(name):
    rng = np.random.default_rng(1)
    update, states = STATES[name]
    w, dw, *state = rng.random((2 + states, 2, 3))
    want = TRUTH[f"{name}_update"](w, dw, *state, 0.1, **options(name, 3), weight_decay=0.2)
    given = dw.copy()
    update(w, dw, *state, 0.1, **options(name, 3), weight_decay=0.2)
    for got, expected in zip((w, *state), want if states else (want,)):
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    np.testing.assert_array_equal(dw, given)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_without_a_gradient_decay_shrinks_by_its_factor_exactly(name, dtype):
    """(1 - eta lambda) w: the factor does not get lost."""
    update, states = STATES[name]
    w = np.random.default_rng(2).standard_normal(50).astype(dtype)
    want = w * w.dtype.type(1 - 0.1 * 0.3)
    update(w, np.zeros_like(w), *np.zeros((states, 50), dtype), 0.1, **options(name, 1), weight_decay=0.3)
    np.testing.assert_array_equal(w, want)


@pytest.mark.parametrize("name", BY_ELEMENT)
def test_any_shape_and_slices(name):
    update, states = STATES[name]
    w, dw, *state = np.random.default_rng(3).random((2 + states, 6, 4))
    parts = [a.copy() for a in (w, *state)]
    update(w, dw, *state, 0.1, **options(name, 2))
    for rows in (slice(0, 2), slice(2, 6)):
        update(parts[0][rows], dw[rows], *[s[rows] for s in parts[1:]], 0.1, **options(name, 2))
    for whole, part in zip((w, *state), parts):
        np.testing.assert_array_equal(part, whole)
    update(np.array(1.0), np.array(1.0), *[np.array(0.0)] * states, 0.1, **options(name, 2))
    update(np.zeros(0), np.zeros(0), *[np.zeros(0)] * states, 0.1, **options(name, 2))


@pytest.mark.parametrize("name", STATES)
def test_messages_come_before_the_first_write(name):
    update, states = STATES[name]
    w, dw, state = np.ones((3, 4)), np.ones((3, 4)), [np.zeros((3, 4)) for _ in range(states)]
    more = options(name, 1)
    with pytest.raises(ShapeError, match=rf"{name}_update: `w` must have shape \(2, 4\), got \(3, 4\)"):
        update(w, dw[:2], *state, 0.1, **more)
    with pytest.raises(DtypeError, match=f"{name}_update: `w` must be a writable, C-contiguous array"):
        update(w.T, dw.T, *state, 0.1, **more)
    with pytest.raises(DtypeError, match="`w` must be a writable, C-contiguous array of dtype float32"):
        update(w, dw.astype("float32"), *state, 0.1, **more)
    for lr in (-0.1, np.nan, np.inf):
        with pytest.raises(OptionError, match=f"{name}_update: `lr` must be finite and not negative, got"):
            update(w, dw, *state, lr, **more)
    with pytest.raises(OptionError, match=f"{name}_update: `weight_decay` must be finite and not negative"):
        update(w, dw, *state, 0.1, **more, weight_decay=-1.0)
    if states:
        with pytest.raises(
            ShapeError, match=rf"`{RECORDS[name].state[-1]}` must have shape \(3, 4\), got \(3, 3\)"
        ):
            update(w, dw, *state[:-1], np.zeros((3, 3)), 0.1, **more)
    np.testing.assert_array_equal(w, 1)
    assert all(not s.any() for s in state)


def test_messages_of_options():
    w, dw, m, v = np.ones((4, 3))
    with pytest.raises(OptionError, match="adam_update: `step` counts from 1, got 0"):
        adam_update(w, dw, m, v, 0.1, 0)
    with pytest.raises(OptionError, match=r"`beta1` must be at least 0 and below 1, got 1\.0"):
        adamw_update(w, dw, m, v, 0.1, 1, 1.0)
    with pytest.raises(OptionError, match="`beta2` must be"):
        adam_update(w, dw, m, v, 0.1, 1, 0.9, -0.1)
    with pytest.raises(OptionError, match="`eps` must not be negative"):
        adam_update(w, dw, m, v, 0.1, 1, 0.9, 0.999, -1e-8)
    with pytest.raises(OptionError, match="`momentum` must be finite and not negative"):
        momentum_update(w, dw, v, 0.1, -0.9)
    with pytest.raises(
        OptionError, match=r"rmsprop_update: `alpha` must be at least 0 and below 1, got 1\.0"
    ):
        kernels.rmsprop_update(w, dw, m, m.copy(), v, 0.1, alpha=1)
    with pytest.raises(OptionError, match="adagrad_update: `eps_root` must be finite and not negative"):
        kernels.adagrad_update(w, dw, v, 0.1, eps_root=-1e-6)


FADING = [n for n in STATES if n not in ("sgd", "momentum", "adam", "adamw")]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FADING)
@np.errstate(over="ignore")  # for the run without the JIT
def test_no_finite_gradient_makes_a_step_that_is_not_finite(name, dtype):
    """Nothing is divided by zero, also without epsilon, and no state overflows."""
    update, states = STATES[name]
    largest = np.finfo(dtype).max
    for scale in (0.0, 1e-30, 1.0, largest / 4):
        w, state = np.ones(9, dtype), [np.zeros(9, dtype) for _ in range(states)]
        known = registry.parameters(RECORDS[name].update)
        more = {n: 0.0 for n in ("eps", "eps_root") if n in known}
        for step in (1, 2, 3):
            update(w, np.full(9, scale, dtype), *state, lr=0.1, **options(name, step), **more)
            assert np.isfinite(w).all() and all(np.isfinite(s).all() for s in state), (scale, step)
        assert scale or (w == 1).all()


@pytest.mark.parametrize("name", [n for n in FADING if n in BY_ELEMENT])
@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_gradient_that_is_not_finite_is_not_hidden(name, bad):
    update, states = STATES[name]
    w, state = np.ones(20, "float32"), [np.zeros(20, "float32") for _ in range(states)]
    dw = np.ones(20, "float32")
    dw[3] = bad
    with np.errstate(all="ignore"):
        update(w, dw, *state, lr=0.1, **options(name, 1))
    assert not np.isfinite(w[3]) and np.isfinite(np.delete(w, 3)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["lars", "lamb"])
@np.errstate(over="ignore", invalid="ignore")  # for the run without the JIT
def test_norms_of_whole_parameters(name, dtype):
    """Of any shape and size, also where squares have no place in the dtype, and where a norm is 0."""
    update, states = STATES[name]
    rng, bound = np.random.default_rng(5), 1e-5 if dtype == "float32" else 1e-12
    for size, scale in ((9001, 1.0), (3, 1e-30), (77, 1e25), (5, 0.0)):
        w, dw = (rng.standard_normal((size, 1)).astype(dtype) * np.dtype(dtype).type(s) for s in (1, scale))
        state, wide = np.zeros((states, size, 1), dtype), (states, size, 1)
        want = TRUTH[f"{name}_update"](
            w.astype(float), dw.astype(float), *np.zeros(wide), 0.1, **options(name, 1)
        )
        update(w, dw, *state, 0.1, **options(name, 1))
        if name == "lars" or scale in (0.0, 1.0):  # LAMB divides the others by epsilon, or by a full v
            np.testing.assert_allclose(w, want[0], rtol=bound, atol=bound)
        assert np.isfinite(w).all()
    for bad in (np.inf, np.nan):
        w, dw, *state = np.ones((2 + states, 20), dtype)
        dw[3] = bad
        update(w, dw, *state, 0.1, **options(name, 1))
        assert not np.isfinite(w[3])
    w, dw, *state = np.zeros((2 + states, 3), dtype)  # a bias that starts as 0: plain momentum, or Adam
    update(w, dw + 1, *state, 0.1, **options(name, 1))
    np.testing.assert_allclose(w, -0.1, rtol=1e-5)
    update(np.zeros(0), np.zeros(0), *[np.zeros(0)] * states, 0.1, **options(name, 2))


@pytest.mark.parametrize("name", BY_ELEMENT)
def test_an_element_has_the_same_bits_in_every_slice(name):
    """Whole vectors and what is left behind them go through the same instructions."""
    update, states = STATES[name]
    w, dw, *state = np.random.default_rng(4).random((2 + states, 77)).astype("float32")
    parts = [a.copy() for a in (w, *state)]
    more = {"weight_decay": 0.01, **options(name, 3)}
    update(w, dw, *state, 0.1, **more)
    for start, stop in ((0, 1), (1, 18), (18, 50), (50, 77)):
        update(parts[0][start:stop], dw[start:stop], *[s[start:stop] for s in parts[1:]], 0.1, **more)
    for whole, part in zip((w, *state), parts):
        np.testing.assert_array_equal(part, whole)


# --- squares beyond the range of the dtype ------------------------------------------------------------------

FAR = {
    "float32": {
        "torch's range": [1e20, 1.0, 1.0, -1e20, 0.0, 5.0],
        "all beyond it": [3e38] * 6,
        "once beyond it": [-3.4e38, 1.0, 1.0, 2.0, 3.0, 0.0],
        "changing signs": [1e20, -3e20, 2e20, 2e20, -1e20],
        "1e21 for long": [1e21] * 300,
        "below it": [1e-25, 1e-30, 1e-25],
    },
    "float64": {
        "all beyond it": [1e200] * 6,
        "once beyond it": [-1.7e308, 1.0, 1.0, 2.0, 3.0, 0.0],
        "below it": [1e-200] * 3,
    },
}


@pytest.mark.parametrize("update", ["adam_update", "adamw_update"])
@pytest.mark.parametrize(("dtype", "name"), [(d, n) for d, names in FAR.items() for n in names])
def test_adam_is_right_where_the_square_of_a_gradient_has_no_place_in_its_dtype(update, dtype, name):
    """The truth is Adam with numbers that are wide enough."""
    gradients = np.array(FAR[dtype][name], dtype)
    w, m, v = np.ones(19, dtype), np.zeros(19, dtype), np.zeros(19, dtype)
    true = [np.ones(1, np.longdouble), np.longdouble(0), np.longdouble(0)]
    for step, g in enumerate(gradients, 1):
        getattr(kernels, update)(w, np.full(19, g), m, v, 0.1, step)
        true = TRUTH[update](true[0], np.longdouble(g), *true[1:], 0.1, step)
        bound = 3e-5 if dtype == "float32" else 1e-11
        np.testing.assert_allclose(w, np.full(19, true[0], dtype), rtol=bound, atol=bound)
        assert np.isfinite(m).all() and np.isfinite(v).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_adam_hides_no_gradient_that_is_not_finite(dtype, bad):
    w, m, v = np.ones((3, 5), dtype)
    dw = np.array([1, 1, bad, 1, 1], dtype)
    adam_update(w, dw, m, v, 0.1, 2)
    assert np.isnan(w[2]) and np.isfinite(w[[0, 1, 3, 4]]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("g", [0.0, 1e-30, 1e-200])
def test_adam_without_epsilon_never_divides_by_zero(dtype, g):
    w, m, v = np.ones(3, dtype), np.zeros(3, dtype), np.zeros(3, dtype)
    for step in 1, 2, 3:
        adam_update(w, np.full(3, g, dtype), m, v, 0.1, step, eps=0.0)
        assert (w <= 1).all() and (w >= 1 - 0.1001 * step).all()
        assert g or (w == 1).all()


def test_a_saved_state_whose_v_had_overflowed_goes_on():
    w, m, v = np.ones(3, "float32"), np.full(3, 1e19, "float32"), np.full(3, np.inf, "float32")
    adam_update(w, np.ones(3, "float32"), m, v, 0.1, 100)
    assert np.isfinite(v).all() and (w < 1).all() and (w > 0).all()
