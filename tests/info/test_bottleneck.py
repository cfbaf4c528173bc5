"""The information bottleneck: its curve where it is known, what always holds, and what it refuses."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from nbdl import info, kernels
from nbdl.cli import main
from nbdl.errors import DtypeError, OptionError, ProbabilityError, ShapeError

RNG = np.random.default_rng(0)
TABLE = RNG.dirichlet(np.full(4, 0.3), 7) * RNG.dirichlet(np.ones(7))[:, None]


def flipped(p):
    """A fair bit and the same, flipped with probability p."""
    return np.array([[1 - p, p], [p, 1 - p]]) / 2


def h(p):
    return -p * math.log(p) - (1 - p) * math.log(1 - p) if 0 < p < 1 else 0.0


def flips(nats):
    """How often a fair bit is flipped on its way where so much of it is left."""
    low, high = 0.0, 0.5
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if math.log(2) - h(middle) > nats else (low, middle)
    return low


@pytest.mark.parametrize("p", [0.02, 0.1, 0.3])
def test_the_curve_of_a_bit_that_is_flipped(p):
    """I(Z;Y) = log 2 - h(a * p) where I(X;Z) = log 2 - h(a): the code of a bit is a flipped bit."""
    curve = info.bottleneck_curve(flipped(p))
    between = 0
    for point in curve:
        a = flips(point.x_z)
        assert point.z_y == pytest.approx(math.log(2) - h(a * (1 - p) + (1 - a) * p), abs=1e-6)
        between += 0.01 < a < 0.49
        if point.beta < 1 / (1 - 2 * p) ** 2 * 0.98:  # no code is worth what it costs
            assert point.x_z == pytest.approx(0, abs=1e-6)
    assert between > 3
    assert curve[0].x_z == pytest.approx(math.log(2), abs=1e-6)


def test_the_functional_never_increases_and_the_curve_is_concave():
    curve = info.bottleneck_curve(TABLE, np.geomspace(50, 1.5, 25))
    for point in curve:
        assert np.diff(point.history).max(initial=0) <= 1e-12
        assert point.history[-1] == pytest.approx(point.x_z - point.beta * point.z_y, abs=1e-12)
    x, y = (np.array([getattr(point, name) for point in curve]) for name in ("x_z", "z_y"))
    assert (np.diff(x) <= 1e-9).all() and (np.diff(y) <= 1e-9).all()
    moved = np.flatnonzero(-np.diff(x) > 1e-4)
    slopes = (np.diff(y) / np.diff(x))[moved]
    assert (np.diff(slopes) >= -1e-6).all()  # steeper where less is kept
    assert (y <= x + 1e-12).all() and y[0] <= kernels.mutual_information(TABLE) + 1e-12


def test_a_point_is_a_code_with_the_informations_that_it_says():
    found = info.information_bottleneck(TABLE, 8.0)
    px = TABLE.sum(1)
    np.testing.assert_allclose(found.encoder.sum(1), 1)
    np.testing.assert_allclose(found.weights, px @ found.encoder)
    joint = px[:, None] * found.encoder
    assert found.x_z == pytest.approx(kernels.mutual_information(joint), rel=1e-9)
    with_y = found.encoder.T @ TABLE
    assert found.z_y == pytest.approx(kernels.mutual_information(with_y), rel=1e-9)
    used = found.weights > 1e-12
    np.testing.assert_allclose((found.decoder * found.weights[:, None])[used], with_y[used], atol=1e-12)
    divergence = kernels.kl_divergence(  # the equation of the encoder, p(z) exp(-beta D) over its sum
        np.repeat(TABLE / px[:, None], used.sum(), 0), np.tile(found.decoder[used], (len(TABLE), 1))
    )
    own = found.weights[used] * np.exp(-8.0 * divergence.reshape(len(TABLE), -1))
    np.testing.assert_allclose(own / own.sum(1, keepdims=True), found.encoder[:, used], atol=1e-4)


def test_units_and_ends():
    nats, bits = (info.information_bottleneck(TABLE, 6.0, base=base) for base in ("nats", "bits"))
    assert nats.x_z == pytest.approx(bits.x_z * math.log(2), rel=1e-12)
    assert info.information_bottleneck(TABLE, 0).x_z == pytest.approx(0, abs=1e-12)
    all_of_it = info.information_bottleneck(TABLE, 1e5)
    assert all_of_it.z_y == pytest.approx(kernels.mutual_information(TABLE), rel=1e-6)
    twins = np.repeat(TABLE[:2] / 2, 2, axis=0) / TABLE[:2].sum()  # each x twice: two codes are enough
    assert info.information_bottleneck(twins, 1e4).x_z == pytest.approx(h(TABLE[0].sum() / TABLE[:2].sum()))
    counts = info.information_bottleneck([[9, 1], [1, 9]], 4.0, normalize=True)
    assert counts.z_y == pytest.approx(info.information_bottleneck(flipped(0.1), 4.0).z_y, rel=1e-12)


def test_an_x_that_never_occurs_changes_nothing():
    more = np.insert(TABLE, 3, 0.0, axis=0)
    one, two = (info.information_bottleneck(table, 8.0) for table in (TABLE, more))
    assert (one.x_z, one.z_y) == pytest.approx((two.x_z, two.z_y), rel=1e-6)
    np.testing.assert_array_equal(two.encoder[3], two.weights)


def test_bad_input():
    curve = info.bottleneck_curve
    with pytest.raises(ProbabilityError, match="`joint` must sum to 1, got 2: normalize=True"):
        curve(2 * TABLE)
    with pytest.raises(ProbabilityError, match="`joint` must sum to 1, got 0: all are 0"):
        curve(np.zeros((2, 2)), normalize=True)
    for value in (-0.1, np.nan):
        with pytest.raises(ProbabilityError, match="`joint` must hold finite numbers from 0"):
            curve([[0.5, value], [0.3, 0.3]])
    with pytest.raises(ShapeError, match=r"`joint` must be a table \(X, Y\)"):
        curve([0.5, 0.5])
    with pytest.raises(DtypeError, match="`joint` must hold real numbers"):
        curve([["a", "b"]])
    for beta in (-1, math.nan, math.inf, "2", True):
        with pytest.raises(OptionError, match="`beta` must be finite and not negative"):
            info.information_bottleneck(TABLE, beta)
    with pytest.raises(OptionError, match="`betas` must hold at least one number"):
        curve(TABLE, [])
    with pytest.raises(OptionError, match="`iterations` must be an integer from 1"):
        curve(TABLE, [2], iterations=0)
    assert not info.information_bottleneck(TABLE, 4.0, iterations=3).converged


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [("a", "yes")] * 9 + [("a", "no")] + [("b", "yes")] + [("b", "no")] * 9
    (tmp_path / "t.csv").write_text(
        "x,y,z\n" + "".join(f"{x},{y},{i / 7}\n" for i, (x, y) in enumerate(rows))
    )

    def run(*arguments):
        return CliRunner().invoke(main, ["info", "information_bottleneck", "t.csv", *arguments])

    result = run("-x", "x", "-y", "y", "--set", "betas=[4, 2]", "--format", "json")
    shown = json.loads(result.stdout)
    expected = info.bottleneck_curve(flipped(0.1), [4, 2])
    assert [p["z_y"] for p in shown["curve"]] == pytest.approx([p.z_y for p in expected], rel=1e-9)
    assert shown["rows"] == 20 and shown["symbols"] == [2, 2] and shown["unit"] == "nats"
    assert "I(X;Z), bits" in run("-x", "x", "-y", "y", "--base", "bits").stdout
    assert "--discrete z" in run("-x", "x", "-y", "z").stderr
    assert "takes no --k" in run("-x", "x", "-y", "y", "--k", "3").stderr
    assert run("-x", "x", "-y", "y", "--set", "betas=-1").exit_code == 2
    if pytest.importorskip("matplotlib"):
        assert run("-x", "x", "-y", "y", "--plot", "curve.png").exit_code == 0
        assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
