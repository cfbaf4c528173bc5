"""Array plumbing: every operation against NumPy, its gradients against differences, with odd shapes."""

import numpy as np
import pytest

import nbdl
from nbdl import registry
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
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "power", "maximum"])
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
@pytest.mark.parametrize("name", ["sum", "mean", "max"])
def test_reductions(name, shape, axis, keepdims):
    a = numbers(*shape)
    y = nbdl.apply(name, a, axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(y.data, getattr(np, name)(a, axis=axis, keepdims=keepdims))
    assert gradcheck(lambda a: nbdl.apply(name, a, axis=axis, keepdims=keepdims), a)


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


@pytest.mark.parametrize(
    "index",
    [
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
    tested = {
        "add",
        "sub",
        "mul",
        "div",
        "power",
        "maximum",
        "matmul",
        "concatenate",
        "neg",
        "exp",
        "log",
        "sqrt",
    }
    assert names == tested | {"absolute", "sum", "mean", "max", "reshape", "transpose", "getitem"}


def test_gradients_in_float32_stay_float32():
    x = nbdl.tensor(numbers(3).astype(np.float32), requires_grad=True)
    y = (x.exp().log() * 2 + x.sqrt() / x - x**2 @ x.reshape(3)).mean()
    assert y.dtype == np.float32
    y.backward()
    assert x.grad.dtype == np.float32
