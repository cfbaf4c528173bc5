"""The built-in records, as strings: nothing here imports a kernel, a layer or a data set."""

from nbdl.builtin.datasets import nbdl_datasets
from nbdl.builtin.information import nbdl_estimators, nbdl_measures
from nbdl.builtin.kernels import nbdl_kernels
from nbdl.builtin.models import nbdl_models
from nbdl.builtin.nets import (
    nbdl_initializers,
    nbdl_layers,
    nbdl_losses,
    nbdl_metrics,
    nbdl_optimizers,
    nbdl_schedules,
)

__all__ = [
    "nbdl_datasets",
    "nbdl_estimators",
    "nbdl_initializers",
    "nbdl_kernels",
    "nbdl_layers",
    "nbdl_losses",
    "nbdl_measures",
    "nbdl_metrics",
    "nbdl_models",
    "nbdl_optimizers",
    "nbdl_schedules",
]
