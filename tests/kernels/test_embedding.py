"""embedding: rows of a table; its gradient where ids repeat; ids of every kind; what is refused."""

import numba
import numpy as np
import pytest

from nbdl.errors import DtypeError, LabelError, ShapeError
from nbdl.kernels import check_ids, embedding, embedding_dw

RNG = np.random.default_rng(0)
W, IDS = RNG.standard_normal((6, 5)), np.array([[0, 5, 5], [3, 0, 5]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(7,), (4, 9), (2, 3, 1, 5)], ids=str)
def test_agrees_with_torch(dtype, shape):
    """Few ids in many places, so that most repeat."""
    torch = pytest.importorskip("torch")
    w, ids = W.astype(dtype), RNG.integers(0, 6, shape)
    t = torch.tensor(w, requires_grad=True)
    y = torch.nn.functional.embedding(torch.tensor(ids), t)
    dy = RNG.standard_normal(y.shape).astype(dtype)
    y.backward(torch.tensor(dy))
    np.testing.assert_array_equal(embedding(ids, w), y.detach())
    dw = embedding_dw(dy, ids, np.zeros_like(w))
    np.testing.assert_allclose(dw, t.grad, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "uint32", "int64", "uint64"])
def test_ids_of_any_integers(dtype):
    ids = IDS.astype(dtype)
    np.testing.assert_array_equal(embedding(ids, W), W[IDS])
    wide = np.repeat(ids, 2, axis=1)[:, ::2]
    wide.flags.writeable = False
    np.testing.assert_array_equal(embedding(wide, np.asfortranarray(W)), W[IDS])
    got = embedding_dw(np.ones((2, 3, 5)), wide, np.zeros((6, 5)))
    np.testing.assert_array_equal(got[:, 0], [2, 0, 0, 1, 0, 3])


def test_nothing_is_looked_up():
    assert embedding(IDS[:0], W).shape == (0, 3, 5) and embedding(IDS[:, :0], W).shape == (2, 0, 5)
    assert embedding(IDS, W[:, :0]).shape == (2, 3, 0)
    assert embedding(np.zeros((2, 0), int), W[:0]).shape == (2, 0, 5)  # no words, and no ids
    assert not embedding_dw(np.zeros((0, 3, 5)), IDS[:0], np.zeros((6, 5))).any()


def test_it_adds_to_what_is_there():
    dw, dy = W.copy(), RNG.standard_normal((2, 3, 5))
    want = W.copy()
    np.add.at(want, IDS, dy)
    assert embedding_dw(dy, IDS, dw) is dw
    np.testing.assert_allclose(dw, want, rtol=1e-14)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (np.array([0, 6]), r"embedding: `ids` must be from 0 to 5, got 6 at position 1"),
        (np.array([0, -1]), r"got -1 at position 1"),
        (np.array([[0, 1], [2, 2**62]]), rf"got {2**62} at flat position 3 of \(2, 2\)"),
        (np.array([-(2**63)]), rf"got -{2**63} at position 0"),
        (np.array([0, 200], np.uint8), "got 200 at position 1"),
        (
            np.array([0, 2**64 - 1], np.uint64),
            r"must be below 2\^63, got 18446744073709551615 at flat position 1",
        ),
    ],
)
def test_ids_out_of_range_are_named_before_anything_is_written(ids, said):
    out, dw = np.zeros((*ids.shape, 5)), np.zeros((6, 5))
    with pytest.raises(LabelError, match=said):
        embedding(ids, W, out=out)
    with pytest.raises(LabelError, match="embedding_dw: `ids`"):
        embedding_dw(np.ones(out.shape), ids, dw)
    assert not out.any() and not dw.any()
    with pytest.raises(LabelError, match="check_ids: `ids`"):
        check_ids(ids, 6)


def test_messages():
    for ids in (IDS * 1.0, IDS > 1):
        with pytest.raises(DtypeError, match=r"embedding: `ids` \(N, \.\.\.\) must be an array of integers"):
            embedding(ids, W)
    with pytest.raises(ShapeError, match=r"`ids` .* must have at least 1 dimensions, got 0"):
        embedding(np.array(1), W)
    with pytest.raises(
        ShapeError, match=r"`dy` must have a row for each of `ids` \(2, 3\), got shape \(2, 5\)"
    ):
        embedding_dw(np.zeros((2, 5)), IDS, np.zeros((6, 5)))
    with pytest.raises(ShapeError, match=r"`dw` must have shape \(6, 4\), got \(6, 5\)"):
        embedding_dw(np.zeros((2, 3, 4)), IDS, np.zeros((6, 5)))
    with pytest.raises(DtypeError, match=r"embedding: `w` \(V, D\) must be a float32 or float64 array"):
        embedding(IDS, W.astype(int))
    with pytest.raises(DtypeError, match=r"embedding_dw: `dw` \(V, D\) .* got None"):
        embedding_dw(np.zeros((2, 3, 5)), IDS, None)
    with pytest.raises(DtypeError, match="embedding_dw: `dw` must be a writable, C-contiguous"):
        embedding_dw(np.zeros((2, 3, 5)), IDS, np.zeros((12, 5))[::2])


def test_before_a_parallel_loop():
    @numba.njit(parallel=True)
    def rows(ids, w):
        check_ids(ids, w.shape[0])
        y = np.empty((len(ids), w.shape[1]))
        for n in numba.prange(len(ids)):
            y[n] = embedding(ids[n : n + 1], w)[0]
        return y

    np.testing.assert_array_equal(rows(IDS[0], W), W[IDS[0]])
    with pytest.raises(LabelError, match="got 9 at position 2"):
        rows(np.array([0, 1, 9]), W)
