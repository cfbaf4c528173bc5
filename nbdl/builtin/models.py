"""The models, with a preset for each data set that they are known to learn."""

from nbdl.hookspecs import hookimpl
from nbdl.records import Model


@hookimpl
def nbdl_models():
    sgd, adam = {"optimizer": "sgd"}, {"optimizer": "adam"}
    classes_last = {"loss_options": {"axis": -1}}  # a window may be as long as the vocabulary
    yield Model(
        "linear_regression", "nbdl.models:linear_regression", about="y = x w + b",
        presets={
            "synthetic_regression": {**sgd, "epochs": 3, "batch_size": 32, "lr": 0.03},
            "table": {**sgd, "epochs": 30, "batch_size": 32, "lr": 0.03},
        },
    )  # fmt: skip
    yield Model(
        "softmax_regression", "nbdl.models:softmax_regression", about="linear classifier",
        presets={
            "digits": {**sgd, "epochs": 20, "batch_size": 32, "lr": 0.1},
            "mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.1},
            "fashion_mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.1},
            "table": {**sgd, "epochs": 50, "batch_size": 32, "lr": 0.1},
        },
    )  # fmt: skip
    yield Model(
        "mlp", "nbdl.models:mlp", about="hidden layers with ReLU",
        presets={
            "digits": {**adam, "epochs": 20, "batch_size": 32, "lr": 0.001},
            "mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.1},
            "fashion_mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.1},
            "table": {**adam, "epochs": 50, "batch_size": 32, "lr": 0.003},
        },
    )  # fmt: skip
    yield Model(
        "lenet", "nbdl.models:lenet", about="LeNet-5 as in the book: sigmoid, average pooling",
        presets={
            "digits": {**adam, "epochs": 20, "batch_size": 32, "lr": 0.005},
            "mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.9},
            "fashion_mnist": {**sgd, "epochs": 10, "batch_size": 256, "lr": 0.9},
        },
    )  # fmt: skip
    yield Model(
        "lenet_modern", "nbdl.models:lenet_modern", about="LeNet-5 with ReLU and max pooling",
        presets={
            "digits": {**adam, "epochs": 20, "batch_size": 32, "lr": 0.001},
            "mnist": {**adam, "epochs": 5, "batch_size": 256, "lr": 0.001},
            "fashion_mnist": {**adam, "epochs": 5, "batch_size": 256, "lr": 0.001},
        },
    )  # fmt: skip
    yield Model(
        "bn_lenet", "nbdl.models:bn_lenet", about="LeNet-5 with batch normalization",
        presets={
            "digits": {**adam, "epochs": 15, "batch_size": 32, "lr": 0.002},
            "mnist": {**sgd, "epochs": 5, "batch_size": 128, "lr": 0.1, "schedule": "cosine"},
            "fashion_mnist": {**sgd, "epochs": 5, "batch_size": 128, "lr": 0.1, "schedule": "cosine"},
        },
    )  # fmt: skip
    for name, about, rate in (
        ("alexnet", "five convolutions, three dense layers", {**adam, "lr": 0.0005}),
        ("vgg11", "blocks of 3 x 3 convolutions", {**adam, "lr": 0.0005}),
        ("nin", "a dense net for each pixel, no dense layer", {**adam, "lr": 0.001}),
        ("googlenet", "inception blocks: four branches of windows", {**adam, "lr": 0.001}),
        ("resnet18", "eight residual blocks", {**sgd, "lr": 0.1}),
        ("resnet20", "nine thin residual blocks", {**sgd, "lr": 0.1}),
        ("resnext", "residual blocks of grouped convolutions", {**sgd, "lr": 0.1}),
        ("densenet", "each convolution sees the results of all before", {**sgd, "lr": 0.1}),
    ):
        preset = {**rate, "epochs": 5, "batch_size": 128, "schedule": "cosine"}
        if name != "resnet20":  # at a quarter of the book's width an epoch of MNIST takes a minute or two
            preset["model_options"] = {"width": 0.25}
        digits = {**preset, "epochs": 15, "batch_size": 32}
        presets = {"digits": digits, "mnist": preset, "fashion_mnist": preset, "table": preset}
        yield Model(name, f"nbdl.models:{name}", about=about, presets=presets)
    bigram = {**adam, "epochs": 10, "batch_size": 32, "lr": 0.01, "schedule": "cosine", **classes_last}
    bigram["data_options"] = {"length": 32}
    yield Model(
        "bigram_lm", "nbdl.models:bigram_lm", about="next character from the present one",
        presets={"timemachine": bigram, "text": bigram},
    )  # fmt: skip
    window = {**adam, "epochs": 10, "batch_size": 256, "lr": 0.01, "schedule": "cosine"}
    window["data_options"] = {"length": 8, "stride": 1, "last": True}
    yield Model(
        "window_lm", "nbdl.models:window_lm", about="next character from the last 8, one hidden layer",
        presets={"timemachine": window, "text": window},
    )  # fmt: skip
    codes = {**adam, "loss": "bernoulli_elbo", "lr": 0.001}
    digits, mnist = {**codes, "epochs": 100, "batch_size": 32}, {**codes, "epochs": 10, "batch_size": 128}
    for name, about in (
        ("vae", "variational autoencoder, dense: learns to draw such samples"),
        ("conv_vae", "the same with convolutions, for images"),
    ):
        presets = {"digits": digits, "mnist": mnist, "fashion_mnist": mnist}
        yield Model(name, f"nbdl.models:{name}", about=about, presets=presets)
    book = {**adam, "epochs": 30, "batch_size": 128, "lr": 0.005, "clip_norm": 1.0, **classes_last}
    book["data_options"] = {"length": 9}
    yield Model(
        "seq2seq", "nbdl.models:seq2seq", about="translates: encoder and decoder of recurrent layers",
        presets={"pairs": book},
    )  # fmt: skip
    yield Model(
        "bahdanau", "nbdl.models:bahdanau", about="the same with attention to all states of the encoder",
        presets={"pairs": book},
    )  # fmt: skip
    yield Model(
        "transformer", "nbdl.models:transformer", about="translates: encoder and decoder of attention alone",
        presets={"pairs": {**book, "lr": 0.001}},
    )  # fmt: skip
    recurrent = {**adam, "epochs": 20, "batch_size": 32, "lr": 0.01, "clip_norm": 1.0, "schedule": "cosine"}
    recurrent |= {"data_options": {"length": 32, "partition": "sequential"}, **classes_last}
    for name, about in (
        ("rnn_lm", "next character from all before, simple recurrent layers"),
        ("gru_lm", "the same with gated recurrent units"),
        ("lstm_lm", "the same with long short-term memories"),
    ):
        presets = {"timemachine": recurrent, "text": recurrent}
        yield Model(name, f"nbdl.models:{name}", about=about, presets=presets)
    decoder = {**adam, "epochs": 40, "batch_size": 16, "lr": 0.002, "clip_norm": 1.0, "schedule": "cosine"}
    decoder |= classes_last
    decoder["data_options"] = {"length": 64, "partition": "random"}
    decoder["model_options"] = {"dropout": 0.1}
    yield Model(
        "gpt", "nbdl.models:gpt", about="next character from all before, a decoder-only Transformer",
        presets={"timemachine": decoder, "text": decoder},
    )  # fmt: skip
    patches = {**adam, "epochs": 8, "batch_size": 128, "lr": 0.002, "schedule": "cosine"}
    patches["augment"] = {"shift": 2}
    few = {**patches, "epochs": 20, "batch_size": 32}
    yield Model(
        "vit", "nbdl.models:vit", about="vision Transformer: blocks on the patches of an image",
        presets={"digits": few, "mnist": patches, "fashion_mnist": patches},
    )  # fmt: skip
