"""The rows of prediction, and ONNX Runtime beside them."""

import numpy as np
import pytest

from nbdl import nn
from nbdl.bench._measure import difference
from nbdl.bench._predict import Predict, predict_cases
from nbdl.models import bn_lenet


def test_flops_and_bytes_of_a_prediction():
    (lenet,) = predict_cases(quick=True)
    convolutions = 6 * 28 * 28 * 25 + 16 * 10 * 10 * 150
    assert lenet.flops == 2 * (convolutions + 400 * 120 + 120 * 84 + 84 * 10)
    weights = 6 * 26 + 16 * 151 + 401 * 120 + 121 * 84 + 85 * 10
    assert lenet.bytes(lenet.arguments()) == 4 * (784 + weights)


def test_no_batch_norm_is_left():
    net = Predict(bn_lenet, (1, 28, 28)).net
    assert not [layer for layer in net.layers if isinstance(layer, nn.BatchNorm)]


@pytest.mark.parametrize("case", predict_cases(), ids=lambda case: case.name)
def test_onnxruntime_computes_the_same(case):
    pytest.importorskip("onnxruntime", reason="a peer, not a dependency")
    from nbdl.bench import _onnxruntime

    given = case.arguments()
    (competitor,) = _onnxruntime.competitors(case, given, quick=True)
    assert difference(np.asarray(case.net(given["x"]).data), competitor.start()(1)) < 1e-5
