"""What a report says about a program, and that measuring one changes nothing."""

import numba
import numpy as np
import pytest

import nbdl
from nbdl import _jit, _leaf, nn
from nbdl.kernels.simd.registers import LANES
from nbdl.step import CompiledPredict, measure, report
from nbdl.step._measure import _apart, _before, _only, _with_room
from nbdl.step._report import Line, Report, _scaled, _time

L = LANES["float32"]
jitted = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="a program needs the JIT")


def data(n, *shape):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, *shape), np.float32), rng.integers(0, 3, n)


def compiled(*layers, shape, **options):
    net = nn.Sequential(*layers)
    return nbdl.compile_step(net, example=data(2, *shape), **options)


class Running:
    """A layer whose kernel has no lanes twin."""

    def __call__(self, x, train=None):
        return nbdl.apply("cumsum", x, axis=1)


@pytest.fixture(scope="module")
def mlp():
    return compiled(nn.Linear(8), nn.ReLU(), nn.Linear(3), shape=(5,))


def by_op(found, phase="blocks"):
    return {line.op: line for line in found.lines if line.phase == phase}


def test_lines_stand_in_the_order_of_the_program(mlp):
    lines = [(line.phase, line.op) for line in report(mlp, 2 * L).lines]
    assert lines[:4] == [
        ("labels", "softmax_cross_entropy"), ("labels", "softmax_cross_entropy 1 / total"),
        ("blocks", "clear sums"), ("blocks", "gather x"),
    ]  # fmt: skip
    forward = [op for phase, op in lines if phase == "blocks" and " " not in op]
    assert forward == ["linear", "relu", "linear", "softmax_cross_entropy"]
    assert lines[-4:] == [("update", f"update {name}") for name in ("0.w", "0.b", "2.w", "2.b")]
    assert {line.target for line in report(mlp, L).lines} == {"lanes"}


def test_shapes(mlp):
    found = report(mlp, L)
    shapes = [(line.op, line.shapes) for line in found.lines if line.phase == "blocks"]
    assert ("gather x", "5") in shapes
    assert ("linear", "5 -> 8") in shapes
    assert ("linear dx", "3 -> 8") in shapes
    assert ("linear dw", "8 -> 0.w 5x8") in shapes
    assert ("linear dx", "8 -> 5") not in shapes  # nobody needs the gradient of the input
    assert [line.shapes for line in found.lines if line.op == "linear dw" and line.phase == "finish"] == [
        "2.w 8x3", "0.w 5x8",
    ]  # fmt: skip


def test_flops_are_those_of_products(mlp):
    found = report(mlp, 100)
    first, second = 2 * 5 * 8, 2 * 8 * 3
    assert found.flops == 100 * (2 * first + 3 * second)
    assert all(line.flops == 0 for line in found.lines if not line.op.startswith("linear"))
    assert all(line.flops == 0 for line in found.lines if line.op == "linear db")


def test_the_flops_of_a_gradient_stand_where_its_product_is():
    found = report(compiled(nn.Conv2d(4, 3), nn.Flatten(), nn.Linear(3), shape=(1, 6, 6)), L)
    convolution, product = 2 * 16 * 4 * 9 * L, 2 * 64 * 3 * L
    assert by_op(found)["conv2d dw"].flops == convolution  # summed block by block
    assert by_op(found, "finish")["conv2d dw"].flops == 0
    assert by_op(found)["linear dw"].flops == 0
    assert by_op(found, "finish")["linear dw"].flops == product  # made of all samples at once
    assert found.flops == 2 * convolution + 3 * product


@pytest.mark.parametrize("samples", [1, L, 3 * L + 1])
def test_bytes(mlp, samples):
    lines, blocks = by_op(report(mlp, samples)), -(-samples // L)
    assert lines["gather x"].bytes == samples * (5 * 4 + 8) + blocks * L * 5 * 4
    assert lines["relu"].bytes == blocks * L * 8 * 4  # in place: one buffer
    update = by_op(report(mlp, samples), "update")["update 0.w"]
    assert update.bytes == 2 * 4 * -(-5 * 8 // 16) * 16  # w and dw, padded to whole registers


def test_memory(mlp):
    found = report(mlp, 20 * L)
    assert (found.samples, found.blocks, found.shards, found.lanes) == (20 * L, 20, 8, L)
    assert found.arena_bytes == mlp.program.placed.arena > 0
    assert found.shard_bytes == 8 * 4 * mlp.plan.sections[0].shard_floats
    assert found.kept == 4  # x and dy of both linear layers, turned
    assert report(mlp, 40 * L).kept_bytes == 2 * found.kept_bytes > 0
    assert report(mlp, 40 * L).shard_bytes == found.shard_bytes


@jitted
def test_kept_memory_is_what_the_program_allocates(mlp):
    x, y = data(3 * L, 5)
    mlp(x, y)
    found = report(mlp, 3 * L)
    assert found.kept_bytes == mlp.program.bytes["batch"]


def test_rows_that_take_turns_are_fused():
    layers = nn.Conv2d(4, 3), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(3)
    found = report(compiled(*layers, shape=(1, 40, 40)), L)
    chain = [by_op(found)[op] for op in ("conv2d", "sigmoid avg_pool2d")]
    numbers = [found.lines.index(line) for line in chain]
    assert [line.fused for line in chain] == [sorted(set(numbers) - {n}) for n in numbers]
    assert len({line.strips for line in chain}) == 1
    assert chain[0].strips > 1
    assert by_op(found)["linear"].fused == []
    assert by_op(found)["linear"].strips == 1


def test_reporting_compiles_nothing(mlp):
    names, leaves = [], len(_leaf._leaves)
    with _jit.watch(names.append):
        fresh = compiled(nn.Linear(7), nn.Tanh(), nn.Linear(3), shape=(6,), optimizer="adam", clip_norm=1.0)
        print(report(fresh, 64))
    assert names == []
    assert len(_leaf._leaves) == leaves


def test_what_runs_in_python_is_said():
    found = report(compiled(nn.Linear(4), Running(), nn.Linear(3), shape=(5,)), 10)
    lines = by_op(found, "python")
    assert lines["cumsum"].target == lines["cumsum gradients"].target == "numpy, whole minibatch"
    assert lines["cumsum"].why == "it has no lanes twin"
    assert "`cumsum`, because it has no lanes twin" in str(found)
    assert lines["cumsum"].shapes == "4 -> 4"
    assert lines["cumsum"].bytes == 2 * 10 * 4 * 4
    ops = [line.op for line in found.lines]
    assert ops.index("out of lanes") < ops.index("cumsum") < ops.index("into lanes")


def test_clipping_and_a_prediction():
    step = compiled(nn.Linear(3), shape=(5,), clip_norm=1.0)
    update = [line.op for line in report(step, 10).lines if line.phase == "update"]
    assert update == [
        "norm of 0.w", "norm of 0.b", "norm", "clip 0.w", "clip 0.b", "update 0.w", "update 0.b",
    ]  # fmt: skip
    predict = CompiledPredict(step.net, data(1, 5)[0])
    found = report(predict, 10)
    assert [line.op for line in found.lines] == ["gather x", "linear", "out of lanes"]
    assert "none for the sums of shards" in str(found)


# --- text and plain data ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, text",
    [(0, ""), (7, "7.00 B"), (999, "999 B"), (1234, "1.23 kB"), (56_780_000, "56.8 MB"), (2.5e9, "2.50 GB")],
)
def test_scaled(value, text):
    assert _scaled(value, "B") == text


def test_time_has_a_unit():
    assert [_time(s) for s in (2e-7, 5.25e-4, 0.0123, 1.5)] == [
        "0.200 us",
        "525 us",
        "12.3 ms",
        "1.50e+03 ms",
    ]


@pytest.fixture
def timed():
    lines = [
        Line("blocks", "linear", "lanes", "5 -> 8", 1, 4000, 2_000_000, [], seconds=1e-4),
        Line("blocks", "relu", "lanes", "8 -> 8", 3, 2000, 0, [], fused=[0], seconds=1e-6),
        Line("blocks", "tiny", "lanes", "", 1, 8, 0, [], seconds=0.0),
    ]
    return Report(32, 16, 2, 2, 2, 1, 5000, 640, 0, 0, 2_000_000, lines, seconds=2e-4, fma=1e11)


def test_text_with_times(timed):
    rows = [line.split() for line in str(timed).splitlines()]
    assert rows[0][-3:] == ["rate", "of", "FMA"]
    assert rows[1] == "0 blocks linear lanes 5 -> 8 4.00 kB 2.00 M 100 us 20.0 GFLOP/s 0.20".split()
    assert rows[2] == "1 blocks relu lanes 8 -> 8 3 0 2.00 kB 1.00 us 2.00 GB/s".split()
    assert rows[3] == "2 blocks tiny lanes 8.00 B 0 us".split()
    assert "time: 200 us a step, 160,000 samples/s; all rows alone: 101 us" in str(timed)
    assert str(timed).endswith("of FMA: 0.10 of 100 GFLOP/s")


def test_text_without_times(timed):
    timed.seconds = timed.fma = None
    assert "rate" not in str(timed)
    assert "us" not in str(timed).split()


def test_plain_data(timed):
    document = timed.as_dict()
    assert document["of_fma"] == pytest.approx(0.1)
    assert [line["of_fma"] for line in document["lines"]] == [pytest.approx(0.2), None, None]
    assert "work" not in document["lines"][0]
    assert timed.lines[0].work == []  # the report itself keeps it


# --- measuring ----------------------------------------------------------------------------------------------


@jitted
@pytest.mark.parametrize("layers", [(nn.ReLU,), (Running,)], ids=["native", "with Python"])
def test_measuring_changes_nothing(layers):
    step = compiled(nn.Linear(4), *(layer() for layer in layers), nn.Linear(3), shape=(5,), optimizer="adam")
    x, y = data(2 * L, 5)
    step(x, y)
    weights, state = nn.state_dict(step.net), step.updater.state_dict()
    found = measure(step, x, y)
    assert step.updater.steps == 1
    assert all(np.array_equal(a, weights[n]) for n, a in nn.state_dict(step.net).items())
    assert all(np.array_equal(a, state[n]) for n, a in step.updater.state_dict().items())
    assert found.seconds > 0
    assert all(line.seconds >= 0 for line in found.lines)
    assert sum(line.seconds for line in found.lines) > 0
    other = compiled(nn.Linear(4), *(layer() for layer in layers), nn.Linear(3), shape=(5,), optimizer="adam")
    other(x, y)
    assert [step(x, y), step(x, y)] == [other(x, y), other(x, y)]


@jitted
def test_a_row_alone_is_that_row(mlp):
    """Of all rows only the update of one parameter runs, and it runs."""
    x, y = data(L, 5)
    mlp(x, y)
    before = nn.state_dict(mlp.net)
    (line,) = [line for line in report(mlp, L).lines if line.op == "update 2.w"]
    jobs = {job: job for job in line.work}
    _only(mlp, jobs)(x, y, 1.0)
    changed = [n for n, a in nn.state_dict(mlp.net).items() if not np.array_equal(a, before[n])]
    assert changed == ["2.w"]
    after = nn.state_dict(mlp.net)
    _only(mlp, jobs, groups=0)(x, y, 1.0)
    assert all(np.array_equal(a, after[n]) for n, a in nn.state_dict(mlp.net).items())


@jitted
def test_a_row_in_place_gets_memory_of_its_own_and_what_a_step_would_give_it():
    """So the gradient of a sigmoid is the same after many runs as after one: y (1 - y) dy."""
    step = compiled(nn.Conv2d(2, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(3), shape=(1, 6, 6), threads=1)
    x, y = data(L, 1, 6, 6)
    step(x, y)
    (line,) = [line for line in report(step, L).lines if line.op == "sigmoid dx"]
    step, spare = _with_room(step)
    jobs = {job: _apart(job, spare) for job in line.work}
    (job,) = jobs
    known, dy, dx = (jobs[job].operands[name] for name in ("known", "dy", "dx"))
    assert job.operands["dx"] is dy
    assert dx is spare[dy]
    _before(step, jobs)(x, y, 0.0)

    def values(buffer):
        start = step.program.memory.offsets[buffer]
        return step.program.arenas[0][start : start + 4 * buffer.floats].view(np.float32).copy()

    before = values(dy)
    for _ in range(3):
        _only(step, jobs)(x, y, 0.0)
    assert np.array_equal(values(dy), before)
    used = np.arange(len(before)) // L % 17 < 16  # a plane of 16, and a vector between two of them
    known, before, after = (a[used] for a in (values(known), before, values(dx)))
    assert np.abs(before).max() > 0
    np.testing.assert_allclose(after, before * known * (1 - known), rtol=1e-5, atol=1e-12)
