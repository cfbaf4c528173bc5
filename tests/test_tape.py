"""The tape: gradients through user code, and every way of asking it for what it cannot give."""

import gc
import weakref
from fractions import Fraction

import numpy as np
import pytest

import nbdl
from nbdl import nn, tape
from nbdl.errors import DataError, DtypeError, ShapeError, TapeError, UsageError
from nbdl.testing import gradcheck
from nbdl.train import predict


def variable(values, **options):
    return nbdl.tensor(values, requires_grad=True, **options)


# --- the four examples of Dive into Deep Learning, section 2.5 --------------------------------------------


def test_scalar_result():
    x = variable(np.arange(4.0))
    y = 2 * (x @ x)
    assert y.item() == 28
    y.backward()
    np.testing.assert_array_equal(x.grad, [0, 4, 8, 12])
    x.grad = None
    x.sum().backward()
    np.testing.assert_array_equal(x.grad, [1, 1, 1, 1])


def test_result_that_is_no_scalar():
    x = variable(np.arange(4.0))
    y = x * x
    y.backward(np.ones(4))
    np.testing.assert_array_equal(x.grad, 2 * x.data)


def test_detached_factor_is_a_constant():
    x = variable(np.arange(4.0))
    u = (x * x).detach()
    (u * x).sum().backward()
    np.testing.assert_array_equal(x.grad, u.data)


def test_gradient_through_control_flow():
    def f(a):
        b = a * 2
        while float((b * b).sum()) ** 0.5 < 1000:
            b = b * 2
        return b if b.sum() > 0 else 100 * b

    for value in (0.7, -0.3):
        a = variable(value)
        d = f(a)
        d.backward()
        assert a.grad == d.data / a.data


# --- accumulation -------------------------------------------------------------------------------------------


def test_gradients_add_up_until_they_are_set_to_none():
    x = variable([1.0, 2.0])
    x.sum().backward()
    (3 * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [4, 4])
    x.grad = None
    x.sum().backward()
    np.testing.assert_array_equal(x.grad, [1, 1])


def test_shared_subexpressions_sum_over_all_paths():
    x = variable([1.0, 2.0])
    u = x * x
    y = u * u + u.sum() * x  # x^4 + (sum x^2) x
    y.sum().backward()
    np.testing.assert_allclose(x.grad, 4 * x.data**3 + 5 + 2 * x.data * 3)


def test_a_long_chain_needs_no_recursion_and_visits_each_call_once():
    x = variable(1.0)
    y = x
    for _ in range(5000):
        y = y + y * 0
    y.backward()
    assert x.grad == 1


def test_only_what_asks_for_gradients_gets_them():
    x, c = variable([1.0, 2.0]), nbdl.tensor([3.0, 4.0])
    (x * c).sum().backward()
    np.testing.assert_array_equal(x.grad, [3, 4])
    assert c.grad is None


def test_chain_rule_of_the_book():
    """f = (u + v)^2, u = (a + b)^2, v = (a - b)^2, a = (w + x + y + z)^2, b = (w + x - y - z)^2."""
    leaves = w, x, y, z = [variable(value) for value in (-1.0, 0.0, -2.0, 1.0)]
    a, b = (w + x + y + z) ** 2, (w + x - y - z) ** 2
    u, v = (a + b) ** 2, (a - b) ** 2
    f = (u + v) ** 2
    f.backward()
    assert f.item() == 1024
    assert [leaf.grad for leaf in leaves] == [-4096] * 4


def test_a_leaf_is_its_own_gradient():
    x = variable(3.0)
    x.backward()
    assert x.grad == 1


# --- what is recorded ---------------------------------------------------------------------------------------


def test_no_grad_records_nothing_and_ends_with_its_block():
    x = variable([1.0, 2.0])
    with nbdl.no_grad():
        y = (x * x).sum()
    assert not y.requires_grad
    with pytest.raises(TapeError, match="nothing was recorded"):
        y.backward()
    with pytest.raises(KeyError), nbdl.no_grad():
        raise KeyError
    assert (x * x).requires_grad


def test_record_notes_every_call_with_kernel_operands_constants_and_outputs():
    x = nbdl.tensor([[1.0, 2.0]])
    with tape.record() as calls:
        y = (x * 2).sum(axis=1)
    assert [call.record.name for call, _ in calls] == ["mul", "sum"]
    (first, product), (second, result) = calls
    assert first.inputs[0] is x and second.inputs[0] is product and result is y
    assert second.constants == {"axis": 1, "keepdims": False}
    assert second.outputs[0] is result._array
    assert repr(second) == "sum(float64[1, 2], axis=1, keepdims=False)"
    with tape.record() as later:
        pass
    assert later == [] and len(calls) == 2


def test_apply_takes_names_and_refuses_unknown_ones():
    assert nbdl.apply("sum", np.ones((2, 3)), axis=0).shape == (3,)
    with pytest.raises(UsageError, match="unknown kernel `summ`"):
        nbdl.apply("summ", np.ones(3))
    with pytest.raises(TypeError, match="`sum` has no argument `axes`; it takes axis, keepdims"):
        nbdl.apply("sum", np.ones(3), axes=0)


def test_kernels_on_the_tape_pass_the_gradient_checker():
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((3, 4)), rng.standard_normal((4, 2)), rng.standard_normal(2)
    assert gradcheck(lambda x, w, b: nbdl.apply("linear", x, w, b).exp(), x, w, b)
    assert gradcheck(lambda x, w: nbdl.apply("linear", x, w), x, w)


def test_an_input_left_out_is_none_on_the_tape():
    x, w = variable(np.ones((3, 4))), variable(np.ones((4, 2)))
    with tape.record() as calls:
        nbdl.apply("linear", x, w)
    assert calls[0][0].inputs == [x, w, None]


# --- what the tape cannot give ------------------------------------------------------------------------------


def test_backward_without_cotangent_needs_one_element():
    with pytest.raises(TapeError, match=r"shape \(2,\) needs a cotangent"):
        (variable([1.0, 2.0]) * 2).backward()
    with pytest.raises(ShapeError, match=r"`dy` must have shape \(2,\), got \(3,\)"):
        (variable([1.0, 2.0]) * 2).backward(np.ones(3))


def test_cotangent_may_be_a_tensor_and_is_not_kept():
    x, dy = variable([1.0, 2.0]), nbdl.tensor([1.0, 10.0])
    (x * 3).backward(dy)
    np.testing.assert_array_equal(x.grad, [3, 30])
    np.testing.assert_array_equal(dy.data, [1, 10])


def test_the_tape_is_freed_by_backward_unless_retained():
    x = variable([1.0, 2.0])
    y = (x * x).sum()
    y.backward(retain=True)
    y.backward()
    np.testing.assert_array_equal(x.grad, [4, 8])
    with pytest.raises(TapeError, match="freed by an earlier backward; pass retain=True"):
        y.backward()


def test_a_freed_part_of_a_larger_expression_is_an_error():
    x = variable([1.0, 2.0])
    u = x * x
    u.sum().backward()
    with pytest.raises(TapeError, match="freed"):
        (u * 2).sum().backward()


def test_writing_to_what_a_gradient_needs_is_an_error():
    x = variable([1.0, 2.0])
    y = (x * x).sum()
    x[0] = 5
    with pytest.raises(TapeError, match=r"`[ab]` of `mul\(.*\)` was written to since"):
        y.backward()


def test_writing_through_a_view_or_a_detached_tensor_counts():
    for view in (lambda x: x.reshape(2, 1), lambda x: x[:1], lambda x: x.detach()):
        x = variable([1.0, 2.0])
        y = x.exp() * x
        view(x)[0] = 5
        with pytest.raises(TapeError, match="was written to since"):
            y.sum().backward()


def test_writing_to_a_result_that_its_gradient_needs_is_an_error():
    x = variable([1.0, 2.0])
    y = x.exp()
    y[0] = 0
    with pytest.raises(TapeError, match=r"the result of `exp\(.*\)` was written to since"):
        y.sum().backward()


def test_writing_to_what_no_gradient_needs_is_allowed():
    x = variable([1.0, 2.0])
    y = (x + 1).sum()
    x[0] = 5
    y.backward()
    np.testing.assert_array_equal(x.grad, [1, 1])


def test_missing_gradient_is_named():
    with pytest.raises(TapeError, match="nothing was recorded"):
        nbdl.tensor([1.0]).sum().backward()


# --- tensors ------------------------------------------------------------------------------------------------


def test_tensors_copy_and_show_their_data_read_only():
    a = np.ones(2)
    t = nbdl.tensor(a)
    a[0] = 7
    assert t.data[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        t.data[0] = 2
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(t)[0] = 2
    assert np.array(t, copy=True).flags.writeable


def test_only_floats_have_gradients():
    with pytest.raises(DtypeError, match="float32 or float64 data, got int64"):
        variable([1, 2])
    with pytest.raises(DtypeError, match="got float16"):
        variable([1.0], dtype=np.float16)


def test_gradients_are_refused_where_they_are_asked_for():
    t = nbdl.tensor([1, 2])
    with pytest.raises(DtypeError, match="float32 or float64 data, got int64"):
        t.requires_grad = True
    assert not t.requires_grad
    f = nbdl.tensor([1.0, 2.0])
    f.requires_grad = True
    f.sum().backward()
    assert f.grad.tolist() == [1, 1]


def test_python_numbers_take_the_dtype_of_the_tensor():
    x = nbdl.tensor(np.ones(2, np.float32))
    for y in (2 * x, x * 2.5, x + 1, 1 - x, x / 3, 1 / x, x**2, 2**x, -x, x * np.int64(2), x**True):
        assert y.dtype == np.float32


OTHERS = [
    1.0, 0.25, True, np.float64(0.5), np.int64(2), np.arange(1, 4), np.arange(1, 4, dtype=np.uint8),
    np.arange(1.0, 4), [1, 2, 3], np.array([True, True, True]), nbdl.tensor(np.arange(1, 4)),
    nbdl.tensor(2.0),
]  # fmt: skip


@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_a_float32_tensor_decides_the_dtype(other):
    """Numbers, arrays, integers and tensors without dimensions take it, on either side of every operation."""
    t = variable(np.ones(3, np.float32))
    for op in ("add", "sub", "mul", "div", "power", "maximum", "minimum"):
        for pair in ((t, other), (other, t)):
            y = nbdl.apply(op, *pair)
            assert y.dtype == np.float32, op
            with tape.no_grad():
                assert nbdl.apply(op, *pair).dtype == np.float32, op
            y.sum().backward()
            assert t.grad.dtype == np.float32
    for y in (t * other, other * t, nbdl.where([True, False, True], t, other), t.clip(other, None)):
        assert y.dtype == np.float32


def test_of_two_tensors_the_wider_dtype_is_taken():
    one, two = variable(np.ones(3, np.float32)), variable(np.ones(3))
    y = one * two
    y.sum().backward()
    assert (y.dtype, one.grad.dtype, two.grad.dtype) == (np.float64, np.float32, np.float64)
    assert (variable(np.float32(1)) * variable(1.0)).dtype == np.float64


def test_where_no_tensor_is_a_float_arrays_lead():
    assert nbdl.apply("add", np.ones(2, np.float32), 1.0).dtype == np.float32
    assert nbdl.apply("add", np.ones(2, np.float32), np.ones(2)).dtype == np.float64
    assert (nbdl.tensor([1, 2]) * np.ones(2, np.float32)).dtype == np.float32
    assert (nbdl.tensor([1, 2]) * 2).dtype == np.int64 and (nbdl.tensor([1, 2]) * 0.5).dtype == np.float64
    assert (nbdl.tensor(np.ones(2, np.float32)) * 10**30).dtype == np.float32


def test_no_number_loses_its_imaginary_part():
    x = variable([1.0, 2.0])
    with pytest.raises(DtypeError, match="tensor: `data` must hold real numbers, got complex128"):
        nbdl.tensor([1j], dtype="float32")
    with pytest.raises(DtypeError, match="backward: `dy` must hold real numbers, got complex128"):
        (x * 2).backward(np.array([1j, 1]))
    with pytest.raises(DtypeError, match="a value must hold real numbers, got complex128"):
        x[0] = 1j
    with pytest.raises(DtypeError, match="an input must hold real numbers, got complex64"):
        tape.cast(np.ones(2, np.complex64), np.float32)
    with pytest.raises(DtypeError, match="`mul`: gradients need real numbers, the result is complex128"):
        x * 1j
    with pytest.raises(DtypeError, match="`mul`: gradients need real numbers, the result is object"):
        x * np.array([1, 2], object)
    z = nbdl.tensor([1j, 2.0])  # without gradients complex numbers are those of NumPy
    z[0] = 3j
    assert (z * z).data.tolist() == [-9, 4]


def test_results_without_dimensions_keep_their_dtype():
    x = variable(np.ones(3, np.float32))
    assert (x @ x).dtype == x.sum().dtype == x.mean().dtype == x.max().dtype == np.float32
    assert (x @ x).shape == ()
    (x @ x).backward()
    assert x.grad.dtype == np.float32


def test_arrays_on_the_left_give_way_to_tensors():
    x = variable([1.0, 2.0])
    for y in (np.ones(2) * x, np.ones(2) + x, np.ones(2) - x, np.ones(2) / x, np.ones((3, 2)) @ x):
        assert isinstance(y, nbdl.Tensor) and y.requires_grad


def test_comparisons_give_arrays():
    x = nbdl.tensor([1.0, 2.0])
    assert (x > 1.5).tolist() == [False, True]
    assert (x <= x).all() and not (x < x).any() and (x >= 1).all()


def test_tensors_look_like_arrays():
    x = variable([[1.0, 2.0, 3.0]])
    assert (x.shape, x.ndim, x.size, len(x), x.T.shape) == ((1, 3), 2, 3, 1, (3, 1))
    assert repr(x) == "tensor([[1., 2., 3.]], requires_grad=True)"
    assert repr(nbdl.tensor([1])) == "tensor([1])"
    assert float(nbdl.tensor(2.5)) == 2.5 and bool(nbdl.tensor(0.0)) is False
    assert x[0, 1].item() == 2


def test_writing_to_a_result_is_noticed():
    x = nbdl.tensor([1.0, 2.0], requires_grad=True)
    y = x + 1
    y[0] = 5.0
    with pytest.raises(TapeError, match="was written to since it was made"):
        y.sum().backward()
    with pytest.raises(TapeError, match="cannot be written into a tensor"):
        nbdl.tensor([0.0, 0.0])[0] = x[0]


def test_a_failing_backward_touches_no_gradient():
    x = nbdl.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    a, b = y.sum(), (y * x).sum()
    a.backward()
    before = x.grad.copy()
    with pytest.raises(TapeError, match="freed"):
        b.backward()
    assert (x.grad == before).all()


@pytest.mark.parametrize("index", [[0, 0, 1], np.array([0, 0, 1]), ((0, 0, 1),), nbdl.tensor([0, 0, 1])])
def test_elements_taken_twice_count_twice(index):
    x = nbdl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[index].sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 1, 0])


def test_the_index_is_kept_as_it_was():
    x, index = nbdl.tensor([1.0, 2.0, 3.0], requires_grad=True), np.array([0, 0, 1])
    y = x[index].sum()
    index[:] = 2
    y.backward()
    np.testing.assert_array_equal(x.grad, [2, 1, 0])


def test_comparison_is_by_element_and_a_tensor_is_still_a_key():
    x = nbdl.tensor([1.0, 2.0])
    assert (x == 1.0).tolist() == [True, False] and (x != 1.0).tolist() == [False, True]
    assert bool(nbdl.tensor(1.0) == 1.0) and {x: 3}[x] == 3


def test_too_many_inputs_are_refused():
    with pytest.raises(TypeError, match="`add` takes the inputs a, b; got 3"):
        nbdl.apply("add", 1.0, 2.0, 3.0)


def test_inputs_that_are_missing_and_axes_that_are_not_there_are_named():
    x = nbdl.tensor(np.ones((2, 3)))
    with pytest.raises(TypeError, match="`mul` needs the inputs a, b; got 1"):
        nbdl.apply("mul", x)
    with pytest.raises(TypeError, match="`exp` has no argument `foo`; it takes none besides its inputs"):
        nbdl.apply("exp", x, foo=1)
    with pytest.raises(ShapeError, match=r"swapaxes: axes of a tensor of shape \(2, 3\) are from -2 to 1"):
        x.swapaxes(0, 5)
    for reduce in (x.sum, x.cumsum, x.argmax):
        with pytest.raises(ShapeError, match=r"of `a` of shape \(2, 3\): axis 2 is out of bounds"):
            reduce(axis=2)


def test_masked_values_are_refused_and_masks_of_nothing_are_not():
    x = np.ma.masked_array([[1.0, 2.0], [3.0, 1e6]], [[0, 0], [0, 1]])
    net = nn.init(nn.Linear(1), np.ones((1, 2)))
    calls = (
        lambda a: nbdl.tensor(a), lambda a: net(a), lambda a: nbdl.tensor(np.ones((2, 2))) + a,
        lambda a: nbdl.apply("neg", a), lambda a: nn.init(nn.Linear(1), a), lambda a: predict(net, a),
        lambda a: net.b.assign(a[1:, 1].astype(np.float32)),
    )  # fmt: skip
    for call in calls:
        with pytest.raises(DataError, match="must not hold masked values: fill them in, or leave"):
            call(x)
        call(np.ma.masked_array(x.data, False))


@pytest.mark.parametrize("data", [None, [1, None], "a", ["a", 1.0], np.datetime64(1, "s"), [{}]])
def test_data_that_are_no_numbers_are_refused(data):
    for dtype in (None, "float64"):
        with pytest.raises(DtypeError, match=r"tensor: `data` must hold .*numbers, got"):
            nbdl.tensor(data, dtype=dtype)


def test_numbers_as_python_objects_are_numbers():
    assert nbdl.tensor(np.array([1, 2.5], object)).dtype == np.float64
    assert nbdl.tensor([2**70, Fraction(1, 2)], dtype="float64").data.tolist() == [2.0**70, 0.5]


def test_nothing_of_the_tape_waits_for_the_garbage_collector():
    """Tensors, their calls and gradients are gone with the last name."""
    gc.collect()
    gc.disable()
    try:
        x = variable([1.0, 2.0])
        h = (x * x).exp()
        nbdl.stack([h, x]).max(axis=0).sum().backward()
        y = (x * 2).sum()  # never walked
        found = [weakref.ref(t) for t in (x, h, y)]
        del x, h, y
        assert [r() for r in found] == [None] * 3
    finally:
        gc.enable()


def test_only_operands_of_arithmetic_change_their_dtype():
    """An index, or a mask, stays what it is: in `where`, and in array operations of plugins."""
    record = nbdl.Kernel(
        "take", forward=lambda table, index: table[index], inputs=("table", "index"), target="numpy"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tape.registry, "kernel", lambda op: record)
        y = nbdl.apply("take", nbdl.tensor(np.ones((3, 2), np.float32)), [0, 2])
    assert y.shape == (2, 2) and y.dtype == np.float32


# --- functions of NumPy -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        np.exp, np.log, np.sqrt, np.abs, np.negative, np.sum, np.mean, np.var, np.std, np.prod, np.max,
        np.min, np.cumsum,
    ],
)  # fmt: skip
def test_a_function_of_numpy_is_that_of_the_tape(function):
    x = np.array([0.5, 2.0, 3.0])
    t = nbdl.tensor(x, requires_grad=True)
    y = function(t)
    np.testing.assert_array_equal(y.data, function(x))
    w = np.array([1.0, 2.0, -1.0])[: y.size].reshape(y.shape)
    y.backward(w)
    for i, step in enumerate(np.eye(3) * 1e-6):
        slope = np.sum(w * (function(x + step) - function(x - step))) / 2e-6
        np.testing.assert_allclose(t.grad[i], slope, rtol=1e-6, atol=1e-9)


def test_functions_of_numpy_of_two():
    a, t = np.array([1.0, 4.0]), nbdl.tensor(np.array([2.0, 3.0], np.float32), requires_grad=True)
    y = np.maximum(a, t) * np.add(t, 1.0)
    np.testing.assert_array_equal(y.data, [6, 16])
    assert y.dtype == np.float32  # arrays take the dtype of tensors
    y.sum().backward()
    np.testing.assert_array_equal(t.grad, [5, 4])
    assert (np.float64(2) * t).dtype == np.float32
    assert type(np.greater(t, 2.5)) is np.ndarray and (a < t).tolist() == [True, False]
    np.testing.assert_array_equal(np.sum(y, axis=0, keepdims=True).data, [22])


def test_what_numpy_cannot_do_with_a_tensor_is_said():
    a, t = np.ones(2), nbdl.tensor(np.ones(2), requires_grad=True)
    with pytest.raises(TapeError, match=r"the tape has no np.sin: .* `t.data`"):
        np.sin(t)
    with pytest.raises(TapeError, match=r"np.add cannot write a tensor .* `x \+= t` is `x = x \+ t`"):
        a += t
    with pytest.raises(TapeError, match=r"np.add.reduce takes no tensor with these options"):
        np.add.reduce(t)
    with pytest.raises(TapeError, match="`sum` of a tensor takes neither `out` nor `dtype`"):
        np.sum(t, dtype=np.float32)
    with pytest.raises(DataError, match="a masked array does not go with a tensor"):
        np.ma.masked_array([1.0, 2.0], [True, False]) * t
