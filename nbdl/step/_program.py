"""A plan that runs: its memory, its threads, and what happens when something goes wrong."""

import os
import threading
import time

import numpy as np
from numba.core import config

from nbdl import tape
from nbdl._cores import thread_count
from nbdl.errors import UsageError
from nbdl.kernels.simd.registers import LANES
from nbdl.records import resolve
from nbdl.step._call import NativeCall
from nbdl.step._driver import DONE, aligned
from nbdl.step._jobs import Call
from nbdl.step._memory import Memory, Segment, place, segments
from nbdl.step._team import MOST_LATE, MOST_SHARDS, Team, ThreadTuner
from nbdl.step._trace import constant_at


class Program:
    """A plan with memory and threads. One thread at a time may run it."""

    def __init__(self, plan, graph, threads, stored):
        self.plan, self.graph = plan, graph
        self.threads = min(thread_count(threads, every="auto"), MOST_SHARDS)
        self.tuners = {} if isinstance(threads, str) else None  # else always all threads
        self.dtype, self.L = np.dtype(plan.dtype), LANES[plan.dtype]
        self.order_of_execution = segments(plan)
        self.placed = place(self.order_of_execution, self.dtype)
        self.native = all(isinstance(s, Segment) for s in self.order_of_execution)
        self.net_arrays = stored  # parameters and buffers, by name
        self.arenas = [aligned(max(self.placed.arena, 64), np.uint8) for _ in range(self.threads)]
        self.memory, self.team, self._call, self.done = None, None, None, 0
        self._lock, self._process = threading.Lock(), os.getpid()

    # --- memory ---------------------------------------------------------------------------------------------

    def reserve(self, n):
        """Have memory and tables for minibatches of `n` samples."""
        blocks = -(-n // self.L)
        for rows in self.plan.carried:
            rows.stored.grow(n, rows.shape, self.dtype)
        places = [rows.array for rows in self.plan.carried]
        moved = self.memory is not None and any(a is not b for a, b in zip(places, self.memory.carried))
        if self.memory is None or self.memory.blocks < blocks or moved:
            blocks = max(blocks, self.memory.blocks if self.memory else 0)
            self.memory = Memory(self.plan, self.order_of_execution, blocks, self.placed)

    def rows(self, buffer, shape):
        return self.memory.rows(buffer, shape)

    def stored(self, name):
        """The array of a parameter or a buffer."""
        return self.net_arrays[name]._array

    @property
    def bytes(self):
        """What the program has allocated besides the parameters and their gradients."""
        kept = self.memory.kept_memory.nbytes if self.memory else 0
        shards = self.memory.shards.nbytes if self.memory else 0
        return {"threads": sum(a.nbytes for a in self.arenas), "batch": kept, "shards": shards}

    # --- running --------------------------------------------------------------------------------------------

    def exclusive(self):
        """The lock to hold while the program runs; a second caller gets an error, never a wait.

        A plain lock: no exception, wherever it is raised, leaves it locked.
        """
        if config.DISABLE_JIT:
            raise UsageError("a program is compiled, and compilation is off: NUMBA_DISABLE_JIT is set")
        if self._process != os.getpid():  # threads and locks do not survive a fork
            self._process, self._lock, self.team = os.getpid(), threading.Lock(), None
        if self._lock.locked():
            raise UsageError(
                "the program is running in another thread: compile one program for each thread that trains"
            )
        return self._lock

    def run(self, data, order, n, factors=None, step=0, seed=0):
        """Run minibatches of `n` samples, those that `order` names one after the other; None: the first n.

        Only one of them where some kernels run in Python. Stops early where a leaf set a status. `done` is
        how many were finished, also where an exception is raised.

        Returns (how many were finished, losses of the finished ones).
        """
        steps, self.done = 1 if order is None else len(order) // n, 0
        if self.team is None:
            self.team = Team(self.threads, self.dtype)
        call = self._call
        if call is None or not call.serves(self, n, steps):
            if self.graph.check is not None:
                self.graph.check(n)
            call = self._call = NativeCall(self, n, steps, len(factors[0]) if factors else 1)
        call.bind(data, order, factors, step, seed)
        self.team.words[DONE] = 0
        self.data, self.now = data, (step, seed)
        self.order = np.arange(n) if order is None else order
        if self.native:
            self._native(call, 0)
        else:
            self._mixed(call)
        return self.done, call.means(self.done)

    def _native(self, call, part):
        """Run a segment of native code; what is raised meanwhile comes after it. True: to its end."""
        team, tuner, done = self.team, self._tuner(call, part), 0
        while True:
            if tuner is None:
                steps = call.steps
                call.begin(part, steps, team.size)
            else:
                steps = tuner.steps(call.steps - done, call.blocks)
                call.begin(part, steps, tuner.threads, MOST_LATE)
            begun, cores = time.perf_counter(), time.process_time() if tuner else 0
            try:
                team.run()
            finally:
                now = int(team.words[DONE])
                done += now
                self.done = done if part == len(self.memory.tables) - 1 else 0
            if tuner:
                cores = time.process_time() - cores
                tuner.record(time.perf_counter() - begun, max(now, 1) * call.blocks, cores)
            if done == call.steps or self.plan.status[:2].any():
                return done == call.steps
            call.move_on(now)

    def _tuner(self, call, part):
        """What is known of a segment and minibatches of about this size; None where threads are given."""
        if self.tuners is None or self.team.size == 1:
            return None
        kind = part, call.blocks.bit_length()
        if kind not in self.tuners:
            self.tuners[kind] = ThreadTuner(self.team.size)
        return self.tuners[kind]

    def _mixed(self, call):
        """One step with kernels that run in Python between segments of native code."""
        self.arrays, self.calls = {}, {}
        for i, part in enumerate(self.memory.tables):
            if not isinstance(part, Call):
                if not self._native(call, i):
                    return
                continue
            part.run(self, len(self.order))
            if self.plan.loss_in_python and not part.gradient and part.makes(self.graph.result):
                call.loss_of_python(self.arrays[self.graph.result])
                if not np.isfinite(self.arrays[self.graph.result]):
                    return
        self.done = 1

    # --- kernels that run in Python -------------------------------------------------------------------------

    def call(self, node, arrays, n):
        constants = {k: constant_at(v, n, *self.now) for k, v in node.constants.items()}
        raw = resolve(node.record.forward)(*arrays, **constants)
        if node.record.target == "numpy":
            raw = np.asarray(raw)  # NumPy makes scalars of arrays without dimensions
        outputs = raw if len(node.record.outputs) > 1 else (raw,)
        kept = self.memory.kept_memory  # which others use later on: no view of it may stay
        outputs = [np.array(y) if np.may_share_memory(y, kept) else y for y in outputs]
        for value, output in zip(node.outputs, outputs):
            self.arrays[value] = np.asarray(output, self.dtype if np.ndim(output) == 0 else None)
        tensors = [None if a is None else tape.Tensor(a) for a in arrays]
        self.calls[node] = tape.Call(node.record, tensors, constants, outputs)

    def gradient(self, node, name, cotangents, destination):
        """Add what the gradient kernel of a call gives for its input `name` to `destination`."""
        outputs = self.calls[node].outputs
        given = [
            None if c is None else np.asarray(c).reshape(np.shape(o)) for c, o in zip(cotangents, outputs)
        ]
        tape.gradient(self.calls[node], name, given, destination)
