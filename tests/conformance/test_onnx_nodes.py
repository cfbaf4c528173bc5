"""The node tests of ONNX for every operator that nbdl has: data that nobody here wrote."""

import collections
import warnings

import numpy as np
import pytest

pytest.importorskip("onnx", minversion="1.23", reason="needs the node tests of onnx >= 1.23")
from onnx.backend.test.loader import load_model_tests
from onnx_on_nbdl import OPERATORS
from onnx_on_nbdl.graphs import check_graph
from onnx_on_nbdl.not_offered import NOT_OFFERED

LEAST = 811  # cases that run; a newer onnx may have more

THREE_D = "three spatial dimensions"
DTYPE = "kernels take float32 and float64"
QUOTIENT = "the quotient of integers is a float, as in NumPy"
NOTHING = "the largest of nothing is an error, as in NumPy"
LIST = "a list of arrays, which is Python's"
WRAP = "a mode that pad2d has not"

SKIPPED = {  # name of a case, without test_: why
    "attention_24_qk_matmul_output_mode3_softmax_precision": DTYPE,
    "attention_3d_causal_bf16": DTYPE,
    "attention_4d_attn_mask_causal_bf16": DTYPE,
    "attention_4d_causal_bf16": DTYPE,
    "attention_4d_causal_fp16": DTYPE,
    "attention_4d_causal_padded_kv_bf16": DTYPE,
    "attention_4d_fp16": DTYPE,
    "attention_4d_gqa_causal_nonpad_decode_fp16": DTYPE,
    "attention_4d_gqa_with_past_and_present_fp16": DTYPE,
    "attention_4d_padded_kv_bf16": DTYPE,
    "attention_local_window_ext_cache_float16_mask": DTYPE,
    "averagepool_3d_default": THREE_D,
    "averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False": THREE_D,
    "averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True": THREE_D,
    "averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False": THREE_D,
    "averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True": THREE_D,
    "averagepool_3d_dilations_small": THREE_D,
    "celu_bfloat16": DTYPE,
    "celu_float16": DTYPE,
    "col2im_5d": THREE_D,
    "convtranspose_3d": THREE_D,
    "div_int16": QUOTIENT,
    "div_int32_trunc": QUOTIENT,
    "div_int8": QUOTIENT,
    "div_uint16": QUOTIENT,
    "div_uint32": QUOTIENT,
    "div_uint64": QUOTIENT,
    "div_uint8": QUOTIENT,
    "einsum_batch_matmul_bfloat16": DTYPE,
    "einsum_sum_bfloat16": DTYPE,
    "identity_opt": LIST,
    "identity_sequence": LIST,
    "lppool_3d_default": THREE_D,
    "maxpool_2d_uint8": DTYPE,
    "maxpool_3d_default": THREE_D,
    "maxpool_3d_dilations": THREE_D,
    "maxpool_3d_dilations_use_ref_impl": THREE_D,
    "maxpool_3d_dilations_use_ref_impl_large": THREE_D,
    "reduce_max_empty_set": NOTHING,
    "reduce_max_empty_set_bool": NOTHING,
    "reduce_min_empty_set": NOTHING,
    "swiglu_float16": DTYPE,
    "wrap_pad": WRAP,
}


def _cases():
    """(name, case) of one node each; the *_expanded twins have the same data, and more nodes."""
    with warnings.catch_warnings():  # ONNX makes its data by dividing by zero, among others
        warnings.simplefilter("ignore")
        cases = load_model_tests(kind="node")
    for case in cases:
        if "_expanded" not in case.name and len(case.model.graph.node) == 1:
            yield case.name.removeprefix("test_"), case


def _operator(case):
    return case.model.graph.node[0].op_type


ALL = dict(_cases())
CASES = {name: case for name, case in ALL.items() if _operator(case) in OPERATORS}


def _parameter(name, case):
    skip = [pytest.mark.skip(reason=SKIPPED[name])] if name in SKIPPED else []
    return pytest.param(case, id=name, marks=skip)


@pytest.mark.parametrize("case", [_parameter(name, case) for name, case in CASES.items()])
def test_node(case):
    for inputs, wanted in case.data_sets:
        check_graph(case, case.model, inputs, wanted)


def test_every_operator_is_offered_or_has_a_reason():
    assert not set(OPERATORS) & set(NOT_OFFERED)
    assert {_operator(case) for case in ALL.values()} == set(OPERATORS) | set(NOT_OFFERED)


def test_cases_are_all_there():
    counts = collections.Counter(_operator(case) for name, case in CASES.items() if name not in SKIPPED)
    assert set(counts) == set(OPERATORS) and counts.total() >= LEAST


def test_skips_are_true():
    assert set(SKIPPED) <= set(CASES)
    for name, reason in SKIPPED.items():
        case = CASES[name]
        x, *_ = case.data_sets[0][0]
        if isinstance(x, list):
            assert reason == LIST
            continue
        modes = [a.s for a in case.model.graph.node[0].attribute if a.name == "mode"]
        result = case.data_sets[0][1][0]
        true = {
            THREE_D: 5 in (x.ndim, result.ndim),
            DTYPE: x.dtype not in (np.float32, np.float64),
            QUOTIENT: _operator(case) == "Div" and x.dtype.kind in "iu",
            NOTHING: x.size == 0,
            WRAP: modes == [b"wrap"],
        }
        assert true[reason], name
