"""nbdl: deep learning and information theory as Numba-compiled kernels.

The names below are loaded at first use: importing nbdl imports neither numba nor numpy.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "nbdl._jit": ("jit",),
    "nbdl.array_functions": (
        "concatenate", "einsum", "full", "maximum", "minimum", "ones", "split", "stack", "take",
        "take_along_axis", "tile", "where", "zeros",
    ),
    "nbdl.hookspecs": ("hookimpl",),
    "nbdl.records": (
        "Dataset", "Estimator", "Initializer", "Kernel", "Layer", "Loss", "Measure", "Metric", "Model",
        "Optimizer", "Schedule",
    ),
    "nbdl.registry": ("swap",),
    "nbdl.step": ("compile_step", "jit_predict", "summary"),
    "nbdl.tape": ("Tensor", "apply", "no_grad", "tensor"),
    "nbdl.train": ("fit", "generate", "load", "save", "statistics", "translate"),
}  # fmt: skip
_MODULES = {
    "algebra",
    "data",
    "errors",
    "info",
    "kernels",
    "models",
    "nn",
    "optim",
    "registry",
    "step",
    "tape",
    "testing",
    "train",
}
_NAMES = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(["__version__", *_NAMES])


def __getattr__(name):
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"nbdl.{name}")
    raise AttributeError(f"module 'nbdl' has no attribute '{name}'")


def __dir__():
    return sorted({*globals(), *__all__, *_MODULES})
