"""The truth of `rotary_embedding`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, ShapeError


def rotary_embedding(x, cos, sin, interleaved=False):
    R = 2 * cos.shape[-1]
    cos, sin = (a[:, None] if a.ndim == 3 else a for a in (cos, sin))
    a, b = (slice(0, R, 2), slice(1, R, 2)) if interleaved else (slice(0, R // 2), slice(R // 2, R))
    turned, y = (x[..., a] + 1j * x[..., b]) * (cos + 1j * sin), x.copy()
    y[..., a], y[..., b] = turned.real, turned.imag
    return y


def rotary_embedding_cases(rng):
    x, angles = rng.standard_normal((3, 2, 5, 8)), rng.uniform(-4, 4, (5, 4))
    all_of_them = np.cos(angles), np.sin(angles)
    some = np.cos(angles[:, :3]), np.sin(angles[:, :3])
    each = tuple(f(rng.uniform(-4, 4, (3, 5, 4))) for f in (np.cos, np.sin))
    return [
        Case("3 samples, 2 heads, 5 steps", (x, *all_of_them)),
        Case("interleaved", (x, *all_of_them), {"interleaved": True}),
        Case("some features", (x, *some)),
        Case("some features, interleaved", (x, *some), {"interleaved": True}),
        Case("positions of each sample", (x, *each)),
        Case("an odd number of features", (x[..., :7], *some)),
        Case("no samples", (x[:0], *all_of_them)),
        Case("no angles", (x, *(a[:, :0] for a in some))),
        Bad("angles for fewer steps", (x, *(a[:4] for a in some)), {}, ShapeError, "cos"),
        Bad("more angles than pairs", (x[..., :6], *all_of_them), {}, ShapeError, "cos"),
        Bad("angles of fewer samples", (x, *(a[:2] for a in each)), {}, ShapeError, "cos"),
        Bad("fewer sines", (x, some[0], some[1][:, :2]), {}, ShapeError, "sin"),
        Bad("x of 3 dimensions", (x[0], *some), {}, ShapeError, "x"),
        Bad("half of cos", (x, half(some[0]), some[1]), {}, DtypeError, "cos"),
    ]
