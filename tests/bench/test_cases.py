"""The rows: the kernels get the arguments they take, and work is counted right."""

import inspect

import numpy as np
import pytest

import nbdl
from nbdl import kernels, nn, registry
from nbdl.bench import _cases, _steps
from nbdl.bench._cases import kernel_cases
from nbdl.bench._steps import DEEP, MINIBATCHES, Step, step_cases
from nbdl.models import lenet, mlp

QUICK = kernel_cases(quick=True)


def case(name, quick=True):
    return next(c for c in kernel_cases(quick) if c.name == name)


def names(cases):
    return list(dict.fromkeys(c.name for c in cases))


def test_quick_rows_are_the_same_kernels():
    assert names(QUICK) == names(kernel_cases())
    assert len({(c.name, c.size) for c in kernel_cases()}) == len(kernel_cases())


@pytest.mark.parametrize(
    "case", [c for c in QUICK if not c.name.endswith("max_pool2d_dx")], ids=lambda c: c.name
)
def test_arguments_are_those_of_the_kernels(case):
    arguments = case.arguments()
    known = set().union(*(registry.parameters(kernel) for kernel in case.kernels()))
    assert set(arguments) <= known and set(case.written) <= set(arguments)
    for kernel in case.kernels():
        needed = {
            n for n, default in registry.parameters(kernel).items() if default is inspect.Parameter.empty
        }
        assert needed <= set(arguments)
    assert all(a.dtype == np.float32 or n == "labels" for n, a in arguments.items() if hasattr(a, "dtype"))


def test_flops_of_sums_of_products():
    assert case("linear", quick=False).flops == 2 * 128 * 400 * 120
    first = case("conv2d", quick=False)  # 256x1x28x28, 5x5 to 6, padding 2
    assert first.flops == 2 * 256 * 6 * 28 * 28 * 25
    strided = next(c for c in kernel_cases() if c.name == "conv2d" and "stride 2" in c.size)
    assert strided.flops == 2 * 8 * 64 * 112 * 112 * 3 * 49
    assert case("max_pool2d").flops == 0


def test_bytes_are_those_of_all_arrays():
    adam = case("adam_update")
    assert adam.bytes(adam.arguments()) == 4 * 1000 * 4
    adaptive = case("adaptive_max_pool2d_argmax")  # makes 4x4 maxima of 4 bytes and places of 8
    assert adaptive.bytes(adaptive.arguments()) == 2 * 3 * (4 * 8 * 8 + 12 * 4 * 4)
    linear = case("linear")
    assert linear.bytes(linear.arguments()) == 4 * (4 * 40 + 40 * 20 + 20 + 4 * 20)


def test_a_run_repeats_the_kernel_and_gives_the_result():
    row = case("linear_dx")
    arguments = row.arguments()
    expected = arguments["dy"] @ arguments["w"].T
    assert np.allclose(row.start(arguments)(3), 3 * expected, atol=1e-4)  # gradients are added


def test_a_row_of_two_kernels_calls_both(monkeypatch):
    called = []
    for name in ("softmax_cross_entropy", "softmax_cross_entropy_dx"):
        original = getattr(kernels, name)

        def spy(x, labels, dloss=None, dx=None, original=original):
            called.append(original)

        monkeypatch.setattr(_cases.kernels, name, spy)
    row = case("softmax_cross_entropy")
    row.start(row.arguments())(2)
    assert len(called) == 4 and len(set(called)) == 2


# --- training steps -----------------------------------------------------------------------------------------


def test_steps_have_one_small_row_for_each_net():
    assert names(step_cases(quick=True)) == names(step_cases())[: -len(DEEP)]  # deep nets take long to build
    assert all(s.batch == 4 and s.threads == 2 for s in step_cases(threads=2, quick=True))


def test_flops_of_a_step():
    """LeNet: 0.833 MFLOP forward, as many for the weights, less the first layer for the inputs."""
    assert Step(lenet, (1, 28, 28), 256, "sgd", 0.1).flops == 256 * (3 * 833_040 - 235_200)
    products = 784 * 256 + 256 * 10
    assert Step(mlp, (1, 28, 28), 32, "sgd", 0.1).flops == 32 * 2 * (3 * products - 784 * 256)


def test_bytes_of_a_step():
    parameters = 784 * 256 + 256 + 256 * 10 + 10
    for optimizer, arrays in (("sgd", 1), ("adam", 3)):
        step = Step(mlp, (1, 28, 28), 32, optimizer, 0.1)
        assert step.bytes({}) == 32 * (4 * 784 + 8) + 4 * parameters * arrays


def test_nets_are_what_the_page_says():
    sizes = {s.name: [p.data.shape for p in nn.parameters(s.net)[::2]] for s in step_cases(quick=True)}
    assert sizes["conv_net"] == [(32, 3, 3, 3), (64, 32, 3, 3), (128, 64, 3, 3), (128 * 16, 10)]
    assert sizes["mlp_dropout"] == [(784, 256), (256, 256), (256, 10)]
    assert [s.name for s in step_cases() if s.random] == ["mlp_dropout", "vae"]


def test_steps_take_the_minibatches_in_turn(monkeypatch):
    taken = []

    class Program:
        def run(self, x, y, order, batch_size, lr):
            assert (batch_size, lr) == (4, 0.1) and len(order) % batch_size == 0
            taken.extend(order)
            return np.arange(len(order) // batch_size, dtype=np.float32)

    asked = {}

    def compile_step(net, **options):
        asked.update(options)
        return Program()

    monkeypatch.setattr(nbdl, "compile_step", compile_step, raising=False)
    step = Step(mlp, (1, 28, 28), 4, "sgd", 0.1, threads=2)
    arguments = step.arguments()
    run = step.start(arguments)
    assert run(MINIBATCHES - 1) == MINIBATCHES - 2
    assert run(2) == 1  # over the end
    assert np.array_equal(taken, [*arguments["order"], *arguments["order"][:4]])
    assert (asked["optimizer"], asked["threads"], asked["seed"]) == ("sgd", 2, 0)
    assert [len(part) for part in asked["example"]] == [4, 4]
    assert _steps.CLASSES == 10 and set(arguments["y"]) <= set(range(10))
