"""The door of every kernel: the same rules and the same errors in Python and in compiled code."""

import contextlib

import numba
import numpy as np
import pytest
from numba import njit

from nbdl import jit
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError
from nbdl.kernels import adam_update, conv2d, linear, linear_shape, max_pool2d, softmax
from nbdl.kernels.door.inputs import ANY, AT_LEAST_2, as_float, as_labels, as_like, as_optional
from nbdl.kernels.door.options import integer, pair, shape4, sides
from nbdl.kernels.door.results import as_grad, as_out, as_state
from nbdl.kernels.door.views import rows as as_rows

needs_jit = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled")

X = np.arange(6.0).reshape(2, 3)


def take(a):
    return as_float("f: `a` (N, D)", a, 2)


def take_any(a):
    return as_float("f: `a`", a, ANY)


def take_two_or_more(a):
    return as_float("f: `a`", a, AT_LEAST_2)


def rows(a):
    return as_rows(a)


def like(a, x):
    return as_like("f: `a` (N, D)", a, 2, x)


def optional(a, x):
    return as_optional("f: `a` (N, D)", a, 2, x)


def labels(a):
    return as_labels("f: `a` (N,)", a, 1)


def out(a, x):
    return as_out("f: `a`", a, x.shape, x)


def grad(a, x):
    return as_grad("f: `a`", a, x.shape, x)


def state(a, x):
    return as_state("f: `a`", a, x)


def two(v):
    return pair("f: `v`", v)


def four(v):
    return sides("f: `v`", v)


def one(v):
    return integer("f: `v`", v)


def shape(v):
    return shape4("f: `v`", v)


def both(f):
    """The function as it is, and compiled."""
    return [f] if numba.config.DISABLE_JIT else [f, jit(f)]


OPTIONS = one, two, four, shape
FUNCTIONS = {
    f: both(f) for f in (take, take_any, take_two_or_more, like, optional, labels, out, grad, state, *OPTIONS)
}


def readonly(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "C": X,
    "fortran": np.asfortranarray(X),
    "strided": np.repeat(np.repeat(X, 2, 0), 2, 1)[::2, ::2],
    "reversed": X[::-1, ::-1].copy()[::-1, ::-1],
    "readonly": readonly(X),
    "float32": X.astype(np.float32),
    "empty": np.zeros((0, 3)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_inputs_become_c_contiguous_and_keep_their_values(layout):
    a = LAYOUTS[layout]
    for f in FUNCTIONS[take]:
        got = f(a)
        assert got.flags.c_contiguous and got.dtype == a.dtype
        np.testing.assert_array_equal(got, a)
        assert np.shares_memory(got, a) or layout not in ("C", "readonly", "float32")


def test_any_number_of_dimensions():
    for f in FUNCTIONS[take_any]:
        for shape in ((), (2,), (1, 2, 1)):
            assert f(np.ones(shape)).shape == shape


def test_so_many_dimensions_and_more():
    for f in FUNCTIONS[take_two_or_more]:
        for shape in ((2, 3), (1, 2, 0), (1, 2, 1, 2)):
            assert f(np.ones(shape)).shape == shape
        for wrong in ((), (3,)):
            with pytest.raises(ShapeError, match=f"`a` must have at least 2 dimensions, got {len(wrong)}"):
                f(np.ones(wrong))


@pytest.mark.parametrize(
    "shape", [(4, 3), (2, 3, 4), (2, 0, 3), (2, 3, 0), (0, 2), (5,), (1, 2, 3, 4)], ids=str
)
def test_rows_are_the_same_memory(shape):
    a = np.arange(np.prod(shape, dtype=int), dtype=np.float64).reshape(shape)
    got = jit(rows)(a)
    assert got.shape == (int(np.prod(shape[:-1])), shape[-1]) and np.shares_memory(got, a) == bool(a.size)
    np.testing.assert_array_equal(got.reshape(shape), a)


def test_optional_arrays():
    for f in FUNCTIONS[optional]:
        none = f(None, X)
        assert none.shape == (0, 0) and none.dtype == X.dtype
        np.testing.assert_array_equal(f(X, X), X)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.uint64])
def test_labels_of_any_integer_type_become_int64(dtype):
    a = np.array([[3, 1], [2, 0]], dtype)[:, 0]
    for f in FUNCTIONS[labels]:
        got = f(a)
        assert got.dtype == np.int64 and got.tolist() == [3, 2] and got.flags.c_contiguous


def test_out_is_used_as_it_is_or_made():
    for f in FUNCTIONS[out]:
        a = np.empty_like(X)
        assert f(a, X).ctypes.data == a.ctypes.data
        new = f(None, X.astype(np.float32))
        assert new.shape == X.shape and new.dtype == np.float32
    for f in FUNCTIONS[grad]:
        assert (f(None, X) == 0).all() and f(X, X).ctypes.data == X.ctypes.data
    for f in FUNCTIONS[state]:
        a = X.copy()
        flat = f(a, X)
        flat[0] = 7
        assert flat.shape == (6,) and a[0, 0] == 7


def test_a_slice_that_happens_to_be_contiguous_may_be_written_to():
    a = np.zeros((4, 1))[:, :1]
    for f in FUNCTIONS[out]:
        assert f(a, np.ones((4, 1))).ctypes.data == a.ctypes.data


def test_options():
    for f in FUNCTIONS[one]:
        assert [f(-3), f(np.uint8(2)), f(2**63 - 1), f(np.uint64(5))] == [-3, 2, 2**63 - 1, 5]
    for f in FUNCTIONS[shape]:
        assert [f((1, 2, 3, 4)), f((np.int32(0), 2**40, 1, 1))] == [(1, 2, 3, 4), (0, 2**40, 1, 1)]
    for f in FUNCTIONS[two]:
        assert [f(3), f((1, 2)), f(np.int32(2))] == [(3, 3), (1, 2), (2, 2)]
    for f in FUNCTIONS[four]:
        assert [f(1), f((1, 2)), f((1, 2, 3, 4))] == [(1, 1, 1, 1), (1, 1, 2, 2), (1, 2, 3, 4)]


_ORDER = "must be a writable, C-contiguous array"
BAD = {
    "integers": (take, (np.ones((2, 3), np.int64),), DtypeError, "must be a float32 or float64 array"),
    "number": (take, (1.0,), DtypeError, "must be a float32 or float64 array"),
    "none": (take, (None,), DtypeError, "must be a float32 or float64 array, got None"),
    "vector": (take, (np.ones(3),), ShapeError, "must have 2 dimensions, got 1"),
    "other dtype": (like, (X.astype(np.float32), X), DtypeError, "must have dtype float64, like the first"),
    "other rank": (like, (X[0], X), ShapeError, "must have 2 dimensions, got 1"),
    "optional dtype": (optional, (X.astype(np.float32), X), DtypeError, "must have dtype float64"),
    "float labels": (labels, (X[0],), DtypeError, "must be an array of integers"),
    "bool labels": (labels, (X[0] > 0,), DtypeError, "must be an array of integers"),
    "label rank": (labels, (np.ones((2, 2), np.int64),), ShapeError, "must have 1 dimensions, got 2"),
    "out shape": (out, (np.ones((3, 2)), X), ShapeError, "must have shape (2, 3), got (3, 2)"),
    "out dtype": (out, (X.astype(np.float32), X), DtypeError, _ORDER),
    "out order": (out, (np.asfortranarray(X), X), DtypeError, _ORDER),
    "out strided": (out, (np.ones((4, 6))[::2, ::2], X), DtypeError, _ORDER),
    "out readonly": (out, (readonly(X), X), DtypeError, _ORDER),
    "out tuple": (out, ((1.0, 2.0), X), DtypeError, _ORDER),
    "grad shape": (grad, (np.ones((2, 4)), X), ShapeError, "must have shape (2, 3), got (2, 4)"),
    "no state": (state, (None, X), DtypeError, _ORDER + " of dtype float64, got None"),
    "float option": (two, (1.5,), DtypeError, "must be an integer or a tuple of 2 integers"),
    "three": (two, ((1, 2, 3),), DtypeError, "must be an integer or a tuple of 2 integers"),
    "bool option": (two, (True,), DtypeError, "must be an integer or a tuple of 2 integers"),
    "large label": (labels, (np.array([1, 2**63], np.uint64),), LabelError, "got 9223372036854775808"),
    "fraction": (one, (1.7,), DtypeError, "must be an integer, got"),
    "bool": (one, (True,), DtypeError, "must be an integer, got"),
    "64 bits": (one, (np.uint64(2**63),), OptionError, "must be from -2^63 to 2^63 - 1, got 92"),
    "pair of fractions": (two, ((1, 2.5),), DtypeError, "must be an integer or a tuple of 2 integers"),
    "64 bits of two": (two, ((1, np.uint64(2**63)),), OptionError, "must be from -2^63 to 2^63 - 1, got 92"),
    "float sides": (four, ((1.0, 2, 3, 4),), DtypeError, "must be an integer or a tuple of 2 or 4 integers"),
    "fraction of sides": (four, (0.5,), DtypeError, "must be an integer or a tuple of 2 or 4 integers"),
    "shape of 3": (shape, ((1, 2, 3),), ShapeError, "must have 4 sizes, got 3"),
    "shape of floats": (shape, ((1, 2, 3, 4.0),), DtypeError, "must be a tuple of 4 integers"),
    "number as shape": (shape, (4,), DtypeError, "must be a tuple of 4 integers"),
    "negative shape": (shape, ((1, 2, -3, 4),), ShapeError, "negative size, got (1, 2, -3, 4)"),
    "endless shape": (shape, ((2**31, 0, 2**31, 1),), ShapeError, "more elements than an array can hold"),
    "three sides": (four, ((1, 2, 3),), DtypeError, "must be an integer or a tuple of 2 or 4 integers"),
}  # fmt: skip


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_jit)], ids=["python", "compiled"])
@pytest.mark.parametrize("name", BAD)
def test_errors_name_the_argument_the_rule_and_the_value(name, compiled):
    function, arguments, error, message = BAD[name]
    with pytest.raises(error) as caught:
        FUNCTIONS[function][compiled](*arguments)
    argument = "f: `v`" if function in OPTIONS else "f: `a`"
    assert str(caught.value).startswith(argument) and message in str(caught.value)


@needs_jit
def test_a_wrong_type_in_compiled_code_is_one_clean_error_at_run_time():
    """Not Numba's page of typing errors: the caller compiles, and may never come to the call."""

    @njit
    def caller(x, wanted):
        return take_compiled(x).size if wanted else -1

    take_compiled = FUNCTIONS[take][1]
    assert caller(np.ones((2, 3), np.int64), False) == -1
    with pytest.raises(DtypeError, match="f: `a`"):
        caller(np.ones((2, 3), np.int64), True)


@needs_jit
def test_exceptions_inside_prange_do_not_arrive_so_that_checks_come_first():
    """What is raised there is lost, or comes out as a SystemError that says nothing."""

    @njit(parallel=True)
    def unchecked(x, w, y):
        for i in numba.prange(2):
            y[i] = linear(x, w)[0, 0]

    x, w, y = np.ones((2, 3)), np.ones((4, 2)), np.zeros(2)
    with contextlib.suppress(SystemError):
        unchecked(x, w, y)
    with pytest.raises(ShapeError, match="linear: `w` must have as many rows"):
        linear_shape(x.shape, w.shape)
    unchecked(x, w[:3], y)
    np.testing.assert_array_equal(y, [3, 3])


@needs_jit
@pytest.mark.parametrize(
    ("kernel", "name", "given"),
    [
        (max_pool2d, "kernel", lambda v: (np.ones((1, 1, 4, 4)), v)),
        (conv2d, "stride", lambda v: (np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2)), None, (1, v))),
        (softmax, "axis", lambda v: (X, v)),
        (linear_shape, "x_shape", lambda v: ((v, 1), (1, 1))),
        (adam_update, "step", lambda v: (X.copy(), X, X.copy(), X.copy(), 0.1, v)),
    ],
)
@pytest.mark.parametrize("value", [2**64, 2**70, -(2**63) - 1])
def test_integers_beyond_64_bits_are_an_option_error_in_every_place(kernel, name, given, value):
    with pytest.raises(OptionError, match=rf": `{name}` must be from -2\^63 to 2\^63 - 1, got {value}$"):
        jit(kernel.py_func)(*given(value))


@needs_jit
def test_an_array_or_none_of_the_run_is_refused_in_words():
    @njit
    def either(x, w, b, given):
        c = b if given else None
        return linear(x, w, c)

    with pytest.raises(DtypeError, match="array or None, which only the run decides: call the kernel in"):
        either(np.ones((2, 3)), np.ones((3, 2)), np.ones(2), True)
