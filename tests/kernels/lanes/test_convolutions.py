"""Lanes twins of convolutions of series, transposed and true ones, and padding: cases of the kernels."""

import numpy as np
import pytest

from nbdl import registry
from nbdl.cases import Bad, Case
from nbdl.records import resolve
from nbdl.shapes import site_of
from nbdl.testing._check_twin import compare
from nbdl.testing._subject import Subject

CASES = {
    "conv1d": {"3 taps", "whole planes of lanes", "all options", "groups", "many channels"},
    "conv_transpose2d": {
        "3x2 kernel", "plain integers", "twice the size", "gaps between the windows", "everything",
        "many channels",
    },
    "convolve2d": {"full", "same, even", "valid, of channels", "same, of channels", "w larger than x"},
    "pad2d": {"a constant", "reflect", "edge"},
}  # fmt: skip


def cases(kind=Case):
    for name, wanted in CASES.items():
        for case in resolve(registry.default().get("kernel", name).cases)(np.random.default_rng(0)):
            if isinstance(case, kind) and (kind is Bad or case.name in wanted):
                yield pytest.param(name, case, id=f"{name}, {case.name}")


@pytest.mark.parametrize(("name", "case"), [*cases()])
def test_the_cases_of_the_kernel(name, case):
    assert compare(name, case, "float32", 19)


@pytest.mark.parametrize(("name", "case"), [*cases(Bad)])
def test_what_the_kernel_refuses_is_left_to_it(name, case):
    record = registry.default().get("kernel", name)
    constants = {**Subject(record, 0).constants, **case.constants}
    inputs = [*case.inputs, *[None] * (len(record.inputs) - len(case.inputs))]
    twin, _, why = site_of(record, inputs, constants, np.dtype("float64"))
    assert twin is None and why
