"""Functions of several tensors: NumPy's values, and gradients to all of them."""

import numpy as np
import pytest

import nbdl
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError
from nbdl.testing import gradcheck

RNG = np.random.default_rng(0)
A, B, C = (RNG.normal(size=(2, 3)) for _ in range(3))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_concatenate_and_stack(count, axis):
    arrays = [A, B, C, A + 1, B + 1][:count]
    for name in ("concatenate", "stack"):
        ours, numpys = getattr(nbdl, name), getattr(np, name)
        np.testing.assert_array_equal(ours(arrays, axis=axis).data, numpys(arrays, axis=axis))
        assert gradcheck(lambda *t, ours=ours: ours(t, axis=axis), *arrays)
    np.testing.assert_array_equal(nbdl.stack(arrays, axis=2).data, np.stack(arrays, axis=2))


def test_lengths_may_differ_along_the_axis():
    parts = [A, A[:, :0], A[:, :1]]
    np.testing.assert_array_equal(nbdl.concatenate(parts, axis=1).data, np.concatenate(parts, axis=1))
    assert gradcheck(lambda *t: nbdl.concatenate(t, axis=1), *parts)


@pytest.mark.parametrize("parts", [1, 3, [2], (1, 1, 4), [0, 6], [-1]], ids=str)
@pytest.mark.parametrize("axis", [0, -1])
def test_split(parts, axis):
    a = RNG.normal(size=(6, 6))
    ours, truth = nbdl.split(a, parts, axis=axis), np.split(a, parts, axis=axis)
    assert len(ours) == len(truth) and all((p.data == q).all() for p, q in zip(ours, truth))
    weights = range(1, len(truth) + 1)
    assert gradcheck(lambda a: sum((p * p).sum() * w for p, w in zip(nbdl.split(a, parts, axis), weights)), a)


@pytest.mark.parametrize("reps", [3, (2, 1), (2, 1, 3), (0, 1)], ids=str)
def test_tile(reps):
    np.testing.assert_array_equal(nbdl.tile(A, reps).data, np.tile(A, reps))
    assert gradcheck(lambda a: nbdl.tile(a, reps) ** 2, A)


@pytest.mark.parametrize("axis", [0, 1, -2])
def test_take(axis):
    for indices in ([1, 0, 1], np.array([[0, -1], [1, 1]], np.int32), 1):
        np.testing.assert_array_equal(nbdl.take(A, indices, axis).data, np.take(A, indices, axis))
        assert gradcheck(lambda a, i=indices: nbdl.take(a, i, axis) ** 2, A)


def test_take_along_axis():
    for axis, indices in ((1, [[2], [0]]), (-1, [[0, 0, -3, 2]] * 2), (0, [[1, 0, 1]])):
        indices = np.array(indices)
        truth = np.take_along_axis(A, indices, axis)
        np.testing.assert_array_equal(nbdl.take_along_axis(A, indices, axis).data, truth)
        assert gradcheck(lambda a, i=indices, d=axis: nbdl.take_along_axis(a, i, d) ** 2, A)


def test_one_dtype_for_all():
    t = nbdl.tensor(np.ones(2, np.float32))
    for joined in (nbdl.stack([t, [1.5, 2]]), nbdl.concatenate([np.ones(2), [1, 2], t])):
        assert joined.dtype == np.float32
    assert nbdl.stack([t, nbdl.tensor([1.0, 2.0])]).dtype == np.float64
    assert nbdl.where([True, False], t, 0).dtype == nbdl.maximum(t, 0.25).dtype == np.float32


def test_what_does_not_fit_is_named():
    with pytest.raises(
        ShapeError, match=r"concatenate: .* along axis 0 only, got \(2, 3\) at 0 and \(2, 2\) at 2"
    ):
        nbdl.concatenate([A, B, C[:, :2]])
    with pytest.raises(ShapeError, match=r"stack: shapes must agree, got \(2, 3\) at 0 and \(1, 3\) at 1"):
        nbdl.stack([A, B[:1]])
    with pytest.raises(ShapeError, match="stack: `tensors` must hold at least one"):
        nbdl.stack([])
    with pytest.raises(OptionError, match="split: `parts` must divide 3 elements, got 2"):
        nbdl.split(A, 2, axis=1)
    with pytest.raises(OptionError, match="concatenate: `axis` must be from -2 to 1, got 2"):
        nbdl.concatenate([A, B], axis=2)
    with pytest.raises(OptionError, match="tile: `reps` must be integers from 0, got -1"):
        nbdl.tile(A, -1)
    for indices, axis, error, text in (
        ([3], 1, LabelError, "`indices` must be from -3 to 2, got 3"),
        ([0.5], 1, DtypeError, "`indices` must be integers, got float64"),
        ([0], 2, OptionError, "`axis` must be from -2 to 1, got 2"),
    ):
        with pytest.raises(error, match=f"take: {text}"):
            nbdl.take(A, indices, axis)
    with pytest.raises(ShapeError, match=r"take_along_axis: `indices` must have .* \(2, 3\) .* axis 1"):
        nbdl.take_along_axis(A, np.array([[0]]), 1)


def test_numbers_for_as_many_samples_as_an_input_has():
    x, ids = nbdl.tensor(np.ones((4, 2)), requires_grad=True), np.array([[1], [2]])
    h = nbdl.zeros((3, 2), like=x)
    assert (h.shape, h.dtype, h.requires_grad) == ((4, 3, 2), np.float64, False) and not h.data.any()
    assert (nbdl.ones([5], like=ids).data == np.ones((2, 5), np.float32)).all()
    assert nbdl.zeros(5, like=ids).dtype == np.float32
    y = nbdl.full((), 7, like=x, dtype=int)
    assert y.data.tolist() == [7] * 4 and y.dtype == int
    (x + nbdl.full(2, 3.0, like=x)).sum().backward()
    assert (x.grad == 1).all()


def test_what_is_no_shape_of_a_sample():
    with pytest.raises(
        ShapeError, match=r"full: `shape`, of one sample, must hold integers from 0, got \(-1,\)"
    ):
        nbdl.zeros(-1, like=A)
    with pytest.raises(ShapeError, match=r"full: `like` must have samples"):
        nbdl.zeros(2, like=1.0)
    with pytest.raises(DtypeError, match="full: `dtype` must be one of real numbers, got complex128"):
        nbdl.ones(2, like=A, dtype=complex)


# --- sums of products -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subscripts, shapes",
    [
        ("ij,jk", [(2, 3), (3, 4)]),
        ("ij->ji", [(2, 3)]),
        ("ij->", [(2, 3)]),
        ("ii->i", [(3, 3)]),
        ("ii", [(3, 3)]),
        ("iij,j->i", [(2, 2, 3), (3,)]),
        ("ijk,il,j->kl", [(2, 3, 4), (2, 5), (3,)]),
        ("ij,kl->il", [(2, 3), (3, 4)]),
        ("...ij,...jk->...ik", [(5, 2, 3), (5, 3, 4)]),
        ("a,b,c,d->d", [(2,), (3,), (2,), (3,)]),
        ("i,i,i->i", [(3,), (3,), (3,)]),
        ("ij,jk->ik", [(0, 3), (3, 2)]),
    ],
)
def test_einsum(subscripts, shapes):
    arrays = [np.random.default_rng(i).standard_normal(s) for i, s in enumerate(shapes)]
    np.testing.assert_allclose(
        nbdl.einsum(subscripts, *arrays).numpy(), np.einsum(subscripts, *arrays), atol=1e-14
    )
    assert gradcheck(lambda *tensors: nbdl.einsum(subscripts, *tensors), *arrays)


def test_einsum_v30():
    b, a, v = np.arange(1.0, 13).reshape(2, 2, 3), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 2.0])
    y = nbdl.einsum("ijk, il, j -> kl", b, a, v)
    np.testing.assert_array_equal(y.numpy(), [[90, 126], [102, 144], [114, 162]])


@pytest.mark.parametrize(
    "subscripts, shapes, said",
    [
        ("ij,jk", [(2, 3), (4, 4)], "gives one letter, j, to axes of 3 and 4 elements"),
        ("ij", [(2,)], "has 2 letters for tensor 0"),
        ("i,j", [(2,)], "has letters for 2 tensors, got 1"),
        ("i->ii", [(2,)], "must have each letter of the result once"),
        ("i->j", [(2,)], "must have each letter of the result once"),
        ("i1", [(2, 2)], "must be letters"),
    ],
)
def test_einsum_refuses(subscripts, shapes, said):
    with pytest.raises(ValueError, match=said):
        nbdl.einsum(subscripts, *[np.ones(s) for s in shapes])
