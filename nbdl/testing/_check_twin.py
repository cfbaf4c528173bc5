"""A lanes twin, run on NumPy arrays as the program runs it, and held to the `cpu` kernel of its record.

Every array begins as NaN, so that what a leaf does not write is seen, and where it writes too much: the vectors
between two planes must still be NaN at the end. With ``guard=True`` all of it happens a second time on arrays flush
against forbidden pages.
"""

import ctypes
import inspect
import math

import numpy as np
from numba import config, types

from nbdl import registry
from nbdl._jit import leaf
from nbdl.errors import VerificationError
from nbdl.kernels._simd import Pointer
from nbdl.kernels.lanes import LossTwin
from nbdl.kernels.lanes._twin import INDICES, NUMBERS, floats, pitch, planes
from nbdl.shapes import site_of
from nbdl.testing import _guard
from nbdl.testing._subject import Subject, distance

SHARDS = 8
LINE = 64  # bytes of a cache line


def check_twin(record, dtype, samples, case=None, *, strips=False, guard=False, seed=0):
    """Compare the lanes twin of a kernel with the kernel itself, forward and all gradients.

    Parameters
    ----------
    record : Kernel or str
        A record, or the name of one in the registry.
    dtype : "float32" or "float64"
    samples : int
        Size of the minibatch: the samples of the case, repeated.
    case : Case, optional
        From `nbdl.testing.cases`; the first case of the record if not given.
    strips : bool
        Run leaves that can do so on a few rows of the result at a time.
    guard : bool
        Run once more where every access outside an array ends the process (where it can fork).

    Returns
    -------
    bool: False where the twin does not serve these arguments (`nbdl.kernels.lanes.Unfit`).

    Raises
    ------
    VerificationError
        With the kernel, the case and the figures.
    """
    record = registry.default().get("kernel", record) if isinstance(record, str) else record
    subject = Subject(record, seed)
    case = subject.cases[0] if case is None else case
    rounded = subject.inputs(case, np.dtype(dtype))
    given = dict(zip(record.inputs, rounded))
    found = site_of(record, rounded, subject.given(case), np.dtype(dtype))
    if found is None or not all(given[n].size for n in found[0].grads):
        return False
    twin, site = found
    rng = np.random.default_rng(seed)
    for name in (*twin.grads, "labels"):
        if given.get(name) is not None:
            given[name] = np.resize(given[name], (samples, *given[name].shape[1:]))

    def fail(sentence, *values):
        text = "lanes twin `{}`, case `{}`, {}, {} samples: " + sentence
        raise VerificationError(text, record.name, case.name, dtype, samples, *values)

    exact = [
        None if a is None else a.astype(np.float64 if a.dtype.kind == "f" else a.dtype)
        for a in given.values()
    ]
    want = subject.run(case, exact)[0]
    dy = np.asarray(rng.standard_normal(np.shape(want)), dtype)
    gradients = {}
    if getattr(case, "grad", True):
        for name, x in zip(record.inputs, exact):
            if x is not None and (twin.grads.get(name) or name in twin.parameters):
                gradients[name] = subject.gradient(case, name, dy.astype(np.float64), exact)

    def run(place):
        operands = Operands(twin, site, given, subject.given(case), place, strips)
        found = {"the result": operands.forward()}
        found |= {f"the gradient of {name}": operands.gradient(name, dy) for name in gradients}
        operands.check(fail)
        return found

    wanted = {"the result": want} | {f"the gradient of {n}": g for n, g in gradients.items()}
    for name, got in run(aligned).items():
        error = distance(got, wanted[name])
        if not error <= subject.tolerance(dtype):
            fail("{} is off by {:.3g} (allowed {:.3g})", name, error, subject.tolerance(dtype))
    if guard and _guard.available and not config.DISABLE_JIT:
        for at in ("end", "start"):
            guarded_run(run, at, fail)
    return True


def guarded_run(run, at, fail):
    """`run(place)` in a child process, on arrays with forbidden pages at one end."""

    def work(say):
        held = []

        def place(array):
            held.append(_guard.Guarded(array, at))
            return held[-1].array

        run(place)
        if not all(guarded.intact() for guarded in held):
            raise IndexError("wrote outside an array")

    fault, _ = _guard.in_child(work)
    if fault:
        fail("with forbidden pages at the {} of every array: {}", at, fault)


def aligned(array):
    """A copy that begins at a cache line, as the arenas of a program do."""
    raw = np.empty(array.nbytes + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    copy = raw[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


class Operands:
    """The arrays of one kernel call on a minibatch, laid out for its twin."""

    def __init__(self, twin, site, given, constants, place=aligned, strips=False):
        self.twin, self.site, self.place, self.L = twin, site, place, site.L
        self.samples = next(len(given[n]) for n in twin.grads)
        self.blocks = -(-self.samples // self.L)
        self.shards = min(self.blocks, SHARDS)
        self.bounds = [s * self.blocks // self.shards for s in range(self.shards + 1)]
        self.numbers = {n: constants[n] for n in ("seed", "step") if n in constants}
        self.arrays, self.steps = {}, {}  # of each operand: its memory, the elements from block to block
        self.shapes, self.shard = {}, 0  # of each that has lanes; where the sums of the shard begin
        self.rows = planes(site.shapes.get("y", ()))[1]
        self.strips = (
            [(i, min(i + 2, self.rows)) for i in range(0, self.rows, 2)] if strips else [(0, self.rows)]
        )
        for name, value in given.items():
            if value is None:
                continue
            if name in twin.grads:
                self.add_value(name, site.shapes[name], self.pack(value))
            else:
                self.add(
                    name, np.ascontiguousarray(value, np.int64 if name in INDICES else site.dtype).reshape(-1)
                )
        for name, size in twin.saves(site).items():
            self.add(name, self.empty(self.blocks * size), size)

    def add(self, name, array, step=0):
        self.arrays[name], self.steps[name] = self.place(array), step

    def add_value(self, name, shape, packed=None):
        """An operand that has a block of lanes for every L samples."""
        size = floats(shape, self.L)
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

    def unpack(self, name, shape):
        (C, H, W), plane = planes(shape), pitch(shape)
        packed = self.arrays[name].reshape(self.blocks, C, plane, self.L)
        samples = packed[:, :, : H * W].transpose(0, 3, 1, 2).reshape(self.blocks * self.L, *shape)
        return samples[: self.samples].copy()

    # --- what the program does ----------------------------------------------------------------------------

    def forward(self):
        if isinstance(self.twin, LossTwin):
            return self._loss()
        shape = self.site.shapes["y"]
        self.add_value("y", shape)
        self._over_blocks(self.twin.forward(self.site))
        return self.unpack("y", shape)

    def _loss(self):
        self.add(
            "idx",
            np.arange(self.samples, dtype=np.int64)[
                np.minimum(np.arange(self.blocks * self.L), self.samples - 1)
            ],
            self.L,
        )
        self.add("total", self.empty(1))
        self.add("status", np.zeros(1, np.int64))
        self.add("loss", self.empty(self.blocks), 1)
        for row in self.twin.total(self.site):
            self.call(row, 0, samples=self.samples)
        if self.arrays["status"][0]:
            return -int(self.arrays["status"][0])
        self._over_blocks(self.twin.forward(self.site))
        return np.float64(self.arrays["loss"].astype(np.float64).sum() / self.arrays["total"][0])

    def gradient(self, name, dy):
        if isinstance(self.twin, LossTwin):
            self.add("scale", np.array([dy / np.float64(self.arrays["total"][0])], self.site.dtype))
        else:
            self.add_value("dy", self.site.shapes["y"], self.pack(dy, cotangent=True))
        if name in self.twin.parameters:
            return self._parameter(name, self.twin.parameters[name](self.site))
        shape = self.site.shapes[name]
        self.add_value(f"d{name}", shape)
        self._over_blocks(self.twin.grads[name](self.site))
        if isinstance(self.twin, LossTwin):
            idle = self.arrays[f"d{name}"].reshape(self.blocks, -1, self.L)[
                -1, :, self.samples % self.L or self.L :
            ]
            assert not idle[np.isfinite(idle)].any(), "the gradient of idle lanes must be zero"
        return self.unpack(f"d{name}", shape)

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
                self.call(row, 0, item=item, shards=self.shards, stride=stride)
        return self.arrays[f"d{name}"].reshape(shape).copy()

    def _over_blocks(self, rows, blocks=None):
        """Two blocks at a time where all leaves ask for `blocks`, else one."""
        blocks = range(self.blocks) if blocks is None else blocks
        asked = [inspect.signature(row.leaf).parameters for row in rows]
        step = 2 if all("blocks" in names for names in asked) else 1
        for block in blocks[::step]:
            for row, names in zip(rows, asked):
                for first, last in self.strips if "first" in names and "first" not in row.given else [(0, 0)]:
                    self.call(row, block, first=first, last=last, blocks=min(step, blocks.stop - block))

    def call(self, row, block, **numbers):
        """One call of a leaf for one block."""
        numbers |= {"left": self.samples - block * self.L, "sample": block * self.L, **self.numbers}
        kind = types.CPointer(types.float32 if self.site.dtype == "float32" else types.float64)
        signature, values = [], []
        for parameter in inspect.signature(row.leaf).parameters:
            name = row.given.get(parameter, parameter)
            number = name if isinstance(name, int) else numbers[name] if name in NUMBERS else None
            signature.append(
                types.int64
                if number is not None
                else types.CPointer(types.int64)
                if name in INDICES
                else kind
            )
            values.append(self._pointer(name, block) if number is None else number)
        if config.DISABLE_JIT:
            row.leaf(*values)
            return
        address = leaf(row.leaf, *signature)
        ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(values))(address)(*values)

    def _pointer(self, name, block):
        if name not in self.arrays:
            return 0  # null
        array = self.arrays[name]
        start = block * self.steps[name] + (self.shard if name == "acc" else 0)
        return Pointer(array, start) if config.DISABLE_JIT else array.ctypes.data + start * array.itemsize

    def check(self, fail):
        """What lies between two planes is nobody's."""
        for name, shape in self.shapes.items():
            (C, H, W), plane = planes(shape), pitch(shape)
            packed = self.arrays[name].reshape(self.blocks, C, plane, self.L)
            if not np.isnan(packed[:, :, H * W :]).all():
                fail("`{}` was written to between two planes", name)
