import gc
import weakref

import numpy as np
import pytest

from nbdl import nn
from nbdl.errors import DataError, DtypeError, NbdlError, ShapeError


def net():
    return nn.Sequential(nn.Linear(5), nn.Tanh(), nn.Sequential(nn.Linear(3, bias=False)))


X = np.random.default_rng(0).normal(size=(4, 7))


def test_shapes_come_from_the_first_input():
    model = nn.init(net(), X)
    assert {k: p.shape for k, p in nn.named_parameters(model).items()} == {
        "0.w": (7, 5),
        "0.b": (5,),
        "2.0.w": (5, 3),
    }
    assert all(p.dtype == np.float32 for p in nn.parameters(model))


def test_the_same_seed_gives_the_same_values_and_another_seed_others():
    a, b, c = (nn.state_dict(nn.init(net(), X, seed)) for seed in (1, 1, 2))
    assert all((a[k] == b[k]).all() for k in a)
    assert not (a["0.w"] == c["0.w"]).all()


def test_values_depend_on_the_name_alone_and_differ_between_layers():
    twins = nn.init(nn.Sequential(nn.Linear(7), nn.Linear(7)), X, seed=3)
    assert not (twins[0].w.data == twins[1].w.data).all()
    assert (nn.init(nn.Sequential(nn.Linear(7)), X, seed=3)[0].w.data == twins[0].w.data).all()


def test_a_first_call_without_init_gives_values_too():
    layer = nn.Linear(2)
    assert "no shape yet" in repr(layer.w)
    assert layer(X).shape == (4, 2)


def test_tied_parameters_are_one_and_their_gradients_add_up():
    model = nn.Sequential(nn.Linear(7, bias=False), nn.Linear(7, bias=False))
    model[1].w = model[0].w
    nn.init(model, X, dtype="float64")
    assert list(nn.named_parameters(model)) == ["0.w"]
    model(X).sum().backward()
    w, ones = model[0].w, np.ones((4, 7))
    np.testing.assert_allclose(w.grad, (X @ w.data).T @ ones + X.T @ (ones @ w.data.T))


def test_state_dict_goes_into_another_net():
    a, b = nn.init(net(), X, 1), net()
    nn.load_state_dict(b, nn.state_dict(a))
    assert (a(X).data == b(X).data).all()


def test_a_state_that_does_not_fit_changes_nothing():
    model = nn.init(net(), X, 1)
    before = nn.state_dict(model)
    with pytest.raises(DataError, match=r"missing \['0.b'\]"):
        nn.load_state_dict(model, {k: v for k, v in before.items() if k != "0.b"})
    with pytest.raises(DataError, match=r"2\.0\.w"):
        nn.load_state_dict(
            model, {k: np.zeros((2, 2), np.float32) if k == "2.0.w" else v + 1 for k, v in before.items()}
        )
    assert all((before[k] == v).all() for k, v in nn.state_dict(model).items())


def test_a_layer_refuses_the_values_of_a_net_with_other_outputs():
    state = nn.state_dict(nn.init(nn.Sequential(nn.Linear(10)), X))
    other = nn.Sequential(nn.Linear(7))
    nn.load_state_dict(other, state)  # the net has no shapes yet
    with pytest.raises(ShapeError, match=r"`w` must be .*, here \(7, 7\), got shape \(7, 10\)"):
        other(X)
    images = np.zeros((2, 1, 6, 6), np.float32)
    state = nn.state_dict(nn.init(nn.Conv2d(4, 5), images))
    for other in (nn.Conv2d(4, 3), nn.Conv2d(2, 5)):
        nn.load_state_dict(other, state)
        with pytest.raises(ShapeError, match=r"Conv2d: `w` must be .*, got shape \(4, 1, 5, 5\)"):
            other(images)


def test_only_float_nets():
    with pytest.raises(DtypeError, match="dtype"):
        nn.init(net(), X, dtype="int32")


def test_layers_take_any_numbers():
    model = nn.init(net(), X)
    integers = np.arange(14).reshape(2, 7)
    np.testing.assert_array_equal(model(integers).data, model(integers.astype(np.float32)).data)


def test_parameters_of_a_plain_class_with_control_flow():
    class Custom:
        def __init__(self):
            self.body = nn.Linear(7)
            self.heads = {"a": nn.Linear(2), "b": nn.Linear(2)}

        def __call__(self, x, train=None):
            x = self.body(x)
            while float((x * x).sum()) > 1:
                x = x / 2
            return self.heads["a"](x) + self.heads["b"](x)

    custom = nn.init(Custom(), X)
    assert list(nn.named_parameters(custom)) == [
        "body.w", "body.b", "heads.a.w", "heads.a.b", "heads.b.w", "heads.b.b",
    ]  # fmt: skip
    custom(X).sum().backward()
    assert all(p.grad is not None for p in nn.parameters(custom))


def test_a_net_is_gone_with_its_last_name():
    """Nothing that walks a net or its tape leaves a cycle, which would wait for the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        x = np.ones((4, 3), np.float32)
        net = nn.init(nn.Sequential(nn.Linear(3), nn.Sequential(nn.ReLU()), nn.Linear(2)), x)
        first, *_ = nn.parameters(net)
        nn.softmax_cross_entropy(net(x, train=nn.Train()), np.zeros(4, int)).backward()
        nn.load_state_dict(net, nn.state_dict(net))
        found = [weakref.ref(t) for t in (net, first, first.data.base)]
        del net, first
        assert [r() for r in found] == [None] * 3
    finally:
        gc.enable()


def test_initializers_by_name_pattern():
    def halves(rng, shape, fan_in, fan_out):
        asked.append((shape, fan_in, fan_out))
        return np.full(shape, 0.5)

    asked, net = [], nn.Sequential(nn.Linear(4), nn.Tanh(), nn.Linear(2, init=halves))
    usual = nn.state_dict(nn.init(net, np.zeros((1, 3)), dtype="float64"))
    assert (usual["2.w"] == 0.5).all() and asked == [((4, 2), 4, 2)]
    again = nn.state_dict(nn.init(net, np.zeros((1, 3)), initializers={"*": "ones", "0.w": halves}))
    assert [float(a.mean()) for a in again.values()] == [0.5, 1, 1, 1] and asked[1:] == [((3, 4), 3, 4)]
    drawn = {"*.w": lambda rng, shape, *fans: rng.normal(size=shape)}
    one, two = (nn.state_dict(nn.init(net, np.zeros((1, 3)), 5, initializers=drawn)) for _ in range(2))
    assert np.array_equal(one["0.w"], two["0.w"]) and one["0.w"].dtype == np.float32
    kept = nn.init(net, np.zeros((1, 3)), keep=True, initializers={"*": "ones"})
    assert np.array_equal(kept[0].w.data, one["0.w"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"7.*": "ones"}, r"no parameter is named like `7\.\*` of `initializers`; there are \['0.w', '0.b'"),
        ({"*": 3}, r"must hold names or functions, got 3 for `\*`"),
        ({"*.w": "nomal"}, "did you mean normal"),
        ({"*.w": lambda *given: np.ones(3)}, r"`0.w` must return .* \(3, 2\), got \(3,\)"),
        ({"*.w": lambda *given: "text"}, "initializer of `0.w` returns must hold real"),
    ],
)
def test_initializers_that_cannot_be_are_named(given, message):
    with pytest.raises(NbdlError, match=message):
        nn.init(nn.Sequential(nn.Linear(2)), np.zeros((1, 3)), initializers=given)
