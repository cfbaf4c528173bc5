"""Variational autoencoders in parts: the sampled code, the two losses, and the programs that they become."""

import math

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import DataError, OptionError, ShapeError, UsageError
from nbdl.models import VAE, vae
from nbdl.testing import gradcheck

RNG = np.random.default_rng(0)
X = RNG.random((6, 1, 4, 4))
MEAN, LOG_VAR = RNG.standard_normal((2, 6, 3))
LOGITS = RNG.standard_normal((6, 1, 4, 4))


def parts(output, mean=MEAN, log_var=LOG_VAR, **more):
    return {output[0]: output[1], "mean": mean, "log_var": log_var, **more}


def of(name, *values, **options):
    """A loss as a function of what the net gives, by position."""
    names = ("logits" if name == "bernoulli_elbo" else "output", "mean", "log_var", "output_log_var")
    return getattr(nn, name)(dict(zip(names, values)), X, **options)


def kl():
    return (MEAN**2 + np.exp(LOG_VAR) - 1 - LOG_VAR).sum() / 2 / len(MEAN)


def test_the_bernoulli_bound_is_what_its_formula_says():
    p = 1 / (1 + np.exp(-LOGITS))
    apart = -(X * np.log(p) + (1 - X) * np.log(1 - p)).sum() / len(X)
    for beta in (1.0, 0.0, 4):
        loss = nn.bernoulli_elbo(parts(("logits", LOGITS)), X, beta=beta)
        assert loss.item() == pytest.approx(apart + beta * kl(), rel=1e-12)


def test_the_gaussian_bound_is_what_its_formula_says():
    loss = nn.gaussian_elbo(parts(("output", LOGITS)), X, std=0.3, beta=2.0)
    density = -((X - LOGITS) ** 2) / 2 / 0.09 - math.log(0.3) - math.log(2 * math.pi) / 2
    assert loss.item() == pytest.approx(-density.sum() / len(X) + 2 * kl(), rel=1e-12)
    spread = 0.5 * LOGITS
    density = -((X - LOGITS) ** 2) / 2 / np.exp(spread) - spread / 2 - math.log(2 * math.pi) / 2
    loss = nn.gaussian_elbo(parts(("output", LOGITS), output_log_var=spread), X)
    assert loss.item() == pytest.approx(-density.sum() / len(X) + kl(), rel=1e-12)
    each = nn.gaussian_kl(MEAN, LOG_VAR, reduction="none")
    assert each.shape == (6,) and each.data.mean() == pytest.approx(kl(), rel=1e-12)
    assert nn.gaussian_kl(MEAN, LOG_VAR, reduction="sum").item() == pytest.approx(6 * kl(), rel=1e-12)


def test_gradients():
    gradcheck(lambda *v: of("bernoulli_elbo", *v, beta=0.7), LOGITS, MEAN, LOG_VAR)
    gradcheck(lambda *v: of("gaussian_elbo", *v, std=0.5), LOGITS, MEAN, LOG_VAR)
    gradcheck(lambda *v: of("gaussian_elbo", *v), LOGITS, MEAN, LOG_VAR, 0.3 * LOGITS)
    gradcheck(lambda m, v: nn.reparameterize(m, v, nn.Train(3, 5)), MEAN, LOG_VAR)


def test_codes_are_keyed():
    draw = nn.reparameterize
    first = draw(MEAN, LOG_VAR, nn.Train(1, 2)).data
    np.testing.assert_array_equal(first, draw(MEAN, LOG_VAR, nn.Train(1, 2)).data)
    train = nn.Train(1, 2)
    assert (draw(MEAN, LOG_VAR, train).data != draw(MEAN, LOG_VAR, train).data).all()
    np.testing.assert_array_equal(draw(MEAN, LOG_VAR).data, draw(MEAN, LOG_VAR).data)  # a prediction
    eps = (first - MEAN) / np.exp(LOG_VAR / 2)
    np.testing.assert_allclose(draw(0 * MEAN, 0 * MEAN, nn.Train(1, 2)).data, eps, rtol=1e-9)


@pytest.mark.parametrize("loss", ["bernoulli_elbo", "gaussian_elbo"])
def test_a_step_is_one_native_program_with_the_numbers_of_the_tape(loss):
    x = np.random.default_rng(1).random((37, 1, 4, 4), np.float32)

    def step(threads):
        net = vae(2, (8,), (1, 4, 4), loss.partition("_")[0])
        step = nbdl.compile_step(net, loss=loss, optimizer="sgd", example=(x, x), threads=threads, lr=0.01)
        return step, [float(step(x, x)) for _ in range(3)]

    one, losses = step(1)
    assert one.program.native and losses == step(2)[1]
    net = nn.init(vae(2, (8,), (1, 4, 4), loss.partition("_")[0]), x)
    updater = nbdl.optim.Updater("sgd", net, 0.01)
    for number, expected in enumerate(losses):
        found = getattr(nn, loss)(net(x, train=nn.Train(0, number)), x)
        assert found.item() == pytest.approx(expected, rel=1e-5)
        found.backward()
        updater.step()


def test_against_torch():
    torch = pytest.importorskip("torch")
    normal = torch.distributions.Normal
    mean, log_var, logits = (torch.tensor(a, requires_grad=True) for a in (MEAN, LOG_VAR, LOGITS))
    apart = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(X), reduction="sum")
    code = normal(mean, torch.exp(log_var / 2))
    loss = (apart + torch.distributions.kl_divergence(code, normal(0.0, 1.0)).sum()) / len(X)
    loss.backward()
    ours = [nbdl.tensor(a, requires_grad=True) for a in (LOGITS, MEAN, LOG_VAR)]
    own = of("bernoulli_elbo", *ours)
    own.backward()
    assert own.item() == pytest.approx(loss.item(), rel=1e-12)
    for tensor, twin in zip(ours, (logits, mean, log_var)):
        np.testing.assert_allclose(tensor.grad, twin.grad.numpy(), rtol=1e-10, atol=1e-14)
    scaled = nn.gaussian_elbo(parts(("output", LOGITS)), X, std=0.3, beta=0.0).item()
    density = normal(torch.tensor(LOGITS), 0.3).log_prob(torch.tensor(X)).sum() / len(X)
    assert scaled == pytest.approx(-density.item(), rel=1e-12)


def test_bad_input():
    given = parts(("logits", LOGITS))
    for beta in (-1.0, math.nan, math.inf, True):
        with pytest.raises(OptionError, match="bernoulli_elbo: `beta` must be a finite number from 0"):
            nn.bernoulli_elbo(given, X, beta=beta)
    with pytest.raises(OptionError, match="gaussian_elbo: `std` must be a finite number above 0, got 0"):
        nn.gaussian_elbo(parts(("output", LOGITS)), X, std=0)
    with pytest.raises(DataError, match=r"must lie in \[0, 1\], got values from 0 to 2"):
        nn.bernoulli_elbo(given, 2 * X / X.max())
    with pytest.raises(UsageError, match=r"the net must give `logits` by name.*Try the loss gaussian_elbo"):
        nn.bernoulli_elbo(parts(("output", LOGITS)), X)
    with pytest.raises(UsageError, match="must give `output` by name, in a dict, got Tensor"):
        nn.gaussian_elbo(nbdl.tensor(LOGITS), X)
    with pytest.raises(ShapeError, match="the target must have the shape of `logits`"):
        nn.bernoulli_elbo(given, X[:, 0])
    with pytest.raises(UsageError, match="reparameterize: `train` must be None or nn"):
        nn.reparameterize(MEAN, LOG_VAR, True)
    with pytest.raises(OptionError, match="`reduction` must be mean, sum or none"):
        nn.gaussian_kl(MEAN, LOG_VAR, reduction="all")
    with pytest.raises(ShapeError, match="Reshape: samples of `x` must have 16 elements"):
        nn.Reshape((4, 4))(np.zeros((2, 15)))
    with pytest.raises(OptionError, match="Reshape: `shape` must be a tuple of sizes"):
        nn.Reshape(16)
    with pytest.raises(OptionError, match="VAE: `kind` must be one of bernoulli, gaussian"):
        VAE(nn.Linear(4), nn.Linear(4), 2, "poisson")
    with pytest.raises(ShapeError, match=r"the encoder must give \(N, 4\), twice the `latent`"):
        nn.init(VAE(nn.Sequential(nn.Flatten(), nn.Linear(2)), nn.Linear(4), 2), X)
