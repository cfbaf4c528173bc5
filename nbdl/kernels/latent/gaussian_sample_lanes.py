"""gaussian_sample on lanes: the numbers of `nbdl.kernels.gaussian_sample`, drawn for L samples at once."""

from nbdl.kernels.lanes.tails import drawn_tails, tails_size
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch, planes
from nbdl.kernels.latent.gaussian_sample import sample_of, slope_of
from nbdl.kernels.simd.normal import normal_of
from nbdl.kernels.simd.registers import load, store


def _shape(site):
    shape = site.shapes["mean"]
    if site.shapes["log_var"] != shape or not 0 <= site["op"] < 2**32:
        raise Unfit
    return {"z": shape, "eps": shape}


def _sizes(site):
    """How a block is walked: `count` planes, `pitch` apart, of which `plane` floats are used."""
    (C, H, W), L = planes(site.shapes["mean"]), site.L
    return {"count": C, "plane": H * W * L, "pitch": pitch(site.shapes["mean"]) * L}


def _sample(site):
    L = site.L

    def leaf(mean, log_var, tails, z, eps, count, plane, pitch):
        for c in range(count):
            for i in range(0, plane, L):
                at, drawn = c * pitch + i, normal_of(load(tails, c * plane + i))
                store(eps, at, drawn)
                store(z, at, sample_of(load(mean, at), load(log_var, at), drawn))

    return Row(leaf, **_sizes(site))


def _dmean(site):
    L = site.L

    def leaf(dz, dmean, count, plane, pitch):
        for c in range(count):
            for i in range(c * pitch, c * pitch + plane, L):
                store(dmean, i, load(dz, i))

    return [Row(leaf, **_sizes(site))]


def _dlog_var(site):
    L = site.L

    def leaf(dz, log_var, eps, dlog_var, count, plane, pitch):
        for c in range(count):
            for i in range(c * pitch, c * pitch + plane, L):
                store(dlog_var, i, slope_of(load(dz, i), load(log_var, i), load(eps, i)))

    return [Row(leaf, **_sizes(site))]


gaussian_sample = Twin(
    lambda site: [drawn_tails(site, site.shapes["mean"]), _sample(site)],
    {"mean": _dmean, "log_var": _dlog_var},
    shape=_shape,
    saves=lambda site: {"tails": tails_size(site, site.shapes["mean"])},
    packed=True,
)
