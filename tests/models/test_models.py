import numpy as np
import pytest

import nbdl
from nbdl import models, nn, registry
from nbdl.errors import ShapeError
from nbdl.train import resolve

IMAGES = np.random.default_rng(0).normal(size=(2, 1, 28, 28))


@pytest.mark.parametrize(
    ("build", "count"),
    [
        (models.softmax_regression, 7_850),
        (models.mlp, 784 * 256 + 256 + 2_570),
        (models.lenet, 61_706),
        (models.lenet_modern, 61_706),
        (models.bn_lenet, 156 + 2_416 + 48_120 + 10_164 + 850 + 2 * (6 + 16 + 120 + 84)),
    ],
)
def test_number_of_parameters(build, count):
    net = nn.init(build(), IMAGES)
    assert net(IMAGES).shape == (2, 10)
    assert sum(p.size for p in nn.parameters(net)) == count


@pytest.mark.parametrize(
    ("build", "shape", "count"),
    [
        (models.alexnet, (1, 224, 224), 46_764_746),
        (models.vgg11, (1, 224, 224), 128_806_154),
        (models.nin, (1, 224, 224), 1_992_166),
        (models.googlenet, (1, 96, 96), 5_977_530),
        (models.resnet18, (3, 224, 224), 11_181_642),  # torchvision's, with 10 classes
        (models.resnet20, (3, 32, 32), 272_474),  # of He et al., with 1 x 1 shortcuts
    ],
)
def test_the_nets_of_the_book_have_its_size(build, shape, count):
    options = {"image": shape[-1]} if build is not models.resnet20 else {}
    net = nn.init(build(**options), np.zeros((1, *shape), np.float32))
    assert sum(p.size for p in nn.parameters(net)) == count


CONVOLUTIONAL = (
    models.alexnet, models.vgg11, models.nin, models.googlenet, models.resnet18, models.resnext,
    models.densenet,
)  # fmt: skip


@pytest.mark.parametrize("build", CONVOLUTIONAL, ids=lambda f: f.__name__)
@pytest.mark.parametrize("image", [28, 32, 64, 96])
def test_every_net_takes_images_of_any_size(build, image):
    net = build(outputs=7, width=0.125, image=image)
    x = np.zeros((2, 3, image, image), np.float32)
    step = nbdl.compile_step(net, example=(x, np.array([0, 6])), threads=1)
    assert step.program.native and step.graph.nodes[-1].inputs[0].shape == (7,)
    assert repr(nn.build(nn.config(net))) == repr(net)


def test_linear_regression_and_hidden_layers():
    x = np.ones((3, 5))
    assert nn.init(models.linear_regression(outputs=2), x)(x).shape == (3, 2)
    net = nn.init(models.mlp(outputs=4, hidden=(8, 6), dropout=0.5), x)
    assert sum(isinstance(layer, nn.Dropout) for layer in net.layers) == 2
    assert net(x).shape == (3, 4)


def test_the_gradients_of_lenet_agree_with_torch():
    torch = pytest.importorskip("torch")
    from torch import nn as tnn

    net = nn.init(models.lenet(), IMAGES, dtype="float64")
    twin = tnn.Sequential(
        tnn.Conv2d(1, 6, 5, padding=2), tnn.Sigmoid(), tnn.AvgPool2d(2), tnn.Conv2d(6, 16, 5), tnn.Sigmoid(),
        tnn.AvgPool2d(2), tnn.Flatten(), tnn.Linear(400, 120), tnn.Sigmoid(), tnn.Linear(120, 84),
        tnn.Sigmoid(), tnn.Linear(84, 10),
    ).double()  # fmt: skip
    with torch.no_grad():
        for p, q in zip(nn.parameters(net), twin.parameters()):
            values = p.data if p.data.shape == tuple(q.shape) else p.data.T
            q.copy_(torch.tensor(np.array(values)))
    labels = np.array([3, 7])
    nn.softmax_cross_entropy(net(IMAGES), labels).backward()
    tnn.functional.cross_entropy(twin(torch.tensor(IMAGES)), torch.tensor(labels)).backward()
    for p, q in zip(nn.parameters(net), twin.parameters()):
        theirs = q.grad.numpy()
        np.testing.assert_allclose(
            p.grad, theirs if theirs.shape == p.shape else theirs.T, rtol=1e-9, atol=1e-14
        )


def test_every_preset_resolves():
    for name in registry.default().names("model"):
        record = registry.default().get("model", name)
        assert record.presets and record.about
        for data in record.presets:
            config = resolve(name, overrides={"data": data})
            assert config.data == data and config.epochs >= 1
            registry.default().get("optimizer", config.optimizer)
            if data not in ("table", "text", "pairs"):  # for files
                registry.default().get("dataset", data)


@pytest.mark.parametrize(
    ("name", "least", "options"),
    [
        ("lenet", 12, {}), ("lenet_modern", 12, {}), ("bn_lenet", 12, {}),
        ("alexnet", 15, {"image": 14}), ("alexnet", 65, {}), ("nin", 15, {"image": 14}), ("nin", 67, {}),
        ("densenet", 8, {"image": 7}), ("densenet", 29, {}), ("vgg11", 16, {"image": 16}), ("vgg11", 32, {}),
    ],
)  # fmt: skip
def test_images_that_are_too_small_are_named_with_the_model_and_its_layer(name, least, options):
    width = {} if "lenet" in name else {"width": 0.05}
    build = getattr(models, name)
    text = rf"model `{name}` takes images of at least {least} x {least} pixels, got {least - 1} x 40; in its "
    with pytest.raises(ShapeError, match=text + r"layer \d+, \w+2d: (pool2d|conv2d): .* larger than"):
        nn.init(build(**width, **options), np.zeros((2, 1, least - 1, 40), np.float32))
    net = nn.init(build(**width, **options), np.zeros((2, 1, least, least), np.float32))
    with pytest.raises(ShapeError, match=rf"model `{name}` takes .* layer"):
        nbdl.compile_step(net, example=(np.zeros((2, 1, least - 1, least), np.float32), np.zeros(2, int)))


def test_another_error_of_shapes_is_left_as_it_is():
    net = nn.init(models.lenet(), IMAGES)
    with pytest.raises(ShapeError, match=r"^linear: "):
        net(np.zeros((2, 1, 40, 40)))
