"""Lanes twins of adaptive and global pooling, of series and by norms: cases of the kernels."""

import numpy as np
import pytest

from nbdl import registry
from nbdl.cases import Case
from nbdl.records import resolve
from nbdl.testing._check_twin import compare

CASES = {
    "adaptive_avg_pool2d": {"bins that overlap", "one column", "more bins than elements"},
    "adaptive_max_pool2d": {"bins that overlap", "one row", "ties and NaN"},
    "global_avg_pool2d": {"images", "infinite"},
    "global_max_pool2d": {"images", "ties and NaN"},
    "avg_pool1d": {"side by side", "whole planes of lanes", "two paddings", "without the padding"},
    "max_pool1d": {"side by side", "whole planes of lanes", "two paddings", "ties and NaN"},
    "lp_pool2d": {"both signs", "sums of magnitudes", "cubes", "of zeros", "not finite"},
}


def cases():
    for name, wanted in CASES.items():
        for case in resolve(registry.default().get("kernel", name).cases)(np.random.default_rng(0)):
            if isinstance(case, Case) and case.name in wanted:
                yield pytest.param(name, case, id=f"{name}, {case.name}")


@pytest.mark.parametrize(("name", "case"), [*cases()])
def test_the_cases_of_the_kernel(name, case):
    assert compare(name, case, "float32", 19)
