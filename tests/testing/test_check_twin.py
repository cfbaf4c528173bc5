"""The kit must find what is wrong with a lanes twin: one fault each."""

from dataclasses import replace

import numpy as np
import pytest
from numba import config

from nbdl import Kernel, jit, registry
from nbdl.errors import LabelError, PluginError, VerificationError
from nbdl.kernels import lanes
from nbdl.kernels.activation import elementwise_lanes
from nbdl.kernels.lanes import Reduction, Row, Twin, UpdateTwin, elementwise
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import floats
from nbdl.kernels.loss import mse_lanes
from nbdl.kernels.simd.registers import larger, load, load_part, splat, store, where
from nbdl.kernels.update import sgd_lanes
from nbdl.testing import _guard, check_twin, check_update_twin
from nbdl.testing._check_twin import compare
from nbdl.testing.cases import Bad, Case

RELU, MSE = (registry.default().get("kernel", name) for name in ("relu", "mse"))
IMAGES = Case("images", (np.random.default_rng(0).standard_normal((2, 3, 4, 2)),))  # a vector between planes


@jit
def halved(dy, y):
    return dy * 0.5


@jit
def positive(x):
    return larger(0.0, x)


@jit
def needs_x(dy, x):
    return where(x < 0.0, dy * 0.0, dy)


@jit
def doubled(x):
    return larger(0.0, x) * 2.0


def fault(record, case=IMAGES, samples=5):
    with pytest.raises(VerificationError) as error:
        compare(record, case, "float32", samples)
    return str(error.value)


def flaw(record, case, samples=5):
    """The same where a leaf may ask for what nobody gives, which a child of this process reports."""
    with pytest.raises((VerificationError, PluginError)) as error:
        compare(record, case, "float32", samples)
    return str(error.value)


def test_a_sound_twin_passes():
    assert compare(RELU, IMAGES, "float32", 5)


def test_wrong_results_are_found():
    assert "on whole planes: the result is off" in fault(replace(RELU, lanes=elementwise(doubled, halved)))


def test_wrong_gradients_are_found():
    wrong = replace(elementwise_lanes.relu, grads=elementwise(doubled, halved).grads)
    assert "the gradient of `x` is off" in fault(replace(RELU, lanes=wrong))


def test_what_is_not_written_is_found():
    def rows(site):
        def leaf(x, y):
            store(y, 0, larger(0.0, load(x, 0)))

        return [Row(leaf)]

    assert "the result is off by nan" in fault(
        replace(RELU, lanes=replace(elementwise_lanes.relu, forward=rows))
    )


def test_writing_between_planes_is_found():
    def rows(site):
        L, end = site.L, floats(site.shapes["x"], site.L)

        def leaf(x, y):
            for i in range(0, end, L):
                store(y, i, larger(load(x, i), load(x, 0) * 0.0))

        return [Row(leaf)]

    text = fault(replace(RELU, lanes=replace(elementwise_lanes.relu, forward=rows)))
    assert text.count("`y` was written to between two planes") == text.count("lanes twin of") == 1


@pytest.mark.skipif(not _guard.available or config.DISABLE_JIT, reason="nothing to guard")
def test_reading_beyond_an_array_is_found():
    flat = Case("rows", (np.ones((2, 3)),))

    def rows(site):
        L = site.L

        def leaf(x, y):
            for i in range(0, 3 * L, L):
                beyond = load(x, i + L)  # one vector too far, and of no use
                store(y, i, larger(0.0, load(x, i)))
                if i == 2 * L:
                    store(y, 0, larger(load(y, 0), beyond * 0.0))

        return [Row(leaf)]

    twin = replace(elementwise_lanes.relu, forward=rows, inplace=False)
    text = fault(replace(RELU, lanes=twin), flat)
    assert "forbidden pages at the end" in text


def test_a_twin_that_must_not_run_in_place_is_found():
    twin = replace(elementwise(positive, needs_x), inplace=True)
    assert "in place: the gradient of `x` is off" in fault(replace(RELU, lanes=twin))


def test_gradients_in_idle_lanes_are_found():
    def rows(site):
        L = site.L

        def leaf(x, target, scale, dx):
            for i in range(0, 3 * L, L):
                store(dx, i, (load(x, i) - load(target, i)) * (2 * scale[0]))

        return [Row(leaf)]

    case = Case("rows", tuple(np.random.default_rng(0).standard_normal((2, 2, 3))))
    text = fault(replace(MSE, lanes=replace(mse_lanes.mse, grads={"x": rows, "target": None})), case)
    assert "not zero in lanes that hold no sample" in text


def test_wrong_updates_are_found():
    sgd = registry.default().get("optimizer", "sgd")
    slow = UpdateTwin(lambda lr, step: (lr / 2, 1.0), sgd_lanes.sgd_update.leaf)
    with pytest.raises(VerificationError, match=r"optimizer `sgd`, float32: `w` is off by .* after 1 steps"):
        check_update_twin(replace(sgd, lanes=slow), "float32")


def test_a_twin_that_serves_nothing_says_so():
    def refuse(site):
        raise lanes.Unfit

    with pytest.raises(VerificationError, match=r"none of its cases; in .* not for these shapes or options"):
        check_twin(replace(RELU, lanes=Twin(None, {"x": None}, shape=refuse)))
    with pytest.raises(VerificationError, match=r"`grads` of its twin names none of its inputs \(x\)"):
        check_twin(replace(RELU, lanes=Twin(None, {"dx": None})))


def test_what_is_no_twin_is_named():
    with pytest.raises(PluginError, match="kernel `relu`: `lanes` must name a Twin"):
        check_twin(replace(RELU, lanes=positive))


def test_an_unknown_operand_of_a_leaf_is_named():
    def rows(site):
        def leaf(x, out):
            store(out, 0, load(x, 0))

        return [Row(leaf)]

    twin = replace(elementwise_lanes.relu, forward=rows)
    with pytest.raises((VerificationError, PluginError), match="asks for `out`: no operand is called so"):
        compare(replace(RELU, lanes=twin), IMAGES, "float32", 5)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing compiles")
def test_a_leaf_that_does_not_compile_is_called_that():
    def rows(site):
        def leaf(x, y):
            store(y, 0, np.linalg.svd(load(x, 0)))

        return [Row(leaf)]

    assert "5 samples: a leaf does not compile" in fault(
        replace(RELU, lanes=replace(elementwise_lanes.relu, forward=rows))
    )


# --- roles: y = x * s, where s has samples or is an array of three ---------------------------------------


def scaled(x, s):
    return x * s


def scaled_dx(dy, s, dx):
    dx += dy * s


def scaled_ds(dy, x, ds):
    ds += (dy * x).sum(axis=0) if ds.ndim == 1 else dy * x


def product(site, a, b, y, batched, step=1):
    L = site.L

    def leaf(a, b, y):
        for i in range(3):
            store(y, i * L, load(a, i * L) * (load(b, i * L) if batched else splat(b[i * step])))

    return [Row(leaf, a=a, b=b, y=y)]


def ds(site):
    L = site.L

    def collect(dy, x, acc):
        for i in range(0, 3 * L, L):
            store(acc, i, load(acc, i) + load(dy, i) * load(x, i))

    return Reduction([Row(collect)], [Row(sum_lanes(L), dw="ds", size=3, items=1)], acc=3 * L)


SCALED = Twin(
    lambda site: product(site, "x", "s", "y", "s" in site.samples),
    {
        "x": lambda site: product(site, "dy", "s", "dx", "s" in site.samples),
        "s": lambda site: product(site, "dy", "x", "ds", True),
    },
    {"s": ds},
)
X, S = np.random.default_rng(0).standard_normal((2, 4, 3))
BATCHED, ARRAY = Case("samples", (X, S)), Case("an array", (X, S[0]), arrays=("s",))


def scaled_record(twin):
    grads = {"x": scaled_dx, "s": scaled_ds}
    return Kernel("scaled", scaled, ("x", "s"), grads=grads, target="numpy", lanes=twin)


def test_an_input_is_in_lanes_or_an_array_site_by_site():
    for case in (BATCHED, ARRAY):
        assert compare(scaled_record(SCALED), case, "float64", 40)
    first = replace(SCALED, forward=lambda site: product(site, "x", "s", "y", False, step=0))
    assert "the result is off" in fault(scaled_record(first), ARRAY)
    unfinished = replace(SCALED, parameters={"s": lambda site: replace(ds(site), finish=[])})
    assert "the gradient of `s` is off by nan" in fault(scaled_record(unfinished), ARRAY)
    assert not compare(scaled_record(replace(SCALED, parameters={})), ARRAY, "float32", 5)


# --- an index of the data: y[t] = x[ids[t]] ---------------------------------------------------------------


def taken(x, ids):
    if not ((ids >= 0) & (ids < x.shape[1])).all():
        raise LabelError("taken: `ids` must be below {}", x.shape[1])
    return np.take_along_axis(x, ids, 1)


def taken_dx(dy, ids, dx):
    rows = np.arange(len(ids))[:, None]
    np.add.at(dx, (rows, ids), dy)


def taken_twin(looks_up=True, checked=True):
    def forward(site):
        L, (T,) = site.L, site.shapes["ids"]

        def leaf(x, ids, idx, y):
            for i in range(L):
                for t in range(T):
                    y[t * L + i] = x[int(ids[(idx[i] if looks_up else i) * T + t]) * L + i]

        return [Row(leaf)]

    def dx(site):
        L, (T,), (D,) = site.L, site.shapes["ids"], site.shapes["x"]
        zero = np.dtype(site.dtype).type(0)

        def leaf(dy, ids, idx, dx):
            for d in range(D):
                store(dx, d * L, splat(zero))
            for i in range(L):
                for t in range(T):
                    dx[int(ids[idx[i] * T + t]) * L + i] += dy[t * L + i]

        return [Row(leaf)]

    def checks(site):
        (T,), (D,) = site.shapes["ids"], site.shapes["x"]

        def leaf(ids, idx, samples, status):
            for n in range(samples):
                for t in range(T):
                    if not 0 <= ids[idx[n] * T + t] < D and status[0] == 0:
                        status[0] = n + 1

        return [Row(leaf)] if checked else []

    return Twin(forward, {"x": dx}, shape=lambda site: site.shapes["ids"], index=("ids",), checks=checks)


def taken_cases(rng):
    x = rng.standard_normal((4, 5))
    ids = rng.integers(0, 5, (4, 2))
    return [Case("usual", (x, ids)), Bad("too far", (x, ids + 5), {}, LabelError, "ids")]


def test_an_index_is_read_in_place():
    record = Kernel("taken", taken, ("x", "ids"), grads={"x": taken_dx}, target="numpy", cases=taken_cases)
    assert check_twin(replace(record, lanes=taken_twin())) == {"usual": True}
    case, _ = taken_cases(np.random.default_rng(0))
    assert "the result is off" in fault(replace(record, lanes=taken_twin(looks_up=False)), case, 64)
    with pytest.raises(VerificationError, match="lets pass what the kernel refuses: `too far`"):
        check_twin(replace(record, lanes=taken_twin(checked=False)))
    strict = replace(taken_twin(), checks=lambda site: [Row(refuse_all)])
    assert "a check refuses the sample at 2, which the kernel takes" in fault(
        replace(record, lanes=strict), case
    )


def refuse_all(status):
    status[0] = 3


# --- several outputs: y = 2 x and h = 3 x -----------------------------------------------------------------


def twice(x):
    return 2 * x, 3 * x


def twice_dx(dy, dh, dx):
    dx += 2 * dy + 3 * dh


def twice_twin(h=3.0, dh=3.0, whole=True):
    def forward(site):
        L = site.L

        def leaf(x, y, h_):
            for i in range(0, 3 * L, L):
                store(y, i, load(x, i) * 2.0)
                if whole or i > 0:
                    store(h_, i, load(x, i) * h)

        return [Row(leaf, h_="h")]

    def dx(site):
        L = site.L

        def leaf(dy, other, dx):
            for i in range(0, 3 * L, L):
                store(dx, i, load(dy, i) * 2.0 + load(other, i) * dh)

        return [Row(leaf, other="dh")]

    return Twin(forward, {"x": dx}, shape=lambda site: {"y": site.shapes["x"], "h": site.shapes["x"]})


def test_all_outputs_and_their_cotangents_count():
    record = Kernel("twice", twice, ("x",), ("y", "h"), grads={"x": twice_dx}, target="numpy")
    case = Case("rows", (X,))
    assert compare(replace(record, lanes=twice_twin()), case, "float32", 40)
    assert "the output `h` is off" in fault(replace(record, lanes=twice_twin(h=2.0)), case)
    assert "the output `h` is off by nan" in fault(replace(record, lanes=twice_twin(whole=False)), case)
    assert "the gradient of `x` is off" in fault(replace(record, lanes=twice_twin(dh=0.0)), case)
    alone = replace(
        record, outputs=("y", "other"), lanes=replace(twice_twin(), shape=lambda s: s.shapes["x"])
    )
    assert "asks for `h`" in flaw(replace(alone, grads={}), case)  # a shape alone is that of y


# --- sums over the minibatch: m = mean(x), y = x - m + b --------------------------------------------------


def centred(x, b):
    m = x.mean(axis=0)
    return x - m + b, m


def centred_dx(dy, dx):
    dx += dy - dy.mean(axis=0)


def centred_db(dy, db):
    db += dy.sum(axis=0)


def centred_twin(part=True, select=True, needs=("b",)):
    def reduce(site):
        L = site.L

        def collect(x, acc, left):
            for i in range(0, 3 * L, L):
                store(acc, i, load(acc, i) + (load_part(x, i, left) if part else load(x, i)))

        def divide(m, share, samples):
            share[0] = 1 / samples
            for i in range(3):
                m[i] = m[i] / samples

        add = Row(sum_lanes(L), dw="m", size=3, items=1)
        return Reduction([Row(collect)], [add, Row(divide)], acc=3 * L, results={"m": 3, "share": 1})

    def forward(site):
        L = site.L

        def leaf(x, m, b, y):
            for i in range(3):
                store(y, i * L, load(x, i * L) - m[i] + b[i])

        return [Row(leaf)]

    def db(site):
        L = site.L

        def collect(dy, acc):
            for i in range(0, 3 * L, L):
                store(acc, i, load(acc, i) + load(dy, i))

        return Reduction([Row(collect)], [Row(sum_lanes(L), dw="db", size=3, items=1)], acc=3 * L)

    def dx(site):
        L = site.L

        def leaf(dy, db, share, dx, left):
            for i in range(3):
                if select:
                    for lane in range(L):
                        shift = db[i] * share[0] if lane < left else dy[i * L + lane]
                        dx[i * L + lane] = dy[i * L + lane] - shift
                else:
                    store(dx, i * L, load(dy, i * L) - db[i] * share[0])

        return [Row(leaf)]

    return Twin(
        forward, {"x": dx}, {"b": db}, shape=lambda site: {"y": site.shapes["x"], "m": (3,)},
        reduce=reduce, shared=("m",), needs={"x": needs},
    )  # fmt: skip


def test_sums_over_the_minibatch_come_first_and_count_each_sample_once():
    record = Kernel(
        "centred", centred, ("x", "b"), ("y", "m"), grads={"x": centred_dx, "b": centred_db}, target="numpy"
    )
    case = Case("rows", (X, S[0]))
    for samples in (5, 40, 300):
        assert compare(replace(record, lanes=centred_twin()), case, "float32", samples)
    assert "is off" in fault(replace(record, lanes=centred_twin(part=False)), case)
    assert "not zero in lanes that hold no sample" in fault(
        replace(record, lanes=centred_twin(select=False)), case
    )
    assert "asks for `db`: no operand is called so" in flaw(
        replace(record, lanes=centred_twin(needs=())), case
    )


def test_options_that_the_kernel_refuses_must_not_reach_the_twin():
    softplus = registry.default().get("kernel", "softplus")
    with pytest.raises(VerificationError, match=r"options that the kernel refuses: .* Give the record a"):
        check_twin(replace(softplus, shape=""))
