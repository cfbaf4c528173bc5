"""Pooling on lanes: the cases of the kernels; strips; ties and NaN going back."""

import numpy as np
import pytest

from nbdl import jit
from nbdl.cases import Bad, Case
from nbdl.kernels import pool2d_shape
from nbdl.kernels.activation import elementwise_lanes
from nbdl.kernels.lanes import Site, Unfit, elementwise
from nbdl.kernels.pooling import avg_pool2d_lanes, max_pool2d_lanes
from nbdl.kernels.pooling.avg_pool2d_truth import avg_pool2d_cases
from nbdl.kernels.pooling.max_pool2d_truth import max_pool2d_cases
from nbdl.testing._check_twin import compare
from nbdl.testing._twin_run import Operands

OPTIONS = {
    "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "count_include_pad": True,
}  # fmt: skip

AVERAGES = {
    "2x2", "plain integers", "gaps between windows", "four paddings", "ceil_mode with padding", "infinite",
    "without the padding", "with padding and ceil_mode", "dilated, without the padding",
}  # fmt: skip


def cases(function, kind=Case):
    return [c for c in function(np.random.default_rng(0)) if isinstance(c, kind)]


@pytest.mark.parametrize("case", cases(max_pool2d_cases), ids=lambda c: c.name)
def test_the_cases_of_max_pool2d(case):
    assert compare("max_pool2d", case, "float32", 19) == (case.name != "no samples")


@pytest.mark.parametrize(
    "case", [c for c in cases(avg_pool2d_cases) if c.name in AVERAGES], ids=lambda c: c.name
)
def test_cases_of_avg_pool2d(case):
    assert compare("avg_pool2d", case, "float64", 19)


@pytest.mark.parametrize("case", cases(avg_pool2d_cases, Bad), ids=lambda c: c.name)
def test_what_the_kernel_refuses_is_left_to_it(case):
    (x,) = case.inputs
    if x.dtype.kind == "f":
        with pytest.raises(Unfit):
            avg_pool2d_lanes.avg_pool2d.shape(Site({"x": x.shape[1:]}, {**OPTIONS, **case.constants}))


def test_shapes_are_those_of_the_kernel():
    rng, seen = np.random.default_rng(0), 0
    for _ in range(300):
        H, W, *rest = (int(n) for n in rng.integers(1, 9, 6))
        options = {"kernel": tuple(rest[:2]), "stride": tuple(rest[2:])}
        options["padding"] = tuple(int(n) for n in rng.integers(0, 3, 4))
        options |= {"dilation": int(rng.integers(1, 3)), "ceil_mode": bool(rng.integers(2))}
        try:
            got = max_pool2d_lanes.max_pool2d.shape(Site({"x": (2, H, W)}, options))
        except Unfit:
            got = None
        try:
            plain = getattr(pool2d_shape, "py_func", pool2d_shape)  # nothing to unwrap without the JIT
            want = plain((1, 2, H, W), *options.values())[1:]
            seen += 1
        except ValueError:
            want = None
        assert got == want, (H, W, options)
    assert seen > 50


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_a_strip_of_y_has_a_strip_of_x_of_its_own(name):
    """Where windows tile x, rows of y need those rows of x alone, and dx is written there alone."""
    twin, rng = (
        {"max_pool2d": max_pool2d_lanes.max_pool2d, "avg_pool2d": avg_pool2d_lanes.avg_pool2d}[name],
        np.random.default_rng(0),
    )
    x = rng.standard_normal((5, 2, 7, 9)).astype(np.float32)
    site = Site({"x": (2, 7, 9), "y": (2, 3, 4)}, {**OPTIONS, "kernel": 2})
    rows = twin.rows(site)
    assert rows == 2
    whole = Operands(twin, site, {"x": x})
    y = whole.forward()
    dy = rng.standard_normal(y.shape).astype(np.float32)
    dx = whole.gradient("x", dy)
    for i in range(3):
        apart = x.copy()
        apart[:, :, : i * rows] = apart[:, :, (i + 1) * rows :] = np.nan
        strip = Operands(twin, site, {"x": apart})
        strip.strips = [(i, i + 1)]
        got = strip.forward()
        np.testing.assert_array_equal(got[:, :, i], y[:, :, i])
        assert np.isnan(np.delete(got, i, axis=2)).all()
        back = strip.gradient("x", dy)
        last = 7 if i == 2 else (i + 1) * rows  # the last strip writes the row that no window sees
        np.testing.assert_array_equal(back[:, :, i * rows : last], dx[:, :, i * rows : last])
        assert np.isnan(np.delete(back, np.s_[i * rows : last], axis=2)).all()
    assert max_pool2d_lanes.max_pool2d.rows(Site(site.shapes, {**OPTIONS, "kernel": 2, "stride": 1})) == 0


@jit
def square(x):
    return x * x


@jit
def square_dx(dy, x):
    return 2.0 * x * dy


SQUARE = elementwise(square, square_dx)


@pytest.mark.parametrize(
    "pool", [max_pool2d_lanes.max_pool2d, avg_pool2d_lanes.avg_pool2d], ids=["max", "avg"]
)
@pytest.mark.parametrize(
    "activation",
    [elementwise_lanes.relu, elementwise_lanes.sigmoid, SQUARE],
    ids=["relu", "sigmoid", "square"],
)
@pytest.mark.parametrize("strips", [False, True], ids=["whole", "strips"])
def test_an_activation_in_the_same_pass(pool, activation, strips):
    """The same numbers as one after the other, with ties and NaN, for windows that cover the image."""
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, (19, 3, 6, 8)).astype(np.float32)
    x[3, 1, 2, 3] = np.nan
    options = {**OPTIONS, "kernel": (2, 4)}
    shapes = {"x": (3, 6, 8), "y": (3, 3, 2)}
    first = Operands(activation, Site({"x": shapes["x"], "y": shapes["x"]}, {}), {"x": x})
    second = Operands(pool, Site(shapes, options), {"x": first.forward()})
    both = Operands(pool.after(*activation.each), Site(shapes, options), {"x": x}, strips=strips)
    assert both.twin.shape(both.site) == shapes["y"]
    y = second.forward()
    np.testing.assert_array_equal(both.forward(), y)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    np.testing.assert_allclose(
        both.gradient("x", dy), first.gradient("x", second.gradient("x", dy)), rtol=1e-6
    )
    assert not list(both.spoiled())


@pytest.mark.parametrize("options", [{"stride": 1}, {"padding": 1}, {"kernel": (2, 3)}, {"kernel": (4, 4)}])
def test_windows_that_do_not_cover_the_image_are_a_pass_of_their_own(options):
    twin = avg_pool2d_lanes.avg_pool2d.after(*elementwise_lanes.relu.each)
    with pytest.raises(Unfit):
        twin.shape(Site({"x": (3, 6, 8)}, {**OPTIONS, "kernel": 2, **options}))


@pytest.mark.parametrize("stride", [2, 1])
def test_the_first_maximum_takes_the_gradient(stride):
    """In a window of ties the first wins; the first NaN wins before all."""
    x = np.array([[1, 3, 3, 3], [3, 3, np.nan, np.nan]], np.float32)[None, None]
    site = Site(
        {"x": (1, 2, 4), "y": (1, 1, 4 // stride - stride % 2)}, {**OPTIONS, "kernel": 2, "stride": stride}
    )
    run = Operands(max_pool2d_lanes.max_pool2d, site, {"x": x})
    y = run.forward()
    dx = run.gradient("x", np.ones(y.shape, np.float32))
    want = [[0, 1, 0, 0], [0, 0, 1, 0]] if stride == 2 else [[0, 1, 0, 0], [0, 0, 2, 0]]
    np.testing.assert_array_equal(dx[0, 0], want)
