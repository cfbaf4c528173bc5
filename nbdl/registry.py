"""Names: which record a name stands for, and which plugin it came from.

The built-ins come in by the same door as third parties: a module with hooks (`nbdl.builtin`). A plugin is
imported when a name is asked for that the built-ins do not have, or when names are listed; one that fails is
set aside with its reason and never stops a command. Installing a plugin never changes a result: a bare name
means the built-in where there is one, else the only plugin that has it; ``plugin.name`` is always exact.
"""

import contextlib
import contextvars
import difflib
import importlib
import inspect
import os
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pluggy

from nbdl import hookspecs, records
from nbdl.errors import PluginError, UsageError

KINDS = {  # kind -> (hook, record class)
    "kernel": ("nbdl_kernels", records.Kernel),
    "layer": ("nbdl_layers", records.Layer),
    "loss": ("nbdl_losses", records.Loss),
    "optimizer": ("nbdl_optimizers", records.Optimizer),
    "schedule": ("nbdl_schedules", records.Schedule),
    "initializer": ("nbdl_initializers", records.Initializer),
    "metric": ("nbdl_metrics", records.Metric),
    "dataset": ("nbdl_datasets", records.Dataset),
    "model": ("nbdl_models", records.Model),
    "measure": ("nbdl_measures", records.Measure),
    "estimator": ("nbdl_estimators", records.Estimator),
}
HOOKS = {hook: (kind, record) for kind, (hook, record) in KINDS.items()}
GROUP = "nbdl"  # the entry point group
BUILTIN = "nbdl"  # the name of the built-in plugin
MOST = 10_000  # records of a hook: a generator may never end


@dataclass
class Plugin:
    """One plugin as the registry sees it."""

    name: str
    distribution: str = ""
    version: str = ""
    state: str = "not loaded"  # then: active, broken, blocked
    reason: str = ""  # why it is broken or blocked
    records: dict = field(default_factory=dict)  # (kind, name) -> record
    entry: object = None  # the entry point, or the dotted name of the module


class Registry:
    """All plugins of this process. `nbdl.registry.default()` is the one that nbdl itself uses."""

    def __init__(self, entries=None, allowed=None):
        """`entries`: entry points (default: those installed); `allowed`: plugin names, None for all."""
        self._manager = pluggy.PluginManager("nbdl")
        self._manager.add_hookspecs(hookspecs)
        self._entries, self._allowed = entries, allowed
        self._plugins = None
        self._builtin = Plugin(BUILTIN, "nbdl", entry="nbdl.builtin")
        self._load(self._builtin)
        if self._builtin.state == "broken":
            raise PluginError("the built-in records are broken: {}", self._builtin.reason)

    # --- asking ---------------------------------------------------------------------------------------------

    def get(self, kind, name):
        """The record of this kind and name; `UsageError` with the nearest names if there is none."""
        found = self._builtin.records.get((kind, name))
        if found is not None:
            return found
        matches = {full: r for full, r in self._outside(kind) if name in (full, r.name)}
        if len(matches) > 1:
            raise UsageError("{} `{}` is ambiguous: say {}", kind, name, " or ".join(sorted(matches)))
        if matches:
            return next(iter(matches.values()))
        raise UsageError("{}", self._unknown(kind, name))

    def names(self, kind):
        """All names of this kind: bare for built-ins, ``plugin.name`` for the others."""
        return sorted(n for k, n in self._builtin.records if k == kind) + sorted(
            f for f, _ in self._outside(kind)
        )

    def owner(self, kind, name):
        """The `Plugin` that a name comes from."""
        record = self.get(kind, name)
        return next(p for p in self.plugins() if record in p.records.values())

    def plugins(self):
        """The built-in plugin, then every installed one, each loaded, broken or blocked."""
        if self._plugins is None:
            self._plugins = []  # filled while they load: a plugin may ask for names at its import
            for entry in self._installed():
                plugin = self._find(entry)
                self._plugins.append(plugin)
                if plugin.state == "not loaded":
                    self._load(plugin)
        return [self._builtin, *self._plugins]

    def _outside(self, kind):
        for plugin in self.plugins()[1:]:
            for (k, name), record in plugin.records.items():
                if k == kind:
                    yield f"{plugin.name}.{name}", record

    def _unknown(self, kind, name):
        names = self.names(kind)
        full = {n.rpartition(".")[2]: n for n in names} | {n: n for n in names}
        near = dict.fromkeys(full[n] for n in difflib.get_close_matches(str(name), full, n=3))
        hint = f"; did you mean {' or '.join(near)}?" if near else "."
        all_names = f": {', '.join(names)}"
        if kind == "kernel":  # more than anyone reads
            all_names = f" {len(names)}, see nbdl kernels list"
        text = f"unknown {kind} `{name}`{hint} There are{all_names}"
        broken = [f"{p.name} ({p.reason})" for p in self.plugins() if p.state == "broken"]
        if broken:
            text += f". Plugins that could not be loaded: {'; '.join(broken)}"
        return text

    # --- loading --------------------------------------------------------------------------------------------

    def _installed(self):
        if self._entries is not None:
            return self._entries
        from importlib.metadata import distributions, entry_points

        try:
            return entry_points(group=GROUP)
        except Exception:  # one distribution's list of them is damaged: the others are good all the same
            return [entry for dist in distributions() for entry in _entries_of(dist)]

    def _find(self, entry):
        plugin = Plugin(entry.name, entry=entry)
        with contextlib.suppress(Exception):  # its metadata are damaged or missing: it may work without
            plugin.distribution, plugin.version = str(entry.dist.name or ""), str(entry.dist.version or "")
        if entry.name == BUILTIN or entry.name in [p.name for p in self._plugins]:
            plugin.state, plugin.reason = "broken", f"the name `{entry.name}` is taken by another plugin"
        elif self._allowed is not None and entry.name not in self._allowed:
            plugin.state, plugin.reason = (
                "blocked",
                "not among the plugins allowed by NBDL_PLUGINS or --no-plugins",
            )
        return plugin

    def _load(self, plugin):
        """Import a plugin and collect its records; whatever it raises is kept as the reason."""
        try:
            with records.foreign() as interrupts:
                entry = plugin.entry
                module = importlib.import_module(entry) if isinstance(entry, str) else entry.load()
                self._manager.register(module, plugin.name)
                self._collect(plugin)
            plugin.state = "active"
        except BaseException as error:  # SystemExit too: a plugin must not be able to end the program
            if interrupts:
                raise KeyboardInterrupt from error
            plugin.state, plugin.records = "broken", {}
            plugin.reason = records.reason(error)
            with contextlib.suppress(ValueError, AssertionError):
                self._manager.unregister(name=plugin.name)

    def _collect(self, plugin):
        for caller in self._manager.get_hookcallers(self._manager.get_plugin(plugin.name)) or ():
            if caller.name not in HOOKS:
                near = difflib.get_close_matches(caller.name, HOOKS, n=1)
                raise PluginError(
                    "unknown hook `{}`{}", caller.name, f"; did you mean {near[0]}?" if near else ""
                )
            kind, record_class = HOOKS[caller.name]
            for impl in caller.get_hookimpls():
                if impl.plugin_name != plugin.name:
                    continue
                offered = impl.function()
                if not isinstance(offered, Iterable):
                    offered = [offered]
                for count, record in enumerate(offered):
                    if count == MOST:
                        raise PluginError("`{}` yields more than {} records", caller.name, MOST)
                    if not isinstance(record, record_class):
                        raise PluginError(
                            "`{}` must yield {} records, got {!r}", caller.name, record_class.__name__, record
                        )
                    records.check(record, record_class)
                    if (kind, record.name) in plugin.records:
                        raise PluginError("{} `{}` is offered twice", kind, record.name)
                    plugin.records[kind, record.name] = record


def _entries_of(dist):
    """The plugins of a distribution; where they cannot be read, one that says so when it is loaded."""
    try:
        return list(dist.entry_points.select(group=GROUP))
    except Exception as error:
        place, why = getattr(dist, "_path", "?"), records.reason(error)

        def load():
            raise PluginError("its entry_points.txt cannot be read: {}", why)

        return [SimpleNamespace(name=getattr(place, "stem", "?"), dist=None, load=load)]


# --- the registry in use ----------------------------------------------------------------------------------

_current = None


def default():
    """The registry of this process, made at first use from the installed plugins and ``NBDL_PLUGINS``."""
    global _current
    if _current is None:
        allowed = os.environ.get("NBDL_PLUGINS")
        _current = Registry(allowed=None if allowed is None else [n.strip() for n in allowed.split(",")])
    return _current


def use(registry):
    """Make `registry` the one in use (None: a fresh one at the next question); returns the former one."""
    global _current
    _current, former = registry, _current
    return former


def blame(error):
    """The name of the plugin whose code an error came through, or None; only those in use are known."""
    package = lambda name: name.partition(":")[0].partition(".")[0]  # noqa: E731
    plugins = (_current and _current._plugins) or ()
    known = {package(getattr(p.entry, "value", "")): p.name for p in plugins}
    places = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((known[package(place)] for place in reversed(places) if package(place) in known), None)


# --- swapping ---------------------------------------------------------------------------------------------

_swaps = contextvars.ContextVar("swaps", default=None)


@contextlib.contextmanager
def swap(**ops):
    """Use another kernel for an operation while a net is run or traced: ``swap(conv2d="fast.conv2d")``.

    The replacement must implement the same `op` and take the same arguments; else `UsageError`.
    """
    chosen = {op: _checked_swap(op, name) for op, name in ops.items()}
    token = _swaps.set({**(_swaps.get() or {}), **chosen})
    try:
        yield
    finally:
        _swaps.reset(token)


def kernel(op):
    """The `Kernel` record in force for an operation: the swapped one, else the one of that name."""
    return (_swaps.get() or {}).get(op) or default().get("kernel", op)


def _checked_swap(op, name):
    ours, theirs = default().get("kernel", op), default().get("kernel", name)
    if theirs.op != op:
        raise UsageError("kernel `{}` implements `{}`, it cannot replace `{}`", name, theirs.op, op)
    for what in ("inputs", "outputs"):
        if getattr(ours, what) != getattr(theirs, what):
            raise UsageError(
                "kernel `{}` must have the {} {} of `{}`, got {}",
                name,
                what,
                getattr(ours, what),
                op,
                getattr(theirs, what),
            )
    if set(ours.grads) - set(theirs.grads):
        raise UsageError(
            "kernel `{}` must have the gradients {} of `{}`, got {}",
            name,
            tuple(ours.grads),
            op,
            tuple(theirs.grads),
        )
    wanted, got = parameters(ours.forward), parameters(theirs.forward)
    if wanted != got:
        raise UsageError(
            "kernel `{}` must take the arguments {} of `{}`, got {}", name, tuple(wanted), op, tuple(got)
        )
    return theirs


def parameters(code):
    """Parameter names of a kernel, each with its default (``inspect.Parameter.empty`` where it has none)."""
    function = records.resolve(code)
    return {
        n: p.default for n, p in inspect.signature(getattr(function, "py_func", function)).parameters.items()
    }
