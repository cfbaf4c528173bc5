"""The settings of a training run: from a model's preset, then a TOML file, then single options."""

import dataclasses
import difflib
import json
import math
import tomllib
from pathlib import Path

import numpy as np

from nbdl import registry
from nbdl.data._fault import reading
from nbdl.errors import OptionError, PluginError, UsageError
from nbdl.nn._options import below

LONGEST = 2**20  # bytes of a config file
MOST = 2**31  # of a number of epochs, samples or threads


@dataclasses.dataclass
class Config:
    """All that a run depends on; saved with it as ``config.toml``."""

    model: str = ""
    data: str = ""
    epochs: int = 10
    batch_size: int = 128
    lr: float = 0.1
    optimizer: str = "sgd"
    loss: str = ""  # by the data: softmax_cross_entropy for classes, mse for numbers
    schedule: str = "constant"
    seed: int = 0
    dtype: str = "float32"
    threads: int = 0  # 0: as many as are the fastest; the bits of a run do not depend on it
    compiled: bool = True  # as one native program, or kernel by kernel on the tape
    clip_norm: float = 0.0  # 0: gradients are not clipped by the norm of all of them
    clip_value: float = 0.0  # 0: nor each element by itself
    validation: float = 0.0  # the share of the training samples that is held out
    patience: int = 0  # epochs without a smaller loss on these after which training ends; 0: never
    min_delta: float = 0.0  # what counts as smaller
    drop_last: bool = False  # whether the samples of an epoch that fill no minibatch are left out
    statistics: int = 0  # epochs after which activations and gradients are measured again; 0: never
    model_options: dict = dataclasses.field(default_factory=dict)
    data_options: dict = dataclasses.field(default_factory=dict)
    optimizer_options: dict = dataclasses.field(default_factory=dict)
    loss_options: dict = dataclasses.field(default_factory=dict)
    schedule_options: dict = dataclasses.field(default_factory=dict)
    augment: dict = dataclasses.field(default_factory=dict)  # how images are changed: see `_augment.py`
    groups: dict = dataclasses.field(default_factory=dict)  # optimizer options by parameter name pattern
    swap: dict = dataclasses.field(default_factory=dict)  # operation -> kernel


# the presets for files of one's own; who has the second reads .txt as text, who has the third all as pairs
TABLE, TEXT, PAIRS = "table", "text", "pairs"


_TYPES = {f.name: type(getattr(Config(), f.name)) for f in dataclasses.fields(Config)}


def resolve(model=None, path=None, overrides=None, own=False):
    """The settings of a run.

    Parameters
    ----------
    model : str, optional
        A registered model; may also be named in the file.
    path : path, optional
        A TOML file with keys of `Config`.
    overrides : dict, optional
        Values by key, ``"optimizer_options.beta1"`` for one inside a table. They win over the file, the file
        wins over the model's preset for the data set.
    own : bool
        The file may be that of a run of `nbdl.fit`, which names no model: its settings are complete.

    Raises
    ------
    UsageError, DataError
        For unknown keys and names (the nearest is offered), values of the wrong type, an unreadable file.
    """
    given = _read(path) if path is not None else {}
    for key, value in (overrides or {}).items():
        table, _, inner = key.partition(".")
        if inner:
            _check_key(table, "an option")
            given[table] = {**_typed(table, given.get(table, {})), inner: value}
        else:
            given[key] = value
    for key in given:
        _check_key(key, path or "an option")
    model = model or given.get("model")
    if not model and "model" in given:
        return _of_fit(given, path, own)
    if not model:
        raise UsageError("no model is named; there are {}", ", ".join(registry.default().names("model")))
    record = registry.default().get("model", model)
    data = str(given.get("data") or next((n for n in record.presets if n != PAIRS), ""))
    if not data:
        what = "a file of pairs of sentences" if PAIRS in record.presets else "a data set"
        raise UsageError("model `{}` has no data of its own: name {} with --data", model, what)
    text = text_options(record, data, _typed("data_options", given.get("data_options", {})))
    table = data if data in registry.default().names("dataset") else next(iter(text), TABLE)
    own = (data, Path(data).stem, table)
    name = next((n for n in (*own, next(iter(record.presets), "")) if record.presets.get(n)), None)
    config = Config(model=model, data=data)
    if name is not None:
        fill(config, record, name, given)
        if given.get("loss"):  # another than the preset's may take less
            taken = registry.parameters(registry.default().get("loss", given["loss"]).compute)
            config.loss_options = {k: v for k, v in config.loss_options.items() if k in taken}
    config.data_options = {**text, **(config.data_options if name in own else {})}
    for key, value in given.items():
        value = _typed(key, value)
        setattr(config, key, {**getattr(config, key), **value} if isinstance(value, dict) else value)
    config.model, config.data = model, data
    check_values(config)
    check_patience(config)
    return config


def _of_fit(given, path, own):
    """The settings of a run of `nbdl.fit`."""
    if not own:
        error = UsageError("the settings name no model: they are those of a net of your own, by nbdl.fit")
        error.add_note(f"where: {path}")
        error.add_note("try: nbdl.fit(net, data, ...) in Python; or a model = ... in the file")
        raise error
    config = Config(**{key: _typed(key, value) for key, value in given.items()})
    check_values(config)
    return config


def check_patience(config, given=False):
    """Raise `UsageError` for `patience` without samples; `given`: there are some of the user's own."""
    if config.patience and not config.validation and not given:
        raise UsageError("`patience` needs samples to look at: a `validation` share above 0, 0.1 for example")


def text_options(record, data, given):
    """The data options that say how a file of one's own is read.

    As text, for a model of text, those that end in .txt; for a model of pairs, all as pairs.
    """
    if data in registry.default().names("dataset"):
        return {}
    if PAIRS in record.presets:
        return {PAIRS: True}
    said = given.get("text", Path(data).suffix.lower() == ".txt")
    return {TEXT: True} if TEXT in record.presets and said is True else {}


def _read(path):
    with reading(path, "TOML file", "a config file as docs/command-line.md shows one", LONGEST):
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))


def fill(config, record, name, given=()):
    """Put a model's preset for the data set `name` into `config`; `PluginError` says what is wrong with it.

    Names that `given` replaces are not looked up.
    """
    try:
        for key, value in record.presets[name].items():
            _check_key(key, "it")
            setattr(config, key, _typed(key, value))
            if key in ("optimizer", "loss", "schedule") and key not in given:
                registry.default().get(key, value)
    except UsageError as error:
        raise PluginError("model `{}`, preset for `{}`: {}", record.name, name, error) from error


def _check_key(key, where):
    if key not in _TYPES:
        near = difflib.get_close_matches(key, _TYPES, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(_TYPES)}"
        raise UsageError("unknown key `{}` in {}: {}", key, where, hint)


def _typed(key, value):
    kind = _TYPES[key]
    if isinstance(value, np.generic):
        value = value.item()
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            bits = value.bit_length()
            raise UsageError("`{}` must be a float64, got an integer of {} bits", key, bits) from None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UsageError("`{}` must be {}, got {!r}", key, {dict: "a table"}.get(kind, kind.__name__), value)
    return dict(value) if kind is dict else value


def check_values(config):
    """Raise `UsageError` for a value of the wrong type or out of range."""
    try:
        below(63, "`seed`", config.seed)
    except OptionError as error:
        raise UsageError(*error.args) from None
    for key in _TYPES:
        setattr(config, key, _typed(key, getattr(config, key)))
    for key, least, most in (
        ("epochs", 1, MOST), ("batch_size", 1, MOST), ("lr", 0.0, math.inf),
        ("threads", 0, MOST), ("clip_norm", 0.0, math.inf), ("clip_value", 0.0, math.inf),
        ("validation", 0.0, 1.0),
        ("patience", 0, MOST), ("min_delta", 0.0, math.inf), ("statistics", 0, MOST),
    ):  # fmt: skip
        value = getattr(config, key)
        if not value >= least:
            raise UsageError("`{}` must be at least {}, got {}", key, least, value)
        if not value < most:
            rule = "finite" if most == math.inf else f"below {most:g}"
            raise UsageError("`{}` must be {}, got {}", key, rule, value)
    if config.dtype not in ("float32", "float64"):
        raise UsageError("`dtype` must be float32 or float64, got {!r}", config.dtype)
    for line in to_toml(config).split("\n"):
        if any("\ud800" <= character <= "\udfff" for character in line):  # of a file name in no encoding
            raise UsageError("settings and file names must be text in UTF-8, got {}", ascii(line))


def to_toml(config):
    """The settings as the text of a TOML file, which `resolve` reads back."""
    values = dataclasses.asdict(config)
    lines = [f"{k} = {_toml(v)}" for k, v in values.items() if not isinstance(v, dict)]
    for key, table in values.items():
        if table and isinstance(table, dict):
            lines += ["", f"[{key}]", *(f"{json.dumps(k)} = {_toml(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value):
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    # numbers, booleans and basic strings are written alike in JSON and TOML, but for one control character
    return json.dumps(
        value, ensure_ascii=False, default=lambda v: v.item() if isinstance(v, np.generic) else str(v)
    ).replace("\x7f", "\\u007f")
