"""Posteriors, moments, densities and likelihoods: known values, log space, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

import nbdl
from nbdl import kernels as k
from nbdl.errors import LabelError, OptionError, ProbabilityError, ShapeError

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist.npz"
PRIOR = np.array([0.0015, 0.9985])  # of an illness
FIRST, SECOND = [1.0, 0.01], [0.98, 0.03]  # P(test says ill | ill), P(test says ill | well)


def test_posterior_after_one_test_and_two():
    assert k.posterior(PRIOR, np.array([FIRST]))[0] == pytest.approx(0.130605, abs=1e-6)
    both = k.posterior(PRIOR, np.array([FIRST, SECOND]))
    assert both[0] == pytest.approx(0.830720, abs=1e-6)
    in_turn = k.posterior(k.posterior(PRIOR, np.array([FIRST])), np.array([SECOND]))
    np.testing.assert_allclose(in_turn, both, rtol=1e-14)
    batch = k.posterior(PRIOR, np.array([[FIRST, SECOND], [SECOND, SECOND]]))
    assert batch.shape == (2, 2)
    np.testing.assert_allclose(batch[0], both, rtol=1e-15)


def test_a_posterior_of_thousands_of_observations_does_not_underflow():
    likelihood = np.tile([0.1, 0.2], (5000, 1))
    np.testing.assert_array_equal(k.posterior(np.array([0.5, 0.5]), likelihood), [0, 1])
    likelihood[:2500] = [0.2, 0.1]
    np.testing.assert_allclose(k.posterior(np.array([0.25, 0.75]), likelihood), [0.25, 0.75], rtol=1e-9)


def test_what_has_probability_0_has_no_posterior():
    with pytest.raises(
        ProbabilityError, match="`likelihood` is 0 under every hypothesis that `prior` allows"
    ):
        k.posterior(np.array([0.0, 1.0]), np.array([[1.0, 0.0]]))
    np.testing.assert_array_equal(k.posterior(np.array([0.0, 1.0]), np.array([[1.0, 0.5]])), [0, 1])
    with pytest.raises(ProbabilityError, match="`prior` must sum to 1, got 1"):
        k.posterior(np.array([0.5, 0.6]), np.ones((1, 2)))
    with pytest.raises(ProbabilityError, match="`likelihood` must be finite and not negative"):
        k.posterior(PRIOR, np.array([[-0.1, 0.2]]))
    with pytest.raises(ShapeError, match="`prior` must have 3 elements"):
        k.posterior(PRIOR, np.ones((1, 3)))


def test_moments_of_the_investment():
    p, values = np.array([0.5, 0.4, 0.1]), np.array([0.0, 2.0, 10.0])
    assert k.expectation(p, values) == pytest.approx(1.8, rel=1e-15)
    assert k.variance(p, values) == pytest.approx(8.36, rel=1e-15)
    tables = np.stack([p, p[::-1]])
    np.testing.assert_allclose(k.expectation(tables, values), [1.8, 5.8])
    np.testing.assert_allclose(k.variance(tables, values**2), [k.variance(q, values**2) for q in tables])
    own = np.stack([values, values + 1e9])
    np.testing.assert_allclose(k.variance(np.stack([p, p]), own), [8.36, 8.36])
    assert (
        k.expectation(np.array([0.0, 1.0]), np.array([np.inf, 3.0])) == 3
    )  # what cannot happen adds nothing
    with pytest.raises(ProbabilityError, match="expectation: `p` must sum to 1"):
        k.expectation(2 * p, values)
    with pytest.raises(ShapeError, match="variance: `values` must have shape"):
        k.variance(p, values[:2])


def test_covariance_is_that_of_numpy():
    x = np.random.default_rng(0).standard_normal((50, 4)) * [1, 2, 3, 0] + 1e6
    np.testing.assert_allclose(k.covariance(x), np.cov(x.T), atol=1e-9)
    assert (k.covariance(x)[3] == 0).all()  # a constant column


# --- the normal distribution ------------------------------------------------------------------------------


@pytest.mark.parametrize("mean, std", [(0.0, 1.0), (0.0, 2.0), (3.0, 1.0)])
def test_normal_density(mean, std):
    x = np.linspace(-7, 7, 1401)
    y = k.normal_density(x, mean, std)
    np.testing.assert_allclose(
        y, np.exp(-0.5 * ((x - mean) / std) ** 2) / np.sqrt(2 * np.pi) / std, rtol=1e-13
    )
    np.testing.assert_allclose(np.log(y), k.normal_log_density(x, mean, std), atol=1e-13)
    assert y.sum() * 0.01 == pytest.approx(1, abs=5e-4)


def test_a_density_underflows_and_its_logarithm_does_not():
    x = np.array([100.0, -1e3], np.float32)
    assert (k.normal_density(x) == 0).all()
    np.testing.assert_allclose(k.normal_log_density(x), [-5000.9189, -500000.9189], rtol=1e-7)
    with pytest.raises(OptionError, match="`std` must be positive"):
        k.normal_density(x, 0.0, 0.0)


def line(rng):
    x = np.column_stack([np.ones(100), rng.standard_normal(100)])
    return x, (x @ [[4.2], [2.0]] + 0.3 * rng.standard_normal((100, 1)))


def test_likelihood_squares_and_normal_equations_have_one_minimum_e5():
    """E-5: the loss is -log P(y | X), whose least is where that of squares is, with any fixed scale."""
    x, y = line(np.random.default_rng(3))
    w = np.linalg.lstsq(x, y, rcond=None)[0]
    for log_var in (-2.0, 0.0, 3.0):
        for loss in (k.gaussian_nll_dx(1.0, x @ w, y, np.array([log_var])), k.mse_dx(1.0, x @ w, y)):
            assert np.abs(x.T @ loss).max() < 1e-12
    mse = k.mse(x @ w, y)
    want = -k.normal_log_density(y - x @ w, 0.0, np.sqrt(mse)).mean()
    assert k.gaussian_nll(x @ w, y, np.log([mse])) == pytest.approx(want, rel=1e-14)
    # The learned scale: its gradient is 0 at the mean square, and only there.
    assert abs(k.gaussian_nll_dlog_var(1.0, x @ w, y, np.log([mse]))[0]) < 1e-14
    assert abs(k.gaussian_nll_dlog_var(1.0, x @ w, y, np.log([2 * mse]))[0]) > 0.1


def test_a_scale_is_learned():
    x, y = line(np.random.default_rng(4))
    values = np.zeros((2, 1)), np.zeros(1)
    for _ in range(800):
        w, v = (nbdl.tensor(value, requires_grad=True) for value in values)
        nbdl.apply("gaussian_nll", nbdl.tensor(x) @ w, y, v).backward()
        values = values[0] - 0.05 * w.grad, values[1] - 0.2 * v.grad
    best = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(values[0], best, atol=1e-3)
    assert np.exp(values[1][0]) == pytest.approx(((x @ best - y) ** 2).mean(), rel=1e-2)


@pytest.mark.parametrize("full", [True, False], ids=["each", "one"])
def test_gaussian_nll_agrees_with_torch(full):
    torch = pytest.importorskip("torch", reason="compares with torch")
    x, t, v = np.random.default_rng(5).standard_normal((3, 6, 4))
    v = v if full else v[:1, :1].reshape(1)
    a, b, c = (torch.tensor(q, requires_grad=True) for q in (x, t, v))
    want = torch.nn.functional.gaussian_nll_loss(a, b, c.exp().expand(a.shape), full=True, eps=0)
    want.backward()
    assert k.gaussian_nll(x, t, v) == pytest.approx(want.item(), rel=1e-13)
    for name, grad in (("dx", a.grad), ("dtarget", b.grad), ("dlog_var", c.grad)):
        got = getattr(k, f"gaussian_nll_{name}")(1.0, x, t, v)
        np.testing.assert_allclose(got, grad.numpy(), rtol=1e-12, atol=1e-15)


# --- counting ---------------------------------------------------------------------------------------------

HEADS, TAILS = 8675309, 256245


def test_a_coin_of_millions_of_throws():
    best = HEADS / (HEADS + TAILS)
    theta = np.array([best - 1e-4, best, best + 1e-4, 0.5, 1.0])
    logs = k.bernoulli_log_likelihood(theta, HEADS, TAILS)
    assert best == pytest.approx(0.97131014, abs=1e-8)
    assert (
        logs.argmax() == 1 and logs[3] == pytest.approx(-(HEADS + TAILS) * np.log(2)) and logs[4] == -np.inf
    )
    theta = np.array([0.5])
    for _ in range(30):  # gradient ascent per throw, on the tape
        t = nbdl.tensor(theta, requires_grad=True)
        ((HEADS * t.log() + TAILS * (1 - t).log()).sum() / (HEADS + TAILS)).backward()
        theta = theta + theta * (1 - theta) * t.grad
    assert theta[0] == pytest.approx(0.97131014, abs=1e-8)


def test_a_coin_that_was_never_thrown():
    np.testing.assert_array_equal(k.bernoulli_log_likelihood(np.array([0.0, 1.0]), 0, 0), [0, 0])
    with pytest.raises(ProbabilityError, match="`theta` must be from 0 to 1"):
        k.bernoulli_log_likelihood(np.array([1.5]), 1, 1)
    with pytest.raises(OptionError, match="`heads` must be finite and not negative"):
        k.bernoulli_log_likelihood(np.array([0.5]), -1, 1)


def test_naive_bayes_against_counting():
    rng = np.random.default_rng(6)
    x, labels = (rng.random((60, 5)) < 0.4).astype(float), rng.integers(0, 3, 60)
    w, b = k.naive_bayes(x, labels, 3)
    for c in range(3):
        own = x[labels == c]
        p = (own.sum(0) + 1) / (len(own) + 2)
        logs = np.log(len(own) / 60) + (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(1)
        np.testing.assert_allclose(k.linear(x, w, b)[:, c], logs, rtol=1e-13)


def test_naive_bayes_of_many_pixels_stays_in_log_space():
    """784 probabilities of .1 multiply to 0; their logarithms add to -1805.2267."""
    assert np.prod(np.full(784, 0.1, np.float64)) == 0
    assert 784 * np.log(0.1) == pytest.approx(-1805.2267, abs=1e-4)
    x = np.zeros((8, 784))
    w, b = k.naive_bayes(np.vstack([x, np.ones((8, 784))]), np.arange(16) // 8, 2, 1.0)
    logs = k.linear(np.ones((1, 784)), w, b)[0]
    assert logs[0] == pytest.approx(np.log(0.5) + 784 * np.log(0.1)) and logs.argmax() == 1
    np.testing.assert_allclose(np.exp(k.log_softmax(logs)), [0, 1])


def test_naive_bayes_of_digits_has_the_accuracy_of_the_book():
    """0.8427 of MNIST's test set; Zhang et al., Dive into Deep Learning, section 22.9, pixels above 127."""
    if not MNIST.exists():
        pytest.skip("the MNIST file is not at hand (../shared/data/mnist.npz)")
    with np.load(MNIST) as file:
        x, x_test = ((file[n].reshape(-1, 784) > 127).astype(float) for n in ("x_train", "x_test"))
        labels, labels_test = file["y_train"].astype(int), file["y_test"]
    w, b = k.naive_bayes(x, labels, 10)
    logs = k.linear(x_test, w, b)
    assert np.isfinite(logs).all() and not np.exp(logs).all()  # some probabilities are 0 as numbers
    assert np.mean(logs.argmax(1) == labels_test) == pytest.approx(0.8427, abs=1e-9)


def test_naive_bayes_refuses():
    x, labels = np.ones((3, 2)), np.array([0, 1, 1])
    with pytest.raises(LabelError, match="`labels` must be from 0 to 1"):
        k.naive_bayes(x, labels - 100, 2)
    with pytest.raises(ProbabilityError, match="`x` must be from 0 to 1, got 255"):
        k.naive_bayes(255 * x, labels, 2)
    with pytest.raises(OptionError, match="`smoothing` must be positive"):
        k.naive_bayes(x, labels, 2, 0.0)
    with pytest.raises(ShapeError, match="`labels` must be as many as the rows"):
        k.naive_bayes(x, labels[:2], 2)
    w, b = k.naive_bayes(x, labels, 3)
    assert b[2] == -np.inf and np.isfinite(w).all()  # a class without rows
