"""The Lion optimizer for nbdl."""

import nbdl


@nbdl.hookimpl
def nbdl_optimizers():
    yield nbdl.Optimizer("lion", state=("m",), update="nbdl_lion.kernels:lion_update", per="element")
