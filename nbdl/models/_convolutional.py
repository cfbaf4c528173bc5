"""The modern convolutional nets of the book's chapter 8, at any width and for any size of image.

`width` scales the number of channels (and of dense features) of the book; `image` is the number of pixels of
a side. Nets of the book are for 224 (AlexNet, VGG, NiN) or 96 pixels. For smaller images their first layers
would throw most of an image away: there the first one is a convolution of stride 1, as for CIFAR in He et
al. 2016.
"""

from nbdl.models._images import for_images
from nbdl.nn import (
    AvgPool2d,
    BatchNorm,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
)

__all__ = ["alexnet", "densenet", "googlenet", "nin", "resnet18", "resnet20", "resnext", "vgg11"]

SMALL = 64  # pixels: below, the stem keeps the size of the image
SMALL_FOR_STRIDE_4 = 96


def alexnet(outputs=10, width=1.0, image=224, dropout=0.5, init="he_uniform"):
    """Five convolutions and three dense layers. Krizhevsky et al. 2012; section 8.1 of the book."""
    c = _scaled(width)
    small = image < SMALL_FOR_STRIDE_4
    first = _conv(c(96), 5, init=init) if small else _conv(c(96), 11, stride=4, padding=1, init=init)
    net = Sequential(
        first, ReLU(), MaxPool2d(3, 2),
        _conv(c(256), 5, init=init), ReLU(), MaxPool2d(3, 2),
        _conv(c(384), 3, init=init), ReLU(),
        _conv(c(384), 3, init=init), ReLU(),
        _conv(c(256), 3, init=init), ReLU(), MaxPool2d(3, 2),
        *_dense(c(4096), outputs, dropout, init),
    )  # fmt: skip
    return for_images("alexnet", 15 if small else 65, net)


def vgg11(outputs=10, width=1.0, image=224, dropout=0.5, init="he_uniform"):
    """Blocks of 3 x 3 convolutions, each halved by a maximum. Simonyan and Zisserman 2015; section 8.2."""
    c, layers, size = _scaled(width), [], image
    for convolutions, channels in ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)):
        for _ in range(convolutions):
            layers += [_conv(c(channels), 3, init=init), ReLU()]
        if size > 1:
            layers, size = [*layers, MaxPool2d(2)], size // 2
    net = Sequential(*layers, *_dense(c(4096), outputs, dropout, init))
    return for_images("vgg11", 2 ** sum(isinstance(layer, MaxPool2d) for layer in layers), net)


def nin(outputs=10, width=1.0, image=224, dropout=0.5, init="he_uniform"):
    """Dense nets of each pixel between convolutions, no dense layer. Lin et al. 2013; section 8.3."""
    c = _scaled(width)

    def block(channels, kernel, **options):
        return [
            _conv(channels, kernel, init=init, **options), ReLU(),
            _conv(channels, 1, init=init), ReLU(), _conv(channels, 1, init=init), ReLU(),
        ]  # fmt: skip

    small = image < SMALL_FOR_STRIDE_4
    first = block(c(96), 5) if small else block(c(96), 11, stride=4, padding=0)
    net = Sequential(
        *first, MaxPool2d(3, 2),
        *block(c(256), 5), MaxPool2d(3, 2),
        *block(c(384), 3), MaxPool2d(3, 2), Dropout(dropout),
        *block(outputs, 3)[:-1],
        GlobalAvgPool2d(),
    )  # fmt: skip
    return for_images("nin", 15 if small else 67, net)


def googlenet(outputs=10, width=1.0, image=96, init="he_uniform"):
    """Inception blocks: four branches with windows of different sizes. Szegedy et al. 2015; section 8.4."""
    c = _scaled(width)

    def conv(channels, kernel, **options):
        return [_conv(c(channels), kernel, init=init, **options), ReLU()]

    def inception(one, three, five, pooled):
        return Concat(
            Sequential(*conv(one, 1)),
            Sequential(*conv(three[0], 1), *conv(three[1], 3)),
            Sequential(*conv(five[0], 1), *conv(five[1], 5)),
            Sequential(MaxPool2d(3, 1, 1), *conv(pooled, 1)),
        )

    first = conv(64, 3) if image < SMALL else [*conv(64, 7, stride=2), MaxPool2d(3, 2, 1)]
    return Sequential(
        *first,
        *conv(64, 1), *conv(192, 3), MaxPool2d(3, 2, 1),
        inception(64, (96, 128), (16, 32), 32), inception(128, (128, 192), (32, 96), 64), MaxPool2d(3, 2, 1),
        inception(192, (96, 208), (16, 48), 64), inception(160, (112, 224), (24, 64), 64),
        inception(128, (128, 256), (24, 64), 64), inception(112, (144, 288), (32, 64), 64),
        inception(256, (160, 320), (32, 128), 128), MaxPool2d(3, 2, 1),
        inception(256, (160, 320), (32, 128), 128), inception(384, (192, 384), (48, 128), 128),
        GlobalAvgPool2d(), Linear(outputs, init=init),
    )  # fmt: skip


def resnet18(outputs=10, width=1.0, image=96, init="he_normal"):
    """Eight residual blocks of two 3 x 3 convolutions, with batch norm. He et al. 2016; section 8.6."""
    c = _scaled(width)
    stages = ((2, 64), (2, 128), (2, 256), (2, 512))
    return _residual_net(outputs, image, c(64), [(n, c(k)) for n, k in stages], _plain_block, init)


def resnet20(outputs=10, width=1.0, init="he_normal"):
    """The thin one for images of 32 pixels: nine blocks of 16, 32, 64 channels. He et al. 2016, section 4.2.

    A shortcut that changes the shape is a 1 x 1 convolution (their option B).
    """
    c = _scaled(width)
    stages = [(3, c(16)), (3, c(32)), (3, c(64))]
    return _residual_net(outputs, 32, c(16), stages, _plain_block, init)


def resnext(outputs=10, width=1.0, image=96, group_channels=16, init="he_normal"):
    """`resnet18` whose blocks are convolutions in groups of `group_channels` channels, between 1 x 1 ones.

    Xie et al. 2017; section 8.6.5.
    """
    c = _scaled(width)

    def block(channels, stride, project, init):
        groups = max(channels // group_channels, 1)
        body = Sequential(
            *_conv_norm(channels, 1, init), ReLU(),
            *_conv_norm(channels, 3, init, stride=stride, groups=groups), ReLU(),
            *_conv_norm(channels, 1, init),
        )  # fmt: skip
        return _residual(body, channels, stride, project, init)

    stages = [(2, c(k)) for k in (64, 128, 256, 512)]
    return _residual_net(outputs, image, c(64), stages, block, init)


def densenet(outputs=10, width=1.0, image=96, growth=32, init="he_normal"):
    """Blocks in which each convolution sees the results of all before it. Huang et al. 2017; section 8.7."""
    c = _scaled(width)
    channels, layers = c(64), _stem(c(64), image, init)
    for number in range(4):
        for _ in range(4):
            layers.append(Concat(None, Sequential(BatchNorm(), ReLU(), _conv(c(growth), 3, init=init))))
            channels += c(growth)
        if number < 3:  # a transition halves the channels and the size
            channels //= 2
            layers += [BatchNorm(), ReLU(), _conv(channels, 1, init=init), AvgPool2d(2)]
    net = Sequential(*layers, BatchNorm(), ReLU(), GlobalAvgPool2d(), Linear(outputs, init=init))
    return for_images("densenet", 8 if image < SMALL else 29, net)


# --- what they are made of ----------------------------------------------------------------------------------


def _scaled(width):
    """How many channels a layer has that has so many in the book: a multiple of 8 beyond 8."""
    return lambda channels: max(round(channels * width / 8) * 8, 8) if width != 1 else channels


def _conv(channels, kernel, stride=1, padding=None, **options):
    padding = kernel // 2 if padding is None else padding
    return Conv2d(channels, kernel, stride=stride, padding=padding, **options)


def _conv_norm(channels, kernel, init, **options):
    """A convolution and its batch norm, which has a shift of its own: no bias."""
    return _conv(channels, kernel, init=init, bias=False, **options), BatchNorm()


def _dense(features, outputs, dropout, init):
    return [
        Flatten(),
        Linear(features, init=init), ReLU(), Dropout(dropout),
        Linear(features, init=init), ReLU(), Dropout(dropout),
        Linear(outputs, init=init),
    ]  # fmt: skip


def _stem(channels, image, init):
    if image < SMALL:
        return [*_conv_norm(channels, 3, init), ReLU()]
    return [*_conv_norm(channels, 7, init, stride=2), ReLU(), MaxPool2d(3, 2, 1)]


def _residual(body, channels, stride, project, init):
    shortcut = Sequential(*_conv_norm(channels, 1, init, stride=stride)) if project else None
    return Sequential(Residual(body, shortcut), ReLU())


def _plain_block(channels, stride, project, init):
    body = Sequential(*_conv_norm(channels, 3, init, stride=stride), ReLU(), *_conv_norm(channels, 3, init))
    return _residual(body, channels, stride, project, init)


def _residual_net(outputs, image, first, stages, block, init):
    """A stem, stages of blocks, of which each but the first halves the size, and a dense layer."""
    layers, before = _stem(first, image, init), first
    for number, (blocks, channels) in enumerate(stages):
        for i in range(blocks):
            stride = 2 if number and i == 0 else 1
            layers.append(block(channels, stride, stride == 2 or channels != before, init))
            before = channels
    return Sequential(*layers, GlobalAvgPool2d(), Linear(outputs, init=init))
