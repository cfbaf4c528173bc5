"""Residual and concatenating blocks, and functions as layers."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import NbdlError, ShapeError, UsageError

X = np.random.default_rng(0).normal(size=(4, 3, 6, 6))


def conv(channels, kernel, **options):
    return nn.Conv2d(channels, kernel, padding="same", **options)


def block(shortcut=None, channels=3):
    return nn.Residual(nn.Sequential(conv(channels, 3), nn.ReLU(), conv(channels, 3)), shortcut)


def test_a_residual_block_adds_its_input_or_its_shortcut():
    net = nn.init(block(), X)
    np.testing.assert_array_equal(net(X).data, net.body(X).data + X.astype("f4"))
    assert net(X).dtype == np.float32  # that of its parameters, as for all layers
    net = nn.init(block(conv(5, 1), 5), X)
    np.testing.assert_array_equal(net(X).data, net.body(X).data + net.shortcut(X).data)


def test_branches_are_joined_and_none_is_the_input():
    net = nn.init(nn.Concat(conv(2, 1), None, nn.MaxPool2d(3, 1, 1)), X)
    y = net(X).data
    assert y.shape == (4, 8, 6, 6)
    np.testing.assert_array_equal(y[:, 2:5], X.astype("f4"))
    rows = nn.Concat(nn.ReLU(), nn.Tanh(), axis=-1)(np.ones((2, 3)))
    assert rows.shape == (2, 6)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (
            block(channels=5),
            ["(1, 5, 6, 6) from the body Sequential", "(1, 3, 6, 6) from x itself", "`shortcut`"],
        ),
        (block(conv(4, 1), 5), ["(1, 5, 6, 6)", "(1, 4, 6, 6) from Conv2d(out_channels=4"]),
        (
            nn.Concat(conv(2, 1), nn.MaxPool2d(2)),
            ["axis 1 only", "branch 0 Conv2d", "(1, 3, 3, 3) from branch 1 Max"],
        ),
    ],
)
def test_branches_that_do_not_add_up_are_both_named(net, words):
    with pytest.raises(ShapeError) as caught:
        nn.init(net, X)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Residual([nn.ReLU()]), r"Residual takes its layers one by one"),
        (lambda: nn.Residual(nn.ReLU(), nn.ReLU), r"Residual: layer 1 is a class"),
        (lambda: nn.Concat(), "at least one branch"),
        (lambda: nn.Lambda(3), "must be a name or a function, got 3"),
        (lambda: nn.Lambda("add"), "must need one input, `add` needs a, b"),
        (lambda: nn.Lambda("mean", {"axes": 1}), "`mean` has no option `axes`; it takes axis, keepdims"),
        (lambda: nn.Lambda("no_such"), "no_such"),
    ],
)
def test_what_is_no_block_is_refused(make, words):
    with pytest.raises(NbdlError, match=words):
        make()


def test_functions_as_layers():
    x = np.abs(X)
    np.testing.assert_allclose(nn.Lambda("sqrt")(x).data, np.sqrt(x))
    assert nn.Lambda("mean", {"axis": (2, 3)})(x).shape == (4, 3)
    np.testing.assert_allclose(nn.Lambda(lambda x: x * 2)(x).data, 2 * x)


def net():
    return nn.Sequential(
        block(conv(4, 1), 4), nn.ReLU(), nn.Concat(conv(2, 1), None, nn.Lambda("exp")),
        nn.Lambda("mean", {"axis": (2, 3)}), nn.Linear(2),
    )  # fmt: skip


def test_blocks_are_saved_with_their_net(tmp_path):
    first = nn.init(net(), X)
    nbdl.save(first, tmp_path / "net.safetensors")
    again = nbdl.load(tmp_path / "net.safetensors")
    assert repr(again) == repr(first)
    np.testing.assert_array_equal(first(X).data, again(X).data)


def test_a_function_of_python_is_not_saved(tmp_path):
    with pytest.raises(UsageError, match="Lambda: option `function` is neither a layer nor plain data"):
        nn.config(nn.Sequential(nn.Lambda(lambda x: x)))


def test_they_train_in_one_native_program():
    labels = np.array([0, 1, 1, 0])
    step = nbdl.compile_step(net(), example=(X, labels), threads=1, lr=0.1)
    assert step.program.native
    first = step(X, labels)
    assert [step(X, labels) for _ in range(30)][-1] < first
