"""Kernels as programs for one sample, run on L samples at once: what their twins are made of (`twin.py`).

The twin of an operation stands in its room, beside the kernel: ``dense/linear_lanes.py``.
"""

from nbdl.kernels.lanes.elementwise import elementwise
from nbdl.kernels.lanes.twin import (
    Gradient,
    Loop,
    LossTwin,
    Reduction,
    Row,
    Site,
    Twin,
    Unfit,
    UpdateTwin,
    Walk,
    pitch,
    planes,
)

__all__ = [
    "Gradient",
    "Loop",
    "LossTwin",
    "Reduction",
    "Row",
    "Site",
    "Twin",
    "Unfit",
    "UpdateTwin",
    "Walk",
    "elementwise",
    "pitch",
    "planes",
]
