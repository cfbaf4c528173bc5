"""The rows of information theory: peers compute what ours compute, on the same numbers."""

import importlib

import numba
import numpy as np
import pytest

from nbdl.bench._info import MAKERS, info_cases
from nbdl.bench._measure import difference
from nbdl.bench._run import PEERS

COMPILED = pytest.mark.skipif(
    numba.config.DISABLE_JIT, reason="the JIT is disabled: plain Python takes minutes"
)
QUICK = info_cases(quick=True)
OWN = [name for name in PEERS if name != "torch"]


def peer(name):
    pytest.importorskip(name, reason=f"{name} is not installed")
    return importlib.import_module(PEERS[name].module)


def test_quick_rows_are_the_same_measures():
    assert list(dict.fromkeys(c.name for c in info_cases())) == [c.name for c in QUICK]
    assert len({(c.name, c.size) for c in info_cases()}) == len(info_cases())
    assert len(QUICK) == len(MAKERS)


def test_estimates_have_the_threads_that_they_can_use():
    threads = {case.name: case.threads for case in info_cases(threads=3)}
    assert threads["ksg1_mi"] == threads["pairwise_mi"] == 3
    assert threads["row_entropy"] == threads["binned_mi"] == 1


@COMPILED
@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_rows_run_and_count_their_bytes(case):
    arguments = case.arguments()
    result = case.start(arguments)(2)
    assert np.isfinite(result[~np.eye(len(result), dtype=bool)] if result.ndim == 2 else result).all()
    assert case.bytes(arguments) == sum(a.nbytes for a in arguments.values()) > 0


@COMPILED
@pytest.mark.parametrize("name", OWN)
def test_a_peer_agrees_wherever_it_takes_part(name):
    module, taken = peer(name), []
    for case in QUICK:
        arguments = case.arguments()
        for competitor in module.competitors(case, arguments, quick=True):
            ours, theirs = case.start(arguments)(1), competitor.start()(1)
            assert theirs.shape == ours.shape and difference(ours, theirs) < 1e-6, case.name
            taken.append(case.name)
    assert taken


def test_every_row_of_the_table_has_a_peer_of_the_dev_extra():
    names = {"numpy", "scipy", "sklearn"}
    taken = set().union(*(peer(name).CALLS for name in names))
    regular = {"permutation_entropy", "sample_entropy", "spectral_entropy", "lempel_ziv_complexity"}
    assert {case.name for case in QUICK} - taken == regular  # those are antropy's
