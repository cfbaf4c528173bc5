"""The node tests of ONNX for every operator that nbdl has: data that nobody here wrote."""

import collections
import warnings

import numpy as np
import pytest

pytest.importorskip("onnx", minversion="1.23", reason="needs the node tests of onnx >= 1.23")
from onnx.backend.test.loader import load_model_tests

# Cases that run, by operator. Newer versions of onnx may have more.
COUNTS = {
    "AveragePool": 14,
    "BatchNormalization": 4,
    "Celu": 1,
    "Conv": 6,
    "ConvTranspose": 10,
    "Dropout": 12,
    "Elu": 3,
    "Gelu": 4,
    "Gemm": 11,
    "GlobalAveragePool": 2,
    "GlobalMaxPool": 2,
    "GroupNormalization": 2,
    "HardSigmoid": 3,
    "HardSwish": 1,
    "InstanceNormalization": 2,
    "LRN": 2,
    "LayerNormalization": 18,
    "LeakyRelu": 3,
    "LogSoftmax": 7,
    "LpPool": 7,
    "MatMul": 7,
    "MaxPool": 14,
    "Mish": 1,
    "NegativeLogLikelihoodLoss": 18,
    "PRelu": 2,
    "Pad": 5,
    "RMSNormalization": 19,
    "Relu": 1,
    "Selu": 3,
    "Sigmoid": 2,
    "Softmax": 7,
    "SoftmaxCrossEntropyLoss": 34,
    "Softplus": 2,
    "Softsign": 2,
    "Swish": 1,
    "Tanh": 2,
}

THREE_D = "three spatial dimensions"
DTYPE = "kernels take float32 and float64"
WRAP = "a mode that pad2d has not"
SKIPPED = {
    "test_averagepool_3d_default": THREE_D,
    "test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False": THREE_D,
    "test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True": THREE_D,
    "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False": THREE_D,
    "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True": THREE_D,
    "test_averagepool_3d_dilations_small": THREE_D,
    "test_celu_bfloat16": DTYPE,
    "test_celu_float16": DTYPE,
    "test_convtranspose_3d": THREE_D,
    "test_lppool_3d_default": THREE_D,
    "test_maxpool_2d_uint8": DTYPE,
    "test_maxpool_3d_default": THREE_D,
    "test_maxpool_3d_dilations": THREE_D,
    "test_maxpool_3d_dilations_use_ref_impl": THREE_D,
    "test_maxpool_3d_dilations_use_ref_impl_large": THREE_D,
    "test_wrap_pad": WRAP,
}


def _cases():
    with warnings.catch_warnings():  # ONNX makes its data by dividing by zero, among others
        warnings.simplefilter("ignore")
        cases = load_model_tests(kind="node")
    for case in cases:
        nodes = case.model.graph.node
        # the *_expanded twins have the same data and the operator spelled out in smaller ones
        if "_expanded" not in case.name and len(nodes) == 1 and nodes[0].op_type in COUNTS:
            yield case


CASES = list(_cases())


def _parameter(case):
    skip = [pytest.mark.skip(reason=SKIPPED[case.name])] if case.name in SKIPPED else []
    return pytest.param(case, id=case.name.removeprefix("test_"), marks=skip)


@pytest.mark.parametrize("case", [_parameter(case) for case in CASES])
def test_node(case, check_graph):
    for inputs, wanted in case.data_sets:
        check_graph(case, case.model, inputs, wanted)


def test_cases_are_all_there():
    counts = collections.Counter(c.model.graph.node[0].op_type for c in CASES if c.name not in SKIPPED)
    assert all(counts[op] >= least for op, least in COUNTS.items()), counts


def test_skips_are_true():
    skipped = [c for c in CASES if c.name in SKIPPED]
    assert len(skipped) == len(SKIPPED)
    for case in skipped:
        x = case.data_sets[0][0][0]
        modes = [a.s for a in case.model.graph.node[0].attribute if a.name == "mode"]
        true = {
            THREE_D: x.ndim == 5,
            DTYPE: x.dtype not in (np.float32, np.float64),
            WRAP: modes == [b"wrap"],
        }
        assert true[SKIPPED[case.name]]
