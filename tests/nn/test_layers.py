import inspect

import numpy as np
import pytest

from nbdl import nn
from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.testing import gradcheck

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 2, 6, 6))
SERIES = RNG.normal(size=(2, 4, 9))


@pytest.mark.parametrize(
    ("layer", "x", "shape"),
    [
        (nn.Linear(3), RNG.normal(size=(4, 5)), (4, 3)),
        (nn.Linear(3, bias=False), RNG.normal(size=(4, 2, 5)), (4, 2, 3)),
        (nn.Conv2d(4, 3, padding=1), IMAGES, (2, 4, 6, 6)),
        (nn.Conv2d(4, (1, 3), stride=(2, 1), groups=2, bias=False), IMAGES, (2, 4, 3, 4)),
        (nn.AvgPool2d(2), IMAGES, (2, 2, 3, 3)),
        (nn.MaxPool2d(3, stride=2, padding=1), IMAGES, (2, 2, 3, 3)),
        (nn.LpPool2d((2, 3), p=3), IMAGES, (2, 2, 3, 2)),
        (nn.AdaptiveAvgPool2d((4, 1)), IMAGES, (2, 2, 4, 1)),
        (nn.AdaptiveMaxPool2d((4, 5)), IMAGES, (2, 2, 4, 5)),
        (nn.GlobalAvgPool2d(), IMAGES, (2, 2)),
        (nn.GlobalMaxPool2d(), IMAGES, (2, 2)),
        (nn.Pad2d((1, 0, 2, 3), mode="reflect"), IMAGES, (2, 2, 7, 11)),
        (nn.ConvTranspose2d(3, 4, stride=2, padding=1), IMAGES, (2, 3, 12, 12)),
        (nn.ConvTranspose2d(4, 3, stride=2, groups=2, output_padding=(1, 0)), IMAGES, (2, 4, 14, 13)),
        (nn.Conv1d(6, 3, stride=2, padding="same", groups=2), SERIES, (2, 6, 5)),
        (nn.Conv1d(3, 2, padding=(0, 3), bias=False), SERIES, (2, 3, 11)),
        (nn.MaxPool1d(2, padding="same"), SERIES, (2, 4, 5)),
        (nn.AvgPool1d(3, 1, (2, 0)), SERIES, (2, 4, 9)),
        (nn.Flatten(), IMAGES, (2, 72)),
        (nn.ReLU(), IMAGES, IMAGES.shape),
        (nn.Sigmoid(), IMAGES, IMAGES.shape),
        (nn.Tanh(), IMAGES, IMAGES.shape),
        (nn.Softmax(axis=1), IMAGES, IMAGES.shape),
    ],
    ids=lambda v: type(v).__name__ if not isinstance(v, tuple) else "",
)
def test_shape_and_gradient(layer, x, shape):
    nn.init(layer, x, dtype="float64")
    assert layer(x).shape == shape
    assert gradcheck(layer, x)


def test_parameters_get_gradients_of_their_shape():
    layer = nn.init(nn.Conv2d(4, 3), IMAGES)
    layer(IMAGES).sum().backward()
    assert layer.w.grad.shape == (4, 2, 3, 3) and layer.b.grad.shape == (4,)
    np.testing.assert_allclose(layer.b.grad, 2 * 4 * 4)


def test_dropout_acts_in_training_only_and_is_keyed():
    layer, x = nn.Dropout(0.4), np.ones((50, 40), np.float32)
    assert (layer(x).data == 1).all()
    a, b = (layer(x, train=nn.Train(seed=1, step=5)).data for _ in range(2))
    assert (a == b).all()
    assert set(np.unique(a)) == {0, np.float32(1 / (1 - 0.4))}
    assert abs((a == 0).mean() - 0.4) < 0.05
    for other in (nn.Train(seed=2, step=5), nn.Train(seed=1, step=6)):
        assert not (layer(x, train=other).data == a).all()


def test_two_dropouts_of_one_net_have_different_masks():
    class Both:
        def __init__(self):
            self.one, self.two = nn.Dropout(), nn.Dropout()

        def __call__(self, x, train=None):
            return self.one(x, train=train) - self.two(x, train=train)

    assert (Both()(np.ones((20, 20)), train=nn.Train()).data != 0).any()


def test_dropout_refuses_what_is_no_probability():
    with pytest.raises(OptionError, match=r"`p` must lie in \[0, 1\], got 1.5"):
        nn.Dropout(1.5)


def test_a_misfit_names_the_kernel_and_the_argument():
    layer = nn.init(nn.Linear(3), np.ones((1, 5)))
    with pytest.raises(ShapeError, match="linear: `w`"):
        layer(np.ones((1, 4)))
    with pytest.raises(ShapeError, match="Linear: `x`"):
        layer(np.ones(5))
    with pytest.raises(ShapeError, match="Conv2d: `x`"):
        nn.Conv2d(3, 3)(np.ones((4, 4)))
    with pytest.raises(ShapeError, match="Conv1d: `x`"):
        nn.Conv1d(3, 3)(np.ones((4, 4)))
    with pytest.raises(ShapeError, match="ConvTranspose2d: `x`"):
        nn.ConvTranspose2d(4, 3, groups=2)(np.ones((1, 3, 4, 4)))
    with pytest.raises(
        OptionError, match=r"Pad2d: `mode` must be one of constant, reflect, edge, got 'wrap'"
    ):
        nn.Pad2d(1, mode="wrap")
    with pytest.raises(OptionError, match="LpPool2d: `p` must be at least 1"):
        nn.LpPool2d(2, p=0.5)


def test_config_and_back():
    net = nn.Sequential(
        nn.Conv2d(4, 3, padding=1), nn.ReLU(), nn.Sequential(nn.Flatten(), nn.Linear(2)), nn.Dropout(0.1)
    )
    nn.init(net, IMAGES)
    again = nn.build(nn.config(net))
    nn.load_state_dict(again, nn.state_dict(net))
    assert (again(IMAGES).data == net(IMAGES).data).all()
    assert repr(again) == repr(net)


def test_a_layer_that_is_not_registered_has_no_config():
    class Mine:
        def __call__(self, x, train=None):
            return x

    with pytest.raises(UsageError, match="Mine is not a registered layer"):
        nn.config(nn.Sequential(Mine()))


def test_a_failed_first_call_leaves_no_shape_behind():
    layer = nn.Conv2d(4, 3)
    with pytest.raises(ShapeError, match="Conv2d: `x`"):
        layer(np.ones((1, 6, 6)))
    assert not layer.w.ready and layer(IMAGES).shape == (2, 4, 4, 4)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(-1),
        lambda: nn.Linear("a"),
        lambda: nn.Conv2d(1, 0),
        lambda: nn.Conv2d(1, 3, groups=0),
        lambda: nn.Conv1d(1, 0),
        lambda: nn.ConvTranspose2d(0, 3),
        lambda: nn.AdaptiveAvgPool2d((2, 0)),
    ],
)
def test_sizes_must_be_positive(make):
    with pytest.raises(OptionError, match="must be an integer of at least 1"):
        make()


def test_flatten_takes_an_empty_batch():
    assert nn.Flatten()(np.ones((0, 2, 3))).shape == (0, 6)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, (4, 5)], ids=str)
def test_same_padding_keeps_the_size_but_for_the_stride(kernel, stride):
    """Of an odd number of zeros one more comes last, as in torch at stride 1."""
    x = np.random.default_rng(0).normal(size=(2, 2, 7, 6))
    conv = nn.Conv2d(3, kernel, stride=stride, padding="same", dilation=2 if stride == 1 else 1)
    nn.init(conv, x, dtype="float64")
    size = 2, 3, -(-7 // stride), -(-6 // stride)
    assert conv(x).shape == size
    assert gradcheck(conv, x)
    for pool in (nn.MaxPool2d(kernel, stride, padding="same"), nn.AvgPool2d(kernel, stride, padding="same")):
        assert pool(x).shape == (2, 2, *size[2:])
        assert nn.config(pool)["padding"] == nn.build(nn.config(pool)).padding == "same"


def test_the_odd_zero_comes_last():
    conv = nn.Conv2d(1, 2, padding="same", bias=False)
    conv.w.assign(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    np.testing.assert_array_equal(conv(np.ones((1, 1, 2, 2))).data, [[[[10, 4], [3, 1]]]])


# --- arguments by position ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Linear(4, 8), r"Linear takes `out_features` by position .* 2 .*: nn\.Linear\(8\)"),
        (lambda: nn.Linear(4, 8, True), r"got 3 positions\. nbdl finds the input size itself"),
        (
            lambda: nn.Conv2d(1, 6, 5),
            r"Conv2d takes `out_channels` and `kernel` by position .*nn\.Conv2d\(6, 5\)",
        ),
        (lambda: nn.Conv2d(1, 6, 5, stride=2), r"nbdl finds the channels of the input itself"),
        (
            lambda: nn.MaxPool2d(2, 2, 0, 1),
            r"MaxPool2d takes `kernel` and `stride` and `padding` by position",
        ),
        (lambda: nn.AvgPool2d(2, 2, 0, True), r"nn\.AvgPool2d\(3, 2, 1, ceil_mode=True\)"),
    ],
)
def test_the_places_of_other_libraries_are_an_error_that_shows_ours(make, words):
    with pytest.raises(UsageError, match=words):
        make()


@pytest.mark.parametrize("name", ["Linear", "Conv2d", "MaxPool2d", "AvgPool2d"])
def test_signatures_of_layers_say_what_is_given_by_name(name):
    given = inspect.signature(getattr(nn, name)).parameters.values()
    options = [p.name for p in given if p.kind is p.KEYWORD_ONLY]
    assert options and not {"out_features", "out_channels", "kernel"} & set(options)


@pytest.mark.parametrize(
    "loss", ["softmax_cross_entropy", "mse", "cross_entropy", "kl_divergence", "js_divergence", "info_nce"]
)
def test_options_of_losses_are_given_by_name(loss):
    with pytest.raises(TypeError, match="positional"):
        getattr(nn, loss)(np.ones((2, 2)), np.ones((2, 2)), None, "mean")


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([[nn.Linear(2), nn.ReLU()]], r"takes its layers one by one: nn\.Sequential\(\*layers\)"),
        ([nn.Linear(2), (nn.ReLU(),)], "one by one"),
        ([nn.Linear(2), nn.ReLU], r"layer 1 is a class, make one of it: ReLU\(\.\.\.\)"),
        ([nn.Linear(2), None], "layer 1 is no layer, as it cannot be called: None"),
        ([3], "layer 0 is no layer"),
    ],
)
def test_sequential_refuses_what_is_no_layer_when_it_is_made(layers, words):
    with pytest.raises(UsageError, match=words):
        nn.Sequential(*layers)


@pytest.mark.parametrize(("name", "bits"), [("seed", 63), ("step", 32)])
def test_the_key_of_random_numbers_has_a_range(name, bits):
    for value in (-1, 2**bits, 2**64, -(2**70), 1.5, True, None, "a"):
        with pytest.raises(OptionError, match=rf"Train: `{name}` must be an integer from 0 to 2\^{bits} - 1"):
            nn.Train(**{name: value})
    for value in (0, 2**bits - 1, np.int64(5)):
        assert nn.Dropout()(np.ones((2, 3)), train=nn.Train(**{name: value})).shape == (2, 3)


@pytest.mark.parametrize("layer", [nn.Dropout(), nn.BatchNorm()], ids=["Dropout", "BatchNorm"])
def test_train_is_no_truth_value(layer):
    with pytest.raises(UsageError, match=r"`train` must be None or nn.Train\(seed, step\), got True"):
        layer(np.ones((4, 3)), train=True)
