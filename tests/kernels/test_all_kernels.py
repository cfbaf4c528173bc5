"""Every compiled kernel of the registry, held to the kernel law by the conformance kit."""

import pytest

from nbdl import registry
from nbdl.testing import checks

NAMES = [n for n in registry.default().names("kernel") if registry.default().get("kernel", n).target == "cpu"]
CHECKS = [pytest.param(check, id=f"{name}-{what}") for name in NAMES for what, check in checks(name)]


@pytest.mark.parametrize("check", CHECKS)
def test_kernel(check):
    check()
