"""Batch normalization: against torch, far from 0, at the ends of the range, channel by channel."""

import numpy as np
import pytest

from nbdl.errors import OptionError, ShapeError
from nbdl.kernels import (
    batch_norm,
    batch_norm_backward,
    batch_norm_dbeta,
    batch_norm_dgamma,
    batch_norm_dx,
    batch_norm_inference,
    batch_norm_inference_dbeta,
    batch_norm_inference_dgamma,
    batch_norm_inference_dx,
)
from nbdl.kernels.normalization.batch_norm import batch_norm_outputs
from nbdl.kernels.normalization.batch_norm_inference import batch_norm_inference_outputs
from nbdl.kernels.normalization.batch_norm_truth import batch_norm as truth

SHAPES = [(7, 3), (300, 33), (4, 5, 9), (3, 2, 7, 6), (1, 3, 8, 8), (2, 2, 3, 4, 5), (2, 1, 60, 61)]


def inputs(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(shape) * 3 + 1).astype(dtype)
    small = rng.uniform(0.5, 1.5, (4, shape[1])).astype(dtype)
    return x, *small


def error(got, want):
    return np.max(np.abs(np.asarray(got, np.float64) - want)) / max(np.max(np.abs(want)), 1e-30)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("affine", [True, False])
def test_agrees_with_torch(shape, dtype, affine):
    torch = pytest.importorskip("torch")
    x, gamma, beta, mean, var = inputs(shape, dtype)
    gamma, beta = (gamma, beta) if affine else (None, None)
    dy = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    t = [None if a is None else torch.tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    running = torch.tensor(mean), torch.tensor(var)
    want = torch.nn.functional.batch_norm(t[0], *running, t[1], t[2], True, 0.3, 1e-3)
    want.backward(torch.tensor(dy))
    y, m, r, new_mean, new_var = batch_norm(x, gamma, beta, mean, var, 1e-3, 0.3)
    dx, dgamma, dbeta = batch_norm_backward(dy, x, gamma, m, r)
    limit = 1e-12 if dtype == "float64" else 1e-5
    assert error(y, want.detach().numpy()) < limit
    assert error(new_mean, running[0].numpy()) < limit and error(new_var, running[1].numpy()) < limit
    assert error(dx, t[0].grad.numpy()) < limit
    if affine:
        assert error(dgamma, t[1].grad.numpy()) < limit and error(dbeta, t[2].grad.numpy()) < limit


@pytest.mark.parametrize("shape", [(7, 3), (3, 2, 7, 6)])
def test_inference_agrees_with_torch(shape):
    torch = pytest.importorskip("torch")
    x, gamma, beta, mean, var = inputs(shape)
    dy = np.random.default_rng(1).standard_normal(shape)
    t = [torch.tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    want = torch.nn.functional.batch_norm(t[0], torch.tensor(mean), torch.tensor(var), t[1], t[2], False)
    want.backward(torch.tensor(dy))
    assert error(batch_norm_inference(x, gamma, beta, mean, var), want.detach().numpy()) < 1e-13
    assert error(batch_norm_inference_dx(dy, gamma, var), t[0].grad.numpy()) < 1e-13
    assert error(batch_norm_inference_dgamma(dy, x, mean, var), t[1].grad.numpy()) < 1e-13
    assert error(batch_norm_inference_dbeta(dy), t[2].grad.numpy()) < 1e-13


@pytest.mark.parametrize("shape", [(7, 3), (3, 2, 7, 6)])
def test_an_infinite_cotangent_of_inference_stays_where_it_is(shape):
    """As torch has it: infinite with the sign of gamma in its place, and NaN only where gamma is 0."""
    _, gamma, _, _, var = inputs(shape)
    dy = np.random.default_rng(1).standard_normal(shape)
    dy[0, 0], dy[1, 1], gamma[1] = np.inf, -np.inf, -gamma[1]
    column = (1, -1, *[1] * (len(shape) - 2))
    want = dy * (gamma / np.sqrt(var + 1e-5)).reshape(column)
    np.testing.assert_allclose(batch_norm_inference_dx(dy, gamma, var), want, rtol=1e-13)
    np.testing.assert_allclose(batch_norm_inference_dx(dy, gamma, var, dx=np.ones(shape)), 1 + want)
    gamma[0] = 0.0
    with np.errstate(all="ignore"):
        dx = batch_norm_inference_dx(dy, gamma, var)
    assert np.isnan(dx[0, 0]).all() and (dx[1:, 0] == 0).all()


@pytest.mark.parametrize("shape", [(500, 6), (40, 3, 12, 11), (2, 2, 70, 71)])
def test_a_mean_far_from_0_costs_nothing(shape):
    """Mean 1e4, deviation 1e-2, in float32: values and gradients of the same numbers in float64."""
    rng = np.random.default_rng(2)
    x = (1e4 + 1e-2 * rng.standard_normal(shape)).astype(np.float32)
    x[0] = 0.99e4  # nor does it matter what comes first
    x[0, :] = x[1, :]
    _, gamma, beta, mean, var = inputs(shape, "float32")
    single = batch_norm(x, gamma, beta, mean, var)
    wide = [a.astype(np.float64) for a in (x, gamma, beta, mean, var)]
    for got, want in zip(single, truth(*wide)):
        assert error(got, want) < 1e-6
    dy = rng.standard_normal(shape).astype(np.float32)
    exact = batch_norm(*wide)
    want = batch_norm_backward(dy.astype(np.float64), wide[0], wide[1], exact[1], exact[2])
    for got, exact in zip(batch_norm_backward(dy, x, gamma, single[1], single[2]), want):
        assert error(got, exact) < 2e-6


@pytest.mark.parametrize("shape", [(500, 6), (40, 3, 12, 11)])
def test_an_outlier_at_the_start_spoils_nothing(shape):
    x = (1e4 + np.random.default_rng(3).standard_normal(shape)).astype(np.float64)
    x[0] = -1e9
    _, gamma, beta, mean, var = inputs(shape)
    with np.errstate(all="ignore"):
        want = truth(*(a.astype(np.longdouble) for a in (x, gamma, beta, mean, var)))
    for got, exact in zip(batch_norm(x, gamma, beta, mean, var), want):
        assert error(got, exact.astype(np.float64)) < 1e-13


@pytest.mark.parametrize("size", [1e30, 1e-30])
@pytest.mark.parametrize("shape", [(20, 5), (4, 5, 3, 3)])
def test_the_ends_of_float32(size, shape):
    x, gamma, beta, mean, var = inputs(shape, "float32")
    with np.errstate(over="ignore"):  # for the run without the JIT: the new variance is beyond float32
        y, m, r, *_ = batch_norm(x * np.float32(size), gamma, beta, mean, var)
    wide = (a.astype(np.float64) for a in (x * np.float32(size), gamma, beta, mean, var))
    want = truth(*wide)
    for got, exact in zip((y, m, r), want):
        assert error(got, exact) < 1e-6


@pytest.mark.parametrize("shape", [(5, 40), (4, 7, 3, 3)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_channel(shape, bad):
    x, gamma, beta, mean, var = inputs(shape)
    want = batch_norm(x, gamma, beta, mean, var)
    dy = np.random.default_rng(1).standard_normal(shape)
    dx = batch_norm_dx(dy, x, gamma, want[1], want[2])
    x[1, 4] = bad
    with np.errstate(all="ignore"):  # for the run without the JIT
        got = batch_norm(x, gamma, beta, mean, var)
        others = np.arange(shape[1]) != 4
        for a, b in zip(got, want):
            axis = 1 if a.ndim > 1 else 0
            np.testing.assert_array_equal(a.compress(others, axis), b.compress(others, axis))
        assert np.isnan(got[0][:, 4]).all() and np.isnan(got[3][4]) and np.isnan(got[4][4])
        worse = batch_norm_dx(dy, x, gamma, got[1], got[2])
    np.testing.assert_array_equal(worse.compress(others, 1), dx.compress(others, 1))
    assert np.isnan(worse[:, 4]).all()


def test_a_constant_channel_is_0_before_the_shift():
    x = np.full((6, 2, 5), 0.1, np.float32)
    y, mean, rstd, _, new_var = batch_norm(x, None, None, np.zeros(2, "f"), np.ones(2, "f"))
    np.testing.assert_allclose(y, 0, atol=1e-6)
    np.testing.assert_allclose(mean, np.float32(0.1))
    np.testing.assert_allclose(rstd, 1e-5**-0.5, rtol=1e-6)
    np.testing.assert_allclose(new_var, 0.9, rtol=1e-6)


def test_the_running_variance_is_unbiased_and_the_momentum_that_of_torch():
    x = np.array([[0.0], [2.0]])
    *_, mean, var = batch_norm(x, None, None, np.array([10.0]), np.array([10.0]), 1e-5, 0.1)
    np.testing.assert_allclose([mean[0], var[0]], [0.9 * 10 + 0.1 * 1, 0.9 * 10 + 0.1 * 2])


def test_inputs_may_be_strided_reversed_and_read_only():
    x, gamma, beta, mean, var = inputs((4, 6, 5, 4))
    want = batch_norm(x, gamma, beta, mean, var)
    wide = np.repeat(x, 2, axis=3)[..., ::2]
    back = np.ascontiguousarray(x[::-1, :, ::-1])[::-1, :, ::-1]
    fixed = x.copy()
    fixed.flags.writeable = False
    for other in (
        wide,
        back,
        fixed,
        np.asfortranarray(x),
        x.transpose(1, 0, 2, 3).copy().transpose(1, 0, 2, 3),
    ):
        for a, b in zip(batch_norm(other, gamma, beta, mean, var), want):
            np.testing.assert_array_equal(a, b)


def test_the_result_may_go_into_the_input():
    x, gamma, beta, mean, var = inputs((4, 6, 5))
    want = batch_norm(x, gamma, beta, mean, var)[0]
    other = x.copy()
    assert batch_norm(other, gamma, beta, mean, var, out=other)[0] is other
    np.testing.assert_array_equal(other, want)
    batch_norm_inference(x, gamma, beta, mean, var, out=x)
    assert not np.array_equal(x, want)


def test_gradients_are_added_and_agree_one_by_one():
    x, gamma, beta, mean, var = inputs((5, 3, 4))
    _, m, r, *_ = batch_norm(x, gamma, beta, mean, var)
    dy = np.random.default_rng(5).standard_normal(x.shape)
    dx, dgamma, dbeta = batch_norm_backward(dy, x, gamma, m, r)
    for kernel, arguments, want in (
        (batch_norm_dx, (dy, x, gamma, m, r), dx),
        (batch_norm_dgamma, (dy, x, m, r), dgamma),
        (batch_norm_dbeta, (dy,), dbeta),
    ):
        start = np.ones_like(want)
        np.testing.assert_allclose(kernel(*arguments, start), want + 1, rtol=1e-12)


def test_one_value_for_each_channel_has_no_variance():
    for x in (np.ones((1, 3)), np.ones((1, 3, 1, 1)), np.ones((0, 3)), np.ones((4, 3, 0))):
        with pytest.raises(ShapeError, match=r"`x` must have at least 2 values for each channel.*got shape"):
            batch_norm(x, None, None, np.zeros(3), np.ones(3))


def test_gradients_refuse_what_does_not_fit():
    x, dy, one = np.ones((4, 3)), np.ones((4, 3)), np.ones(3)
    with pytest.raises(ShapeError, match=r"batch_norm_dx: `dy` must have shape \(4, 3\)"):
        batch_norm_dx(dy[:3], x, None, one, one)
    with pytest.raises(ShapeError, match="batch_norm_dx: `rstd` must have 3 elements"):
        batch_norm_dx(dy, x, None, one, one[:2])
    with pytest.raises(ShapeError, match="batch_norm_dgamma: `mean` must have 3 elements"):
        batch_norm_dgamma(dy, x, one[:2], one)
    with pytest.raises(ShapeError, match="batch_norm_backward: `gamma` must have 3 elements"):
        batch_norm_backward(dy, x, one[:2], one, one)
    with pytest.raises(ShapeError, match=r"batch_norm_dbeta: `dy` must have at least 2 dimensions"):
        batch_norm_dbeta(dy[0])
    with pytest.raises(OptionError, match="batch_norm_inference_dx: `eps` must be positive, got 0"):
        batch_norm_inference_dx(dy, None, one, 0.0)


def test_shapes_are_known_without_computing():
    x, one = np.zeros((4, 3, 5), np.float32), np.zeros(3, np.float32)
    found = batch_norm_outputs(x, one, None, one, one, eps=1e-5, momentum=0.1)
    assert found == [(y.shape, y.dtype) for y in batch_norm(x, one, None, one, one)]
    assert batch_norm_inference_outputs(x, None, one, one, one, eps=1e-5) == [(x.shape, x.dtype)]
    with pytest.raises(ShapeError, match="batch_norm: `gamma` must have 3 elements"):
        batch_norm_outputs(x, one[:2], None, one, one)
    with pytest.raises(ShapeError, match="batch_norm_inference: `x` must have at least 2 dimensions"):
        batch_norm_inference_outputs(x[0, 0], None, None, one, one)
