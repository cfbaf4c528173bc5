"""Nets as lists of layers, and as plain data."""

import inspect

from nbdl import registry
from nbdl.errors import UsageError
from nbdl.records import resolve
from nbdl.tape import as_tensor


class Sequential:
    """Calls its layers one after the other; a layer may itself be a Sequential.

    A layer is any callable ``layer(x, train=None)``; its parameters are found as its attributes.
    """

    def __init__(self, *layers):
        for i, layer in enumerate(layers):
            if isinstance(layer, (list, tuple)):
                raise UsageError("Sequential takes its layers one by one: nn.Sequential(*layers), no list")
            if isinstance(layer, type):
                raise UsageError(
                    "Sequential: layer {} is a class, make one of it: {}(...)", i, layer.__name__
                )
            if not callable(layer):
                raise UsageError("Sequential: layer {} is no layer, as it cannot be called: {!r}", i, layer)
        self.layers = list(layers)

    def __call__(self, x, train=None):
        x = as_tensor(x)
        for layer in self.layers:
            x = layer(x, train=train)
        return x

    def __getitem__(self, index):
        return self.layers[index]

    def __len__(self):
        return len(self.layers)

    def __repr__(self):
        inner = "".join(f"  {i}: {describe(layer)}\n" for i, layer in enumerate(self.layers))
        return f"Sequential(\n{inner})"


def describe(layer):
    """A layer as the call that makes it."""
    if isinstance(layer, Sequential):
        return repr(layer).replace("\n", "\n  ").rstrip()
    options = ", ".join(f"{k}={v!r}" for k, v in _options(layer).items())
    return f"{type(layer).__name__}({options})"


def _options(layer):
    """The constructor's arguments, which a layer keeps as attributes of the same names."""
    names = inspect.signature(type(layer)).parameters
    return {n: getattr(layer, n) for n in names if hasattr(layer, n)}


def config(net):
    """A net of registered layers as plain data (dicts, lists, numbers, strings), from which `build` makes it.

    Raises `UsageError` where a layer is not registered, or does not keep its options as attributes.
    """
    if type(net) is Sequential:  # one with a call of its own is a layer like any other
        return {"layer": "Sequential", "layers": [config(layer) for layer in net.layers]}
    missing = set(inspect.signature(type(net)).parameters) - set(_options(net))
    if missing:
        raise UsageError(
            "{} does not keep its option {} as an attribute", type(net).__name__, sorted(missing)
        )
    return {"layer": _registered_name(type(net)), **_options(net)}


def _registered_name(layer_class):
    names = registry.default().names("layer")
    near = [n for n in names if n.rpartition(".")[2] == layer_class.__name__]
    for name in near + [n for n in names if n not in near]:
        if resolve(registry.default().get("layer", name).build) is layer_class:
            return name
    raise UsageError(
        "{} is not a registered layer: its weights can be saved, and loaded with nbdl.load(path, into=net)",
        layer_class.__name__,
    )


def build(config):
    """The net that `config` describes."""
    options = dict(config)
    name = options.pop("layer")
    if name == "Sequential":
        return Sequential(*map(build, options["layers"]))
    make = resolve(registry.default().get("layer", name).build)
    return make(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()})
