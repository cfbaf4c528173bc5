"""The information plane: known points, what is measured of which layer, and the bias beside it."""

import math

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import DataError, OptionError, UsageError
from nbdl.train import InformationPlane

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(120, 2)).astype("f4"), np.arange(120) % 3


def net(activation=nn.Tanh):
    return nn.Sequential(nn.Flatten(), nn.Linear(3), activation(), nn.Linear(2), activation(), nn.Linear(3))


def test_each_layer_after_each_epoch():
    plane = InformationPlane(X, Y, every=2)
    run = nbdl.fit(net(), (X, Y), lr=0.1, epochs=4, batch_size=40, callbacks={"epoch": plane})
    assert len(run.history) == 4 and len(plane.table()) == len(plane.points) == 2 * 3 * 2
    assert [p.epoch for p in plane.points[::6]] == [2, 4]
    shown = [(p.layer, p.op, p.units, p.estimator) for p in plane.points[:6:2]]
    assert shown == [(0, "tanh", 3, "binned"), (1, "tanh", 2, "binned"), (2, "linear", 3, "binned")]
    for p in plane.points:
        assert all(map(math.isfinite, (p.x_t, p.t_y, p.x_t_bias, p.t_y_bias)))
        if p.estimator == "binned":
            assert 0 <= p.t_y <= math.log(3) + 1e-12 and p.t_y <= p.x_t <= math.log(120) + 1e-12
            assert -0.5 < p.x_t_bias <= 0 <= p.t_y_bias
    other = InformationPlane(X, Y)
    other.measure(run.net, 4)
    assert other.points == plane.points[6:]  # the same net, samples and shuffles: the same numbers


class Sign:
    """1 or -1: a bit of what it is given."""

    def __call__(self, x, train=None):
        return nbdl.where(x > 0, 1.0, -1.0)


def test_a_layer_of_one_bit_has_the_informations_of_its_table():
    x = np.concatenate([np.ones(60), -np.ones(60)]).astype("f4")[:, None]
    y = np.array([0] * 54 + [1] * 6 + [0] * 6 + [1] * 54)
    bit = nn.Sequential(nn.Linear(1, bias=False), Sign())
    plane = InformationPlane(x, y, estimators="binned", bins=2)
    plane.measure(nn.init(bit, x))
    (point,) = plane.points
    h = -0.1 * math.log(0.1) - 0.9 * math.log(0.9)
    assert point.x_t == pytest.approx(math.log(2)) and point.t_y == pytest.approx(math.log(2) - h)
    assert point.x_t_bias == pytest.approx(-1 / 240) and abs(point.t_y_bias) < 0.05


def test_the_bias_is_said_where_bins_see_single_samples():
    labels = RNG.permutation(Y)  # of which the samples know nothing
    plane = InformationPlane(X, labels, bins=50)
    plane.measure(nn.init(net(), X))
    binned, ksg = plane.points[:2]
    assert binned.t_y > 0.9 and binned.t_y_bias == pytest.approx(binned.t_y, abs=0.1)
    assert abs(ksg.t_y) < 0.2


def test_a_picture():
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    plane = InformationPlane(X, Y, estimators="binned")
    with pytest.raises(UsageError, match="nothing was measured yet"):
        plane.picture()
    plane.measure(nn.init(net(nn.ReLU), X))
    assert plane.picture("a net").startswith(b"\x89PNG")


def test_messages():
    with pytest.raises(DataError, match="`y` must have one label for each of two or more samples"):
        InformationPlane(X, Y[:3])
    with pytest.raises(DataError, match="`y` must be labels, integers or text, got float64"):
        InformationPlane(X, Y / 2)
    for name, value in (("bins", 1), ("every", 0), ("k", 0), ("seed", -1), ("k", True)):
        with pytest.raises(OptionError, match=f"`{name}` must be an integer from"):
            InformationPlane(X, Y, **{name: value})
    with pytest.raises(OptionError, match="`estimators` are binned and ksg, got 'gauss'"):
        InformationPlane(X, Y, estimators=("gauss",))
    with pytest.raises(OptionError, match="`k` must be below the 120 samples"):
        InformationPlane(X, Y, k=120)
