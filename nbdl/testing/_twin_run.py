"""A lanes twin run on NumPy arrays, leaf by leaf, block by block, as a program runs it.

Every array begins as NaN: what no leaf has written is seen, and so is what was written between two planes.
"""

import ctypes
import inspect
import math

import numpy as np
from numba import config, from_dtype, types

from nbdl._leaf import leaf
from nbdl.errors import PluginError
from nbdl.kernels.lanes import Loop, LossTwin, Walk
from nbdl.kernels.lanes.twin import each_row, floats, pitch, planes
from nbdl.kernels.simd.registers import Pointer

SHARDS = 8
LINE = 64  # bytes of a cache line


def aligned(array):
    """A copy that begins at a cache line, as the arenas of a program do."""
    raw = np.empty(array.nbytes + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    copy = raw[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def call(function, arguments):
    """Compile a leaf and call it with `arguments`: integers, and places (array, element)."""
    if config.DISABLE_JIT:
        with np.errstate(all="ignore"):  # infinities and NaN are among the cases
            function(*[a if isinstance(a, int) else Pointer(*a) for a in arguments])
        return
    signature, values = [], []
    for a in arguments:
        if isinstance(a, int):
            signature.append(types.int64)
            values.append(a)
        else:
            array, start = a
            signature.append(types.CPointer(from_dtype(array.dtype)))
            values.append(array.ctypes.data + start * array.itemsize)
    address = leaf(function, *signature)
    ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(values))(address)(*values)


def _operand(row, parameter):
    """What a parameter of a leaf is: an integer, or the name of an operand."""
    given = row.given.get(parameter, parameter)
    return given.operand if isinstance(given, Walk) else given


class Operands:
    """The arrays of one kernel call on a minibatch, laid out for its twin.

    Parameters
    ----------
    twin, site
        As `nbdl.kernels.lanes` has them.
    given : dict
        All inputs by name, those with samples as (N, ...); None for what is left out.
    outputs : tuple
        The outputs that the twin makes, the first one first.
    place : callable
        Puts an array where it shall be.
    strips : bool
        Run leaves that can do so on two rows at a time.
    inplace : bool
        y takes the place of x, and dx that of dy.
    """

    def __init__(self, twin, site, given, outputs=("y",), place=aligned, strips=False, inplace=False):
        self.twin, self.site, self.place, self.inplace, self.L = twin, site, place, inplace, site.L
        self.outputs, self.first = outputs, next(iter(given))
        self.batched = site.samples & given.keys() or {n for n in given if n in twin.grads or n in twin.index}
        self.samples = next(len(given[n]) for n in given if n in self.batched)
        self.blocks = -(-self.samples // self.L)
        self.shards = min(self.blocks, SHARDS)
        self.bounds = [s * self.blocks // self.shards for s in range(self.shards + 1)]
        self.numbers = {n: site[n] for n in ("seed", "step") if n in site.constants}
        self.numbers["samples"] = self.samples
        rows = 1 if isinstance(twin, LossTwin) else planes(site.shapes.get(outputs[0], ()))[1]
        few = 2 if strips else rows
        self.strips = [(i, min(i + few, rows)) for i in range(0, rows, few)]
        self.arrays, self.steps = {}, {}  # of each operand: its memory, the elements from block to block
        self.shapes, self.shard = {}, 0  # of each that has lanes; where the sums of the shard begin
        self.shared = False  # whether the rows that gradients share have run
        self.absent = {name for name, value in given.items() if value is None}
        order = np.arange(self.samples)[::-1]  # in the data, of which a minibatch is a few samples
        self.add("idx", order[np.minimum(np.arange(self.blocks * self.L), self.samples - 1)], self.L)
        self.add("status", np.zeros(1, np.int64))
        for name, value in given.items():
            if value is None:
                continue
            role = twin.role(name, name in self.batched)
            if role == "lanes":
                self.add_value(name, site.shapes[name], self.pack(value, site.shapes[name]))
            elif role == "index":
                self.add(name, value[order].astype(np.int64).reshape(-1))
            else:
                self.add(name, value.astype(site.dtype).reshape(-1))
        for name, size in twin.saves(site).items():
            self.add(name, self.empty(self.blocks * size), size)

    def add(self, name, array, step=0):
        self.arrays[name], self.steps[name] = self.place(array), step

    def add_value(self, name, shape, packed=None, instead_of=None):
        """An operand that has a block of lanes for every L samples."""
        size = floats(shape, self.L)
        if instead_of is not None and self.inplace:
            self.arrays[name], self.steps[name] = self.arrays[instead_of], size
        else:
            self.add(name, self.empty(self.blocks * size) if packed is None else packed, size)
        self.shapes[name] = shape

    def empty(self, size):
        return np.full(size, np.nan, self.site.dtype)

    def pack(self, value, shape, cotangent=False):
        """(N, ...) as [block][C][pitch][L]; idle lanes repeat the last sample, a cotangent is zero there."""
        N = len(value)
        (C, H, W), plane = planes(shape), pitch(shape)
        index = np.minimum(np.arange(self.blocks * self.L), N - 1)
        packed = np.full((self.blocks, C, plane, self.L), np.nan, self.site.dtype)
        packed[:, :, : H * W] = value[index].reshape(self.blocks, self.L, C, H * W).transpose(0, 2, 3, 1)
        if cotangent:
            packed[-1, :, : H * W, N - (self.blocks - 1) * self.L :] = 0
        return packed.reshape(-1)

    def planes(self, name):
        """The memory of a value as [block][C][pitch][L], and how much of a plane is used."""
        C, H, W = planes(self.shapes[name])
        return self.arrays[name].reshape(self.blocks, C, pitch(self.shapes[name]), self.L), H * W

    def unpack(self, name):
        packed, used = self.planes(name)
        samples = packed[:, :, :used].transpose(0, 3, 1, 2).reshape(-1, *self.shapes[name])
        return samples[: self.samples].copy()

    def spoiled(self):
        """The values that were written to between two planes, which nobody may."""
        for name in self.shapes:
            packed, used = self.planes(name)
            if not np.isnan(packed[:, :, used:]).all():
                yield name

    # --- what a program does ------------------------------------------------------------------------------

    def checked(self):
        """The status after the rows that run first: 0, or which sample they refuse, plus one."""
        if isinstance(self.twin, LossTwin):
            self.add("total", self.empty(1))
        total = self.twin.total(self.site) if isinstance(self.twin, LossTwin) else []
        for row in [*self.twin.checks(self.site), *total]:
            self._call(row, 0)
        return int(self.arrays["status"][0])

    def forward(self):
        """The first output; of an index that is refused the negative status."""
        refused = self.checked()
        if refused:
            return -refused
        if isinstance(self.twin, LossTwin):
            self.add("loss", self.empty(self.blocks), 1)
        if self.twin.reduce:
            reduction = self.twin.reduce(self.site)
            self._reduce(reduction, reduction.results)
        if not isinstance(self.twin, LossTwin):
            for i, name in enumerate(self.outputs):
                if name not in self.twin.shared:
                    self.add_value(name, self.site.shapes[name], instead_of=None if i else self.first)
        self._over_blocks(self.twin.forward(self.site))
        return self.result(self.outputs[0])

    def result(self, name):
        """An output, (N, ...) where it has samples, after `forward`."""
        if isinstance(self.twin, LossTwin):
            return np.float64(self.arrays["loss"].sum(dtype=np.float64) / self.arrays["total"][0])
        if name in self.twin.shared:
            return self.arrays[name].reshape(self.site.shapes[name]).copy()
        return self.unpack(name)

    def gradient(self, name, dy, **further):
        """The gradient of an input, after `forward`.

        `dy` (N, ...) is the cotangent of the first output, a number for a loss; `further` are those of
        others by output, zeros where they are left out.
        """
        if isinstance(self.twin, LossTwin):
            self.add("scale", (dy / self.arrays["total"]).astype(self.site.dtype))
        else:
            further[self.outputs[0]] = dy
            for output in self.outputs:
                if output not in self.twin.shared:
                    shape = self.site.shapes[output]
                    given = further.get(output, np.zeros((self.samples, *shape)))
                    self.add_value(f"d{output}", shape, self.pack(given, shape, cotangent=True))
        self._share()
        needed = [n for n in self.twin.needs.get(name, ()) if n not in self.batched]
        for other in [*needed, *([] if name in self.batched else [name])]:
            reduction, shape = self.twin.parameters[other](self.site), self.site.shapes.get(other)
            size = reduction.results[f"d{other}"] if shape is None else math.prod(shape)
            self._reduce(reduction, {f"d{other}": size})
        if name in self.batched and self.twin.grads[name](self.site):
            instead_of = f"d{self.outputs[0]}" if name == self.first else None
            self.add_value(f"d{name}", self.site.shapes[name], instead_of=instead_of)
            self._over_blocks(self.twin.grads[name](self.site))
        for other in needed:
            del self.arrays[f"d{other}"]  # another gradient must name it too
        if name in self.batched:
            return self.unpack(f"d{name}")
        return self.arrays[f"d{name}"].reshape(self.site.shapes[name]).copy()

    def _share(self):
        """Run the rows that gradients share, once."""
        rows = [] if self.shared else self.twin.backward(self.site)
        self.shared = True
        asked = {_operand(row, p) for row in each_row(rows) for p in inspect.signature(row.leaf).parameters}
        for name in self.batched:
            if f"d{name}" in asked:
                self.add_value(f"d{name}", self.site.shapes[name])
        self._over_blocks(rows)

    def _reduce(self, reduction, results):
        """A sum over the minibatch; of what it worked with the results alone are left."""
        stride = -(-reduction.acc // 16) * 16
        self.add("acc", np.zeros(self.shards * stride, self.site.dtype))
        self.add("scratch", self.empty(reduction.scratch))
        self.add("bounds", np.array(self.bounds))
        for result, size in results.items():
            self.add(result, self.empty(size))
        for kept, size in reduction.keep.items():
            self.add(kept, self.empty(self.blocks * size), size)
        for s in range(self.shards):
            self.shard = s * stride
            self._over_blocks(reduction.collect, range(self.bounds[s], self.bounds[s + 1]))
        self.shard = 0
        for row in reduction.finish:
            for item in range(row.given.get("items", 1)):
                self._call(row, 0, item=item, shards=self.shards, stride=stride)
        for name in ("acc", "scratch", "bounds", *reduction.keep):
            del self.arrays[name]

    def _over_blocks(self, rows, blocks=None):
        """Two blocks at a time where all leaves ask for `blocks`, else one."""
        blocks = range(self.blocks) if blocks is None else blocks

        def asked(row):
            return inspect.signature(row.leaf).parameters.keys() - row.given.keys()

        step = 2 if all("blocks" in asked(row) for row in each_row(rows)) else 1
        for block in blocks[::step]:
            few = min(step, blocks.stop - block)
            for row in rows:
                if isinstance(row, Loop):
                    for turn in range(row.turns):
                        for one in row.rows:
                            self._call(one, block, turn=turn, blocks=few)
                    continue
                for first, last in self.strips if "first" in asked(row) else [(0, 0)]:
                    self._call(row, block, first=first, last=last, blocks=few)

    def _call(self, row, block, turn=0, **numbers):
        numbers |= {"left": self.samples - block * self.L, "sample": block * self.L, "turn": turn}
        numbers |= self.numbers
        arguments = []
        for parameter in inspect.signature(row.leaf).parameters:
            name, walk = _operand(row, parameter), row.given.get(parameter)
            if isinstance(name, int):
                arguments.append(name)
            elif isinstance(name, np.ndarray):
                arguments.append((np.ascontiguousarray(name, np.int64), 0))
            elif name in numbers:
                arguments.append(numbers[name])
            elif name in self.arrays:
                start = block * self.steps[name] + (self.shard if name == "acc" else 0)
                start += walk.start + turn * walk.step if isinstance(walk, Walk) else 0
                arguments.append((self.arrays[name], start))
            elif name in self.absent:
                arguments.append((np.empty(0, self.site.dtype), 0))
            else:
                raise PluginError("a leaf of a lanes twin asks for `{}`: no operand is called so", name)
        call(row.leaf, arguments)

    def idle(self, name):
        """The lanes of a value that hold no sample of their own."""
        packed, used = self.planes(name)
        return packed[-1, :, :used, self.samples - (self.blocks - 1) * self.L :]
