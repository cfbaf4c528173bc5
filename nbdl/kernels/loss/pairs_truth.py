"""What the cases of losses of a prediction and a target of its shape have in common."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError


def pairs(rng, target, option=None, values=()):
    """`target` makes targets of a shape; `option` is a positive number, of which `values` are tried."""
    x, t = 3 * rng.standard_normal((4, 3)), target((4, 3))
    images = rng.standard_normal((2, 2, 4, 8)), target((2, 2, 4, 8))
    large = rng.standard_normal((5, 257)), target((5, 257))
    wrong = [(name, v) for name in [option] if name for v in (0.0, -1.0, np.nan, np.inf)]
    return [
        Case("4x3", (x, t)),
        *(Case(f"{option} {v}", (x, t), {option: v}) for v in values),
        Case("images", images),
        Case("more than a block of vectors", large),
        Bad("target too short", (x, t[:3]), {}, ShapeError, "target"),
        Bad("target to broadcast", (x, t[:1]), {}, ShapeError, "target"),
        Bad("target of another dtype", (x, half(t)), {}, DtypeError, "target"),
        Bad("no elements", (x[:0], t[:0]), {}, ShapeError, "x"),
        Bad("x of integers", (x.astype(int), t), {}, DtypeError, "x"),
        *(Bad(f"{name} {v}", (x, t), {name: v}, OptionError, name) for name, v in wrong),
    ]
