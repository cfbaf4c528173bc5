"""Optimizers run over a net's parameters, clipping, and learning-rate schedules; minimizing of functions."""
# ruff: noqa: F401 - the imports are the list of the public names, read by editors and by `_lazy`

from typing import TYPE_CHECKING

from nbdl import _lazy

if TYPE_CHECKING:
    from nbdl.optim._average import WeightAverage
    from nbdl.optim._clip import clip_norm, clip_value
    from nbdl.optim._convexity import Convexity, convexity, set_convexity
    from nbdl.optim._derivatives import (
        gradient,
        hessian,
        jacobian,
        numeric_gradient,
        numeric_hessian,
        numeric_jacobian,
    )
    from nbdl.optim._functions import FUNCTIONS
    from nbdl.optim._minimize import Trace, minimize
    from nbdl.optim._picture import trace_picture
    from nbdl.optim._schedules import (
        constant,
        cosine,
        exponential,
        factor,
        multi_factor,
        one_cycle,
        piecewise,
        polynomial,
        square_root,
    )
    from nbdl.optim._updater import Updater

__all__, __getattr__, __dir__ = _lazy.pages(__spec__)
