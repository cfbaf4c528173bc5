"""Prediction by a program: as the net itself, for any number of inputs."""

import gc
import weakref

import numpy as np
import pytest

import nbdl
from nbdl import models, nn, train
from nbdl.errors import DtypeError, ShapeError, UsageError
from nbdl.step import CompiledPredict


@pytest.fixture
def net(x):
    return nn.init(models.mlp(3, (8,), dropout=0.5), x, seed=4)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 200])
def test_as_the_net(net, x, count):
    predict = CompiledPredict(net, x, batch_size=64)
    np.testing.assert_allclose(predict(x[:count]), net(x[:count]).data, rtol=1e-5, atol=1e-6)


def test_a_prediction_does_not_depend_on_its_neighbours(many_cores, net, x):
    """Nor on the threads, nor on how many are predicted at once."""
    whole = CompiledPredict(net, x)(x)
    for threads, batch in ((1, 7), (2, 50), (3, 512)):
        assert (CompiledPredict(net, x, threads, batch)(x) == whole).all()
    assert (CompiledPredict(net, x)(x[::-1].astype(float)) == whole[::-1]).all()


def test_with_kernels_in_python(any_net, x):
    net = any_net(lambda net, x, train: net.a(x) * 2.0 + x.mean(axis=1, keepdims=True), a=nn.Linear(3))
    nn.init(net, x, seed=1)
    predict = CompiledPredict(net, x, threads=2, batch_size=64)
    np.testing.assert_allclose(predict(x), net(x).data, rtol=1e-5, atol=1e-6)


def test_results_are_new_arrays(net, x):
    predict = CompiledPredict(net, x)
    first = predict(x[:20])
    kept = first.copy()
    predict(x[20:40])
    assert (first == kept).all() and first.flags.writeable


def test_bad_arguments_are_named(net, x):
    predict = CompiledPredict(net, x)
    for wrong in (x[:0], x[:, :7], x[0]):
        with pytest.raises(ShapeError, match=r"one or more samples of shape \(N, 8\), got "):
            predict(wrong)
    with pytest.raises(UsageError, match=r"`0.w` has no values yet"):
        CompiledPredict(nn.Sequential(nn.Linear(3)), x)


def test_a_net_that_looks_at_values_is_predicted_eagerly(any_net, x):
    layer = nn.init(nn.Linear(3), x)
    choosy = any_net(lambda net, x, train: max(net.a(x), -net.a(x), key=lambda h: float(h.sum())), a=layer)
    np.testing.assert_allclose(train.predict(choosy, x), choosy(x).data, rtol=1e-6)
    with pytest.raises(nbdl.errors.TapeError, match=r"float\(\), in test_predict.py"):
        CompiledPredict(choosy, x)


def test_a_program_is_gone_with_its_last_name(x, labels):
    """With its memory, and the weights that it moved there."""
    gc.collect()
    gc.disable()
    try:
        net = nn.init(models.mlp(3, (8,)), x)
        step, predict = nbdl.compile_step(net, example=(x, labels)), CompiledPredict(net, x)
        step(x, labels)
        predict(x)
        parts = [step.graph.values[0], step.program.memory, predict.program.memory, *nn.parameters(net)]
        found = [weakref.ref(p) for p in (*parts, parts[-1]._array)]
        del net, step, predict, parts
        assert [r() for r in found] == [None] * len(found)
    finally:
        gc.enable()


def test_complex_input_is_refused(x, labels):
    net = nn.init(models.mlp(3, (8,)), x)
    for call in (
        lambda z: net(z),
        lambda z: nn.init(net, z),
        lambda z: CompiledPredict(net, x)(z),
        lambda z: train.predict(net, z),
        lambda z: nbdl.compile_step(net, example=(x, labels))(z, labels),
        lambda z: nbdl.compile_step(net, example=(z, labels)),
        lambda z: nn.mse(x, z),
        lambda z: nn.softmax_cross_entropy(x[:, :3], labels, weight=z[0, :3]),
    ):
        with pytest.raises(DtypeError, match="must hold real numbers, got complex64"):
            call(x + np.complex64(1j))
