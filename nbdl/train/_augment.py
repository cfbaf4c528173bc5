"""Images that are changed at random in training: layers before a model, by the setting `augment`."""

from nbdl import nn
from nbdl.errors import UsageError

LAYERS = {"crop": nn.RandomCrop, "shift": nn.RandomShift, "flip": nn.RandomFlip, "noise": nn.GaussianNoise}


def augmented(net, options):
    """`net` behind the layers that `options` names, with their first argument: ``{"crop": 4, "flip": 0.5}``.

    They come in the order of `LAYERS`. Raises `UsageError` for others, and what the layers raise.
    """
    for name in options:
        if name not in LAYERS:
            raise UsageError("`augment` has no `{}`; there are {}", name, ", ".join(LAYERS))
    layers = [layer(options[name]) for name, layer in LAYERS.items() if name in options]
    return nn.Sequential(*layers, net) if layers else net
