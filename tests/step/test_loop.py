"""Loops of a twin: rows that run once for each turn, on operands that walk along."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.cases import Case
from nbdl.errors import PluginError
from nbdl.kernels.lanes import Loop, Reduction, Row, Twin, Walk
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.simd.registers import load, splat, store
from nbdl.records import Kernel
from nbdl.step import measure, report
from nbdl.testing import check_twin


def fading(x, w):
    """y[t] = x[t] + w y[t - 1], for x (N, T, D) and w (D,)."""
    y = np.array(x)
    for t in range(1, y.shape[1]):
        y[:, t] += w * y[:, t - 1]
    return y


def fading_dx(dy, w, dx):
    carry = np.zeros_like(dy[:, 0])
    for t in reversed(range(dy.shape[1])):
        carry = dy[:, t] + w * carry
        dx[:, t] += carry
    return dx


def fading_dw(dy, w, y, dw):
    dw += np.sum(fading_dx(dy, w, np.zeros_like(dy))[:, 1:] * y[:, :-1], axis=(0, 1))
    return dw


def twin(few):
    """Its twin; `few`: each turn for a few blocks at once."""
    alone = {} if few else {"blocks": 1}

    def fade(site, x, y, start, step):
        """y = x at the place `start`, then step by step x and w times the y before."""
        (T, D), L = site.shapes["x"], site.L
        n, size = D * L, T * D * L

        def copy(x, y, turn, blocks):
            for b in range(blocks):
                for i in range(0, n, L):
                    store(y, b * size + i, load(x, b * size + turn * step + i))

        def add(before, w, y, blocks):
            for b in range(blocks):
                for i in range(0, n, L):
                    faded = load(before, b * size + i) * splat(w[i // L])
                    store(y, b * size + i, load(y, b * size + i) + faded)

        first, second = Walk(y, start, step), Walk(y, start + step, step)
        turn = [
            Row(copy, x=Walk(x, start + step), y=second, **alone),
            Row(add, before=first, y=second, **alone),
        ]
        return [Row(copy, x=Walk(x, start), y=first, turn=0), Loop(T - 1, turn)]

    def forward(site):
        return fade(site, "x", "y", 0, site.shapes["x"][1] * site.L)

    def backward(site):
        n = site.shapes["x"][1] * site.L
        return fade(site, "dy", "dx", (site.shapes["x"][0] - 1) * n, -n)

    def dw(site):
        (T, D), L = site.shapes["x"], site.L
        n = D * L

        def products(dx, y, acc):
            for i in range(0, n, L):
                store(acc, i, load(acc, i) + load(dx, i) * load(y, i))

        collect = [Loop(T - 1, [Row(products, dx=Walk("dx", n, n), y=Walk("y", 0, n))])]
        return Reduction(collect, [Row(sum_lanes(L), size=D, items=1)], acc=n)

    return Twin(forward, {"x": lambda site: []}, {"w": dw}, backward=backward)


def cases(rng):
    return [Case(f"{T} turns", (rng.standard_normal((2, T, 3)), rng.standard_normal(3))) for T in (1, 2, 5)]


def record(few):
    grads = {"x": fading_dx, "w": fading_dw}
    return Kernel(
        "fading", fading, ("x", "w"), ("y",), grads=grads, cases=cases, lanes=twin(few),
        shape=lambda x, w: [(x.shape, x.dtype)],
    )  # fmt: skip


def net(T):
    def forward(net, x, train):
        rows = net.a(x).reshape(-1, T, 8)
        return net.d((rows + nbdl.apply("fading", rows, net.d.b)).mean(axis=1))

    return forward


@pytest.fixture
def step_of(plugin, any_net, x, numbers):
    """``step_of(T)``: a program whose loops have T - 1 turns."""
    plugin(kernels=[record(True)])
    y = np.concatenate([numbers] * 4, axis=1)

    def step_of(T, threads=1):
        made = nn.init(any_net(net(T), a=nn.Linear(8 * T), d=nn.Linear(8)), x[:1], 3)
        return nbdl.compile_step(made, loss="mse", example=(x, y), lr=0.05, threads=threads), x, y

    return step_of


@pytest.mark.parametrize("few", [False, True], ids=["one block", "a few blocks"])
def test_the_kit_runs_loops(few):
    assert all(check_twin(record(few)).values())


@pytest.mark.parametrize("few", [False, True], ids=["one block", "a few blocks"])
@pytest.mark.parametrize(("T", "n"), [(4, 40), (1, 3), (4, 1)])
def test_a_program_with_loops_is_the_tape(twins, plugin, any_net, x, numbers, shuffled, few, T, n):
    plugin(kernels=[record(few)])
    y = np.concatenate([numbers] * 4, axis=1)
    both = twins(
        lambda: any_net(net(T), a=nn.Linear(8 * T), d=nn.Linear(8)), x, y, "mse", lr=0.05, dtype="float64"
    )
    both.agree(shuffled(3 * n), n)


def test_a_loop_is_one_line_however_many_turns(step_of):
    found = {}
    for T in (4, 9):
        step, x, y = step_of(T)
        lines = report(step, 40).lines
        assert [line.op for line in lines if f"x {T - 1}" in line.op] == [
            f"fading x {T - 1}", f"fading gradients x {T - 1}", f"fading dw x {T - 1}",
        ]  # fmt: skip
        step(x, y)
        (groups, phases, ops), *_ = step.program.memory.tables
        found[T] = len(lines), groups.shape, phases.shape, ops.shape
        assert all(line.seconds is not None for line in measure(step, x, y).lines)
    assert found[4] == found[9]


def test_the_same_bits_on_more_threads(step_of, many_cores, weights):
    found = set()
    for threads in (1, 2, 4):
        step, x, y = step_of(4, threads)
        step.run(x, y, np.arange(200), 50, np.full(4, 0.05))
        found.add(weights(step.net))
    assert len(found) == 1


def test_a_loop_has_no_strips(plugin, any_net, x, numbers):
    def leaf(x, y, first, last):
        pass

    plugin(kernels=[Kernel(
        "striped", fading, ("x",), ("y",), grads={"x": fading_dx}, shape=lambda x: [(x.shape, x.dtype)],
        lanes=Twin(lambda site: [Loop(2, [Row(leaf)])], {"x": lambda site: []}),
    )])  # fmt: skip
    striped = any_net(lambda net, x, train: nbdl.apply("striped", net.a(x)), a=nn.Linear(2))
    with pytest.raises(PluginError, match=r"`striped`: rows of a loop"):
        nbdl.compile_step(striped, loss="mse", example=(x, numbers), lr=0.1)
