"""sample_token and greedy_token: what is drawn how often, what the key does, text made in compiled code."""

import numba
import numpy as np
import pytest

from nbdl.kernels import greedy_token, sample_token

P = np.array([0.05, 0.4, 0.1, 0.25, 0.2])
DRAWS = 20_000


@numba.njit
def counted(logits, draws, temperature, top_k, top_p):
    found = np.zeros(logits.size)
    for step in range(draws):
        found[sample_token(logits, 11, step, 0, temperature, top_k, top_p)] += 1
    return found / draws


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p", "kept"),
    [
        (1.0, 0, 1.0, [0, 1, 2, 3, 4]),
        (0.5, 0, 1.0, [0, 1, 2, 3, 4]),
        (3.0, 9, 1.0, [0, 1, 2, 3, 4]),
        (1.0, 2, 1.0, [1, 3]),
        (1.0, 0, 0.6, [1, 3]),
        (1.0, 0, 0.66, [1, 3, 4]),
        (1.0, 3, 0.75, [1, 3]),  # of the three best these two have 0.65 / 0.85
        (2.0, 4, 1.0, [1, 2, 3, 4]),
        (1e-3, 0, 1.0, [1]),
    ],
)
def test_shares(temperature, top_k, top_p, kept):
    wanted = np.zeros(5)
    wanted[kept] = (P[kept] / P.max()) ** (1 / temperature)
    wanted /= wanted.sum()
    found = counted(np.log(P) + 100, DRAWS, temperature, top_k, top_p)
    assert (found[wanted == 0] == 0).all()
    assert np.sqrt(DRAWS) * np.abs(found - wanted).max() < 2.5  # five deviations of a share of a half


def test_the_number_depends_on_the_key_alone():
    x = np.zeros(10_000)
    token = sample_token(x, 3, 4, 5)
    assert token == sample_token(x + 7.0, 3, 4, 5) == sample_token(x.astype(np.float32), 3, 4, sample=5)
    others = [sample_token(x, *key) for key in ((4, 4, 5), (3, 5, 5), (3, 4, 6), (3 + 2**32, 4, 5))]
    assert len({token, *others}) == 5


def test_strided_and_read_only_logits():
    x = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    x.flags.writeable = False
    for options in ((1.0, 0, 1.0), (0.7, 8, 0.9)):
        for step in range(20):
            a, b = (
                sample_token(x[:, 1], 1, step, 0, *options),
                sample_token(x[:, 1].copy(), 1, step, 0, *options),
            )
            assert a == b
    assert greedy_token(x[:, 1]) == x[:, 1].argmax()


def test_a_large_vocabulary_is_cut_as_a_sort_would():
    x = np.random.default_rng(1).standard_normal(3000).round(2)  # with many that are alike
    order = np.lexsort((np.arange(3000), -x))
    drawn = {int(sample_token(x, 2, step, 0, 50.0, 100, 1.0)) for step in range(5000)}
    assert drawn == set(order[:100].tolist())
