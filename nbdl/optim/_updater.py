"""Runs an optimizer's update kernel over the parameters of a net."""

import fnmatch
import math

import numpy as np

from nbdl import registry
from nbdl.errors import DataError, OptionError, UsageError
from nbdl.nn import named_parameters
from nbdl.nn._options import check_options
from nbdl.records import resolve


class Updater:
    """The parameters of a net with the state of an optimizer.

    Parameters
    ----------
    optimizer : str
        Name of an `nbdl.Optimizer` record.
    net : net
        Whose parameters have their shapes.
    lr : float
        Learning rate.
    clip_norm : float, optional
        Gradients are scaled down together so that the norm of all of them is at most this.
    groups : dict, optional
        Other options for some parameters, by name pattern: ``{"*.b": {"weight_decay": 0.0}}``.
    **options
        What the update kernel takes besides (beta1, weight_decay ...).
    """

    def __init__(self, optimizer, net, lr=0.01, groups=None, clip_norm=None, **options):
        self.record = registry.default().get("optimizer", optimizer)
        self._update = resolve(self.record.update)
        self.parameters, self.lr, self.steps = named_parameters(net), lr, 0
        for name, p in self.parameters.items():
            if not p.ready:
                raise UsageError("`{}` has no values: the net did not use it when it was initialized", name)
        if lr < 0:
            raise OptionError("`lr` must not be negative, got {}", lr)
        if clip_norm is not None and not clip_norm > 0:
            raise OptionError("`clip_norm` must be positive, got {}", clip_norm)
        self.clip_norm = clip_norm
        known = registry.parameters(self._update)
        self._order = [n for n in known if n not in ("w", "dw", *self.record.state)]
        self.options = {}
        for name in self.parameters:
            chosen = dict(options)
            for pattern, other in (groups or {}).items():
                if not isinstance(other, dict):
                    raise UsageError("group `{}` must be a table of options, got {!r}", pattern, other)
                if fnmatch.fnmatchcase(name, pattern):
                    chosen.update(other)
            reserved = ("w", "dw", "lr", "step", *self.record.state)
            check_options(f"optimizer `{self.record.name}`", self._update, chosen, reserved)
            self.options[name] = chosen
        for pattern in groups or {}:
            if not fnmatch.filter(self.parameters, pattern):
                raise UsageError(
                    "no parameter is named like the group `{}`; there are {}", pattern, list(self.parameters)
                )
        self.state = {
            name: {s: np.zeros(p.shape, p.dtype) for s in self.record.state}
            for name, p in self.parameters.items()
        }

    def step(self, lr=None):
        """Update every parameter that has a gradient, and forget the gradients."""
        self.update({name: p.grad for name, p in self.parameters.items() if p.grad is not None}, lr)
        for p in self.parameters.values():
            p.grad = None

    def update(self, gradients, lr=None):
        """One update with gradients by parameter name; with `clip_norm` they are scaled in place."""
        if self.clip_norm:
            self._clip(gradients.values())
        fixed = {"lr": float(self.lr if lr is None else lr), "step": self.steps + 1}
        for name, gradient in gradients.items():
            p, given = self.parameters[name], {**fixed, **self.options[name]}
            options = {n: given[n] for n in self._order if n in given}
            self._update(p._array, gradient, *self.state[name].values(), **options)
            p._version[0] += 1
        self.steps += 1

    def _clip(self, gradients):
        """Scale them down to the norm `clip_norm`, in units of a power of 2: squares would overflow."""
        largest = max((float(np.max(np.abs(g), initial=0)) for g in gradients), default=0.0)
        unit = math.ldexp(1.0, max(math.frexp(largest)[1], -1000) - 1) if math.isfinite(largest) else 1.0
        norm = math.sqrt(sum(float(np.sum(np.square(g / unit, dtype=np.float64))) for g in gradients))
        if norm > self.clip_norm / unit:
            for g in gradients:
                g /= unit
                g *= self.clip_norm / norm

    def state_dict(self):
        """Copies of all state arrays, by ``parameter/state``."""
        return {f"{n}/{s}": a.copy() for n, states in self.state.items() for s, a in states.items()}

    def load_state_dict(self, state, steps):
        """Go on from `state_dict` after `steps` updates."""
        own = {f"{n}/{s}": a for n, states in self.state.items() for s, a in states.items()}
        if set(own) != set(state) or any(own[k].shape != state[k].shape for k in own):
            raise DataError(
                "the optimizer's state does not belong to this net and optimizer `{}`", self.record.name
            )
        for key, array in own.items():
            array[...] = state[key]
        self.steps = steps
