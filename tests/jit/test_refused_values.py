"""What compiled code cannot take from Python is one error that says what to do."""

import numba
import numpy as np
import pytest

import nbdl
from nbdl import jit, kernels
from nbdl.errors import DtypeError
from nbdl.testing import _guard

pytestmark = [
    pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled"),
    pytest.mark.skipif(not _guard.available, reason="this system cannot fork"),
]


ONES = np.ones((2, 3), np.float32)


def total(x):
    return x.sum()


class Foreign:
    """The like of a tensor of another library."""

    def detach(self):
        return self

    numpy = detach


FOREIGN = {
    "Tensor": (lambda: nbdl.tensor(ONES), r"a Tensor, .*: give its array, {}\.data"),
    "Parameter": (lambda: nbdl.nn.Parameter("zeros"), r"a Tensor, .*: give its array, {}\.data"),
    "torch": (Foreign, r"a .*Foreign, .*: give its array, {}\.detach\(\)\.numpy\(\)"),
    "lists": (lambda: ONES.tolist(), r"a list, .*: give a tuple, or np\.asarray\({}\)"),
    "mixed tuple": (lambda: (1, object()), r"a tuple, .*: give np\.asarray\({}\)"),
    "range": (lambda: range(3), r"a range, .*: give np\.asarray\({}\)"),
    "byte order": (
        lambda: ONES.astype(ONES.dtype.newbyteorder("S")),
        r"an array of float32 in the byte order of other machines, .*{}\.astype\(np\.float32\)",
    ),
    "float16": (lambda: ONES.astype("float16"), r"an array of float16, .*{}\.astype\(np\.float32\)"),
    "object": (lambda: ONES.astype(object), r"an array of object, .*{}\.astype\(np\.float64\)"),
    "dict": (lambda: {1: 2.0}, r"a dict, .*: give numbers or an array of numbers"),
    "function": (lambda: len, r"a builtin_function_or_method, .*: give numbers or an array of numbers"),
}


if np.dtype(np.longdouble).itemsize > 8:
    FOREIGN["longdouble"] = lambda: ONES.astype(np.longdouble), r"an array of .*{}\.astype\(np\.float64\)"


@pytest.mark.parametrize(("make", "words"), FOREIGN.values(), ids=FOREIGN)
def test_what_compiled_code_cannot_hold_is_one_error_that_says_what_to_do(make, words):
    calls = {
        ("relu", "x"): lambda a: kernels.relu(a),
        ("relu", "out"): lambda a: kernels.relu(ONES, out=a),
        ("linear", "w"): lambda a: kernels.linear(ONES, a),
        ("softmax_cross_entropy", "labels"): lambda a: kernels.softmax_cross_entropy(ONES, a),
        ("adam_update", "lr"): lambda a: kernels.adam_update(*[ONES.copy()] * 4, a, 1),
        ("total", "x"): jit(total),
    }
    for (kernel, name), call in calls.items():
        with pytest.raises(DtypeError, match=f"^{kernel}: `{name}` must not be {words.format(name)}"):
            call(make())
        kernels.relu(ONES)  # and what was refused left nothing behind


@pytest.mark.parametrize(
    "first", [ONES, ONES.view(type("Own", (np.ndarray,), {})), None], ids=["plain", "own", "none"]
)
def test_a_masked_array_never_passes_for_a_plain_one(first):
    masked = np.ma.masked_array(ONES, ONES > 0)
    for function, call in (
        ("relu", kernels.relu),
        ("linear", lambda a: kernels.linear(ONES, a)),
        ("f", jit(lambda x: x.size)),
    ):
        if first is not None and function != "linear":
            call(first)
        with pytest.raises(DtypeError, match="no argument must be a masked array, whose mask would be lost"):
            call(masked)


WRONG = {
    "tuple": ((1.0, 2.0), "a tuple"), "text": ("abc", "a text"),
    "number": (1.5, "float64"), "None": (None, "None"),
    "complex": (ONES.astype(complex), "a 2-D complex128 array"),
    "array of text": (np.array(["a"]), "a 1-D text array"), "integers": (np.arange(3), "a 1-D int64 array"),
    "records": (np.zeros(2, [("a", "f4")]), "a 1-D record array"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "words"), WRONG.values(), ids=WRONG)
def test_what_compiled_code_can_hold_but_a_kernel_does_not_take_is_one_error(value, words):
    with pytest.raises(DtypeError, match=f"^relu: `x` must be a float32 or float64 array, got {words}$"):
        kernels.relu(value)
    if not isinstance(value, float):
        with pytest.raises(DtypeError, match=r"^adam_update does not take w: .*, lr: .*help\(nbdl\.kernels"):
            kernels.adam_update(*[ONES.copy()] * 4, value, 1)


def test_errors_in_functions_of_ones_own_stay_numbas():
    def wrong(x):
        return x.no_such_attribute

    with pytest.raises(numba.TypingError, match="no_such_attribute"):
        jit(wrong)(ONES)


def test_kernels_stay_dispatchers_that_compiled_code_calls():
    assert isinstance(kernels.relu, numba.core.registry.CPUDispatcher)
    assert numba.njit(lambda x: kernels.relu(x).sum())(ONES) == 6
