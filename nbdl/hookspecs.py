"""The hooks of a plugin. Each is a generator of records; all are optional.

A plugin is a module (entry point group ``nbdl``) with functions marked ``@nbdl.hookimpl``::

    @nbdl.hookimpl
    def nbdl_optimizers():
        yield nbdl.Optimizer("lion", state=("m",), update="nbdl_lion:lion_update", per="element")
"""

import pluggy

hookspec = pluggy.HookspecMarker("nbdl")
hookimpl = pluggy.HookimplMarker("nbdl")


@hookspec
def nbdl_kernels():
    """Yield `nbdl.Kernel` records: new operations, or other implementations of an existing `op`."""


@hookspec
def nbdl_layers():
    """Yield `nbdl.Layer` records."""


@hookspec
def nbdl_losses():
    """Yield `nbdl.Loss` records."""


@hookspec
def nbdl_optimizers():
    """Yield `nbdl.Optimizer` records."""


@hookspec
def nbdl_schedules():
    """Yield `nbdl.Schedule` records."""


@hookspec
def nbdl_initializers():
    """Yield `nbdl.Initializer` records."""


@hookspec
def nbdl_metrics():
    """Yield `nbdl.Metric` records."""


@hookspec
def nbdl_datasets():
    """Yield `nbdl.Dataset` records."""


@hookspec
def nbdl_models():
    """Yield `nbdl.Model` records."""


@hookspec
def nbdl_measures():
    """Yield `nbdl.Measure` records."""


@hookspec
def nbdl_estimators():
    """Yield `nbdl.Estimator` records."""
