"""What a step does with the gradients: clip them, and update the parameters slice by slice.

An optimizer ``per="tensor"`` is given each parameter whole, by one thread.
"""

from nbdl.errors import UsageError
from nbdl.records import resolve
from nbdl.step import _layout
from nbdl.step._driver import FACTORS, SHARED, aligned
from nbdl.step._jobs import Address, Base, Call, Job

SLICE = 4096  # elements of a parameter that are updated at a time


class Update:
    """The optimizer of a program: its jobs, and the numbers that they read anew in each step.

    An optimizer without a lanes twin runs in Python, parameter by parameter.
    """

    def __init__(self, updater, storage, states, gradients):
        if updater.accumulate > 1:
            text = "`accumulate` is for `Updater.step`. A program takes minibatches {} times as large"
            raise UsageError(text, updater.accumulate)
        self.updater = updater
        self.dtype = next(iter(storage.values())).dtype
        self.twin = resolve(updater.record.lanes) if updater.record.lanes else None
        self._storage, self._states, self._gradients = storage, states, gradients
        self._names, self._options = list(storage), []
        for options in updater.options.values():  # parameters with the same options share their factors
            if options not in self._options:
                self._options.append(options)

    def factors(self, rates):
        """The numbers of several steps, one row for each learning rate in `rates`."""
        first = self.updater.steps + 1
        limits = [self.updater.clip_norm or 0.0, self.updater.clip_value or 0.0]
        return [
            [*limits, *(f for options in self._options for f in self._factors(options, lr, first + i))]
            for i, lr in enumerate(rates)
        ]

    def _factors(self, options, lr, step):
        given = {n: v for n, v in options.items() if n != "lr_factor"}
        return self.twin.factors(lr * options.get("lr_factor", 1.0), step, **given) if self.twin else ()

    def groups(self):
        """Groups of jobs, a barrier after each."""
        if self.twin is None:
            return [Call(self._in_python, what="update")]
        clip = self._clip_value() if self.updater.clip_value else []
        clip += self._clip_norm() if self.updater.clip_norm else []
        leaf = self.twin.leaf(self.dtype.name)
        count, jobs = len(self._factors(self._options[0], 0.0, 1)), []
        whole = self.updater.record.per == "tensor"
        for name in self._names:
            place = (2 + self._options.index(self.updater.options[name]) * count) * self.dtype.itemsize
            arrays = {"w": self._storage[name], "dw": self._gradients[name], **self._states[name]}
            factors = {"factors": Base(FACTORS, offset=place, kind="floats")}
            for job in self._slices(leaf, arrays, factors, f"update {name}", whole=whole):
                job.value = self.updater.parameters[name]
                jobs.append(job)
        return [*clip, jobs]

    def _slices(self, leaf, arrays, operands, what, size="size", whole=False):
        """The leaf on all slices of some arrays: full ones, and the rest."""
        total = next(iter(arrays.values())).size
        cut = max(total, 1) if whole else SLICE
        for first, count, n in ((0, total // cut, cut), (total // cut * cut, 1, total % cut)):
            if count and n:
                bytes_ = self.dtype.itemsize
                places = {k: Address(a, cut * bytes_, first * bytes_) for k, a in arrays.items()}
                yield Job(leaf, {**places, **operands, size: n}, SHARED, count, what=what)

    def _clip_value(self):
        """All gradients brought between two limits."""
        limit = {"limit": Base(FACTORS, offset=self.dtype.itemsize, kind="floats")}
        leaf, jobs = _layout.limited(self.dtype.name), []
        for name in self._names:
            arrays = {"dw": self._gradients[name]}
            jobs += self._slices(leaf, arrays, limit, f"limit {name}", "floats")
        return [jobs]

    def _clip_norm(self):
        """The norm of all gradients, and the gradients scaled down to it."""
        dtype = self.dtype.name
        sums, scale = aligned(2 * self._slices_in_all(), self.dtype), Address(aligned(2, self.dtype))
        squares, scaled, norm, place = [], [], [], 0
        for name in self._names:
            arrays = {"dw": self._gradients[name]}
            for job in self._slices(_layout.squares(dtype), arrays, {}, f"norm of {name}", "floats"):
                operands = {
                    "dw": job.operands["dw"],
                    "sums": Address(sums, offset=2 * place * self.dtype.itemsize),
                }
                operands |= {"item": Base(0, 1), "floats": job.operands["floats"]}
                squares.append(Job(job.leaf, operands, SHARED, job.items, what=job.what))
                place += job.items
            scaled += self._slices(_layout.scaled(dtype), arrays, {"scale": scale}, f"clip {name}", "floats")
        operands = {
            "sums": Address(sums),
            "count": place,
            "limit": Base(FACTORS, kind="floats"),
            "scale": scale,
        }
        norm.append(Job(_layout.clip, operands, SHARED, what="norm"))
        return [squares, norm, scaled]

    def _slices_in_all(self):
        return sum(-(-a.size // SLICE) for a in self._storage.values())

    def _in_python(self, program, n):
        grads = {}
        for name in self._names:
            p = self.updater.parameters[name]
            grads[name] = self._gradients[name][: p.size].reshape(p.shape)
        self.updater.update(grads, program.rate)
