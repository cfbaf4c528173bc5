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
from nbdl.kernels.lanes import LossTwin
from nbdl.kernels.lanes.twin import INDICES, NUMBERS, floats, pitch, planes
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


class Operands:
    """The arrays of one kernel call on a minibatch, laid out for its twin.

    Parameters
    ----------
    twin, site
        As `nbdl.kernels.lanes` has them.
    given : dict
        All inputs by name, those with samples as (N, ...); None for what is left out.
    place : callable
        Puts an array where it shall be.
    strips : bool
        Run leaves that can do so on two rows at a time.
    inplace : bool
        y takes the place of x, and dx that of dy.
    """

    def __init__(self, twin, site, given, place=aligned, strips=False, inplace=False):
        self.twin, self.site, self.place, self.inplace, self.L = twin, site, place, inplace, site.L
        self.samples = next(len(given[n]) for n in twin.grads)
        self.blocks = -(-self.samples // self.L)
        self.shards = min(self.blocks, SHARDS)
        self.bounds = [s * self.blocks // self.shards for s in range(self.shards + 1)]
        self.numbers = {n: site[n] for n in ("seed", "step") if n in site.constants}
        rows = planes(site.shapes.get("y", ()))[1]
        few = 2 if strips else rows
        self.strips = [(i, min(i + few, rows)) for i in range(0, rows, few)]
        self.arrays, self.steps = {}, {}  # of each operand: its memory, the elements from block to block
        self.shapes, self.shard = {}, 0  # of each that has lanes; where the sums of the shard begin
        self.absent = {name for name, value in given.items() if value is None}
        for name, value in given.items():
            if value is not None and name in twin.grads:
                self.add_value(name, site.shapes[name], self.pack(value))
            elif value is not None:
                self.add(name, value.astype(np.int64 if name in INDICES else site.dtype).reshape(-1))
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

    def pack(self, value, cotangent=False):
        """(N, ...) as [block][C][pitch][L]; idle lanes repeat the last sample, a cotangent is zero there."""
        N, shape = len(value), value.shape[1:]
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

    def forward(self):
        """y (N, ...), or the loss; of labels that are refused the negative status."""
        if isinstance(self.twin, LossTwin):
            return self._loss()
        self.add_value("y", self.site.shapes["y"], instead_of="x")
        self._over_blocks(self.twin.forward(self.site))
        return self.unpack("y")

    def _loss(self):
        self.add("idx", np.minimum(np.arange(self.blocks * self.L), self.samples - 1), self.L)
        self.add("total", self.empty(1))
        self.add("status", np.zeros(1, np.int64))
        self.add("loss", self.empty(self.blocks), 1)
        for row in self.twin.total(self.site):
            self._call(row, 0, samples=self.samples)
        if self.arrays["status"][0]:
            return -int(self.arrays["status"][0])
        self._over_blocks(self.twin.forward(self.site))
        return np.float64(self.arrays["loss"].sum(dtype=np.float64) / self.arrays["total"][0])

    def gradient(self, name, dy):
        """The gradient of an input, after `forward`; `dy` (N, ...) is a number for a loss."""
        if isinstance(self.twin, LossTwin):
            self.add("scale", (dy / self.arrays["total"]).astype(self.site.dtype))
        else:
            self.add_value("dy", self.site.shapes["y"], self.pack(dy, cotangent=True))
        if name in self.twin.parameters:
            return self._parameter(name, self.twin.parameters[name](self.site))
        self.add_value(f"d{name}", self.site.shapes[name], instead_of="dy")
        self._over_blocks(self.twin.grads[name](self.site))
        return self.unpack(f"d{name}")

    def _parameter(self, name, gradient):
        shape = self.site.shapes[name]
        stride = -(-gradient.acc // 16) * 16
        self.add("acc", np.zeros(self.shards * stride, self.site.dtype))
        self.add("scratch", self.empty(gradient.scratch))
        self.add("bounds", np.array(self.bounds))
        self.add(f"d{name}", self.empty(math.prod(shape)))
        for kept, size in gradient.keep.items():
            self.add(kept, self.empty(self.blocks * size), size)
        for s in range(self.shards):
            self.shard = s * stride
            self._over_blocks(gradient.collect, range(self.bounds[s], self.bounds[s + 1]))
        self.shard = 0
        for row in gradient.finish:
            for item in range(row.given.get("items", 1)):
                self._call(row, 0, item=item, shards=self.shards, stride=stride)
        return self.arrays[f"d{name}"].reshape(shape).copy()

    def _over_blocks(self, rows, blocks=None):
        """Two blocks at a time where all leaves ask for `blocks`, else one."""
        blocks = range(self.blocks) if blocks is None else blocks
        asked = [inspect.signature(row.leaf).parameters.keys() - row.given.keys() for row in rows]
        step = 2 if all("blocks" in names for names in asked) else 1
        for block in blocks[::step]:
            for row, names in zip(rows, asked):
                for first, last in self.strips if "first" in names else [(0, 0)]:
                    self._call(row, block, first=first, last=last, blocks=min(step, blocks.stop - block))

    def _call(self, row, block, **numbers):
        numbers |= {"left": self.samples - block * self.L, "sample": block * self.L, **self.numbers}
        arguments = []
        for parameter in inspect.signature(row.leaf).parameters:
            name = row.given.get(parameter, parameter)
            if isinstance(name, int):
                arguments.append(name)
            elif name in NUMBERS:
                arguments.append(numbers[name])
            elif name in self.arrays:
                start = block * self.steps[name] + (self.shard if name == "acc" else 0)
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
