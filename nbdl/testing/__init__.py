"""The conformance kit: what a kernel, a plugin or a function on the tape must satisfy, as callable checks."""

from nbdl.testing._check_kernel import check_kernel, checks
from nbdl.testing._check_plugin import check_plugin
from nbdl.testing._check_twin import check_twin, check_update_twin
from nbdl.testing._gradcheck import gradcheck

__all__ = ["check_kernel", "check_plugin", "check_twin", "check_update_twin", "checks", "gradcheck"]
