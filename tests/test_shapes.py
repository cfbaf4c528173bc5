"""What a record says of shapes: the kernel's own rule, and nothing compiles for it."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from nbdl._jit import jit, plain
from nbdl.builtin.kernels import nbdl_kernels
from nbdl.cases import Bad
from nbdl.errors import LabelError, OptionError, ProbabilityError, ShapeError
from nbdl.kernels.door.sizes import outputs
from nbdl.records import resolve

RECORDS = {r.name: r for r in nbdl_kernels() if r.target == "cpu"}


def bare(a):
    """What has a shape and a dtype alone."""
    return None if a is None else SimpleNamespace(shape=a.shape, dtype=a.dtype)


def inputs_of(case, dtype):
    return [
        None if a is None else np.array(a, dtype if a.dtype.kind == "f" else a.dtype) for a in case.inputs
    ]


def cases(record, kind):
    return [c for c in resolve(record.cases)(np.random.default_rng(0)) if isinstance(c, Bad) == (kind is Bad)]


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_shapes_and_dtypes_are_those_of_the_results(name, dtype):
    record = RECORDS[name]
    for case in cases(record, None):
        arrays = inputs_of(case, dtype)
        wanted = resolve(record.forward)(*arrays, **case.constants)
        wanted = wanted if len(record.outputs) > 1 else (wanted,)
        got = resolve(record.shape)(*map(bare, arrays), **case.constants)
        # a number is one of Python
        kinds = [getattr(y, "dtype", np.dtype(np.int64 if isinstance(y, int) else dtype)) for y in wanted]
        assert got == [(np.shape(y), kind) for y, kind in zip(wanted, kinds)], case.name


@pytest.mark.parametrize("name", RECORDS)
def test_what_is_never_valid_is_refused_with_the_sentence_of_the_kernel(name):
    record, seen = RECORDS[name], 0
    for case in cases(record, Bad):
        if (
            case.values
            or case.error in (LabelError, ProbabilityError)
            or not all(a is None or isinstance(a, np.ndarray) for a in case.inputs)
        ):
            continue  # of values; of what has no shape
        with pytest.raises(case.error) as wanted:
            plain(resolve(record.forward))(*case.inputs, **case.constants)
        with pytest.raises(case.error) as got:
            resolve(record.shape)(*map(bare, case.inputs), **case.constants)
        assert str(got.value) == str(wanted.value)
        with pytest.raises(case.error):
            resolve(record.forward)(*case.inputs, **case.constants)
        seen += 1
    assert seen


def test_nothing_compiles(tmp_path):
    code = """
import numpy as np
from nbdl._jit import watch
from nbdl.builtin.kernels import nbdl_kernels
from nbdl.cases import Bad
from nbdl.records import resolve
compiled, calls = [], 0
with watch(compiled.append):
    for r in nbdl_kernels():
        if r.target == "cpu":
            for case in resolve(r.cases)(np.random.default_rng(0)):
                if not isinstance(case, Bad):
                    resolve(r.shape)(*case.inputs, **case.constants)
                    calls += 1
print(calls > 100, compiled)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NBDL_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True []\n", done.stdout + done.stderr


@jit
def _half(n):
    return n // 2


@jit
def _twice(n, by=4):
    return by * _half(n)


def test_plain_is_python_all_the_way_down():
    python = plain(_twice)
    assert python(10) == _twice(10) == 20
    assert not hasattr(python.__globals__["_half"], "py_func") and plain(_twice) is python
    assert plain(len) is len


def test_large_arrays_cost_nothing():
    x, w = (SimpleNamespace(shape=s, dtype=np.dtype("f4")) for s in ((4096, 64, 512, 512), (128, 64, 3, 3)))
    assert resolve(RECORDS["conv2d"].shape)(x, w, None, padding=1) == [((4096, 128, 512, 512), "f4")]
    with pytest.raises(ShapeError, match="must have 64 input channels"):
        resolve(RECORDS["conv2d"].shape)(x, bare(np.empty((8, 63, 3, 3), "f4")))
    with pytest.raises(OptionError, match="`axis` must be one of the 4 axes"):
        outputs(resolve("nbdl.kernels:softmax"))(x, axis=4)
