"""The kit for estimators: every one of the library passes, and each fault is found and named."""

import numba
import numpy as np
import pytest

from nbdl import Estimator, registry
from nbdl.errors import OptionError, VerificationError
from nbdl.testing import check_estimator

ALL = registry.default().names("estimator")
CONTINUOUS = [n for n in ALL if registry.default().get("estimator", n).data != "discrete"]


@pytest.mark.parametrize("name", ALL)
def test_every_estimator_of_the_library_passes(name):
    if numba.config.DISABLE_JIT and name in CONTINUOUS:
        pytest.skip("the JIT is disabled: nearest neighbours take minutes in plain Python")
    check_estimator(registry.default().get("estimator", name))


def surprise(x, *, local=False, threads=1):
    values = x[:, 0] ** 2
    return values if local else float(values.mean())


def without_local(x, *, local=False, threads=1):
    """As the spacings: a value of the sample that belongs to no row."""
    if local:
        raise OptionError("`local` must be False")
    return float(np.ptp(x))


def pairs(x, *, local=False, threads=1):
    """As ordinal patterns: made of two rows each."""
    rises = (x[1:, 0] > x[:-1, 0]).astype(float)
    return rises if local else float(rises.mean())


def signs(x):
    return (x[1:] > x[:-1]).astype(np.int64), 2


def shifted(x, *, local=False, threads=1):
    x += 1
    return surprise(x, local=local)


def by_threads(x, *, local=False, threads=1):
    return surprise(x, local=local) + threads


def product(x, y, *, local=False, threads=1):
    values = x[:, 0] * y[:, 0]
    return values if local else float(values.mean())


def plug_in(counts, *, k=None):
    p = counts[counts > 0] / counts.sum()
    return -(p * np.log(p)).sum()


def continuous(**measures):
    return Estimator("e", "continuous", measures)


@pytest.mark.parametrize(
    "record",
    [
        Estimator("e", "discrete", {"entropy": plug_in}),
        continuous(entropy=surprise),
        continuous(entropy=without_local),
        continuous(entropy=pairs, symbols=signs),
        continuous(
            mutual_information=product,
            shuffled_mutual_information=lambda x, y: lambda order: product(x[order], y),
        ),
        continuous(mutual_information=product, shuffled_mutual_information=lambda x, y: None),
    ],
    ids=["counts", "local", "no local", "symbols", "shuffled", "no way of its own"],
)
def test_what_keeps_the_contract_passes(record):
    check_estimator(record)


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (
            Estimator("e", "discrete", {"entropy": lambda n, *, k: 2.0}),
            r"counts \[5000 3000 2000\] and k=4 must give about 1.0297 nats, got 2.0",
        ),
        (continuous(entropy=lambda x, local=False, threads=1: 1.0), "must be the mean of 60 local values"),
        (continuous(entropy=lambda x, local=False, threads=1: np.inf), "must be one finite number"),
        (continuous(entropy=lambda x, local=False, threads=1: x[0]), "must be one finite number"),
        (continuous(entropy=by_threads), "for any threads, got"),
        (continuous(entropy=shifted), "`entropy` must not change its samples"),
        (continuous(entropy=pairs), r"must be the mean of 60 local values, got \(59,\)"),
        (continuous(entropy=pairs, symbols=lambda x: (signs(x)[0] - 1, 2)), "from 0 to k - 1, k = 2, got -1"),
        (continuous(entropy=pairs, symbols=lambda x: (x, 2)), r"must be int64 \(N', 2\), got float64"),
        (
            continuous(
                mutual_information=product, shuffled_mutual_information=lambda x, y: lambda order: 7.0
            ),
            "`shuffled_mutual_information` in the order as it is must give .*, got 7.0",
        ),
        (
            continuous(mutual_information=product, pairwise_mutual_information=lambda each, z: np.eye(2)),
            "`pairwise_mutual_information` must have the `mutual_information` .* of a pair",
        ),
        (
            Estimator("e", "continuous", {"entropy": pairs, "symbols": signs}, ordered=True),
            "`symbols` must be masked where a value is missing, got 0 masked of 59",
        ),
    ],
    ids=[
        "counts",
        "local",
        "inf",
        "array",
        "threads",
        "changed",
        "rows",
        "codes",
        "dtype",
        "shuffled",
        "pairwise",
        "gaps",
    ],
)
def test_faults_are_named(record, fault):
    with pytest.raises(VerificationError, match=fault):
        check_estimator(record)
