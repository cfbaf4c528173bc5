"""One-hot rows, and recurrent layers that go on where they stopped."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError, UsageError

X = np.random.default_rng(0).normal(size=(3, 8, 4))


@pytest.fixture
def net():
    return nn.init(nn.Stateful(nn.RNN(5)), X, dtype="float64")


def test_one_hot_rows():
    layer = nn.init(nn.OneHot(4), np.zeros((1, 2), int), dtype="float64")
    ids = np.array([[0, 3], [1, 1]])
    np.testing.assert_array_equal(layer(ids).data, np.eye(4)[ids])
    assert layer(ids).dtype == np.float64 and list(nn.named_parameters(layer)) == []
    with pytest.raises(LabelError, match="must be from 0 to 3"):
        layer(np.array([4]))
    with pytest.raises(DtypeError, match="OneHot: `ids` must be integers, from 0 to 3, got float64"):
        layer(np.array([1.0]))
    with pytest.raises(LabelError, match="OneHot: `ids` must be from 0 to 3, got 4 at"):
        layer(np.array([[4]]))
    with pytest.raises(OptionError, match="OneHot: `classes` must be an integer of at least 1, got 0"):
        nn.OneHot(0)


def test_minibatches_of_training_go_on(net):
    """Half after half gives the states of the whole; and a sample that is missing keeps its state."""
    whole, _ = net.body(X)
    train = nn.Train()
    np.testing.assert_array_equal(net(X[:, :3], train=train).data, whole.data[:, :3])
    train.commit()
    np.testing.assert_array_equal(net.state[0].data, whole.data[:, 2])
    train = nn.Train()
    np.testing.assert_allclose(net(X[:2, 3:], train=train).data, whole.data[:2, 3:], atol=1e-14)
    train.commit()
    np.testing.assert_array_equal(net.state[0].data[2], whole.data[2, 2])
    nn.reset_state(net)
    np.testing.assert_array_equal(net(X, train=nn.Train()).data, whole.data)


def test_the_gradient_is_that_of_the_window_alone(net):
    """Truncated: as if the state that comes in were a constant."""
    train = nn.Train()
    net(X[:, :3], train=train)
    train.commit()
    net(X[:, 3:], train=nn.Train()).sum().backward()
    found = {name: p.grad for name, p in nn.named_parameters(net.body).items()}
    for p in nn.parameters(net):
        p.grad = None
    y, _ = net.body(X[:, 3:], np.array(net.state[0].data))
    y.sum().backward()
    for name, p in nn.named_parameters(net.body).items():
        np.testing.assert_array_equal(p.grad, found[name])


def test_a_prediction_begins_with_zeros_and_so_does_training_that_carries_nothing(net):
    whole, train = net.body(X)[0].data, nn.Train()
    net(X, train=train)
    train.commit()
    np.testing.assert_array_equal(net(X).data, whole)
    net.carry, train = False, nn.Train()
    np.testing.assert_array_equal(net(X, train=train).data, whole)
    assert train.kept == []


def test_it_is_saved_with_its_body(tmp_path):
    net = nn.Sequential(nn.OneHot(6), nn.Stateful(nn.RNN(5, activation="relu"), carry=False), nn.Linear(6))
    ids = np.array([[0, 5, 2]])
    nn.init(net, ids)
    nbdl.save(net, tmp_path / "net")
    again = nbdl.load(tmp_path / "net")
    assert repr(again) == repr(net) and "Stateful(body=RNN(hidden=5" in repr(net)
    np.testing.assert_array_equal(again(ids).data, net(ids).data)


def test_messages():
    with pytest.raises(UsageError, match=r"Stateful: `body` must be a recurrent layer, nn.RNN\(32\) say"):
        nn.Stateful(nn.Linear(3))
    with pytest.raises(UsageError, match="must walk forwards"):
        nn.Stateful(nn.RNN(3, reverse=True))
    with pytest.raises(UsageError, match="options by name, got 2 positions"):
        nn.Stateful(nn.RNN(3), 2)
    with pytest.raises(ShapeError, match=r"must return .y, state., got y alone. Try state=True for it"):
        nn.Stateful(nn.RNN(3, state=False))(X)
    with pytest.raises(ShapeError, match="the state of `body` has 1 arrays, and `states` is 2"):
        nn.Stateful(nn.RNN(3), states=2, carry=False)(X, train=nn.Train())
