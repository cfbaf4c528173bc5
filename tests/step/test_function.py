"""`jit_predict`: a net inside the user's own compiled code, always with the weights that it has now."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit, prange

import nbdl
from nbdl import models, nn
from nbdl.errors import DtypeError, ShapeError, TapeError, UsageError


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
    h = nn.init(any_net(lambda net, x, train: net.a(x)[:, :2], a=nn.Linear(3)), x)
    with pytest.raises(UsageError, match=r"`getitem`, in test_function.py:\d+, has no compiled form"):
        nbdl.jit_predict(h, x)
    h = nn.init(any_net(lambda net, x, train: net.a(x) if net.a(x).sum() else x, a=nn.Linear(3)), x)
    with pytest.raises(TapeError, match=r"bool\(\)"):
        nbdl.jit_predict(h, x)
    with pytest.raises(UsageError, match="has no values yet"):
        nbdl.jit_predict(nn.Sequential(nn.Linear(2)), x)
    with pytest.raises(ShapeError, match=r"`x` must be of shape \(N, \*\(8,\)\), got \(200, 7\)"):
        nbdl.jit_predict(net, x)(np.ascontiguousarray(x[:, :7]))
    with pytest.raises(ShapeError, match=r"`x` must be of shape \(N, \*\(8,\)\), got \(7,\)"):
        nbdl.jit_predict(net, x)(x[0, :7])


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
