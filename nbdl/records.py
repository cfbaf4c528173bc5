"""The records that plugins (and nbdl itself) hand to the registry: plain data, one class for each kind.

A field that names code takes an object or a string ``"package.module:attribute"``. Strings are resolved at
first use, so that listing names imports nothing; the built-ins use them throughout.
"""

import contextlib
import functools
import importlib
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass

from nbdl.errors import PluginError

Code = str | Callable
Lanes = str | object  # a twin of `nbdl.kernels.lanes`, or the string that names it


def resolve(code):
    """The object that a code field stands for; `PluginError` with the reason if it cannot be imported."""
    if not isinstance(code, str):
        return code
    module, _, attribute = code.partition(":")
    try:
        with foreign() as interrupts:
            return functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    except BaseException as error:  # SystemExit too: a plugin must not be able to end the program
        if interrupts:
            raise KeyboardInterrupt from error
        raise PluginError("`{}` could not be imported: {}", code, reason(error)) from error


@contextlib.contextmanager
def foreign():
    """A block that imports code of someone else; gives a list that is empty unless the user pressed Ctrl-C.

    So a plugin that raises `KeyboardInterrupt` is told from the user. What it prints is no result.
    """
    interrupts, former = [], signal.getsignal(signal.SIGINT)
    ours = callable(former) and threading.current_thread() is threading.main_thread()

    def interrupt(number, frame):
        try:
            former(number, frame)
        except BaseException:
            interrupts.append(number)
            raise

    if ours:
        signal.signal(signal.SIGINT, interrupt)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield interrupts
    finally:
        if ours and signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, former)


def reason(error):
    """The class and the text of an error of someone else's code, even where it has no text."""
    try:
        text = str(error)
    except Exception as second:
        text = f"(its text cannot be had: {type(second).__name__})"
    return f"{type(error).__name__}: {text}".strip().rstrip(":")


def check(record, record_class):
    """Raise `PluginError` unless the fields of a record have the types that `record_class` says."""
    kind = record_class.__name__
    name = record.name
    if not isinstance(name, str) or not name or "." in name or name.split() != [name]:
        raise PluginError("the `name` of a {} must be text without dots or spaces, got {}", kind, repr(name))
    for each in fields(record_class):
        value, rule = getattr(record, each.name), _RULES[each.type]
        if not rule.holds(value):
            text = "{} `{}`: `{}` must be {}, got {}"
            raise PluginError(text, kind, name, each.name, rule.text, repr(value))


def _is_code(value):
    return isinstance(value, str) or callable(value)


def _is_texts(value):
    return isinstance(value, tuple) and all(isinstance(v, str) for v in value)


def _is_sizes(value):
    return isinstance(value, tuple) and all(type(v) is int and v > 0 for v in value)


def _is_mapping(holds):
    """The rule of a mapping from names to values for which `holds`."""
    return lambda m: isinstance(m, Mapping) and all(isinstance(k, str) and holds(v) for k, v in m.items())


@dataclass(frozen=True)
class _Rule:
    holds: Callable
    text: str


_RULES = {  # by the annotation of a field
    str: _Rule(lambda value: isinstance(value, str), "text"),
    Code: _Rule(_is_code, 'callable or "package.module:attribute"'),
    Lanes: _Rule(
        lambda value: isinstance(value, str) or (is_dataclass(value) and not isinstance(value, type)),
        'a twin of nbdl.kernels.lanes or "package.module:attribute"',
    ),
    int: _Rule(lambda value: type(value) is int and value >= 0, "an integer from 0"),
    bool: _Rule(lambda value: isinstance(value, bool), "True or False"),
    tuple[str, ...]: _Rule(_is_texts, "a tuple of names"),
    tuple[int, ...]: _Rule(_is_sizes, "a tuple of positive integers"),
    Mapping[str, Code]: _Rule(_is_mapping(_is_code), "a mapping from names to code"),
    Mapping[str, float]: _Rule(
        _is_mapping(lambda value: isinstance(value, (int, float))), "a mapping from names to numbers"
    ),
    Mapping[str, Mapping]: _Rule(
        _is_mapping(lambda value: isinstance(value, Mapping)), "a mapping from names to mappings"
    ),
}


@dataclass(frozen=True, eq=False)
class Kernel:
    """An operation on arrays with its gradients.

    ``forward(*inputs, *constants)`` returns the outputs; ``grads[i]`` names the kernel that adds the gradient
    of input i to its last argument. The tape calls a gradient kernel with the cotangent of the first output,
    then by parameter name: an input, an output, a constant, or ``<input>_shape``. Kernels of one `op` are
    interchangeable: `nbdl.swap` chooses among them, and they must agree with the op's reference.
    """

    name: str
    forward: Code
    inputs: tuple[str, ...] = ("x",)
    outputs: tuple[str, ...] = ("y",)
    grads: Mapping[str, Code] = field(default_factory=dict)
    op: str = ""  # the operation implemented; its own name unless it replaces another kernel
    reference: Code = ""  # the same operation in plain NumPy, on float64
    cases: Code = ""  # cases(rng) -> the argument dictionaries that it is verified on
    target: str = "cpu"  # "cpu": compiled, serial, nogil; "numpy": array plumbing of the eager tape
    batch: str = "all"  # "each": samples do not see one another; the kit checks it, a program does not ask
    tolerance: Mapping[str, float] = field(default_factory=dict)  # by dtype name, instead of the kit's own
    lanes: Lanes = ""  # the same kernel as a program for one sample: an nbdl.kernels.lanes.Twin
    shape: Code = ""  # shape(*inputs, **constants) -> [(shape, dtype) of each output]; see `nbdl.shapes`

    def __post_init__(self):
        object.__setattr__(self, "op", self.op or self.name)


@dataclass(frozen=True, eq=False)
class Layer:
    """``build(**options)`` makes a layer: a callable with Parameters as attributes."""

    name: str
    build: Code


@dataclass(frozen=True, eq=False)
class Loss:
    """``compute(prediction, target)`` returns a scalar Tensor; `metrics` are named in the registry.

    ``count(prediction, target, **options)`` says of how many numbers it is the mean (of weighted ones the sum
    of the weights), so that it can be measured part by part; without it all predictions are held at once. In
    training it is asked for each sample, of whose prediction only the shape is known (its values are 0): the
    loss of an epoch is the mean over all that counts.

    ``target(x, y)`` says what predictions are compared with, of all inputs and targets of a data set as the
    net takes them, where these are not the targets: of an autoencoder they are the inputs.
    """

    name: str
    compute: Code
    metrics: tuple[str, ...] = ()
    count: Code = ""
    target: Code = ""


@dataclass(frozen=True, eq=False)
class Optimizer:
    """Names of the state arrays of one parameter, and the kernel that updates it in place.

    The kernel takes ``(w, dw, *state)``, then by parameter name ``lr``, ``step`` (from 1) and options with
    defaults. `per` says whether its twin may be given slices ("element") or must see the whole parameter
    ("tensor"), as where it asks for a norm; `update` always sees it.
    """

    name: str
    update: Code
    state: tuple[str, ...] = ()
    per: str = "tensor"
    lanes: Lanes = ""  # the same update on slices: an nbdl.kernels.lanes.UpdateTwin


@dataclass(frozen=True, eq=False)
class Schedule:
    """``rate(step, steps, **options)`` is the factor on the learning rate at update `step` of `steps`."""

    name: str
    rate: Code


@dataclass(frozen=True, eq=False)
class Initializer:
    """``fill(rng, shape, fan_in, fan_out)`` returns a float64 array of that shape."""

    name: str
    fill: Code


@dataclass(frozen=True, eq=False)
class Metric:
    """``compute(prediction, target)`` on arrays returns one number, averaged over samples.

    An option of the loss that it takes too, as `axis` of the accuracy, it is given as the loss is. `count` is
    as that of a `Loss`; ``finish(mean)`` is what is reported of the mean, if it is not itself, as the root of
    a mean square is. A metric ``of="loss"`` is ``compute(loss)``, of the mean loss.
    `better` ("higher" or "lower") is accepted, and read by nothing yet.
    """

    name: str
    compute: Code
    better: str = "higher"
    count: Code = ""
    of: str = "prediction"
    finish: Code = ""

    def __post_init__(self):
        if self.of not in ("prediction", "loss"):
            text = 'Metric `{}`: `of` must be "prediction" or "loss", got {!r}'
            raise PluginError(text, self.name, self.of)


@dataclass(frozen=True, eq=False)
class Dataset:
    """``load(**options)`` returns an `nbdl.data.Data`.

    One that is downloaded says what it will be, so that a net can be planned for it without.
    """

    name: str
    load: Code
    about: str = ""
    shape: tuple[int, ...] = ()  # of one input, if `load` need not be asked
    classes: int = 0


@dataclass(frozen=True, eq=False)
class Model:
    """``build(**options)`` returns a net; `presets` holds training settings by data set name.

    The first preset is the default data set of ``nbdl train``; one called "table" is for a user's own files.
    A model of language, which takes token ids, has one called "text" instead, and `build` an option
    `vocabulary`.
    """

    name: str
    build: Code
    presets: Mapping[str, Mapping] = field(default_factory=dict)
    about: str = ""


@dataclass(frozen=True, eq=False)
class Measure:
    """``compute(*samples, **options)`` returns one number in nats, or in the unit that ``base=`` asks for.

    `inputs` names the samples in order; one with a star stands for any number of them.
    """

    name: str
    compute: Code
    inputs: tuple[str, ...] = ("x", "y")


@dataclass(frozen=True, eq=False)
class Estimator:
    """How measures are estimated from samples of one kind of `data`; what is not offered follows by identity.

    "discrete": one entry ``entropy(counts, *, k=None, **options)``: nats from the counts of each symbol, `k`
    the size of the alphabet. "continuous", "mixed": by the name of each measure a function
    ``f(*samples, local=False, threads=1, **options)`` of float64 arrays (N, D), in nats; ``local=True`` gives
    the N values whose mean is the estimate (N' of symbols), or raises `OptionError` where there are none. In
    "mixed" ones a discrete sample is int64 codes (N,), and a joint one of both kinds the pair of them,
    ``(codes, columns)``.

    More entries are used if they are there. ``symbols(x, **options)`` gives int64 codes (N', D) below k,
    N' <= N, and k: series are made into symbols first, histories of symbols then. ``shuffled_<measure>(
    *samples, **options)`` gives a function of an order of the rows of the first sample, for permutation
    tests, or None. ``pairwise_mutual_information(columns, z, *, threads=1, **options)`` gives the matrix of
    all pairs of columns (N, 1), given z (N, R), R >= 0. `nbdl.testing.check_estimator` tries all of this.

    `ordered` says that neighbouring rows belong together. Then the functions get NaN where a value is
    missing, as rows on the two sides of it are no neighbours, and ``symbols`` gives codes masked there.
    """

    name: str
    data: str
    measures: Mapping[str, Code] = field(default_factory=dict)
    ordered: bool = False

    def __post_init__(self):
        if self.data not in ("discrete", "continuous", "mixed"):
            text = 'Estimator `{}`: `data` must be "discrete", "continuous" or "mixed", got {!r}'
            raise PluginError(text, self.name, self.data)
        if self.data == "discrete" and set(self.measures) != {"entropy"}:
            text = "Estimator `{}`: one of discrete data must offer `entropy` alone, got {}"
            raise PluginError(text, self.name, list(self.measures))
