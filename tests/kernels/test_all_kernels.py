"""Every compiled kernel of the registry, held to the kernel law by the conformance kit."""

import pytest

from nbdl import registry
from nbdl.testing import checks

NAMES = [n for n in registry.default().names("kernel") if registry.default().get("kernel", n).target == "cpu"]
LAYOUTS = "layout_fortran", "layout_readonly", "layout_reversed"  # what doors share: quick for one a family
FIRST = {str(registry.default().get("kernel", n).cases).split(".")[2]: n for n in reversed(NAMES)}


def marks(name, what):
    return [pytest.mark.slow] if what in LAYOUTS and name not in FIRST.values() else []


CHECKS = [
    pytest.param(check, id=f"{name}-{what}", marks=marks(name, what))
    for name in NAMES
    for what, check in checks(name)
]


@pytest.mark.parametrize("check", CHECKS)
def test_kernel(check):
    check()
