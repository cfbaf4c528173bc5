"""Nets as lists of layers, and as plain data."""

import functools
import inspect
import types

import numpy as np

from nbdl import registry
from nbdl.errors import ShapeError, UsageError
from nbdl.records import resolve
from nbdl.tape import Tensor, as_tensor

_FUNCTIONS = (type, types.FunctionType, types.MethodType, functools.partial)


class Sequential:
    """Calls its layers one after the other; a layer may itself be a Sequential.

    A layer is any callable ``layer(x, train=None)``; its parameters are found as its attributes.
    """

    least_image = None  # of one of nbdl.models: its name, and the pixels of a side that it needs

    def __init__(self, *layers):
        checked_layers("Sequential", layers)
        self.layers = list(layers)

    def __call__(self, x, train=None):
        given = x = as_tensor(x)
        for i, layer in enumerate(self.layers):
            if isinstance(x, (tuple, list)):
                text = "Sequential: layer {}, {}, gives {} tensors, and the next one takes one{}"
                before = self.layers[i - 1]
                name = type(before).__name__
                hint = f". Try {name}(..., state=False)" if getattr(before, "state", False) is True else ""
                raise ShapeError(text, i - 1, name, len(x), hint)
            try:
                x = layer(x, train=train)
            except ShapeError as error:
                if self.least_image and given.ndim == 4:
                    self._check_size(given, i, error)
                raise
        return x

    def _check_size(self, x, i, error):
        """Raise `ShapeError` that speaks of the model, if its images were too small for layer i."""
        name, least = self.least_image
        H, W = x.shape[2:]
        if min(H, W) < least:
            text = "model `{}` takes images of at least {} x {} pixels, got {} x {}; in its layer {}, {}: "
            where = name, least, least, H, W, i, type(self.layers[i]).__name__
            raise ShapeError(text + error.args[0], *where, *error.args[1:]) from None

    def __getitem__(self, index):
        return self.layers[index]

    def __len__(self):
        return len(self.layers)

    def __repr__(self):
        inner = "".join(f"  {i}: {describe(layer)}\n" for i, layer in enumerate(self.layers))
        return f"Sequential(\n{inner})"


def checked_layers(where, layers):
    """Raise `UsageError` for what is no layer: a list, a class, a thing that cannot be called."""
    for i, layer in enumerate(layers):
        if isinstance(layer, (list, tuple)):
            raise UsageError("{} takes its layers one by one: nn.{}(*layers), no list", where, where)
        if isinstance(layer, type):
            raise UsageError("{}: layer {} is a class, make one of it: {}(...)", where, i, layer.__name__)
        if not callable(layer):
            raise UsageError("{}: layer {} is no layer, as it cannot be called: {!r}", where, i, layer)


def describe(layer):
    """A layer as the call that makes it."""
    if isinstance(layer, Sequential):
        return repr(layer).replace("\n", "\n  ").rstrip()
    options = ", ".join(f"{k}={_described(v)}" for k, v in _options(layer).items())
    return f"{type(layer).__name__}({options})"


def _described(option):
    if isinstance(option, (list, tuple)) and any(map(_is_layer, option)):
        return f"[{', '.join(map(_described, option))}]"
    if isinstance(option, Tensor):  # the parameter of another layer
        return f"<{type(option).__name__}>"
    return describe(option) if _is_layer(option) else repr(option)


def _is_layer(option):
    """Whether an option is an object with a call and attributes, as layers are; no function, no class."""
    return callable(option) and hasattr(option, "__dict__") and not isinstance(option, _FUNCTIONS)


def _options(layer):
    """The constructor's arguments, which a layer keeps as attributes of the same names."""
    names = inspect.signature(type(layer)).parameters
    return {n: getattr(layer, n) for n in names if hasattr(layer, n)}


def config(net):
    """A net of registered layers as plain data (dicts, lists, numbers, strings), from which `build` makes it.

    Options that are layers, alone or in lists, tuples and dicts, become data in the same way.

    Raises `UsageError` where a layer is not registered, does not keep its options as attributes, or has an
    option that is neither a layer nor plain data.
    """
    name, where = _registered_name(type(net)), type(net).__name__
    missing = set(inspect.signature(type(net)).parameters) - set(_options(net))
    if missing:
        raise UsageError("{} does not keep its option {} as an attribute", where, sorted(missing))
    return {"layer": name, **{k: _data(v, f"{where}: option `{k}`") for k, v in _options(net).items()}}


def _data(value, where):
    """An option as plain data; a dict with the key "layer" is a layer."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_data(v, where) for v in value]
    if isinstance(value, dict) and all(isinstance(k, str) and k != "layer" for k in value):
        return {k: _data(v, where) for k, v in value.items()}
    if isinstance(value, Tensor):
        raise UsageError("{} is a parameter of another layer, which a description does not say", where)
    if not _is_layer(value):
        raise UsageError("{} is neither a layer nor plain data: {!r}", where, value)
    return config(value)


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
    """The net that `config` describes. Lists among the options come back as tuples."""
    options = {k: _built(v) for k, v in config.items() if k != "layer"}
    make, values = resolve(registry.default().get("layer", config["layer"]).build), []
    parameters = inspect.signature(make).parameters
    if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):  # all before them go by position too
        for name, p in parameters.items():
            values += options.pop(name) if p.kind is p.VAR_POSITIONAL else [options.pop(name)]
            if p.kind is p.VAR_POSITIONAL:
                break
    return make(*values, **options)


def _built(value):
    if isinstance(value, dict):
        return build(value) if "layer" in value else {k: _built(v) for k, v in value.items()}
    return tuple(map(_built, value)) if isinstance(value, (list, tuple)) else value
