"""The models of the book's first chapters: dense nets, LeNet, language models of one window."""

from nbdl.models._images import for_images
from nbdl.nn import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
)

__all__ = [
    "bigram_lm", "bn_lenet", "lenet", "lenet_modern", "linear_regression", "mlp", "softmax_regression",
    "window_lm",
]  # fmt: skip


def linear_regression(outputs=1, init="normal"):
    """``y = x w + b``. Zhang et al., Dive into Deep Learning, section 3.5."""
    return Sequential(Flatten(), Linear(outputs, init=init))


def softmax_regression(outputs=10, init="normal"):
    """A linear map to logits. Section 4.5."""
    return Sequential(Flatten(), Linear(outputs, init=init))


def mlp(outputs=10, hidden=(256,), dropout=0.0, init="xavier_uniform"):
    """Hidden layers with ReLU, each followed by dropout if its probability is not 0. Sections 5.2 and 5.6."""
    layers = [Flatten()]
    for features in hidden:
        layers += [Linear(features, init=init), ReLU()] + ([Dropout(dropout)] if dropout else [])
    return Sequential(*layers, Linear(outputs, init=init))


def lenet(outputs=10, init="xavier_uniform"):
    """LeNet-5 as in the book: sigmoid and average pooling. Section 7.6; LeCun et al. 1998."""
    net = Sequential(
        Conv2d(6, 5, padding=2, init=init), Sigmoid(), AvgPool2d(2),
        Conv2d(16, 5, init=init), Sigmoid(), AvgPool2d(2),
        Flatten(),
        Linear(120, init=init), Sigmoid(),
        Linear(84, init=init), Sigmoid(),
        Linear(outputs, init=init),
    )  # fmt: skip
    return for_images("lenet", 12, net)


def lenet_modern(outputs=10, init="he_uniform"):
    """LeNet-5 with ReLU and max pooling."""
    net = Sequential(
        Conv2d(6, 5, padding=2, init=init), ReLU(), MaxPool2d(2),
        Conv2d(16, 5, init=init), ReLU(), MaxPool2d(2),
        Flatten(),
        Linear(120, init=init), ReLU(),
        Linear(84, init=init), ReLU(),
        Linear(outputs, init=init),
    )  # fmt: skip
    return for_images("lenet_modern", 12, net)


def bn_lenet(outputs=10, init="lecun_uniform"):
    """`lenet` with batch normalization before each sigmoid. Section 8.5."""
    net = Sequential(
        Conv2d(6, 5, padding=2, init=init), BatchNorm(), Sigmoid(), AvgPool2d(2),
        Conv2d(16, 5, init=init), BatchNorm(), Sigmoid(), AvgPool2d(2),
        Flatten(),
        Linear(120, init=init), BatchNorm(), Sigmoid(),
        Linear(84, init=init), BatchNorm(), Sigmoid(),
        Linear(outputs, init=init),
    )  # fmt: skip
    return for_images("bn_lenet", 12, net)


def bigram_lm(vocabulary=28, features=32, init="xavier_uniform"):
    """A language model: the next token from the present one alone, at each position. Section 9.3."""
    return Sequential(Embedding(vocabulary, features), Linear(vocabulary, init=init))


def window_lm(vocabulary=28, features=16, hidden=128, init="xavier_uniform"):
    """A language model: the next token from a window of tokens, by one hidden layer. Bengio et al. 2003."""
    return Sequential(
        Embedding(vocabulary, features), Flatten(),
        Linear(hidden, init=init), Tanh(),
        Linear(vocabulary, init=init),
    )  # fmt: skip
