"""Gradients held to a limit: by the norm of all, and each element by itself."""

import math

import numpy as np
import pytest

from nbdl.errors import OptionError
from nbdl.optim import clip_norm, clip_value


def test_the_norm_of_all_gradients():
    g = np.array([3.0, 4.0])
    assert clip_norm([g], 1.0) == 5.0 and g.tolist() == pytest.approx([0.6, 0.8])
    a, b = np.array([3.0, 0.0], np.float32), np.array([[4.0]], np.float32)
    assert clip_norm(iter([a, b]), 10.0) == 5.0 and a.tolist() == [3, 0]  # short enough: left alone
    assert clip_norm([a, b], 2.5) == 5.0
    assert np.r_[a, b[0]].tolist() == [1.5, 0, 2]


@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1e30])
def test_squares_that_have_no_place_in_the_dtype(scale):
    g = np.array([3, 4], np.float32) * np.float32(scale)
    norm = math.hypot(*map(float, g))
    assert clip_norm([g], norm / 2) == pytest.approx(norm)
    assert math.hypot(*map(float, g)) == pytest.approx(norm / 2, rel=1e-2 if scale < 1e-38 else 1e-6)


def test_zeros_and_what_is_not_finite_are_left_as_they_are_e14():
    """E-14: theta over the norm is undefined at 0; what is not finite is not hidden by scaling."""
    for nothing in ([np.zeros(3)], [np.zeros(0)], []):
        assert clip_norm(nothing, 1.0) == 0
    g = np.array([3.0, math.inf])
    assert clip_norm([g], 1.0) == math.inf and g.tolist() == [3, math.inf]
    assert math.isnan(clip_norm([g, np.array([math.nan])], 1.0)) and g[0] == 3


def test_each_element():
    g = np.array([3.0, -0.5, -math.inf, math.nan], np.float32)
    clip_value([g], 1)
    assert g[:3].tolist() == [1, -0.5, -1] and math.isnan(g[3])


@pytest.mark.parametrize("limit", [0, -1.0, math.nan, None, True, "1"])
def test_limits_that_are_none(limit):
    for function in (clip_norm, clip_value):
        with pytest.raises(OptionError, match=f"`{function.__name__}` must be positive, got"):
            function([np.ones(2)], limit)


def test_as_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    ours = [rng.normal(size=(5, 3)), rng.normal(size=7)]
    theirs = [torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)) for g in ours]
    for p, g in zip(theirs, ours):
        p.grad = torch.tensor(g)
    assert clip_norm(ours, 0.7) == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, 0.7).item())
    for p, g in zip(theirs, ours):
        np.testing.assert_allclose(g, p.grad.numpy(), rtol=1e-5)
