"""Graphs exported from PyTorch, with the results that PyTorch computed, as they come with ONNX."""

from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx", minversion="1.23", reason="needs the test data of onnx >= 1.23")
from onnx import numpy_helper  # noqa: E402
from onnx.backend.test.loader import load_model_tests  # noqa: E402
from onnx_on_nbdl.graphs import check_graph  # noqa: E402

COUNTS = {"pytorch-converted": 69, "pytorch-operator": 35}  # cases that run

THREE_D = (
    "test_AvgPool3d",
    "test_AvgPool3d_stride",
    "test_AvgPool3d_stride1_pad0_gpu_input",
    "test_Conv3d",
    "test_Conv3d_dilated",
    "test_Conv3d_dilated_strided",
    "test_Conv3d_groups",
    "test_Conv3d_no_bias",
    "test_Conv3d_stride",
    "test_Conv3d_stride_padding",
    "test_MaxPool3d",
    "test_MaxPool3d_stride",
    "test_MaxPool3d_stride_padding",
)

SKIPPED = dict.fromkeys(THREE_D, "three spatial dimensions")

CASES = [case for kind in COUNTS for case in load_model_tests(kind=kind)]
CASES.sort(key=lambda case: (case.kind, case.name))


def _parameter(case):
    skip = [pytest.mark.skip(reason=SKIPPED[case.name])] if case.name in SKIPPED else []
    return pytest.param(case, id=case.name.removeprefix("test_"), marks=skip)


def _model(case):
    return onnx.load(Path(case.model_dir) / "model.onnx")


def _arrays(case, kind):
    """The inputs or outputs of the one data set of a case, in order."""
    folder = Path(case.model_dir) / "test_data_set_0"
    paths = (folder / f"{kind}_{i}.pb" for i in range(len(list(folder.glob(f"{kind}_*.pb")))))
    return [numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes())) for path in paths]


@pytest.mark.parametrize("case", [_parameter(case) for case in CASES])
def test_graph(case):
    check_graph(case, _model(case), _arrays(case, "input"), _arrays(case, "output"))


def test_cases_are_all_there():
    for kind, least in COUNTS.items():
        assert len([c for c in CASES if c.kind == kind and c.name not in SKIPPED]) >= least


def test_skips_are_true():
    by_name = {c.name: c for c in CASES}
    assert all(_arrays(by_name[name], "input")[0].ndim == 5 for name in SKIPPED)
