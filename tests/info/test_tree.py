"""The k-d tree, held to all distances: the same bits, however the points lie and how many threads ask."""

import os
import platform
import subprocess
import sys
import time

import numpy as np
import pytest

from nbdl.info import _near, _tree

SHAPES = [(1, 2), (5, 1), (8, 3), (9, 2), (17, 2), (63, 1), (64, 2), (100, 5), (777, 3), (300, 13)]


def points(n, dims, kind):
    """Normal, on a coarse grid with many ties, all but one alike, or on scales far apart."""
    x = np.random.default_rng([n, dims]).normal(size=(n, dims))
    if kind == "ties":
        return np.round(x)
    if kind == "lump":
        return np.where(np.arange(n)[:, None] == 0, x, 0.25)
    return x * 10.0 ** (np.arange(dims) % 5 * 50 - 100) if kind == "scales" else x


def distances(x, y, euclidean=False):
    d = np.abs(x[:, None] - y)
    return np.sqrt((d * d).sum(axis=2)) if euclidean else d.max(axis=2)


def admissible(n, theiler):
    return np.abs(np.arange(n)[:, None] - np.arange(n)) > theiler


@pytest.mark.parametrize("kind", ["normal", "ties", "lump", "scales"])
@pytest.mark.parametrize(("n", "dims"), SHAPES)
def test_kth_distances(n, dims, kind):
    x, y = points(n, dims, kind), points(n // 2 + 3, dims, kind)
    tree, others = _tree.build(x), _tree.build(y)
    for k in (1, 3, 4, 7):
        for theiler in (0, 3):
            d = np.where(admissible(n, theiler), distances(x, x), np.inf)
            if k <= n:
                found = _near.kth_distances(tree, k, theiler=theiler)
                np.testing.assert_array_equal(found, np.sort(d, axis=1)[:, k - 1])
        if k <= n:
            found = _near.kth_distances(tree, k, queries=others)
            np.testing.assert_array_equal(found, np.sort(distances(y, x), axis=1)[:, k - 1])


@pytest.mark.parametrize(("n", "dims"), SHAPES)
def test_euclidean_distances(n, dims):
    x, y = points(n, dims, "normal"), points(n // 2 + 3, dims, "normal")
    tree = _tree.build(x)
    for k in (1, 3, 7):
        if k < n:
            d = np.where(admissible(n, 0), distances(x, x, True), np.inf)
            found = _near.kth_distances(tree, k, euclidean=True)
            np.testing.assert_allclose(found, np.sort(d, axis=1)[:, k - 1], rtol=1e-14)
            found = _near.kth_distances(tree, k, queries=_tree.build(y), euclidean=True)
            np.testing.assert_allclose(found, np.sort(distances(y, x, True), axis=1)[:, k - 1], rtol=1e-14)


@pytest.mark.parametrize("kind", ["normal", "ties", "lump", "scales"])
@pytest.mark.parametrize(("n", "dims"), SHAPES)
def test_counts_and_reaches(n, dims, kind):
    x = points(n, dims, kind)
    rng, d = np.random.default_rng(n), distances(x, x)
    mixed = rng.permuted(d, axis=1)[:, 0]  # distances between points: where strictly less matters
    ends = [1, dims][: dims if dims < 2 else 2]
    tree, difference = _tree.build(x), np.abs(x[:, None] - x)
    for radii in (np.zeros(n), mixed, np.full(n, 1.0), np.full(n, np.inf)):
        for theiler in (0, 3):
            admitted = admissible(n, theiler)
            expected = ((d < radii[:, None]) & admitted).sum(axis=1)
            for each in (tree, _tree.index(x)):
                found = _near.counts_within(each, radii, x=x, theiler=theiler)
                np.testing.assert_array_equal(found, expected)
            inside = ((d <= radii[:, None]) & admitted)[..., None]
            groups = np.split(np.where(inside, difference, 0), ends[:-1], axis=2)
            found = _near.reaches(tree, radii, ends, theiler=theiler)
            np.testing.assert_array_equal(found, [g.max(axis=(1, 2)) for g in groups])


@pytest.mark.parametrize("dims", [1, 3])
def test_any_number_of_threads_gives_the_same_bits(dims):
    x = points(20_000, dims, "normal")
    results = []
    for threads in (1, 2, 5):
        tree = _tree.build(x, threads)
        radii = _near.kth_distances(tree, 3, threads=threads)
        counts = _near.counts_within(_tree.index(x, threads), 2 * radii, threads=threads)
        results.append((tree.blocks, radii, counts, _near.reaches(tree, radii, [dims], threads=threads)))
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


def test_agrees_with_scipy():
    spatial = pytest.importorskip("scipy.spatial")
    x = points(3000, 4, "normal")
    far = spatial.cKDTree(x).query(x, 6, p=np.inf)[0]
    np.testing.assert_array_equal(_near.kth_distances(_tree.build(x), 5), far[:, 5])


@pytest.mark.parametrize("order", ["sorted", "reversed", "organ pipe", "sawtooth"])
def test_no_order_of_the_points_is_slow(order):
    """Quickselect needs work that grows with the square where the pivots are bad: n^2 / 2 steps here."""
    n = 200_000
    ramp = np.arange(float(n))
    x = {
        "sorted": ramp,
        "reversed": ramp[::-1],
        "organ pipe": np.minimum(ramp, n - ramp),
        "sawtooth": ramp % 1000,
    }[order]

    def spent(x):
        start = time.process_time()  # of this process alone: other work on the machine does not count
        _tree.build(x[:, None].copy())
        return time.process_time() - start

    spent(ramp[:1000])  # compiled
    mixed = np.random.default_rng(0).permutation(ramp)
    assert spent(x) < 50 * spent(mixed)  # the square of n would be some thousand times


AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi2,+popcnt"}
PYTEST = "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", __file__, "-k", "777-3-ties or 300-13-scales"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="needs an x86 processor")
def test_registers_of_half_the_width():
    """A leaf is then two vectors."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | AVX2
    run = subprocess.run(
        [sys.executable, *PYTEST], env=environment, capture_output=True, text=True, timeout=1800
    )
    assert run.returncode == 0 and "4 passed" in run.stdout, run.stdout[-3000:] + run.stderr[-3000:]


FORK = """
import os
from nbdl.info._threads import in_parallel
assert in_parallel(abs, [-1, -2, -3], 2) == [1, 2, 3]
child = os.fork()
if child == 0:
    assert in_parallel(abs, [-1, -2, -3], 2) == [1, 2, 3]
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_process_has_threads_of_its_own():
    run = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=1800)
    assert run.returncode == 0, run.stderr
