"""The scans on lanes, held to their kernels; the rows of their loops."""

import numpy as np
import pytest

from nbdl import registry
from nbdl.kernels.lanes import Site, Unfit
from nbdl.kernels.recurrent.attention_gru_scan_lanes import attention_gru_scan
from nbdl.kernels.recurrent.gru_scan_lanes import gru_scan
from nbdl.kernels.recurrent.lstm_scan_lanes import lstm_scan
from nbdl.kernels.recurrent.rnn_scan_lanes import rnn_scan
from nbdl.records import resolve
from nbdl.testing import check_twin
from nbdl.testing._check_twin import compare


@pytest.mark.parametrize(("kernel", "name", "dtype", "samples"), [
    ("rnn_scan", "lengths in reverse", "float32", 5),
    ("rnn_scan", "lengths, relu, no state before", "float64", 40), ("rnn_scan", "one step", "float32", 40),
    ("lstm_scan", "peepholes and lengths in reverse", "float32", 40),
    ("lstm_scan", "3 sequences of 3 steps", "float64", 5),
    ("gru_scan", "lengths in reverse", "float64", 5),
    ("gru_scan", "lengths in reverse, reset before", "float32", 40),
    ("attention_gru_scan", "lengths", "float32", 40),
    ("attention_gru_scan", "anything behind the lengths", "float64", 5),
])  # fmt: skip
def test_some_cases_of_the_kernel(kernel, name, dtype, samples):
    cases = resolve(registry.default().get("kernel", kernel).cases)(np.random.default_rng(0))
    assert compare(kernel, next(case for case in cases if case.name == name), dtype, samples)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["rnn_scan", "lstm_scan", "gru_scan", "attention_gru_scan"])
def test_the_cases_of_the_kernel(kernel):
    served = check_twin(kernel)
    assert [name for name, there in served.items() if not there] == ["no sequences", "no states"]


@pytest.mark.parametrize(
    ("shapes", "constants"),
    [
        ({"wh": (3, 2)}, {}), ({"z": (4, 0), "wh": (0, 0)}, {}), ({"h0": (2,)}, {}), ({"lengths": (1,)}, {}),
        ({"z": (3,)}, {}), ({}, {"activation": "elu"}),
    ],
)  # fmt: skip
def test_what_it_leaves_to_the_kernel(shapes, constants):
    shapes = {"z": (4, 3), "wh": (3, 3), **shapes}
    with pytest.raises(Unfit):
        rnn_scan.shape(Site(shapes, {"activation": "tanh", "reverse": False, **constants}))


@pytest.mark.parametrize(
    "shapes",
    [
        {"keys": (5,)}, {"keys": (0, 6)}, {"values": (4, 9)}, {"wq": (3, 5)}, {"wv": (5,)}, {"wh": (2, 9)},
        {"z": (4, 8)}, {"h0": (2,)}, {"bh": (3,)}, {"lengths": (5,)},
    ],
)  # fmt: skip
def test_what_attention_leaves_to_the_kernel(shapes):
    plain = {"z": (4, 9), "keys": (5, 6), "values": (5, 9), "wq": (3, 6), "wv": (6,), "wh": (3, 9)}
    assert attention_gru_scan.shape(Site(plain, {})) == {"y": (4, 3), "h": (3,), "weights": (4, 5)}
    with pytest.raises(Unfit):
        attention_gru_scan.shape(Site({**plain, **shapes}, {}))


@pytest.mark.parametrize(
    "shapes",
    [
        {"wh": (3, 9)}, {"z": (4, 0), "wh": (0, 0)}, {"c0": (2,)}, {"lengths": (1,)}, {"z": (4, 10)},
        {"peepholes": (4, 3)},
    ],
)  # fmt: skip
def test_what_the_lstm_leaves_to_the_kernel(shapes):
    with pytest.raises(Unfit):
        lstm_scan.shape(Site({"z": (4, 12), "wh": (3, 12), **shapes}, {"reverse": False}))


@pytest.mark.parametrize(
    ("shapes", "constants"),
    [
        ({"wh": (3, 8)}, {}), ({"z": (4, 0), "wh": (0, 0)}, {}), ({"h0": (2,)}, {}), ({"lengths": (1,)}, {}),
        ({"bh": (3,)}, {}), ({}, {"reset": "between"}),
    ],
)  # fmt: skip
def test_what_the_gru_leaves_to_the_kernel(shapes, constants):
    with pytest.raises(Unfit):
        gru_scan.shape(Site({"z": (4, 9), "wh": (3, 9), **shapes}, {"reset": "after", **constants}))
