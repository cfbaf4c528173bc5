"""`jit_predict`: a net inside the user's own compiled code, always with the weights that it has now."""

import gc
import json
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
from numba import njit, prange

import nbdl
from nbdl import models, nn, tape
from nbdl.errors import DtypeError, ShapeError, TapeError, UsageError
from nbdl.step import CompiledPredict


@pytest.fixture
def net(x):
    return nn.init(models.mlp(3, (16,)), x, seed=4)


@njit
def rollout(policy, state, steps):
    """As a simulation would: the state follows from what the policy says about it."""
    total = 0.0
    for _ in range(steps):
        action = policy(state)
        state = state * np.float32(0.9)
        state[action.argmax()] += np.float32(0.1)
        total += action.max()
    return total, state


@njit(parallel=True)
def all_rows(policy, x, out):
    for n in prange(len(x)):
        out[n] = policy(x[n])


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_one_sample_and_many(net, x):
    f = nbdl.jit_predict(net, x)
    same(f(x), net(x).data)
    same(f(x[3]), net(x[3:4]).data[0])
    assert f(x).shape == (200, 3) and f(x[:1]).shape == (1, 3) and f(x[3]).shape == (3,)
    assert f(x).dtype == np.float32


def test_in_serial_and_parallel_code(net, x):
    f = nbdl.jit_predict(net, x)
    total, state = rollout(f, x[0], 20)
    expected, s = 0.0, x[0].copy()
    for _ in range(20):
        action = net(s[None]).data[0]
        s *= np.float32(0.9)
        s[action.argmax()] += np.float32(0.1)
        expected += action.max()
    assert total == pytest.approx(expected, rel=1e-5)
    same(state, s)
    out = np.empty((200, 3), np.float32)
    all_rows(f, x, out)
    assert (out == np.stack([f(row) for row in x])).all()


def test_it_follows_the_net(net, x, labels):
    f = nbdl.jit_predict(net, x)
    step = nbdl.compile_step(net, example=(x, labels), lr=0.5)
    before = f(x)
    step(x, labels)
    assert np.abs(f(x) - before).max() > 1e-3
    same(f(x), net(x).data)
    state = nn.state_dict(net)
    nn.init(net, x, seed=77)
    same(f(x), net(x).data)
    nn.load_state_dict(net, state)
    same(f(x), net(x).data)
    nbdl.fit(net, (x, labels), epochs=1)
    same(f(x), net(x).data)


def test_params_are_the_weights_themselves(net, x, labels):
    f, params = nbdl.jit_predict(net, x, params=True)
    same(f(params, x), net(x).data)
    nbdl.compile_step(net, example=(x, labels), lr=0.5)(x, labels)
    same(f(params, x), net(x).data)
    doubled = tuple(p * np.float32(2) for p in params)
    assert np.abs(f(doubled, x) - f(params, x)).max() > 0.1
    with pytest.raises(ShapeError, match=r"predict: `params\[1\]` must be of shape \(16,\), got \(15,\)"):
        f((params[0], params[1][:15].copy(), *params[2:]), x)
    with pytest.raises(DtypeError, match="predict: a parameter must have dtype float32"):
        f(tuple(p.astype(float) for p in params), x)


def test_images(x):
    images = np.random.default_rng(0).normal(size=(5, 1, 28, 28)).astype(np.float32)
    net = nn.init(models.lenet(), images, seed=1)
    f = nbdl.jit_predict(net, images)
    same(f(images), net(images).data)
    same(f(images[0]), net(images).data[0])


def test_arithmetic_constants_and_the_number_of_samples(any_net, x):
    def forward(net, x, train):
        h = net.a(x * np.linspace(0, 1, 8, dtype=np.float32))
        return -(h + h) / 3.0 - net.b(x).reshape(-1, 3) * (1 / x.shape[0])

    net = nn.init(any_net(forward, a=nn.Linear(3), b=nn.Linear(3)), x, seed=1)
    f = nbdl.jit_predict(net, x)
    junk = [np.full(8, np.nan, np.float32) for _ in range(1000)]  # takes the place of constants that are gone
    same(f(x), net(x).data)
    same(f(x[:7]), net(x[:7]).data)
    assert f(x).dtype == np.float32 and len(junk) == 1000


C = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
ARRAY_OPS = {  # of h (N, 3, 4)
    "elementwise": [
        lambda h: h.exp(),
        lambda h: (h * h + 1).log(),
        lambda h: (h * h + 0.5).sqrt(),
        lambda h: abs(-h),
        lambda h: h / (h * h + 1),
        lambda h: (h.abs() + 0.1) ** 1.5,
        lambda h: 2**h,
        lambda h: h.clip(max=0.2),
        lambda h: nbdl.maximum(h, 0.25),
        lambda h: nbdl.minimum(h, -h),
        lambda h: h.clip(-0.5, 0.5),
        lambda h: h * np.linspace(0, 1, 4),
        lambda h: h * np.arange(4) + np.arange(3)[:, None],
    ],
    "comparisons": [
        lambda h: nbdl.where(h > 0, h, 0.1 * h),
        lambda h: nbdl.where(C > 0, h, 0.0),
        lambda h: h * (h >= C),
        lambda h: (h < C) * 1.0 + (h == h) * 2 + (h != 0) * 3 + (h <= 0),
        lambda h: h * ~((h > 0) & (h < 0.5)),
        lambda h: h * ((h > 0.5) | (C > 0)),
    ],
    "reductions": [
        lambda h: h.sum(axis=[1, 2]),
        lambda h: h * h.sum(axis=(1, 2), keepdims=True),
        lambda h: h.mean(axis=1),
        lambda h: h.var(axis=-1),
        lambda h: h.std(axis=(1, 2), ddof=1),
        lambda h: h.prod(axis=1),
        lambda h: h.max(axis=1),
        lambda h: h.min(axis=2),
        lambda h: h.cumsum(axis=1),
        lambda h: h.argmax(axis=2) * h.sum(axis=2),
        lambda h: h.sum(axis=1) * h.argmin(axis=1),
    ],
    "over the samples": [
        lambda h: h - h.mean(axis=0),
        lambda h: h * h.sum(),
        lambda h: h / (h.abs().max() + 1),
        lambda h: h.sum(axis=0) * (1 / h.shape[0]) + h,
        lambda h: h + h[0] + h[-1, 2, 3],
    ],
    "shape": [
        lambda h: h.transpose(0, 2, 1),
        lambda h: h.swapaxes(1, 2).reshape(-1, 2, 6),
        lambda h: h[:, 1],
        lambda h: h[:, -1, ::-1],
        lambda h: h[:, None, [0, 2, 2]],
        lambda h: h[..., [True, False, True, True]],
        lambda h: h[:, []],
        lambda h: h[:, 0, [1, 2]],
        lambda h: nbdl.concatenate([h, h * 2, C + 0 * h], axis=1),
        lambda h: nbdl.stack([h, -h], axis=2),
        lambda h: nbdl.split(h, [1, 3], axis=2)[1],
        lambda h: nbdl.tile(h, (1, 2, 3)),
        lambda h: nbdl.take(h, np.array([[3, 0], [1, -1]]), axis=2),
        lambda h: nbdl.take(C, h.argmin(axis=1), axis=0) * h[:, :1],
        lambda h: nbdl.take_along_axis(h, h.argmax(axis=2, keepdims=True), axis=2),
        lambda h: nbdl.take_along_axis(h, h.argmin(axis=1, keepdims=True) - 3, axis=1),
    ],
    "products": [
        lambda h: h @ C.T,
        lambda h: h @ C[0],
        lambda h: h @ h.swapaxes(1, 2),
        lambda h: C[:, 0] @ h,
        lambda h: C.T @ h,
    ],
}  # fmt: skip


@pytest.fixture(params=ARRAY_OPS)
def by_arrays(request, any_net):
    """Makes a net that returns everything of one kind, side by side."""

    def forward(net, x, train):
        h = net.a(x).reshape(-1, 3, 4)
        found = [f(h) for f in ARRAY_OPS[request.param]]
        flat = [y.reshape(h.shape[0], int(np.prod(y.shape[1:]))) for y in found]
        return nbdl.concatenate(flat, axis=1).clip(-9, 9)

    return lambda: any_net(forward, a=nn.Linear(12))


def test_every_array_operation_is_compiled(by_arrays, x):
    """The tape, a program with parts in Python, and a compiled function: one dtype, one result."""
    net = nn.init(by_arrays(), x, seed=1)
    eager = net(x)
    with tape.no_grad():
        assert net(x).dtype == eager.dtype == np.float32
    for found in (nbdl.jit_predict(net, x)(x), CompiledPredict(net, x)(x)):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, eager.data, rtol=1e-4, atol=1e-5)


def test_every_array_operation_is_trained_in_a_step(by_arrays, twins, x, labels, shuffled):
    make = lambda: nn.Sequential(by_arrays(), nn.Linear(3))  # noqa: E731
    twins(make, x, labels, lr=0.01).agree(shuffled(3 * 20), 20, within=1e-4)


def test_same_padding(x):
    images = np.random.default_rng(0).normal(size=(5, 2, 7, 6)).astype(np.float32)
    layers = nn.Conv2d(3, (4, 3), padding="same"), nn.ReLU(), nn.MaxPool2d(3, padding="same"), nn.Flatten()
    net = nn.init(nn.Sequential(*layers, nn.Linear(2)), images, seed=1)
    same(nbdl.jit_predict(net, images)(images), net(images).data)
    same(CompiledPredict(net, images)(images), net(images).data)


def test_a_result_keeps_its_memory_while_it_is_needed(any_net, x):
    """Results share scratch memory; h is needed last of all, also through a view of it."""

    def forward(net, x, train):
        h = net.a(x)
        seen = h.reshape(-1, 2, 12)
        g = nn.ReLU()(net.c(nn.ReLU()(net.b(nn.ReLU()(h)))))
        return net.d(nn.Tanh()(seen).reshape(-1, 24) + g + h)

    parts = {name: nn.Linear(24) for name in "abc"}
    net = nn.init(any_net(forward, **parts, d=nn.Linear(3)), x, seed=1)
    f = nbdl.jit_predict(net, x)
    for rows in (x, x[:9], x[5], x[:0]):
        same(f(rows), net(rows).data if rows.ndim == 2 else net(rows[None]).data[0])


def test_the_result_may_be_any_value(any_net, x):
    for forward in (lambda h: h, lambda h: h.reshape(-1, 2, 12), lambda h: h + h, lambda h: h.reshape(-1)):
        net = any_net(lambda net, x, train, forward=forward: forward(nn.ReLU()(net.a(x))), a=nn.Linear(24))
        nn.init(net, x, seed=1)
        if forward(np.empty((2, 24))).shape == (48,):
            with pytest.raises((UsageError, TapeError)):
                nbdl.jit_predict(net, x)
        else:
            same(nbdl.jit_predict(net, x)(x), net(x).data)


def test_float64(x, labels):
    net = nn.init(models.mlp(3, (8,)), x, dtype="float64")
    f = nbdl.jit_predict(net, x)
    np.testing.assert_allclose(f(x.astype(float)), net(x).data, rtol=1e-12)


def test_arrays_of_any_order_and_float(net, x):
    f = nbdl.jit_predict(net, x)
    readonly = x.copy()
    readonly.flags.writeable = False
    for given in (x.astype(float), np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], readonly):
        assert (f(given) == f(x)).all() and f(given).dtype == np.float32
    with pytest.raises(DtypeError, match="predict: `x` must be a float32 or float64 array, got"):
        f(np.ones(8, np.int64))


def test_what_a_kernel_raises_reaches_the_caller(any_net, x, plugin):
    record = nbdl.Kernel("picky", forward=picky, batch="each")
    plugin(kernels=[record])
    net = nn.init(any_net(lambda net, x, train: nbdl.apply("picky", net.a(x)), a=nn.Linear(3)), x, seed=1)
    f = nbdl.jit_predict(net, x)
    same(f(x), net(x).data)
    with pytest.raises(ValueError, match="too large, got"):
        f(1e9 * x)
    assert once(f, x) == 1 and once(f, 1e9 * x) == 0


@nbdl.jit
def picky(x):
    """Doubles; has no `out`, and an error of its own."""
    for v in x.flat:
        if abs(v) > 1e6:
            raise ValueError("too large, got", v)
    return x + x


@njit
def once(f, x):
    try:
        f(x)
    except Exception:
        return 0
    return 1


def test_what_has_no_compiled_form_is_named(any_net, net, x):
    h = nn.init(any_net(lambda net, x, train: net.a(x)[:, [[0, 1]]], a=nn.Linear(3)), x)
    with pytest.raises(UsageError, match=r"`getitem`, in test_function.py:\d+, has no compiled form"):
        nbdl.jit_predict(h, x)
    h = nn.init(any_net(lambda net, x, train: net.a(x) if net.a(x).sum() else x, a=nn.Linear(3)), x)
    with pytest.raises(TapeError, match=r"bool\(\)"):
        nbdl.jit_predict(h, x)
    with pytest.raises(UsageError, match="has no values yet"):
        nbdl.jit_predict(nn.Sequential(nn.Linear(2)), x)
    with pytest.raises(ShapeError, match=r"`x` must be of shape \(N, 8\) or \(8,\), got \(200, 7\)"):
        nbdl.jit_predict(net, x)(np.ascontiguousarray(x[:, :7]))
    with pytest.raises(ShapeError, match=r"`x` must be of shape \(N, 8\) or \(8,\), got \(7,\)"):
        nbdl.jit_predict(net, x)(x[0, :7])


def test_the_operation_of_a_plugin_is_not_taken_for_ours(any_net, x, plugin):
    def twice(a):
        return 2 * np.exp(a)

    grads = {"a": "nbdl.array_ops.elementwise:exp_da"}
    plugin(kernels=[nbdl.Kernel("exp", forward=twice, inputs=("a",), grads=grads, target="numpy")])
    net = nn.init(any_net(lambda net, x, train: net.a(x).exp(), a=nn.Linear(3)), x)
    with nbdl.swap(exp="mine.exp"), pytest.raises(UsageError, match=r"`exp`, in .* has no compiled form"):
        nbdl.jit_predict(net, x)
    with nbdl.swap(exp="mine.exp"):
        np.testing.assert_allclose(CompiledPredict(net, x)(x), net(x).data, rtol=1e-5)


def test_one_function_for_each_net_and_shape(net, x):
    f, with_params = nbdl.jit_predict(net, x), nbdl.jit_predict(net, x, params=True)
    for n in (1, 2, 200):
        assert nbdl.jit_predict(net, x[:n]) is f
        assert nbdl.jit_predict(net, x[:n], params=True)[0] is with_params[0]
    other = nn.init(models.mlp(3, (16,)), x, seed=5)
    g = nbdl.jit_predict(other, x)
    same(g(x), other(x).data)
    same(f(x), net(x).data)
    # nets of one form share what is compiled of them
    assert g is not f and g.kept.things[0] is f.kept.things[0]


def test_a_net_that_was_changed_is_another_net(any_net, x):
    net = nn.init(
        any_net(lambda net, x, train: net.act(net.a(x)) * net.by, a=nn.Linear(3), act=nn.ReLU(), by=1.0), x
    )
    seen = []
    for change in ({}, {"act": nn.Tanh()}, {"by": np.float32([3, 2, 1])}):
        vars(net).update(change)
        seen.append(nbdl.jit_predict(net, x))
        same(seen[-1](x), net(x).data)
    assert len(set(seen)) == 3 and nbdl.jit_predict(net, x) is seen[-1]


def test_the_weights_live_as_long_as_code_that_reads_them(x):
    def made():
        net = nn.init(models.mlp(3, (16,)), x, seed=6)
        homes = [weakref.ref(p.home[0].base) for p in nn.parameters(net)] if nbdl.jit_predict(net, x) else []
        f, truth = nbdl.jit_predict(net, x), net(x).data.copy()
        return njit(lambda x: f(x)), truth, homes

    mine, truth, homes = made()
    same(mine(x), truth)
    gc.collect()
    junk = [np.full(200, np.nan, np.float32) for _ in range(1000)]
    same(mine(x), truth)
    assert all(home() is not None for home in homes) and len(junk) == 1000
    del mine
    gc.collect()
    assert all(home() is None for home in homes)


def test_other_shapes_ask_for_another_function(net, x):
    """As a step does: never an answer with weights that the net had before."""
    f, state = nbdl.jit_predict(net, x), nn.state_dict(net)
    before = f(x)
    nn.init(net, x, dtype="float64")
    for call in (f, lambda x: once_more(f, x)):
        with pytest.raises(UsageError, match="another shape or dtype now: call"):
            call(x)
    g = nbdl.jit_predict(net, x)
    assert g is not f and g(x).dtype == np.float64
    same(g(x), net(x).data)
    nn.init(net, x[:, :5])
    for stale, rows in ((f, x), (g, x), (g, x[:, :5])):
        with pytest.raises((UsageError, ShapeError)):
            stale(np.ascontiguousarray(rows))
    other = nn.init(models.mlp(3, (16,)), x, seed=1)
    f = nbdl.jit_predict(other, x)
    nn.init(other, x, dtype="float64")
    nn.init(other, x)  # back where they were
    nn.load_state_dict(other, state)
    same(f(x), before)


@njit
def once_more(f, x):
    return f(x)


SCRIPT = """
import json, sys
import numpy as np
from numba import njit
import nbdl
from nbdl import models, nn
from nbdl._jit import watch

x = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
net = nn.init(models.mlp(3, (16,)), x, seed=int(sys.argv[1]))
anew = []
with watch(anew.append):
    f = nbdl.jit_predict(net, x)
    f(x)
g, params = nbdl.jit_predict(net, x, params=True)

@njit(cache=True)
def mine(x):
    return f(x).sum(axis=1)

@njit(cache=True)
def with_params(params, x):
    return g(params, x).sum(axis=1)

truth = net(x).data.sum(axis=1)
print(json.dumps([float(abs(mine(x) - truth).max()), float(abs(with_params(params, x) - truth).max()),
                  sum(mine.stats.cache_hits.values()), anew]))
"""


def test_cached_callers_never_give_old_answers(tmp_path):
    """The user's code is cached by Numba; the net in the next process is another one, at another address."""
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for seed in (1, 2, 3):
        run = subprocess.run(
            [sys.executable, "-W", "ignore", script, str(seed)],
            capture_output=True, text=True, timeout=1800, env=environment,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        by_address, by_params, hits, anew = json.loads(run.stdout)
        assert by_address < 1e-5 and by_params < 1e-5
        assert hits == 0  # an address is never cached
        assert seed == 1 or not anew  # but the net itself is


@pytest.mark.parametrize("samples", [slice(None), 0], ids=["a minibatch", "one sample"])
def test_truth_values_are_taken_by_a_net_that_takes_them(x, samples):
    """In Python and in compiled code; a net of floats alone says what it takes."""
    mask = x > 0

    class Masked:
        def __init__(self):
            self.dense = nn.Linear(x.shape[1])

        def __call__(self, x, mask, train=None):
            return nbdl.where(mask, self.dense(x), 0.0)

    net = nn.init(Masked(), {"x": x, "mask": mask}, seed=1)
    predict = nbdl.jit_predict(net, {"x": x, "mask": mask})
    given, want = (x[samples], mask[samples]), net(x, mask).data[samples]
    for run in (predict, njit(lambda x, mask: predict(x, mask))):
        same(run(*given), want)
    plain = nbdl.jit_predict(nn.init(nn.Sequential(nn.Linear(2)), x, seed=1), x)
    with pytest.raises(DtypeError, match=r"`x` must be a float32 or float64 array, got a \d-D bool"):
        plain(mask[samples])


def test_a_sample_that_is_a_number(x):
    class Scaled:
        def __init__(self):
            self.dense = nn.Linear(2)

        def __call__(self, x, lengths, scale, train=None):
            return self.dense(x) * lengths.reshape(-1, 1) * scale.reshape(-1, 1)

    lengths, scale = np.arange(len(x)), np.linspace(1, 2, len(x), dtype=np.float32)
    net = nn.init(Scaled(), {"x": x, "lengths": lengths, "scale": scale}, seed=1)
    predict = nbdl.jit_predict(net, {"x": x, "lengths": lengths, "scale": scale})
    want = net(x, lengths, scale).data[3]
    for run in (predict, njit(lambda x, n, s: predict(x, n, s))):
        same(run(x[3], lengths[3], scale[3]), want)
        same(run(x[3], 3, float(scale[3])), want)
    same(predict(x[3], np.asarray(3), np.asarray(scale[3])), want)
    with pytest.raises(DtypeError, match="`lengths` must be an array of integers, got a 0-D float64 array"):
        predict(x[3], 3.0, scale[3])
