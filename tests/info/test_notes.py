"""The examples of the notes: what they print where they are right (V-1 to V-16), and the right answer, or an
error, where they are not (E-23 to E-35)."""

import math

import numpy as np
import pytest
from numba.core.errors import TypingError

from nbdl import info
from nbdl import kernels as k
from nbdl.errors import ProbabilityError

JOINT = np.array([[0.1, 0.5], [0.1, 0.3]])  # X on rows; its marginals are [.6, .4] and [.2, .8]
ELEVEN_TENTHS = np.array([[0.1, 0.5], [0.2, 0.3]])  # sums to 1.1
P, Q = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.5, 0.3])
PREDICTED, LABELS = np.array([[0.3, 0.6, 0.1], [0.2, 0.3, 0.5]]), np.array([0, 2])


def near(value, digits=10):
    return pytest.approx(value, abs=0.6 * 10.0**-digits)


# --- what is printed and right ------------------------------------------------------------------------------


def test_self_information_v1():
    p = np.array([1 / 64])
    assert k.self_information(p, base=2)[0] == 6.0
    assert k.self_information(p)[0] == near(4.158883083, 9)


def test_entropy_v2():
    p = np.array([0.1, 0.5, 0.1, 0.3])
    assert k.entropy(p, base=2) == near(1.6854752972)
    assert k.entropy(p) == near(1.1682824502)


def test_joint_entropy_v3():
    assert k.joint_entropy(JOINT, base=2) == near(1.6854752972)


def test_conditional_entropy_with_its_own_marginal_v4():
    h = k.joint_entropy(JOINT, base=2)
    assert k.entropy(JOINT.sum(0), base=2) == near(0.7219280949)
    assert k.conditional_entropy(JOINT, base=2) == near(0.9635472023) == near(h - 0.7219280949)


def test_mutual_information_v6():
    assert k.mutual_information(JOINT, base=2) == near(0.0074033921)
    assert k.mutual_information(JOINT) == near(0.005131640, 9)
    parts = k.entropy(JOINT.sum(0), base=2) + k.entropy(JOINT.sum(1), base=2)
    assert parts - k.joint_entropy(JOINT, base=2) == near(0.0074033921)


def test_pointwise_mutual_information_v7():
    expected = [[-0.2630344058, 0.0588936891], [0.3219280949, -0.0931094044]]
    assert np.allclose(k.pointwise_mutual_information(JOINT, base=2), expected, atol=1e-10)


def test_kl_divergence_v8():
    assert k.kl_divergence(P, Q) == near(0.3960584572) == near(k.cross_entropy(P, Q) - k.entropy(P))
    assert k.kl_divergence(Q, P) == near(0.3652740407)


def test_other_divergences_v9():
    assert k.chi_squared_divergence(P, Q) == near(1.0133333333)
    assert k.chi_squared_divergence(Q, P) == near(0.8)
    assert 2 * k.hellinger_distance(P, Q) ** 2 == near(0.1861728, 7)
    assert k.total_variation(P, Q) == near(0.4)
    assert k.js_divergence(P, Q) == near(0.0911208, 7)


def normals(*pairs):
    """Samples whose means and standard deviations are exactly these."""
    z = np.random.default_rng(0).standard_normal(1000)
    z = (z - z.mean()) / z.std()
    return [m + s * z for m, s in pairs]


def fitted(x, y):
    return info.kl_divergence(x, y, "gaussian")


def test_divergence_of_normals_v10():
    standard, shifted, wide = normals((0, 1), (1, 1), (0, 2))
    assert fitted(standard, shifted) == near(0.5)
    assert fitted(standard, wide) == near(0.3181471806)
    assert fitted(wide, standard) == near(0.8068528194)


def test_all_of_one_joint_v11():
    joint = np.array([[0.1, 0.4], [0.2, 0.3]])
    assert k.joint_entropy(joint) == near(1.2798542, 7)
    assert k.entropy(joint.sum(1)) == near(0.6931, 4) and k.entropy(joint.sum(0)) == near(0.6109, 4)
    assert k.conditional_entropy(joint, given=-2) == near(0.5867, 4)
    assert k.mutual_information(joint) == near(0.0241572568)
    assert k.mutual_information(joint, base=2) == near(0.0349, 4)


def test_chain_v12():
    """X fair, Y = X flipped with 0.1, Z = Y flipped with 0.2: what X tells about Z, Y tells too."""
    flip = np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([[0.8, 0.2], [0.2, 0.8]])
    table = 0.5 * np.einsum("xy,yz->xzy", *flip)
    assert k.mutual_information(table.sum(1)) == near(0.3681, 4)
    assert k.mutual_information(table.sum(2)) == near(0.1201, 4)
    assert k.conditional_mutual_information(table) == near(0.0)


def test_cross_entropy_v13():
    terms = k.softmax_cross_entropy_each(np.log(PREDICTED), LABELS)
    assert terms == pytest.approx([1.2039728043, 0.6931471806]) and terms.mean() == near(0.9485599924)
    assert k.cross_entropy(np.eye(3)[LABELS], PREDICTED).mean() == near(0.9485599924)


def test_nll_loss_v14():
    assert k.nll_loss(np.log(PREDICTED), LABELS) == near(0.9485599924)


def test_divergence_of_a_gaussian_code_v15():
    """mu = [.5, -1], log var = [0, .5], of a variational autoencoder: by samples that have these moments."""
    total = sum(fitted(*normals((m, math.exp(v / 2)), (0, 1))) for m, v in ((0.5, 0.0), (-1.0, 0.5)))
    assert total == near(0.6993606354)
    assert k.gaussian_kl(np.array([[0.5, -1.0]]), np.array([[0.0, 0.5]])) == near(0.6993606354)


def test_draws_are_no_probabilities_v16_e29():
    """The notes take sorted normal draws for probabilities, drop each NaN, and print the absolute value."""
    p, q = np.sort(np.random.default_rng(1).standard_normal((2, 1000)))
    for normalize in (False, True):
        with pytest.raises(ProbabilityError, match="must be finite and not negative"):
            k.kl_divergence(p, q, normalize=normalize)
    assert info.kl_divergence(p, q - 1, "gaussian") == pytest.approx(0.5, abs=0.1)
    assert info.kl_divergence(p, q - 1) == pytest.approx(0.5, abs=0.15)


# --- where the notes are wrong ------------------------------------------------------------------------------


def test_bits_are_of_base_2_and_densities_may_be_negative_e23():
    p = np.array([0.5, 0.5])
    assert k.entropy(p, base=2) == near(1) and k.entropy(p) == near(math.log(2))
    narrow = normals((0, 1e-3))[0]
    assert info.entropy(narrow, "gaussian") < -4 and info.entropy(narrow) < -4


def test_bounds_of_the_joint_entropy_are_of_discrete_data_e24():
    hx, hy, hxy = k.entropy(JOINT.sum(1)), k.entropy(JOINT.sum(0)), k.joint_entropy(JOINT)
    assert max(hx, hy) <= hxy <= hx + hy
    x = np.random.default_rng(0).integers(0, 5, 100)
    assert info.joint_entropy(x, x) == near(info.entropy(x))
    z = normals((0, 1))[0]
    assert info.joint_entropy(z, z, estimator="gaussian") == -math.inf  # and below that of z


def test_a_joint_that_sums_to_eleven_tenths_e25():
    """The notes pass it with marginals of another table, and print .8635."""
    for of in (k.conditional_entropy, k.joint_entropy, k.mutual_information):
        with pytest.raises(ProbabilityError, match=r"must sum to 1, got 1\.1"):
            of(ELEVEN_TENTHS)


def test_conditional_entropy_of_the_normalised_table_e25():
    rows = k.conditional_entropy(ELEVEN_TENTHS, given=-2, base=2, normalize=True)
    columns = k.conditional_entropy(ELEVEN_TENTHS, given=-1, base=2, normalize=True)
    assert (rows, columns) == (near(0.7959, 4), near(0.9446, 4))


def test_marginals_are_never_passed_in_v5_e26():
    """The notes pass one of the wrong shape and get .7195: here the joint alone says what they are."""
    wrong = np.array([0.2, 0.8]) * np.array([[0.75, 0.25]])
    with np.errstate(divide="ignore"):
        printed = np.nansum(JOINT * np.log2(JOINT / wrong))
    assert printed == near(0.7194602975)
    with pytest.raises((TypeError, TypingError)):
        k.mutual_information(JOINT, np.array([0.2, 0.8]), np.array([[0.75, 0.25]]), base=2)
    assert k.mutual_information(JOINT, base=2) == near(0.007403392, 9)


def test_mutual_information_weighs_once_e27():
    pmi = k.pointwise_mutual_information(JOINT)
    once, twice = (JOINT * pmi).sum(), (np.outer(JOINT.sum(1), JOINT.sum(0)) * JOINT * pmi).sum()
    assert k.mutual_information(JOINT) == near(once) != near(twice)
    x = np.repeat([0, 0, 1, 1], [1, 5, 1, 3])
    y = np.repeat([0, 1, 0, 1], [1, 5, 1, 3])
    parts = info.joint_entropy(x, y) - info.conditional_entropy(y, x) - info.conditional_entropy(x, y)
    assert info.mutual_information(x, y) == near(parts) == near(once)


def test_cells_of_probability_zero_and_invertible_pairs_e28():
    diagonal = np.diag([0.5, 0.5])
    assert np.array_equal(np.isneginf(k.pointwise_mutual_information(diagonal)), diagonal == 0)
    assert k.mutual_information(diagonal) == near(math.log(2))  # the entropy, of a discrete pair
    z = normals((0, 1))[0]
    assert info.mutual_information(z, 2 * z + 1, "gaussian") == math.inf  # and not the entropy


def test_divergence_of_equal_shifts_is_symmetric_e30():
    """The notes see 46 % of asymmetry where there is none."""
    middle, left, right = normals((0, 1), (-1, 1), (1, 1))
    for x, y in ((middle, left), (middle, right), (left, middle), (right, middle)):
        assert fitted(x, y) == near(0.5)
        assert fitted(x, y) / math.log(2) == near(0.7213, 4)


def test_one_base_in_all_terms_e31():
    for base in (2, math.e, 10):
        sum_of_both = k.entropy(P, base=base) + k.kl_divergence(P, Q, base=base)
        assert k.cross_entropy(P, Q, base=base) == near(sum_of_both)
    one_hot = np.eye(3)[LABELS]
    assert k.cross_entropy(one_hot, PREDICTED, base=2).mean() == near(1.368483, 6)


def test_sum_and_mean_are_told_apart_e32():
    terms = k.softmax_cross_entropy_each(np.log(PREDICTED), LABELS)
    assert terms.sum() == near(1.897120, 6) and terms.mean() == near(0.948560, 6)
    assert k.softmax_cross_entropy(np.log(PREDICTED), LABELS) == near(0.948560, 6)  # the mean


def test_nan_is_an_error_and_zero_is_not_e33():
    assert k.entropy(np.array([0.0, 1.0])) == 0
    assert k.entropy(np.array([0.5, 0.0, 0.5])) == near(math.log(2))
    for bad in (np.nan, -0.1, np.inf):
        with pytest.raises(ProbabilityError):
            k.entropy(np.array([0.5, bad, 0.5]))


def test_divergence_is_zero_for_equals_alone_e34():
    """Jensen's bound, -log of the sum of q where p > 0, is 0 only if q is nowhere else."""
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    assert k.kl_divergence(p, q) == near(-math.log(0.5)) and k.kl_divergence(p, p) == 0
    assert k.kl_divergence(q, p) == math.inf


def test_three_problems_are_one_e35_m114():
    """For fixed p: the largest likelihood, the least cross entropy, the least divergence, at the same q."""
    q = np.random.default_rng(0).dirichlet(np.ones(3), 200)
    q[0] = P
    p = np.tile(P, (200, 1))
    likelihood = (P * np.log(q)).sum(1)
    best = {likelihood.argmax(), k.cross_entropy(p, q).argmin(), k.kl_divergence(p, q).argmin()}
    assert best == {0}
    one_hot = np.tile([0.0, 1.0, 0.0], (200, 1))
    assert k.cross_entropy(one_hot, q) == pytest.approx(k.kl_divergence(one_hot, q))  # their entropy is 0


def test_info_nce_cannot_exceed_log_n_m115():
    """True information far above log N: the bound goes to log N, and not beyond."""
    rng = np.random.default_rng(0)
    for n in (2, 8, 32):
        x = rng.standard_normal((n, 16))
        bound = k.info_nce_bound(k.info_nce(x, x, temperature=0.01), n)
        assert bound == pytest.approx(math.log(n), abs=1e-6) and bound <= math.log(n)


def test_gaussian_information_v21():
    z = np.random.default_rng(0).standard_normal((500, 2))
    z = np.linalg.qr(z - z.mean(0))[0]
    for r, truth in ((0.3, 0.0472), (0.6, 0.2231), (0.9, 0.8304), (0.99, 1.9585)):
        y = r * z[:, 0] + math.sqrt(1 - r * r) * z[:, 1]
        assert info.mutual_information(z[:, 0], y, "gaussian", bias_correction=False) == near(truth, 4)
