"""local_response_norm on lanes: the loops of the kernel, whose planes are those of L samples side by side."""

import math

from nbdl.kernels.lanes.twin import Row, Twin, Unfit, floats, pitch
from nbdl.kernels.normalization.local_response_norm import respond, respond_dx
from nbdl.kernels.normalization.rows import SMALL_FLOAT32, SMALL_FLOAT64


def _shape(site):
    shape, size = site.shapes["x"], site["size"]
    numbers = [site[name] for name in ("alpha", "beta", "k")]
    if not math.prod(shape) or not shape or type(size) is not int or size < 1:
        raise Unfit
    if not all(isinstance(v, (int, float)) and 0 <= v < math.inf for v in numbers) or not numbers[2] > 1e-30:
        raise Unfit
    return shape


def _places(site):
    (C, *rest), L = site.shapes["x"], site.L
    S = math.prod(rest) * L
    return {
        "C": C,
        "S": S,
        "step": pitch(site.shapes["x"]) * L if len(rest) == 2 else S,
        "size": site["size"],
    }


def _numbers(site):
    numbers = (float(site[name]) for name in ("alpha", "beta", "k"))
    return *numbers, SMALL_FLOAT32 if site.dtype == "float32" else SMALL_FLOAT64


def _forward(site):
    alpha, beta, k, small = _numbers(site)

    def leaf(x, y, C, S, step, size):
        respond(x, y, C, S, step, size, alpha, beta, k, small)

    return [Row(leaf, **_places(site))]


def _dx(site):
    alpha, beta, k, small = _numbers(site)

    def leaf(dy, x, terms, dx, C, S, step, size):
        respond_dx(dy, x, dx, terms, dx, C, S, step, size, alpha, beta, k, small, False)

    return [Row(leaf, **_places(site))]


local_response_norm = Twin(
    _forward,
    {"x": _dx},
    shape=_shape,
    saves=lambda site: {"terms": floats(site.shapes["x"], site.L)},
    flops=lambda site: (2 * site["size"] + 40) * math.prod(site.shapes["x"]),
)
