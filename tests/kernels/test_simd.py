"""Vectors, their functions and transpositions against NumPy: at random, at the edges, on every width."""

import os
import platform
import re
import subprocess
import sys

import numba
import numpy as np
import pytest
from numba.core import config

from nbdl._jit import jit
from nbdl.kernels.simd.emit import LANES
from nbdl.kernels.simd.registers import (
    count,
    first,
    fma,
    hmax,
    hsum,
    larger,
    load,
    load_part,
    maximum,
    pointer,
    smaller,
    some,
    splat,
    sqrt,
    store,
    store_part,
    where,
)
from nbdl.kernels.simd.transpose import gather, gather_part, transpose, transpose_part
from nbdl.kernels.simd.vector_math import erf, erfc, erfcx, exp, expm1, log, log1p, sigmoid, tanh
from nbdl.testing._guard import Guarded, available, in_child

DTYPES = np.float32, np.float64
EDGES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e30, -1e30, 1e-30, 3.0, 0.5]


def edges(dtype):
    limits = np.finfo(dtype)
    smallest = [limits.max, limits.tiny, limits.smallest_subnormal]
    return np.array(EDGES + smallest + [-s for s in smallest], dtype)


def lanes(dtype):
    return LANES[np.dtype(dtype).name]


# --- arithmetic -------------------------------------------------------------------------------------------


@jit
def arithmetic(a, b, out, L):
    n = a.size
    p, q, r = pointer(a), pointer(b), pointer(out)
    for i in range(0, n, L):
        x, y = load(p, i), load(q, i)
        store(r, i, x + y)
        store(r, i + n, x - y)
        store(r, i + 2 * n, x * y)
        store(r, i + 3 * n, x / y)
        store(r, i + 4 * n, -abs(x))
        store(r, i + 5 * n, sqrt(x))
        store(r, i + 6 * n, fma(x, y, 0.5))
        store(r, i + 7 * n, 2.0 * x - 1)
        store(r, i + 8 * n, splat(a[i]))


@jit
def larger_ones(a, bound):
    mask = load(pointer(a), 0) > bound
    return some(mask), count(mask), first(mask), count(~mask)


@jit
def choices(a, b, out, L):
    n = a.size
    p, q, r = pointer(a), pointer(b), pointer(out)
    for i in range(0, n, L):
        x, y = load(p, i), load(q, i)
        store(r, i, larger(x, y))
        store(r, i + n, smaller(x, y))
        store(r, i + 2 * n, maximum(x, y))
        store(r, i + 3 * n, where(x < y, x, 2.0))
        store(r, i + 4 * n, where(x <= y, 3.0, y))
        store(r, i + 5 * n, where(x > 0.0, x, y))
        store(r, i + 6 * n, where(x >= y, x, y))
        store(r, i + 7 * n, where((x == y) | (y == 1.0), x, -x))
        store(r, i + 8 * n, where((x != y) & (y < 1.0), 4.0, y))
        out[9, i], out[9, i + 1] = hsum(larger(0.0, smaller(1.0, x))), hmax(x)


def pairs(dtype):
    """All pairs of edges and some random ones, to fill whole vectors."""
    e, rng = edges(dtype), np.random.default_rng(0)
    a = np.concatenate([np.repeat(e, e.size), rng.normal(size=700)])
    b = np.concatenate([np.tile(e, e.size), rng.normal(size=700)])
    return a[:1024].astype(dtype), b[:1024].astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_arithmetic(dtype):
    a, b = pairs(dtype)
    L, out = lanes(dtype), np.zeros((9, a.size), dtype)
    with np.errstate(all="ignore"):
        arithmetic(a, b, out, L)
        want = [a + b, a - b, a * b, a / b, -abs(a), np.sqrt(a), a * b + dtype(0.5), 2 * a - 1]
    for row, (got, truth) in enumerate(zip(out, want)):
        if row in (6, 7):  # may be fused
            np.testing.assert_allclose(got, truth, rtol=8 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)
        else:
            np.testing.assert_array_equal(got, truth, err_msg=f"row {row}")
    np.testing.assert_array_equal(out[8], np.repeat(a[::L], L))


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_how_many_lanes_a_mask_holds_and_the_first_one(dtype):
    for lane in range(lanes(dtype)):
        a = np.where(np.arange(lanes(dtype)) == lane, 1, np.nan).astype(dtype)
        assert larger_ones(a, 0.0) == (True, 1, lane, a.size - 1)
        assert larger_ones(a, 1.0) == (False, 0, a.size, a.size)
    assert larger_ones(np.ones_like(a), 0.0) == (True, a.size, 0, 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_choices(dtype):
    """Which of two is taken, where one is NaN above all."""
    a, b = pairs(dtype)
    L, out = lanes(dtype), np.zeros((10, a.size), dtype)
    with np.errstate(all="ignore"):
        choices(a, b, out, L)
        want = [
            np.where(a > b, a, b),
            np.where(a < b, a, b),
            np.maximum(a, b),
            np.where(a < b, a, 2),
            np.where(a <= b, 3, b),
            np.where(a > 0, a, b),
            np.where(a >= b, a, b),
            np.where((a == b) | (b == 1), a, -a),
            np.where((a != b) & (b < 1), 4, b),
        ]
        sums = np.where(a < 0, 0, np.where(a < 1, a, np.where(a >= 1, 1, a))).reshape(-1, L).sum(1)
    for row, truth in enumerate(want):
        np.testing.assert_array_equal(out[row], truth, err_msg=f"row {row}")
    np.testing.assert_allclose(out[9, ::L], sums, rtol=1e-6)
    np.testing.assert_array_equal(out[9, 1::L], a.reshape(-1, L).max(1))


# --- memory -----------------------------------------------------------------------------------------------


@jit
def copy_part(x, y, n):
    store_part(pointer(y), 0, load_part(pointer(x), 0, n) + 1.0, n)


@jit
def copy_rest(x, y, L):
    """Reads what there is of a vector, and writes all of it."""
    store(pointer(y) + 1, 0, load_part(pointer(x) + 1, -1, x.size))


@jit
def turn(x, rows, columns, y):
    transpose_part(pointer(x), x.shape[1], pointer(y), y.shape[1], rows, columns)


@jit
def turn_whole(x, y):
    transpose(pointer(x), x.shape[1], pointer(y), y.shape[1])


@jit
def pick(x, index, columns, y):
    gather_part(pointer(x), pointer(index), x.shape[1], pointer(y), y.shape[1], columns)


@jit
def pick_whole(x, index, y):
    gather(pointer(x) + 1, pointer(index) + 1, x.shape[1], pointer(y), y.shape[1])


def guarded(at, *arrays):
    """Each array beside a page that nobody may touch."""
    return [Guarded(a, at) for a in arrays]


def in_guards(work, *arguments):
    """Run ``work(at, *arguments)`` in a child: `at` the end or start of what may be touched."""
    for at in ("end", "start") if available else ():
        fault, _ = in_child(lambda say, at=at: work(at, *arguments))
        assert fault == ""


@pytest.mark.parametrize("dtype", DTYPES)
def test_parts_touch_nothing_else(dtype):
    L = lanes(dtype)

    def work(at):
        for n in range(-1, L + 2):
            count = min(max(n, 0), L)
            x, y = guarded(at, np.arange(1, count + 1, dtype=dtype), np.zeros(count, dtype))
            copy_part(x.array, y.array, n)
            np.testing.assert_array_equal(y.array, x.array + 1)
            assert x.intact() and y.intact()

    copy_part(np.zeros(L, dtype), np.zeros(L, dtype), L)  # compiled here, not in the child
    in_guards(work)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_part_is_followed_by_zeros(dtype):
    L = lanes(dtype)
    for n in range(1, L + 1):
        y = np.full(L + 1, 7, dtype)
        copy_rest(np.arange(1, n + 1, dtype=dtype), y, L)
        np.testing.assert_array_equal(y, [7, *range(1, n + 1), *[0] * (L - n)])


@pytest.mark.parametrize("dtype", DTYPES)
def test_transpose(dtype):
    L, rng = lanes(dtype), np.random.default_rng(1)
    x, y = rng.normal(size=(L, L + 3)).astype(dtype), np.zeros((L, L + 1), dtype)
    turn_whole(x, y)
    np.testing.assert_array_equal(y[:, :L], x[:, :L].T)
    assert not y[:, L].any()

    def work(at, rows, columns):
        source = x[:rows, :columns].copy()
        a, b = guarded(at, source, np.zeros((columns, rows), dtype))
        turn(a.array, rows, columns, b.array)
        np.testing.assert_array_equal(b.array, source.T)
        assert a.intact() and b.intact()

    turn(x, L + 1, L + 1, y)
    for rows in {1, 2, L // 2 + 1, L - 1, L}:
        in_guards(lambda at, r=rows: [work(at, r, c) for c in range(1, L + 1)])


@pytest.mark.parametrize("dtype", DTYPES)
def test_gather(dtype):
    L, rng = lanes(dtype), np.random.default_rng(2)
    x, index = rng.normal(size=(9, L + 2)).astype(dtype), rng.integers(0, 9, L + 1)
    index[1:3] = 0, 8
    y = np.zeros((L, L), dtype)
    pick_whole(x, index, y)
    np.testing.assert_array_equal(y, x[index[1:], 1 : L + 1].T)

    def work(at):
        for columns in range(1, L + 1):
            source = x[:, :columns].copy()
            a, b, i = guarded(at, source, np.zeros((columns, L), dtype), index[1:])
            pick(a.array, i.array, columns, b.array)
            np.testing.assert_array_equal(b.array, source[index[1:]].T)
            assert a.intact() and b.intact()

    pick(x, index, L, y)
    in_guards(work)


# --- exp, log, sigmoid, tanh, expm1, log1p ----------------------------------------------------------------


@jit
def functions(x, y, L):
    n = x.size
    p, q = pointer(x), pointer(y)
    for i in range(0, n, L):
        v = load_part(p, i, n - i)
        store_part(q, i, exp(v), n - i)
        store_part(q, i + n, log(v), n - i)
        store_part(q, i + 2 * n, sigmoid(v), n - i)
        store_part(q, i + 3 * n, tanh(v), n - i)


@jit
def functions_near_0(x, y, L):
    """Not beside those that they have steps in common with: whether a step is fused would depend on both."""
    n = x.size
    p, q = pointer(x), pointer(y)
    for i in range(0, n, L):
        store_part(q, i + 4 * n, expm1(load_part(p, i, n - i)), n - i)
        store_part(q, i + 5 * n, log1p(load_part(p, i, n - i)), n - i)


@jit
def of_numbers_near_0(x, y):
    for i in range(x.size):
        y[4, i], y[5, i] = expm1(x[i]), log1p(x[i])


@jit
def of_numbers(x, y):
    for i in range(x.size):
        y[0, i], y[1, i], y[2, i], y[3, i] = exp(x[i]), log(x[i]), sigmoid(x[i]), tanh(x[i])


NAMES = "exp", "log", "sigmoid", "tanh", "expm1", "log1p"
BOUNDS = dict(zip(NAMES, (3.5, 1, 4, 3.5, 3.5, 1.5)))  # in units in the last place


def truth(name, x):
    with np.errstate(all="ignore"):
        x = x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)
        return 1 / (1 + np.exp(-x)) if name == "sigmoid" else getattr(np, name)(x)


def samples(dtype):
    """Where the functions do something; every exponent; and the ends."""
    rng, n = np.random.default_rng(3), 3000
    end = 1.2 * np.log(float(np.finfo(dtype).max))
    integer = np.dtype(f"i{np.dtype(dtype).itemsize}")
    bits = rng.integers(np.iinfo(integer).min, np.iinfo(integer).max, n, integer)
    small = np.exp(rng.uniform(-20, 1, n)) * rng.choice([-1, 1], n)
    parts = rng.uniform(-end, end, n), 4 * rng.normal(size=n), rng.uniform(0.5, 2, n), small
    return np.concatenate([*(p.astype(dtype) for p in parts), bits.view(dtype), edges(dtype)])


@pytest.fixture(scope="module", params=DTYPES, ids=["float32", "float64"])
def computed(request):
    x = samples(request.param)
    y = np.zeros((6, x.size), x.dtype)
    functions(x, y, lanes(x.dtype))
    functions_near_0(x, y, lanes(x.dtype))
    return x, dict(zip(NAMES, y))


@pytest.mark.parametrize("name", NAMES)
def test_error_over_the_whole_range(computed, name):
    x, y = computed[0], computed[1][name]
    if x.dtype == np.float64 and np.finfo(np.longdouble).nmant < 60:
        pytest.skip("no wider float here to compare with")
    limits, want = np.finfo(x.dtype), truth(name, x)
    if name == "sigmoid":  # 0 where exp(-x) is infinite
        want = np.where(want * limits.max < 1, 0, want)
        y = np.where(y * limits.max < 1, 0, y)
    with np.errstate(all="ignore"):
        rounded = want.astype(x.dtype)
        ulp = np.spacing(np.maximum(abs(rounded), limits.tiny))
        close = abs(y - want) <= BOUNDS[name] * ulp
    close |= (y == rounded) | (np.isnan(y) & np.isnan(rounded))
    assert close.all(), (x[~close][:5], y[~close][:5], want[~close][:5])


@pytest.mark.parametrize("dtype", DTYPES)
def test_ends(dtype):
    nan, inf, big = np.nan, np.inf, np.finfo(dtype).max
    least = np.finfo(dtype).smallest_subnormal
    x = np.array([nan, inf, -inf, big, -big, 1e30, -1e30, 0, -0.0, least, -least], dtype)
    y = np.zeros((6, x.size), dtype)
    functions(x, y, lanes(dtype))
    functions_near_0(x, y, lanes(dtype))
    np.testing.assert_array_equal(y[0], [nan, inf, 0, inf, 0, inf, 0, 1, 1, 1, 1])
    np.testing.assert_allclose(y[1, 3], np.log(float(big)), rtol=1e-6)
    np.testing.assert_array_equal(y[1, [0, 1, 2, 4, 6, 7, 8, 10]], [nan, inf, nan, nan, nan, -inf, -inf, nan])
    np.testing.assert_allclose(y[1, 9], np.log(least, dtype=np.longdouble), rtol=1e-6)
    np.testing.assert_array_equal(y[2], [nan, 1, 0, 1, 0, 1, 0, 0.5, 0.5, 0.5, 0.5])
    np.testing.assert_array_equal(y[3], [nan, 1, -1, 1, -1, 1, -1, 0, 0, least, -least])
    np.testing.assert_array_equal(y[4, :9], [nan, inf, -1, inf, -1, inf, -1, 0, 0])
    np.testing.assert_array_equal(y[5, [0, 1, 2, 4, 6]], [nan, inf, nan, nan, nan])
    np.testing.assert_array_equal(y[5, 7:], [0, 0, least, -least])


def test_a_number_gets_the_bits_of_a_lane(computed):
    x, y = computed
    z = np.zeros((6, x.size), x.dtype)
    of_numbers(x, z)
    of_numbers_near_0(x, z)
    np.testing.assert_array_equal(z, list(y.values()))


# --- the machine ------------------------------------------------------------------------------------------


@pytest.mark.skipif(config.DISABLE_JIT or platform.machine() != "x86_64", reason="needs x86 code to look at")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_code_is_what_it_should_be(dtype):
    """Whole registers, one instruction for `larger`, no call of the C library."""
    x, y = np.ones(64, dtype), np.ones((9, 64), dtype)
    compiled = numba.njit(functions.py_func)
    compiled(x, y[:4], lanes(dtype))
    chosen = numba.njit(lambda x, L: store(pointer(x), 0, larger(0.0, load(pointer(x), L))))
    chosen(x, lanes(dtype))
    (code,), (choice,) = (f.inspect_asm().values() for f in (compiled, chosen))
    width = np.dtype(dtype).itemsize * lanes(dtype)
    register, suffix = {16: "xmm", 32: "ymm", 64: "zmm"}[width], "ps" if dtype == np.float32 else "pd"
    assert code.count(register) > 100
    assert re.search(rf"max{suffix}\t.*%{register}", choice)
    assert not re.search(r"\b(fmaf?|expf?|logf?|tanhf?)\b", code)


MACHINES = {  # lanes of float32, and what makes Numba take this machine for another
    "without the JIT": (LANES["float32"], {"NUMBA_DISABLE_JIT": "1"}),
    "AVX2": (8, {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi2,+popcnt"}),
    "SSE2": (4, {"NUMBA_CPU_NAME": "generic"}),
}
ELSEWHERE = """
import sys, pytest
from nbdl.kernels.simd.emit import LANES
assert LANES["float32"] == int(sys.argv[2])
sys.exit(pytest.main(["-q", "-n0", "-p", "no:cacheprovider", "-k", "not elsewhere", sys.argv[1]]))
"""


@pytest.mark.parametrize("machine", MACHINES)
def test_all_of_this_elsewhere(machine):
    if machine != "without the JIT" and platform.machine() != "x86_64":
        pytest.skip("needs an x86 processor")
    count, setting = MACHINES[machine]
    command = [sys.executable, "-c", ELSEWHERE, __file__, str(count)]
    run = subprocess.run(command, env=os.environ | setting, capture_output=True, text=True, timeout=1800)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]


# --- erf, erfc and erfcx ----------------------------------------------------------------------------------


@jit
def errors(x, y, z, w, L):
    p, q, r, s = pointer(x), pointer(y), pointer(z), pointer(w)
    for i in range(0, x.size, L):
        n = x.size - i
        store_part(q, i, erf(load_part(p, i, n)), n)
        store_part(r, i, erfc(load_part(p, i, n)), n)
        store_part(s, i, erfcx(abs(load_part(p, i, n))), n)


@pytest.mark.parametrize("dtype", DTYPES)
def test_error_functions_against_scipy(dtype):
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(5)
    near, small = rng.uniform(0.9, 1.1, 500), 10.0 ** -np.arange(30)
    parts = rng.normal(size=4000), rng.uniform(-26, 26, 8000), near, small  # SciPy has 0 from 26.6 on
    x = np.concatenate(parts).astype(dtype)
    y, z, w = (np.zeros_like(x) for _ in range(3))
    errors(x, y, z, w, lanes(dtype))
    wide, limits = x.astype(np.float64), np.finfo(dtype)
    scaled = special.erfcx(abs(wide))
    inside = np.where(abs(wide) < (10 if dtype == np.float32 else 26), 8.0, np.inf)  # where erfc is not 0 yet
    wanted = (y, special.erf(wide), 3.0), (z, special.erfc(wide), 12 + 2 * wide**2), (w, scaled, inside)
    for got, want, bound in wanted:
        ulp = np.spacing(np.maximum(abs(want), limits.tiny).astype(dtype)).astype(np.float64)
        off = abs(got.astype(np.float64) - want) / ulp
        assert (off <= bound).all(), (x[off > bound][:5], off[off > bound][:5])
    ends = np.array([-np.inf, np.inf, np.nan, -30, 30, 0.0], dtype)
    errors(ends, y[:6], z[:6], w[:6], lanes(dtype))
    np.testing.assert_array_equal(y[:6], [-1, 1, np.nan, -1, 1, 0])
    np.testing.assert_array_equal(z[:6], [2, 0, np.nan, 2, 0, 1])
    np.testing.assert_array_equal(w[[0, 1, 2]], [0, 0, np.nan])
