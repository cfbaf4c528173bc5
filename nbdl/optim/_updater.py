"""Runs an optimizer's update kernel over the parameters of a net."""

import contextlib

import numpy as np

from nbdl import registry
from nbdl.errors import DataError, OptionError, UsageError
from nbdl.nn import named_parameters
from nbdl.nn._options import check_options, positive
from nbdl.optim import _clip
from nbdl.optim._groups import OWN, by_name, options_of
from nbdl.records import resolve


class Updater:
    """The parameters of a net that are not frozen, with the state of an optimizer.

    Parameters
    ----------
    optimizer : str
        Name of an `nbdl.Optimizer` record.
    net : net
        Whose parameters have their shapes.
    lr : float
        Learning rate.
    clip_norm : float, optional
        Gradients are scaled down together so that the norm of all of them is at most this, see
        `nbdl.optim.clip_norm`.
    clip_value : float, optional
        Each element of the gradients is brought between -`clip_value` and `clip_value`, before their norm is
        looked at.
    groups : dict or callable, optional
        Other options for some parameters, by name pattern: ``{"*.b": {"weight_decay": 0.0}}``; of several
        that fit a name the last wins. ``lr_factor`` multiplies the learning rate, ``frozen`` leaves a
        parameter as it is. Or a function ``groups(name, parameter)`` that returns such options, or None.
    accumulate : int
        `step` updates with each call of this number, by the mean of the gradients since the last update.
    **options
        What the update kernel takes besides (beta1, weight_decay ...).
    """

    def __init__(
        self, optimizer, net, lr=0.01, groups=None, clip_norm=None, clip_value=None, accumulate=1, **options
    ):
        self.record = registry.default().get("optimizer", optimizer)
        self._update = resolve(self.record.update)
        self.lr, self.steps, parameters = lr, 0, named_parameters(net)
        for name, p in parameters.items():
            if not p.ready:
                raise UsageError("`{}` has no values: the net did not use it when it was initialized", name)
        if lr < 0:
            raise OptionError("`lr` must not be negative, got {}", lr)
        for name, limit in (("clip_norm", clip_norm), ("clip_value", clip_value)):
            if limit is not None:
                _clip.check_limit(name, limit)
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self.accumulate, self._waiting = positive("`accumulate`", accumulate), 0
        known = registry.parameters(self._update)
        self._order = [n for n in known if n not in ("w", "dw", *self.record.state)]
        self.parameters, self.options, self._frozen = {}, {}, []
        for name, chosen in options_of(parameters, by_name(net, groups), options).items():
            reserved, frozen = ("w", "dw", "lr", "step", *self.record.state), chosen.pop("frozen", False)
            own = {n: v for n, v in chosen.items() if n not in OWN}
            check_options(f"optimizer `{self.record.name}`", self._update, own, reserved)
            p = parameters[name]
            if frozen and p.requires_grad:
                self._frozen.append(p)
            if not frozen and p.requires_grad:
                self.parameters[name], self.options[name] = p, chosen
        if parameters and not self.parameters:
            text = "there is nothing to train: all {} parameters are frozen, by a group or by nn.freeze"
            raise UsageError(text, len(parameters))
        self.state = {
            name: {s: np.zeros(p.shape, p.dtype) for s in self.record.state}
            for name, p in self.parameters.items()
        }

    @contextlib.contextmanager
    def freezing(self):
        """Within it no gradient is found for what a group has frozen: a step is recorded within it."""
        try:
            for p in self._frozen:
                p.requires_grad = False
            yield
        finally:
            for p in self._frozen:
                p.requires_grad = True

    def step(self, lr=None):
        """Update every parameter that has a gradient, and forget the gradients; whether it did.

        With `accumulate` above 1 the calls between only let them add up.
        """
        self._waiting += 1
        if self._waiting < self.accumulate:
            return False
        self._waiting = 0
        gradients = {name: p.grad for name, p in self.parameters.items() if p.grad is not None}
        if self.accumulate > 1:
            for gradient in gradients.values():
                gradient /= self.accumulate
        self.update(gradients, lr)
        for p in self.parameters.values():
            p.grad = None
        return True

    def update(self, gradients, lr=None):
        """One update with gradients by parameter name; they are clipped in place."""
        if self.clip_value:
            _clip.clip_value(gradients.values(), self.clip_value)
        if self.clip_norm:
            _clip.clip_norm(gradients.values(), self.clip_norm)
        lr = float(self.lr if lr is None else lr)
        for name, gradient in gradients.items():
            p, own = self.parameters[name], self.options[name]
            given = {"lr": lr * own.get("lr_factor", 1.0), "step": self.steps + 1, **own}
            options = {n: given[n] for n in self._order if n in given}
            self._update(p._array, gradient, *self.state[name].values(), **options)
            p._version[0] += 1
        self.steps += 1

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
