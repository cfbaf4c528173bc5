"""Array plumbing: every operation against NumPy, its gradients against differences, with odd shapes."""

import numpy as np
import pytest

import nbdl
from nbdl import registry
from nbdl.errors import ShapeError
from nbdl.testing import gradcheck


def numbers(*shape, low=0.5, high=2.0):
    return np.random.default_rng(sum(shape) + len(shape)).uniform(low, high, shape)


SHAPES = [  # of two operands that broadcast
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((2, 1, 3), (4, 1)),
    ((1,), (5,)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((0, 3), (3,)),
    ((1, 1), (1,)),
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "power", "maximum", "minimum"])
def test_arithmetic_with_broadcasting(name, shapes):
    a, b = numbers(*shapes[0]), numbers(*shapes[1]) + 0.1
    truth = {"sub": np.subtract, "mul": np.multiply, "div": np.divide}.get(name) or getattr(np, name)
    y = nbdl.apply(name, a, b)
    np.testing.assert_array_equal(y.data, truth(a, b))
    assert y.shape == np.broadcast_shapes(*shapes)
    assert gradcheck(lambda a, b: nbdl.apply(name, a, b), a, b)


def test_power_at_its_edges():
    a = nbdl.tensor([0.0, 0.0, -2.0, 2.0], requires_grad=True)
    (a ** np.array([0.0, 1.0, 3.0, -1.0])).sum().backward()
    np.testing.assert_array_equal(a.grad, [0, 1, 12, -0.25])
    b = nbdl.tensor([0.0, 2.0], requires_grad=True)
    (np.array([2.0, 0.0]) ** b).sum().backward()
    np.testing.assert_allclose(b.grad, [np.log(2), 0])


def test_a_tie_shares_the_gradient():
    a, b = (nbdl.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    nbdl.apply("maximum", a, b).sum().backward()
    np.testing.assert_array_equal(a.grad, [0.5, 0.5])
    np.testing.assert_array_equal(b.grad, [0.5, 0.5])
    c = nbdl.tensor([[3.0, 3.0, 1.0]], requires_grad=True)
    c.max(axis=1).sum().backward()
    np.testing.assert_array_equal(c.grad, [[0.5, 0.5, 0]])


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (1, 0, 2), (2, 1, 3)], ids=str)
@pytest.mark.parametrize("name", ["neg", "exp", "log", "sqrt", "absolute"])
def test_elementwise(name, shape):
    a = numbers(*shape)
    truth = {"neg": np.negative}.get(name) or getattr(np, name)
    np.testing.assert_array_equal(nbdl.apply(name, a).data, truth(a))
    assert gradcheck(lambda a: nbdl.apply(name, a), a if name != "absolute" else a - 1.2)


def test_absolute_has_gradient_zero_at_zero():
    a = nbdl.tensor([-2.0, 0.0, 2.0], requires_grad=True)
    nbdl.apply("absolute", a).sum().backward()
    np.testing.assert_array_equal(a.grad, [-1, 0, 1])


@pytest.mark.parametrize(
    "shapes",
    [
        ((4,), (4,)),
        ((3, 4), (4,)),
        ((4,), (4, 2)),
        ((3, 4), (4, 2)),
        ((5, 3, 4), (4, 2)),
        ((3, 4), (5, 4, 2)),
        ((5, 3, 4), (5, 4, 2)),
        ((2, 1, 3, 4), (5, 4, 2)),
        ((4,), (5, 4, 2)),
        ((5, 3, 4), (4,)),
        ((1, 3, 4), (5, 4, 2)),
        ((3, 0), (0, 2)),
        ((1, 1), (1, 1)),
    ],
    ids=str,
)
def test_matmul(shapes):
    a, b = numbers(*shapes[0]), numbers(*shapes[1])
    np.testing.assert_array_equal(nbdl.apply("matmul", a, b).data, a @ b)
    assert gradcheck(lambda a, b: a @ b, a, b)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((3,), None),
        ((3,), 0),
        ((2, 3), 1),
        ((2, 3), -1),
        ((2, 3, 4), (0, 2)),
        ((2, 3, 4), (-1, 0)),
        ((), None),
        ((1, 3), 0),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "var", "std", "prod"])
def test_reductions(name, shape, axis, keepdims):
    a = numbers(*shape)
    y = nbdl.apply(name, a, axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(y.data, getattr(np, name)(a, axis=axis, keepdims=keepdims))
    assert gradcheck(lambda a: nbdl.apply(name, a, axis=axis, keepdims=keepdims), a)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "var", "std", "prod"])
def test_axes_may_be_a_list(name):
    a = numbers(2, 3, 4)
    np.testing.assert_array_equal(
        getattr(nbdl.tensor(a), name)(axis=[0, 2]).data, getattr(a, name)(axis=(0, 2))
    )
    assert gradcheck(lambda a: getattr(a, name)(axis=[0, 2], keepdims=True), a)
    assert gradcheck(lambda a: nbdl.apply(name, a, axis=[-1]), a)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("name", ["var", "std"])
def test_degrees_of_freedom(name, ddof):
    a = numbers(4, 3)
    y = getattr(nbdl.tensor(a), name)(axis=0, ddof=ddof)
    np.testing.assert_array_equal(y.data, getattr(a, name)(axis=0, ddof=ddof))
    assert gradcheck(lambda a: getattr(a, name)(axis=0, ddof=ddof), a)


def test_std_of_equal_numbers_has_gradient_zero():
    a = nbdl.tensor([[2.0, 2.0], [1.0, 3.0]], requires_grad=True)
    a.std(axis=1).sum().backward()
    np.testing.assert_array_equal(a.grad, [[0, 0], [-0.5, 0.5]])


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_prod_of_zeros(zeros):
    """The gradient is the product of the others: no division."""
    a = np.array([[2.0, 3.0, 4.0], [5.0, 6.0, 7.0]])
    a[0, :zeros] = 0
    assert gradcheck(lambda a: a.prod(axis=1), a)
    assert gradcheck(lambda a: a.prod(), a)
    t = nbdl.tensor(a, requires_grad=True)
    t.prod(axis=1).sum().backward()
    np.testing.assert_array_equal(t.grad[0], [[12, 8, 6], [12, 0, 0], [0, 0, 0]][zeros])


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_extreme_of_ties_and_of_nan(name):
    a = nbdl.tensor([[3.0, 3.0, 3.0], [1.0, np.nan, 2.0]], requires_grad=True)
    getattr(a, name)(axis=1).sum().backward()
    np.testing.assert_allclose(a.grad, [[1 / 3] * 3, [0, 1, 0]])


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_running_sums(axis):
    a = numbers(2, 3)
    np.testing.assert_array_equal(nbdl.tensor(a).cumsum(axis=axis).data, a.cumsum(axis=axis))
    assert gradcheck(lambda a: a.cumsum(axis=axis), a)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_where_the_extreme_is(name, axis, keepdims):
    a = numbers(3, 4)
    t = nbdl.tensor(a, requires_grad=True)
    y = getattr(t, name)(axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(y, getattr(np, name)(a, axis=axis, keepdims=keepdims))
    assert isinstance(y, (np.ndarray, np.int64)) and not nbdl.apply(name, t).requires_grad


def test_clip():
    a = np.array([-2.0, -0.3, 0.4, 3.0])
    for low, high in ((-1, 1), (None, 0.1), (0.1, None), (np.full(4, -0.5), 0.2), (1.0, -1.0)):
        np.testing.assert_array_equal(nbdl.tensor(a).clip(low, high).data, np.clip(a, low, high))
        assert gradcheck(lambda a, low=low, high=high: a.clip(low, high), a)
    assert gradcheck(lambda a, low, high: a.clip(low, high), a, np.array([-1.0]), np.array(1.0))
    assert gradcheck(lambda a, low, high: a.clip(low, high), a, np.array(1.0), np.array(-1.0))


def test_clip_at_its_bounds_keeps_the_gradient():
    a = nbdl.tensor([-1.0, 1.0, 2.0], requires_grad=True)
    a.clip(min=-1, max=1).sum().backward()
    np.testing.assert_array_equal(a.grad, [1, 1, 0])


@pytest.mark.parametrize(
    "shapes", [((2, 3), (2, 3), (2, 3)), ((3,), (2, 1), ()), ((2, 1), (), (3,))], ids=str
)
def test_where(shapes):
    condition, a, b = numbers(*shapes[0]) > 1, numbers(*shapes[1]), numbers(*shapes[2]) + 1
    np.testing.assert_array_equal(nbdl.where(condition, a, b).data, np.where(condition, a, b))
    assert gradcheck(lambda a, b: nbdl.where(condition, a, b), a, b)


def test_the_gradient_flows_through_another_dtype():
    a = nbdl.tensor([1.0, 2.0], requires_grad=True)
    y = nbdl.apply("astype", a, dtype="float32")
    (y * y).sum().backward()
    assert y.dtype == np.float32 and a.grad.dtype == np.float64
    np.testing.assert_array_equal(a.grad, [2, 4])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)], ids=str)
@pytest.mark.parametrize("name", ["sum", "prod", "cumsum"])
def test_gradients_of_no_rows_and_of_empty_rows(name, shape):
    assert gradcheck(lambda a: getattr(a, name)(axis=1), np.zeros(shape))


@pytest.mark.parametrize("name", ["mean", "max", "min", "var", "std"])
def test_gradients_of_no_rows(name):
    assert gradcheck(lambda a: getattr(a, name)(axis=1), np.zeros((0, 3)))


@pytest.mark.parametrize("shape", [(0,), (0, 3)], ids=str)
def test_sum_of_nothing(shape):
    assert gradcheck(lambda a: a.sum(), np.zeros(shape))


@pytest.mark.parametrize(
    ("shape", "new"),
    [((2, 3), (6,)), ((2, 3), (3, -1)), ((), (1, 1)), ((0, 3), (3, 0)), ((4,), (2, 2))],
    ids=str,
)
def test_reshape(shape, new):
    a = numbers(*shape)
    np.testing.assert_array_equal(nbdl.tensor(a).reshape(new).data, a.reshape(new))
    assert gradcheck(lambda a: a.reshape(*new) * numbers(*a.reshape(new).shape), a)


@pytest.mark.parametrize("axes", [(), (0, 1, 2), (2, 0, 1), (1, 2, 0), (-1, 0, 1)], ids=str)
def test_transpose(axes):
    a = numbers(2, 3, 4)
    y = nbdl.tensor(a).transpose(*axes)
    np.testing.assert_array_equal(y.data, a.transpose(*axes))
    assert gradcheck(lambda a: a.transpose(*axes) * y, a)
    assert gradcheck(lambda a: a.T.T, a)


def test_axes_and_shapes_one_by_one_or_as_one():
    a = numbers(2, 3, 4)
    t = nbdl.tensor(a)
    for y in (t.transpose((2, 0, 1)), t.transpose([2, 0, 1]), t.transpose(2, 0, 1), t.permute(2, 0, 1)):
        np.testing.assert_array_equal(y.data, a.transpose(2, 0, 1))
    for y in (t.reshape([4, 6]), t.reshape((4, 6)), t.reshape(4, -1), nbdl.apply("reshape", t, shape=[4, 6])):
        np.testing.assert_array_equal(y.data, a.reshape(4, 6))
    np.testing.assert_array_equal(t.transpose(None).data, a.T)
    np.testing.assert_array_equal(t.swapaxes(0, -1).data, a.swapaxes(0, -1))
    assert gradcheck(lambda a: a.swapaxes(0, -1).reshape([-1]) * np.arange(24.0), a)
    with pytest.raises(
        ShapeError, match=r"must name each of the 3 axes once, got \(1, 2\); swapaxes exchanges"
    ):
        t.transpose(1, 2)


@pytest.mark.parametrize(
    "index",
    [
        [],
        (0, []),
        (slice(None), []),
        [[]],
        np.zeros(4, bool),
        np.zeros((4, 3), bool),
        (slice(3, 1), 0),
        0,
        -1,
        slice(None, None, -2),
        (slice(1, 3), 0),
        (Ellipsis, 1),
        (None, 2),
        [0, 0, 2],
        (np.array([0, 0, 1]), np.array([1, 1, 2])),
        (slice(None), [1, 1]),
        numbers(4, 3) > 1.2,
        (),
        slice(2, 2),
    ],
    ids=repr,
)
def test_indexing(index):
    a = numbers(4, 3)
    np.testing.assert_array_equal(nbdl.tensor(a)[index].data, a[index])
    assert gradcheck(lambda a: a[index], a)
    t = nbdl.tensor(a, requires_grad=True)
    t[index].sum().backward()
    np.testing.assert_array_equal(t.grad.sum(), a[index].size)


def test_an_element_taken_twice_gets_both_gradients():
    a = nbdl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    a[[0, 0, 2]].sum().backward()
    np.testing.assert_array_equal(a.grad, [2, 0, 1])


def test_writing_into_an_advanced_index_is_no_view():
    a = nbdl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = (a * a).sum()
    a[[0, 1]][0] = 9.0  # a copy: nothing that the tape needs has changed
    y.backward()
    np.testing.assert_array_equal(a.grad, [2, 4, 6])


@pytest.mark.parametrize(
    ("shapes", "axis"), [(((2, 3), (1, 3)), 0), (((2, 3), (2, 0)), 1), (((2, 3), (2, 2)), -1)]
)
def test_concatenate(shapes, axis):
    a, b = numbers(*shapes[0]), numbers(*shapes[1])
    np.testing.assert_array_equal(
        nbdl.apply("concatenate", a, b, axis=axis).data, np.concatenate([a, b], axis)
    )
    assert gradcheck(lambda a, b: nbdl.apply("concatenate", a, b, axis=axis), a, b)


def test_one_operand_used_twice():
    assert gradcheck(lambda a: a * a + a @ a + a**a - a / a, numbers(3))


def test_every_operation_is_tested_here():
    names = {
        n for n in registry.default().names("kernel") if registry.default().get("kernel", n).target == "numpy"
    }
    tested = (
        "add sub mul div power maximum minimum matmul concatenate neg exp log sqrt absolute sum mean max min"
    )
    tested += " var std prod cumsum argmax argmin clip where astype reshape transpose getitem equal not_equal"
    tested += " tile take take_along_axis less less_equal greater greater_equal logical_and logical_or"
    tested += " logical_not einsum"  # of which test_array_functions.py is
    assert names == set(tested.split())


def test_gradients_in_float32_stay_float32():
    x = nbdl.tensor(numbers(3).astype(np.float32), requires_grad=True)
    y = (x.exp().log() * 2 + x.sqrt() / x - x**2 @ x.reshape(3)).mean()
    assert y.dtype == np.float32
    y.backward()
    assert x.grad.dtype == np.float32


def test_shapes_that_do_not_fit_name_the_operation_and_both_operands():
    a, b = nbdl.tensor(np.ones((2, 3))), nbdl.tensor(np.ones((2, 4)))
    with pytest.raises(ShapeError, match=r"`add` of `a` of shape \(2, 3\) and `b` of shape \(2, 4\)"):
        a + b
    with pytest.raises(ShapeError, match=r"`reshape` of `a` of shape \(2, 3\): cannot reshape"):
        a.reshape(4, 2)
