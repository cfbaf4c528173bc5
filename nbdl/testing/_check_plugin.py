"""Everything a plugin offers, tried out."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from nbdl import registry
from nbdl.errors import PluginError, UsageError, VerificationError
from nbdl.kernels.lanes import Twin, UpdateTwin
from nbdl.records import Code, resolve
from nbdl.tape import tensor
from nbdl.testing._check_estimator import check_estimator
from nbdl.testing._check_kernel import check_kernel
from nbdl.testing._check_twin import check_twin, check_update_twin


def check_plugin(name):
    """Load a plugin and check all its records.

    Every field that names code must resolve; kernels must pass `check_kernel`; an optimizer's update kernel
    must change its parameter in place; lanes twins must agree with them; a loss must give a finite scalar and
    a gradient; estimators must pass `check_estimator`.

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
        if kind in _CHECKS:
            _CHECKS[kind](record)
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
    rng = np.random.default_rng(0)
    values, faults = rng.standard_normal((4, 3)), []
    for target in (rng.integers(0, 3, 4), rng.standard_normal((4, 3))):  # class labels; else numbers
        prediction = tensor(values, requires_grad=True)
        try:
            loss = resolve(record.compute)(prediction, target)
        except Exception as error:  # not the kind of target that this loss is for
            faults.append(str(error))
            continue
        if loss.size != 1 or not np.isfinite(loss.item()):
            raise VerificationError("loss `{}` must give one finite number, got {}", record.name, loss.data)
        loss.backward()
        if prediction.grad is None or not np.isfinite(prediction.grad).all():
            text = "loss `{}` must have a finite gradient for its prediction, got {}"
            raise VerificationError(text, record.name, prediction.grad)
        return
    raise VerificationError("loss `{}` takes neither labels nor numbers: {}", record.name, "; ".join(faults))


_CHECKS = {
    "kernel": _check_kernel,
    "optimizer": _check_optimizer,
    "loss": _check_loss,
    "estimator": check_estimator,
}
