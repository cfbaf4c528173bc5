import numpy as np
import pytest

from nbdl import registry
from nbdl.records import resolve

RNG = np.random.default_rng


def fill(name, shape=(200, 300)):
    return resolve(registry.default().get("initializer", name).fill)(RNG(0), shape, shape[0], shape[1])


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("normal", 1e-4),
        ("uniform", 0.07**2 / 3),
        ("xavier_uniform", 2 / 500),
        ("xavier_normal", 2 / 500),
        ("he_uniform", 2 / 200),
        ("he_normal", 2 / 200),
        ("lecun_uniform", 1 / 600),
    ],
)
def test_mean_and_variance(name, variance):
    values = fill(name)
    assert abs(values.mean()) < 4 * np.sqrt(variance / values.size)
    assert values.var() == pytest.approx(variance, rel=0.02)


def test_constants():
    assert (fill("zeros") == 0).all() and (fill("ones") == 1).all()


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (4, 2, 3)])
def test_orthogonal_rows_or_columns(shape):
    q = fill("orthogonal", shape).reshape(shape[0], -1)
    product = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)
