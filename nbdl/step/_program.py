"""A plan that runs: its memory, its threads, and what happens when something goes wrong."""

import contextlib
import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba.core import config

from nbdl import tape
from nbdl.errors import UsageError
from nbdl.kernels._simd import LANES
from nbdl.records import resolve
from nbdl.step._driver import (
    BASES,
    BOUNDS,
    FACTORS,
    IDX,
    LOSS,
    PRIVATE,
    SAMPLES,
    SEED,
    SHARDS,
    STEP,
    X,
    Y,
    aligned,
    drive,
)  # fmt: skip
from nbdl.step._jobs import Call
from nbdl.step._memory import Memory, Stretch, place, stretches
from nbdl.step._trace import constant_at

SHARD_COUNT = 8  # a minibatch is so many shards, whatever the number of threads


class Program:
    """A plan with memory and threads. One thread at a time may run it."""

    def __init__(self, plan, graph, threads, parameters):
        self.plan, self.graph, self.threads = plan, graph, threads
        self.dtype, self.L = np.dtype(plan.dtype), LANES[plan.dtype]
        self.order_of_execution = stretches(plan)
        self.placed = place(self.order_of_execution, self.dtype)
        self.native = all(isinstance(s, Stretch) for s in self.order_of_execution)
        self._parameters = parameters
        self.arenas = [aligned(max(self.placed[1], 64), np.uint8) for _ in range(threads)]
        self.memory = None
        self._lock, self._pool, self._process = threading.Lock(), None, os.getpid()

    # --- memory ---------------------------------------------------------------------------------------------

    def reserve(self, n):
        """Have memory and tables for minibatches of `n` samples."""
        blocks = -(-n // self.L)
        if self.memory is None or self.memory.blocks < blocks:
            self.memory = Memory(self.plan, self.order_of_execution, blocks, self.placed)

    def rows(self, buffer, shape):
        return self.memory.rows(buffer, shape)

    def parameter(self, name):
        return self._parameters[name]._array

    @property
    def bytes(self):
        """What the program has allocated besides the parameters and their gradients."""
        kept = sum(a.nbytes for a in self.memory.kept.values()) if self.memory else 0
        shards = self.memory.shards.nbytes if self.memory else 0
        return {"threads": sum(a.nbytes for a in self.arenas), "batch": kept, "shards": shards}

    # --- running --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def alone(self):
        """Hold the program; a second caller gets an error, never a wait."""
        if config.DISABLE_JIT:
            raise UsageError("a program is compiled, and compilation is off: NUMBA_DISABLE_JIT is set")
        if self._process != os.getpid():  # threads and locks do not survive a fork
            self._process, self._lock, self._pool = os.getpid(), threading.Lock(), None
        if not self._lock.acquire(blocking=False):
            raise UsageError(
                "the program is running in another thread: compile one program for each thread that trains"
            )
        try:
            if self._pool is None and self.threads > 1:
                self._pool = ThreadPoolExecutor(self.threads - 1)
            yield
        finally:
            self._lock.release()

    def run(self, x, y, order, n, factors=None, step=0, seed=0):
        """Run minibatches of `n` samples, those that `order` names one after the other.

        Only one of them where some kernels run in Python.

        Returns (how many were finished, losses of the finished ones). Stops early where a leaf set a status.
        """
        steps = len(order) // n
        blocks = -(-n // self.L)
        shards = min(SHARD_COUNT, blocks)
        bounds = np.arange(shards + 1) * blocks // shards
        idx = _padded(order.reshape(steps, n), blocks * self.L)
        losses = np.zeros((steps, blocks + 1), self.dtype)
        if factors is None:
            factors = np.zeros((steps, 1), self.dtype)
        sync = np.zeros(16, np.int64)
        self.plan.status[:] = 0
        base, advance = np.zeros((self.threads, len(BASES)), np.int64), np.zeros(len(BASES), np.int64)
        for t in range(self.threads):
            base[t, PRIVATE] = self.arenas[t].ctypes.data
        for place_, value in (
            (X, x.ctypes.data), (Y, 0 if y is None else y.ctypes.data), (IDX, idx.ctypes.data),
            (LOSS, losses[:, 1:].ctypes.data), (FACTORS, factors.ctypes.data), (SAMPLES, n),
            (SHARDS, shards), (BOUNDS, bounds.ctypes.data), (STEP, step), (SEED, seed),
        ):  # fmt: skip
            base[:, place_] = value
        advance[[IDX, LOSS, FACTORS, STEP]] = idx[0].nbytes, losses[0].nbytes, factors[0].nbytes, 1
        if self.native:
            done = self._native(self.memory.tables[0], base, advance, sync, steps, bounds)
        else:
            self.x, self.y, self.order, self.now = x, y, order, (step, seed)
            done = self._mixed(base, advance, sync, bounds, losses[0])
        return done, self._means(losses[:done], bounds)

    def _native(self, tables, base, advance, sync, steps, bounds):
        """Run a stretch on all threads; they meet at its barriers."""
        memory = self.memory
        shards = memory.shards.ctypes.data, memory.shard_bytes
        sync[:] = 0

        def go(t):
            return drive(
                t,
                self.threads,
                *tables,
                base[t],
                advance,
                sync,
                self.plan.status,
                steps,
                memory.few,
                shards,
                bounds,
            )

        others = [self._pool.submit(go, t) for t in range(1, self.threads)]
        done = go(0)
        for other in others:
            other.result()
        return done

    def _mixed(self, base, advance, sync, bounds, losses):
        """One step with kernels that run in Python between stretches of native code; 1 if it is finished."""
        self.arrays, self.grads, self.calls = {}, {}, {}
        for part in self.memory.tables:
            if not isinstance(part, Call):
                if self._native(part, base.copy(), advance, sync, 1, bounds) != 1:
                    return 0
                continue
            part.run(self, len(self.order))
            if self.plan.loss_in_python and part.node is not None and part.node.output is self.graph.result:
                losses[:2] = 1, self.arrays[self.graph.result]
                if not np.isfinite(losses[1]):
                    return 0
        return 1

    def _means(self, losses, bounds):
        """The loss of each minibatch: summed within a shard, then over shards, in order."""
        sums = np.zeros(len(losses))
        for first, end in itertools.pairwise(bounds):
            sums += losses[:, 1 + first : 1 + end].sum(axis=1, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return sums / losses[:, 0]

    # --- kernels that run in Python -------------------------------------------------------------------------

    def call(self, node, arrays, n):
        constants = {k: constant_at(v, n, *self.now) for k, v in node.constants.items()}
        raw = resolve(node.record.forward)(*arrays, **constants)
        if node.record.target == "numpy":
            raw = np.asarray(raw)  # NumPy makes scalars of arrays without dimensions
        outputs = raw if len(node.record.outputs) > 1 else (raw,)
        self.arrays[node.output] = np.asarray(outputs[0], self.dtype if np.ndim(outputs[0]) == 0 else None)
        tensors = [None if a is None else tape.Tensor(a) for a in arrays]
        self.calls[node] = tape.Call(node.record, tensors, constants, outputs, [0])

    def add_grad(self, value, array):
        shape = (len(self.order), *value.shape) if value.batched else value.shape
        self.grads.setdefault(value, np.zeros(shape, self.dtype))
        self.grads[value] += array.reshape(shape)

    def call_backward(self, node, targets, n):
        """Add what the gradient kernels of a node give to the gradients of its inputs."""
        dy = self.grads.pop(node.output, None)
        if node.output is self.graph.result:
            dy = np.ones(self.arrays[node.output].shape, self.dtype)
        for name, target in targets.items():
            value = dict(zip(node.record.inputs, node.inputs))[name]
            if target is None:
                shape = (n, *value.shape) if value.batched else value.shape
                destination = self.grads.setdefault(value, np.zeros(shape, self.dtype))
            else:
                target[:] = 0
                destination = target[: value.array.size].reshape(value.shape)
            if dy is not None:
                tape.gradient(self.calls[node], name, dy, destination)


def _padded(order, width):
    """Sample numbers of whole blocks: the lanes that are left over repeat the last sample."""
    idx = np.empty((len(order), width), np.int64)
    idx[:, : order.shape[1]] = order
    idx[:, order.shape[1] :] = order[:, -1:]
    return idx
