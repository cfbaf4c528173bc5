"""Everything a plugin offers, tried out."""

import inspect
import itertools
import warnings
from collections.abc import Mapping
from dataclasses import fields
from functools import partial

import numpy as np

from nbdl import nn, registry
from nbdl.data import load
from nbdl.errors import PluginError, UsageError, VerificationError
from nbdl.kernels.lanes import Twin, UpdateTwin
from nbdl.nn._inputs import each
from nbdl.nn._options import check_options
from nbdl.records import Code, reason, resolve
from nbdl.step._forms import flat, put_together
from nbdl.step._trace import trace
from nbdl.tape import as_tensor
from nbdl.testing._check_estimator import check_estimator
from nbdl.testing._check_kernel import check_kernel
from nbdl.testing._check_twin import check_twin, check_update_twin
from nbdl.train._config import Config, check_values, fill
from nbdl.train._measure import figures_of


def check_plugin(name):
    """Load a plugin and check all its records.

    Every field that names code must resolve; kernels must pass `check_kernel`; an optimizer's update kernel
    must change its parameter in place; lanes twins must agree with them; a loss must give a finite scalar and
    a gradient, and work in evaluation; a data set must load what `Data` says; the presets of a model must
    name settings that exist; schedules, metrics and measures must give numbers, initializers arrays of the
    shape; estimators must pass `check_estimator`. What works but not in a native program, as a loss that
    looks at values, is a warning.

    Parameters
    ----------
    name : str
        The name of its entry point, as ``nbdl plugins list`` shows it.

    Returns
    -------
    list of (kind, name) of the records checked.

    Raises
    ------
    UsageError
        If there is no such plugin.
    PluginError
        If it is broken or blocked, or names code that does not exist.
    VerificationError
        If a record does not do what its kind promises.
    """
    plugins = {p.name: p for p in registry.default().plugins()}
    if name not in plugins:
        raise UsageError("unknown plugin `{}`; there are: {}", name, ", ".join(plugins))
    plugin = plugins[name]
    if plugin.state != "active":
        raise PluginError("plugin `{}` is {}: {}", name, plugin.state, plugin.reason)
    for (kind, _), record in plugin.records.items():
        _check_code(plugin, kind, record)
        try:
            _CHECKS.get(kind, lambda record: None)(record)
        except (PluginError, VerificationError):
            raise
        except Exception as error:  # of the plugin's code
            text = "{} `{}` failed while it was tried: {}"
            raise VerificationError(text, kind, record.name, reason(error)) from error
    return list(plugin.records)


def _check_code(plugin, kind, record):
    named = [(f.name, getattr(record, f.name)) for f in fields(record) if f.type == Code]
    mappings = [(f.name, getattr(record, f.name)) for f in fields(record) if f.type == Mapping[str, Code]]
    named += [(f"{field}[{key}]", code) for field, codes in mappings for key, code in codes.items()]
    for what, code in named:
        try:
            if code and not callable(resolve(code)):
                raise PluginError("`{}` cannot be called", code)
        except PluginError as error:
            text = "plugin `{}`: {} `{}`, `{}`: {}"
            raise PluginError(text, plugin.name, kind, record.name, what, error) from error


def _check_lanes(record, twin_class):
    twin = resolve(record.lanes)
    if not isinstance(twin, twin_class):
        text = "`{}`: `lanes` must name a {} of nbdl.kernels.lanes, got {}"
        raise VerificationError(text, record.name, twin_class.__name__, repr(twin))


def _check_kernel(record):
    check_kernel(record)
    if record.lanes:
        _check_lanes(record, Twin)
        check_twin(record)


def _check_optimizer(record):
    parameters = list(registry.parameters(record.update))
    wanted = ["w", "dw", *record.state]
    if parameters[: len(wanted)] != wanted:
        text = "optimizer `{}`: the update kernel must take {} first, got {}"
        raise VerificationError(text, record.name, wanted, parameters)
    for dtype in (np.float32, np.float64):
        w, dw = np.linspace(-1, 1, 6, dtype=dtype), np.full(6, 0.5, dtype)
        state = [np.zeros(6, dtype) for _ in record.state]
        rest = {n: v for n, v in {"lr": 0.1, "step": 1}.items() if n in parameters}
        before = w.copy()
        resolve(record.update)(w, dw, *state, **rest)
        if (w == before).all() or not np.isfinite(w).all() or not (dw == 0.5).all():
            text = "optimizer `{}`: an update must change `w` in place, `dw` not at all; w went from {} to {}"
            raise VerificationError(text, record.name, before, w)
        if record.lanes:
            _check_lanes(record, UpdateTwin)
            check_update_twin(record, np.dtype(dtype).name)


def _check_loss(record):
    """On the results of a net of one output, of two or three, or of outputs and targets by name."""
    rng, compute = np.random.default_rng(0), resolve(record.compute)
    values, faults = rng.standard_normal((4, 3)), []
    for net, target in itertools.product(map(_Outputs, (1, 2, 3, 0)), _targets_in_any_form(rng)):
        nn.init(net, values, dtype="float64")
        try:
            prediction = net(values, train=nn.Train(0, 0))
            loss = compute(prediction, target)
            break
        except Exception as error:
            faults.append(reason(error))
    else:
        what = "; ".join(dict.fromkeys(faults[:2]))
        raise VerificationError("loss `{}` takes neither labels nor numbers: {}", record.name, what)
    if loss.size != 1 or not np.isfinite(loss.item()):
        raise VerificationError("loss `{}` must give one finite number, got {}", record.name, loss.data)
    with np.errstate(all="ignore"):  # what is not finite is found below
        loss.backward()
    grads = [p.grad for p in nn.named_parameters(net).values() if p.grad is not None]
    bad = [g for g in grads if not np.isfinite(g).all()]
    if bad or not grads:
        text = "loss `{}` must have a finite gradient for its prediction, got {}"
        raise VerificationError(text, record.name, bad[0] if bad else None)
    _check_evaluation(record, prediction, target)
    try:
        trace(net, (values, target), np.dtype(np.float64), compute)
    except Exception as error:  # whatever its Python does with tensors that have no values yet
        text = f"loss `{record.name}` cannot become part of a native program ({reason(error)})"
        warnings.warn(
            f"{text}; nets train with it by compiled=False, on the command line --set compiled=false",
            stacklevel=2,
        )


def _check_evaluation(record, prediction, target):
    """The loss of predictions that are arrays by now, and of how many numbers it is the mean."""
    tensors, form = flat(prediction)
    arrays = put_together(form, (t.numpy() for t in tensors))
    pair = arrays, each(lambda t: t.numpy(), target)
    compute, counted = figures_of(record, {}, ())["loss"]
    try:
        compute(*pair)
        n = counted(*pair) if counted else 1
    except Exception as error:
        raise VerificationError("loss `{}` fails in evaluation: {}", record.name, reason(error)) from error
    if not n > 0:
        raise VerificationError("loss `{}`: `count` must be positive for 4 samples, got {}", record.name, n)


class _Outputs:
    """A net of so many outputs (4, 3): one tensor, several in a tuple, or for 0 one by any name."""

    def __init__(self, count):
        self.layers, self.named = [nn.Linear(3) for _ in range(max(count, 1))], count == 0

    def __call__(self, x, train=None):
        outputs = tuple(layer(x) for layer in self.layers)
        if self.named:
            return _ByAnyName(outputs[0])
        return outputs if len(outputs) > 1 else outputs[0]


class _ByAnyName(dict):
    """The same value under every name, which it then holds."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def __missing__(self, name):
        self[name] = self.value
        return self.value


def _targets_in_any_form(rng):
    labels, numbers = map(as_tensor, _targets(rng))
    return labels, numbers, _ByAnyName(labels), _ByAnyName(numbers)


def _check_layer(record):
    build = resolve(record.build)
    if inspect.Parameter.empty in registry.parameters(build).values():
        return  # what it must be told, only its author knows
    if not callable(build()):
        raise VerificationError("layer `{}`: `build` must return a layer: a callable", record.name)


def _targets(rng):
    """Class labels; numbers."""
    return rng.integers(0, 3, 4), rng.standard_normal((4, 3))


def _first_that_works(kind, record, call, candidates):
    """The result for the first candidate that does not raise: not all are of the kind that it is for."""
    faults = []
    for candidate in candidates:
        try:
            return call(candidate)
        except Exception as error:
            faults.append(reason(error))
    what = {"metric": "labels nor numbers", "measure": "integers nor floats"}
    raise VerificationError("{} `{}` takes neither {}: {}", kind, record.name, what[kind], "; ".join(faults))


def _check_metric(record):
    rng, compute = np.random.default_rng(0), resolve(record.compute)
    if record.of == "loss":
        _check_number("metric", record, compute(1.0))
        return
    call = partial(compute, rng.standard_normal((4, 3)))
    _check_number("metric", record, _first_that_works("metric", record, call, _targets(rng)))


def _check_measure(record):
    rng, compute = np.random.default_rng(0), resolve(record.compute)
    n = sum(2 if name.startswith("*") else 1 for name in record.inputs)
    samples = rng.integers(0, 3, (n, 100)), rng.standard_normal((n, 100))
    _check_number("measure", record, _first_that_works("measure", record, lambda s: compute(*s), samples))


def _check_number(kind, record, value):
    if np.ndim(value) or not np.isfinite(value):
        raise VerificationError("{} `{}` must return one finite number, got {!r}", kind, record.name, value)


def _check_schedule(record):
    rate = resolve(record.rate)
    for step in range(10):
        _check_number("schedule", record, rate(step, 10))


def _check_initializer(record):
    values = np.asarray(resolve(record.fill)(np.random.default_rng(0), (3, 4), 3, 4))
    if values.shape != (3, 4) or not np.isfinite(values).all():
        text = "initializer `{}` must return finite values of shape (3, 4) if asked for them, got shape {}"
        raise VerificationError(text, record.name, values.shape)


def _check_dataset(record):
    data = load(_full_name(record))
    for name, a in (("train.x", data.train.x), ("train.y", data.train.y), ("test.x", data.test.x)):
        if not np.isfinite(a).all():
            raise VerificationError("data set `{}`: `{}` must be finite", record.name, name)
    shape, classes = data.train.x.shape[1:], data.classes or 0
    for name, said, found in (("shape", record.shape, shape), ("classes", record.classes, classes)):
        if said and said != found:
            text = "data set `{}`: its record says `{}` is {}, loaded it is {}"
            raise VerificationError(text, record.name, name, said, found)


def _full_name(record):
    """The name by which no other part is meant."""
    owner = next(p for p in registry.default().plugins() if record in p.records.values())
    return record.name if owner.name == registry.BUILTIN else f"{owner.name}.{record.name}"


def _check_model(record):
    """Each preset names settings that exist, and the model can be built with them."""
    build = resolve(record.build)
    told = {n: 3 for n in ("outputs", "vocabulary") if n in registry.parameters(build)}
    for name in record.presets or ("",):
        config, known = Config(), registry.default()
        if name:
            fill(config, record, name)
        check_values(config)
        where = f"model `{record.name}`" + (f", preset for `{name}`" if name else "")
        optimizer = known.get("optimizer", config.optimizer)
        update, reserved = resolve(optimizer.update), ("w", "dw", "lr", "step", *optimizer.state)
        rate = resolve(known.get("schedule", config.schedule).rate)
        check_options(f"{where}, `model_options`", build, config.model_options)
        check_options(f"{where}, `optimizer_options`", update, config.optimizer_options, reserved)
        check_options(f"{where}, `schedule_options`", rate, config.schedule_options, ("step", "steps"))
        if not callable(build(**{**told, **config.model_options})):
            raise VerificationError("{}: `build` must return a net: a callable", where)


_CHECKS = {
    "kernel": _check_kernel,
    "optimizer": _check_optimizer,
    "layer": _check_layer,
    "loss": _check_loss,
    "metric": _check_metric,
    "measure": _check_measure,
    "schedule": _check_schedule,
    "initializer": _check_initializer,
    "dataset": _check_dataset,
    "model": _check_model,
    "estimator": check_estimator,
}
