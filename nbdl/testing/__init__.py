"""The conformance kit: what kernels, estimators, plugins and functions on the tape must satisfy."""

from nbdl.testing._check_estimator import check_estimator
from nbdl.testing._check_kernel import check_kernel, checks
from nbdl.testing._check_plugin import check_plugin
from nbdl.testing._check_twin import check_twin, check_update_twin
from nbdl.testing._gradcheck import gradcheck

__all__ = [
    "check_estimator",
    "check_kernel",
    "check_plugin",
    "check_twin",
    "check_update_twin",
    "checks",
    "gradcheck",
]
