"""The front end: kinds of data, estimators by name, units, missing values, identities, bad input."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbdl
from nbdl import info, registry
from nbdl.errors import DataError, DtypeError, OptionError, ShapeError, UsageError

pytestmark = pytest.mark.filterwarnings("ignore:.* rows are few")  # of symbols, on purpose

A = [1] * 6 + [2] * 6 + [3] * 5
B = [1, 1, 1, 1, 2, 1, 2, 2, 2, 2, 3, 1, 3, 3, 3, 2, 2]
DISCRETE = [
    n
    for n in registry.default().names("estimator")
    if registry.default().get("estimator", n).data == "discrete"
]
BITS = np.array([[i, j] for i in (0, 1) for j in (0, 1)])  # all pairs of two fair bits


def near(value, abs=1e-14):
    return pytest.approx(value, rel=0, abs=abs)


def table_samples(p):
    """Samples and weights that have exactly the joint probabilities p."""
    index = np.argwhere(np.ones_like(p))
    return *index.T, np.asarray(p)[tuple(index.T)]


# --- values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "value"),
    [(A, B, 0.4102186227404535), ([0, 1, 1, 0, 0], [1, 0, 0, 0, 1], 0.2911031660323686)],
)
def test_scikit_learns_mutual_information(x, y, value):
    assert info.mutual_information(x, y) == near(value)


@pytest.mark.parametrize("repeats", [1, 110])
def test_repeated_rows_change_no_plug_in_value(repeats):
    assert info.mutual_information(A * repeats, B * repeats) == near(0.4102186227404535, 1e-13)


def test_entropies_of_a_joint_table():
    """V-3, V-6 and V-11 of tables, here of samples with weights."""
    x, y, w = table_samples([[0.1, 0.5], [0.1, 0.3]])
    assert info.joint_entropy(x, y, weights=w, base=2) == near(1.6854752972, 1e-10)
    assert info.conditional_entropy(x, y, weights=w, base=2) == near(0.9635472023, 1e-10)
    assert info.mutual_information(x, y, weights=w, base=2) == near(0.0074033921, 1e-10)
    x, y, w = table_samples([[0.1, 0.4], [0.2, 0.3]])
    found = [info.entropy(x, weights=w), info.entropy(y, weights=w), info.joint_entropy(x, y, weights=w)]
    assert found == near([0.6931471806, 0.6108643021, 1.2798542258], 1e-10)
    assert info.mutual_information(x, y, weights=w) == near(0.0241572568, 1e-10)
    assert info.conditional_entropy(y, x, weights=w) == near(0.5867070453, 1e-10)


def test_a_markov_chain_of_noisy_copies():
    """X, then Y = X flipped with 0.1, then Z = Y flipped with 0.2 (V-12)."""
    first, second = (np.array([[1 - e, e], [e, 1 - e]]) for e in (0.1, 0.2))
    p = 0.5 * first[:, :, None] * second[None]
    x, y, z, w = table_samples(p)
    assert info.mutual_information(x, y, weights=w) == near(0.3681, 5e-5)
    assert info.mutual_information(x, z, weights=w) == near(0.1201, 5e-5)
    assert info.conditional_mutual_information(x, z, y, weights=w) == near(0)


def test_logic_gates():
    """In bits: XOR is synergy alone, copies are redundancy alone (Rosas et al. 2019)."""
    x, y = BITS.T
    assert info.co_information(x, y, x ^ y, base=2) == near(-1)
    assert info.conditional_mutual_information(x, y, x ^ y, base=2) == near(1)
    assert info.mutual_information(np.c_[x, y], x & y, base=2) == near(0.8112781244591328)
    for n in (3, 4, 5):
        bits = np.array(np.unravel_index(np.arange(2 ** (n - 1)), (2,) * (n - 1)))
        parity = [*bits, bits.sum(axis=0) % 2]
        copy = [bits[0]] * n
        assert info.o_information(*parity, base=2) == near(-(n - 2), 1e-13)
        assert info.o_information(*copy, base=2) == near(n - 2, 1e-13)
        assert info.total_correlation(*copy, base=2) == near(n - 1, 1e-13)
        assert info.dual_total_correlation(*copy, base=2) == near(1, 1e-13)
        assert info.total_correlation(*parity, base=2) == near(1, 1e-13)
        assert info.dual_total_correlation(*parity, base=2) == near(n - 1, 1e-13)


def test_divergence_of_samples():
    x, y = [0] * 6 + [1] * 3 + [2], [0] * 2 + [1] * 5 + [2] * 3
    assert info.kl_divergence(x, y) == near(0.3960584572, 1e-10)
    assert info.kl_divergence(y, x) == near(0.3652740407, 1e-10)
    assert info.kl_divergence(x * 3, x) == 0  # samples of different lengths
    assert info.kl_divergence([1, 2], ["1", "2"]) == math.inf
    top = np.array([1, 2**64 - 1], np.uint64)
    assert info.kl_divergence(top, np.array([1, -1])) == math.inf and info.kl_divergence(top, top) == 0
    assert info.kl_divergence(x, y, base=2) == near(0.3960584572 / math.log(2), 1e-10)


@pytest.mark.parametrize(("x", "y"), [([1, 1, 2], [3, 3, 4]), ([1, 1, 2, 3], [1, 1, 2, 2])])
def test_peers_error_divergence_is_finite_where_a_symbol_is_missing(x, y):
    """infomeasure gives -0.637 and -0.52."""
    assert info.kl_divergence(x, y) == math.inf


# --- properties -------------------------------------------------------------------------------------------

columns = st.integers(1, 40).flatmap(
    lambda n: st.lists(st.lists(st.integers(-3, 3), min_size=n, max_size=n), min_size=3, max_size=3)
)


@settings(deadline=None, max_examples=60)
@given(columns)
def test_bounds_and_chain_rules_of_discrete_entropies(xyz):
    """E-24 holds for discrete data: H(X), H(Y) <= H(X,Y) <= H(X) + H(Y)."""
    x, y, z = xyz
    hx, hy, hxy = info.entropy(x), info.entropy(y), info.joint_entropy(x, y)
    slack = 1e-12
    assert max(hx, hy) - slack <= hxy <= hx + hy + slack
    assert 0 <= hx <= math.log(len(set(x))) + slack
    i = info.mutual_information(x, y)
    assert i == info.mutual_information(y, x) or abs(i - info.mutual_information(y, x)) < slack
    assert 0 <= i <= min(hx, hy)
    assert i == near(hx - info.conditional_entropy(x, y), slack)
    c = info.conditional_mutual_information(x, y, z)
    assert 0 <= c <= info.conditional_entropy(x, z) + slack
    assert info.mutual_information(x, np.c_[y, z]) == near(info.mutual_information(x, z) + c, slack)
    total, dual = info.total_correlation(x, y, z), info.dual_total_correlation(x, y, z)
    assert total >= 0 and dual >= 0
    assert info.o_information(x, y, z) == near(total - dual, slack)
    assert info.co_information(x, y, z) == near(i - c, slack)


@settings(deadline=None, max_examples=30)
@given(columns)
def test_local_values_have_the_estimate_as_their_mean(xyz):
    x, y, z = xyz
    w = np.arange(len(x)) + 1.0
    for measure, samples in (
        (info.entropy, (x,)),
        (info.mutual_information, (x, y)),
        (info.conditional_mutual_information, (x, y, z)),
        (info.conditional_entropy, (x, y)),
        (info.o_information, (x, y, z)),
    ):
        local = measure(*samples, local=True)
        assert local.shape == (len(x),) and local.dtype == np.float64
        assert local.mean() == near(measure(*samples), 1e-12)
        weighted = measure(*samples, local=True, weights=w, base=2)
        assert np.average(weighted, weights=w) == near(measure(*samples, weights=w, base=2), 1e-12)


def test_whole_weights_are_repeated_rows():
    w = [3, 1, 0, 2, 5] * 3 + [1, 4]
    x, y = np.repeat(A, w), np.repeat(B, w)
    for name in DISCRETE:
        assert info.mutual_information(A, B, name, weights=w, k=(3, 3)) == near(
            info.mutual_information(x, y, name, k=(3, 3)), 1e-12
        )


@pytest.mark.parametrize("name", DISCRETE)
def test_every_measure_is_its_sum_of_entropies(name):
    """ennemi#129: an estimate of I that is not H + H - H of the same estimator."""
    rng = np.random.default_rng(3)
    x, y, z = rng.integers(0, 4, (3, 60))

    def h(*columns):
        n = np.unique(columns, axis=1, return_counts=True)[1]
        return info.entropy_of_counts(n, name, k=4 ** len(columns))

    assert info.entropy(x, name) == near(h(x))
    assert info.mutual_information(x, y, name) == near(h(x) + h(y) - h(x, y), 1e-13)
    cmi = h(x, z) + h(y, z) - h(z) - h(x, y, z)
    assert info.conditional_mutual_information(x, y, z, name) == near(cmi, 1e-13)


def test_peers_error_negative_estimates_are_raised_to_zero_unasked():
    x, y = [0, 0, 1, 1], [0, 1, 0, 1]
    below = info.mutual_information(x, y, "miller_madow")
    assert below == near(-1 / 8)
    assert info.mutual_information(x, y, "miller_madow", clip=True) == 0
    with pytest.raises(
        OptionError, match=r"`clip` is for one estimate .* got it for local values of `mutual_inf"
    ):
        info.mutual_information(x, y, clip=True, local=True)


def test_an_option_is_done_or_refused():
    """None is taken and ignored: `clip` of what may be negative, an estimator's name as a sample."""
    x, y, z = np.random.default_rng(0).standard_normal((3, 200))
    assert info.kl_divergence(x, y[:150]) < 0 == info.kl_divergence(x, y[:150], clip=True)
    for call in (
        lambda: info.entropy(x, clip=True),
        lambda: info.joint_entropy(x, y, clip=True),
        lambda: info.conditional_entropy(x, y, clip=True),
        lambda: info.o_information(x, y, z, clip=True),
        lambda: info.co_information(x, y, z, clip=True),
    ):
        with pytest.raises(
            OptionError, match="`clip` is for one estimate of what cannot be negative, mutual_inf"
        ):
            call()
    for call in (
        lambda: info.conditional_mutual_information(x, y, "gaussian"),
        lambda: info.total_correlation(x, y, "gaussian"),
        lambda: info.lagged("transfer_entropy", x, "gaussian", 2),
        lambda: info.g_test(x > 0, y > 0, "gaussian"),
    ):
        with pytest.raises(
            UsageError, match=r"must be samples, got the text 'gaussian': .* estimator='gaussian'"
        ):
            call()
    with pytest.raises(UsageError, match="no option `paired`"):
        info.mutual_information(x, y, paired=False)


@pytest.mark.parametrize("seed", range(5))
def test_peers_error_plug_in_mutual_information_is_negative_or_above_the_entropy(seed):
    """scikit-learn#16355, #30772: rounding below 0, and more than H(Y) bits about y."""
    rng = np.random.default_rng(seed)
    x, y = np.tile(np.arange(7), 60), np.repeat(np.arange(60), 7)  # independent to the last digit
    assert 0 <= info.mutual_information(x, y, discrete=True) < 1e-14
    names = rng.permutation(7)
    assert info.mutual_information(x, names[x]) <= info.entropy(x)
    assert info.mutual_information(x, x) == near(info.entropy(x))


def test_peers_error_constant_column_has_information():
    """infomeasure and scikit-learn give up to 5.98 nats about a constant."""
    y = np.random.default_rng(0).integers(0, 5, 1000)
    assert info.mutual_information(np.full(1000, 7), y) == 0
    assert info.mutual_information(np.full(1000, 7), np.full(1000, 7)) == 0
    assert info.entropy(np.full(1000, 7)) == 0


# --- kinds of data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_any_integer_dtype(dtype):
    x, y = np.array(A, dtype), np.array(B, "int8")
    assert info.mutual_information(x, y) == near(0.4102186227404535)
    assert info.mutual_information(x, np.array(B, dtype)) == near(0.4102186227404535)


@pytest.mark.parametrize("as_labels", [np.str_, np.str_.encode, lambda v: f"name {v}", lambda v: (v, "a")])
def test_names_of_labels_do_not_matter(as_labels):
    x = [as_labels(str(v)) for v in A]
    if isinstance(x[0], tuple):
        pairs, x = x, np.empty(len(A), object)
        x[:] = pairs
    assert info.mutual_information(x, B) == near(0.4102186227404535)
    assert info.entropy(x) == near(info.entropy(A))


def test_truth_values_and_rows_of_several_columns():
    x = np.array(A) > 1
    assert info.entropy(x) == near(-(6 * math.log(6 / 17) + 11 * math.log(11 / 17)) / 17)
    assert info.entropy(np.c_[A, B]) == near(info.joint_entropy(A, B), 1e-13)
    assert info.entropy(np.array([["a", "b"], ["a", "c"], ["a", "b"], ["b", "b"]])) == near(1.5 * math.log(2))


def test_one_row():
    assert info.entropy([4]) == info.mutual_information([4], ["x"]) == 0
    for name in DISCRETE:
        assert math.isfinite(info.entropy([4], name)), name
        assert math.isfinite(info.mutual_information([4], [5], name)), name


def test_peers_error_the_number_minus_one_is_dropped_as_missing():
    """pyitlib: the entropy of [-1, 1, -1, 1] is 0 bits."""
    assert info.entropy([-1, 1, -1, 1], base=2) == 1
    assert info.mutual_information([-1, 1, -1, 1], [-1, 1, -1, 1], base=2) == 1


# --- missing values ---------------------------------------------------------------------------------------


def missing(kind):
    if kind == "object":
        return ["a", None, "b", "a", math.nan, "b"]
    return np.ma.masked_array([1, 9, 2, 1, 9, 2], [0, 1, 0, 0, 1, 0])


@pytest.mark.parametrize("kind", ["object", "masked"])
def test_missing_values(kind):
    x, y = missing(kind), [1, 1, 1, 2, 2, 2]
    with pytest.raises(DataError, match="`x` has 2 rows with missing values, the first is row 1"):
        info.mutual_information(x, y)
    assert info.entropy(x, nan_policy="omit") == near(math.log(2))
    assert info.mutual_information(x, y, nan_policy="omit") == near(
        info.mutual_information([1, 2, 1, 2], [1, 1, 2, 2])
    )
    assert math.isnan(info.mutual_information(x, y, nan_policy="propagate"))
    assert np.isnan(info.entropy(x, nan_policy="propagate", local=True)).tolist() == [True] * 6
    w = [1, 50, 1, 3, 50, 1]
    assert info.entropy(x, nan_policy="omit", weights=w) == near(info.entropy([1, 2, 1, 1, 1, 2]))
    assert info.kl_divergence(x, x, nan_policy="omit") == 0
    with pytest.raises(OptionError, match='`nan_policy` must be "raise", "omit" or "propagate", got'):
        info.entropy(x, nan_policy="drop")


def test_peers_error_nan_is_counted_as_a_symbol():
    """infomeasure counts it; scikit-learn and ennemi raise."""
    for x in ([1.0, math.nan, 2.0], ["a", math.nan, "b"]):
        with pytest.raises(DataError, match="`x` has 1 rows with missing values, the first is row 1"):
            info.entropy(x)


def test_nothing_left_without_missing_values():
    with pytest.raises(DataError, match="in every row a value is missing, of `x`, `y`"):
        info.mutual_information([None, "a"], ["b", None], nan_policy="omit")


# --- units ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "unit"), [("e", 1), ("nats", 1), (2, math.log(2)), ("bits", math.log(2)), ("dits", math.log(10))]
)
def test_units(base, unit):
    assert info.entropy(B, base=base) == near(info.entropy(B) / unit)
    assert info.entropy_of_counts([5, 3, 2], base=base) == near(1.0296530140645737 / unit)
    assert info.entropy(B, base=0.5) == near(-info.entropy(B, base=2))


@pytest.mark.parametrize("base", [1, 0, -2, math.inf, math.nan, "2", "bit", None, True])
def test_peers_error_base_one_or_negative_is_accepted(base):
    for call in (lambda: info.entropy(B, base=base), lambda: info.g_test(A, B, base=base)):
        with pytest.raises(OptionError, match="`base` must be a number > 0 but 1, or "):
            call()


# --- numerical care ---------------------------------------------------------------------------------------


def test_peers_error_counts_overflow():
    """scikit-learn#9772, #26696: products of int32 counts overflow."""
    assert info.entropy_of_counts(np.array([2**30, 2**30, 2**31 - 1], np.int32)) == near(
        1.5 * math.log(2), 1e-9
    )
    assert info.entropy_of_counts([2**62, 2**62 - 1]) == near(math.log(2))
    x = np.repeat([0, 1], 70_000).astype(np.int32)
    assert info.mutual_information(x, x) == near(math.log(2))
    w = np.full(2, 2**40)
    assert info.mutual_information([0, 1], [0, 1], weights=w) == near(math.log(2))


def test_peers_error_small_weights_lose_their_sum():
    """A float16 sum of 1e5 ones is inf, a float32 one loses digits."""
    x = np.arange(100_000) % 10
    for dtype in ("float16", "float32", "int8", "bool"):
        assert info.entropy(x, weights=np.ones(100_000, dtype)) == near(math.log(10), 1e-13)


# --- choosing, and bad input ------------------------------------------------------------------------------


def test_an_unknown_estimator_is_named_with_its_neighbours():
    with pytest.raises(UsageError, match="unknown estimator `miller_meadow`; did you mean miller_madow"):
        info.entropy(A, "miller_meadow")


def test_data_of_the_wrong_kind_for_the_estimator():
    with pytest.raises(UsageError) as caught:
        info.mutual_information(A, np.linspace(0, 1, 17), "ml")
    text = "estimator `ml` is for discrete data, but `x` is discrete (int64), `y` is continuous (float64)"
    assert text in str(caught.value)


def test_options_are_checked_by_name():
    with pytest.raises(
        UsageError, match="estimator `dirichlet` has no option `b` for `entropy`; it has: k, a"
    ):
        info.entropy(A, "dirichlet", b=2)
    assert info.entropy([0] * 5 + [1] * 3 + [2] * 2, "dirichlet", a=1) != info.entropy(A, "dirichlet", a=2)
    with pytest.raises(OptionError, match="`a` must be > 0"):
        info.entropy(A, "dirichlet", a=0)


def test_sizes_of_alphabets():
    assert info.entropy(B, "laplace", k=10) > info.entropy(B, "laplace")
    joint = info.mutual_information(A, B, "laplace", k=(3, 4))
    parts = ([6, 6, 5], 3), (np.bincount(B), 4), (np.unique([A, B], axis=1, return_counts=True)[1], 12)
    hx, hy, hxy = (info.entropy_of_counts(n, "laplace", k=k) for n, k in parts)
    assert joint == near(hx + hy - hxy, 1e-13)
    with pytest.raises(OptionError, match="at least the 3 symbols that `y` has, got 2"):
        info.mutual_information(A, B, "laplace", k=(3, 2))
    with pytest.raises(OptionError, match="`k` must be 2 sizes of alphabets, of x, y, got 3"):
        info.mutual_information(A, B, "laplace", k=3)
    with pytest.raises(OptionError, match="at least the 3 counts > 0, got 2"):
        info.entropy_of_counts([1, 2, 0, 3], k=2)


BAD = {
    "empty": (ShapeError, r"`x` has no samples, shape \(0,\)", lambda: info.entropy(np.array([], int))),
    "no columns": (ShapeError, "no samples", lambda: info.entropy(np.zeros((3, 0), int))),
    "scalar": (ShapeError, r"must have shape \(N,\) or \(N, D\), got \(\)", lambda: info.entropy(3)),
    "rank": (ShapeError, r"got \(2, 2, 2\)", lambda: info.entropy(np.zeros((2, 2, 2), int))),
    "lengths": (ShapeError, "`y` must have as many rows as `x`", lambda: info.mutual_information(A, B[1:])),
    "complex": (DtypeError, "got dtype complex128", lambda: info.entropy(np.ones(3) * 1j)),
    "unhashable": (DtypeError, "must be hashable", lambda: info.entropy(np.array([{}, {}], object))),
    "void": (DtypeError, "got dtype void", lambda: info.entropy(np.array([b"a"], "V1"))),
    "infinite": (DataError, "`x` must be finite, got inf", lambda: info.entropy([1.0, math.inf])),
    "no samples": (ShapeError, "at least 1 samples", lambda: info.joint_entropy()),
    "one sample": (ShapeError, "at least 2 samples are needed, got 1", lambda: info.total_correlation(A)),
    "negative weight": (DataError, "not negative, got -1", lambda: info.entropy([0, 1], weights=[1, -1])),
    "nan weight": (DataError, "got nan", lambda: info.entropy([0, 1], weights=[1, math.nan])),
    "zero weights": (DataError, "all zero", lambda: info.entropy([0, 1], weights=[0, 0])),
    "weights": (ShapeError, r"shape \(2,\)", lambda: info.entropy([0, 1], weights=[1, 1, 1])),
    "text weights": (DtypeError, "must be numbers", lambda: info.entropy([0, 1], weights=["1", "2"])),
    "threads": (OptionError, "`threads` must be an integer > 0, got 0", lambda: info.entropy(A, threads=0)),
    "local": (UsageError, "local values of discrete", lambda: info.entropy(A, "zhang", local=True)),
    "unpaired weights": (OptionError, "rows belong", lambda: info.kl_divergence(A, B, weights=[1] * 17)),
    "local divergence": (OptionError, "neither `local`", lambda: info.kl_divergence(A, B, local=True)),
    "divergence": (UsageError, "the divergence of discrete", lambda: info.kl_divergence(A, B, "zhang")),
    "fractions": (DataError, "whole numbers, got 2.5", lambda: info.entropy(A, "zhang", weights=[0.5] * 17)),
    "negative counts": (OptionError, "not negative", lambda: info.entropy_of_counts([3, -1])),
    "zero counts": (OptionError, "not all zero", lambda: info.entropy_of_counts([0, 0])),
    "nan counts": (OptionError, "must be finite", lambda: info.entropy_of_counts([1, math.nan])),
    "text counts": (DtypeError, "must be numbers", lambda: info.entropy_of_counts(["a"])),
}  # fmt: skip


@pytest.mark.parametrize(("error", "message", "call"), BAD.values(), ids=BAD)
def test_bad_input(error, message, call):
    with pytest.raises(error, match=message):
        call()


# --- estimators of other packages -------------------------------------------------------------------------


def plugged(*estimators):
    @nbdl.hookimpl
    def nbdl_estimators():
        yield from estimators

    entry = SimpleNamespace(
        name="mine", dist=None, load=lambda: SimpleNamespace(nbdl_estimators=nbdl_estimators)
    )
    return registry.Registry(entries=[entry])


@pytest.fixture
def use():
    former = registry._current
    yield lambda *estimators: registry.use(plugged(*estimators))
    registry.use(former)


def test_a_discrete_estimator_of_a_plugin_gives_every_measure(use):
    def doubled(counts, *, k=None, times=2):
        return times * float(np.log(counts.size))

    use(nbdl.Estimator("doubled", "discrete", {"entropy": doubled}))
    assert info.entropy(A, "doubled") == near(2 * math.log(3))
    assert info.mutual_information(A, B, "mine.doubled", times=1) == near(2 * math.log(3) - math.log(7))


def test_what_a_continuous_estimator_lacks_follows_from_its_entropy(use):
    def volume(x, *, scale=1.0, local=False, threads=1):
        assert x.flags.c_contiguous and x.dtype == np.float64 and x.ndim == 2
        value = scale * np.log(x.max(axis=0) - x.min(axis=0)).sum()
        return np.full(len(x), value) if local else value

    use(nbdl.Estimator("volume", "continuous", {"entropy": volume}))
    x, y, z = np.random.default_rng(0).random((3, 50)).astype("float32")
    assert info.entropy(x, "volume", scale=2.0) == near(2 * info.entropy(x, "volume"))
    assert info.mutual_information(x, y, "volume") == near(0)
    assert info.total_correlation(x, y, z, estimator="volume") == near(0)
    assert info.conditional_entropy(x, y, "volume", local=True) == near(info.entropy(x, "volume"))
    with pytest.raises(UsageError, match="estimator `volume` has no `kl_divergence`; it has: entropy"):
        info.kl_divergence(x, y, "volume")
    with pytest.raises(OptionError, match="`weights` are for discrete data, estimator `volume` takes none"):
        info.entropy(x, "volume", weights=np.ones(50))


def test_what_has_no_entropy_follows_by_the_chain_rule(use):
    log = []

    def mutual(x, y, *, local=False, threads=1):
        log.append((x.shape[1], y.shape[1]))
        return 1.0

    def conditional(x, y, z, *, local=False, threads=1):
        log.append((x.shape[1], y.shape[1], z.shape[1]))
        return 10.0

    both = {"mutual_information": mutual, "conditional_mutual_information": conditional}
    use(nbdl.Estimator("chained", "continuous", both))
    xs = np.random.default_rng(0).random((4, 9))
    assert info.total_correlation(*xs, estimator="chained") == 3
    assert log == [(1, 1), (2, 1), (3, 1)]
    log.clear()
    assert info.dual_total_correlation(*xs, estimator="chained") == 21
    assert log == [(1, 1, 2), (1, 2, 1), (1, 3)]
    assert info.o_information(*xs[:3], estimator="chained") == 2 - 11
    assert info.co_information(*xs[:3], estimator="chained") == 1 - 10
    with pytest.raises(UsageError, match="estimator `chained` has no `entropy`"):
        info.entropy(xs[0], "chained")


def test_the_chain_rule_of_the_dual_is_its_definition():
    """The same sum on discrete data, where entropies say what it must be."""
    rng = np.random.default_rng(1)
    w, x, y = rng.integers(0, 3, (3, 200))
    z = (w + x * y) % 3
    cmi, mi = info.conditional_mutual_information, info.mutual_information
    chain = cmi(x, w, np.c_[y, z]) + cmi(y, np.c_[w, x], z) + mi(z, np.c_[w, x, y])
    assert info.dual_total_correlation(w, x, y, z) == near(chain, 1e-12)


def test_a_mixed_estimator_gets_codes_and_floats(use):
    def mixed(x, y, *, local=False, threads=1):
        assert x.dtype == np.int64 and x.shape == (17,) and y.dtype == np.float64 and y.shape == (17, 1)
        return float(x.max())

    use(nbdl.Estimator("mix", "mixed", {"mutual_information": mixed}))
    assert info.mutual_information(["abc"[v - 1] for v in A], np.linspace(0, 1, 17), "mix") == 2


def test_what_an_estimator_says_is_said_once_of_the_samples_as_the_user_calls_them():
    rng = np.random.default_rng(0)
    x, zeros = rng.standard_normal(200), np.where(rng.random(200) < 0.4, 0, rng.standard_normal(200))
    tails = [rng.standard_cauchy(3000)] * 2
    for ask, names in (
        (lambda: info.total_correlation(x, zeros, estimator="ksg1"), ["ksg1: 3. % of `xs[1]` are"]),
        (lambda: info.transfer_entropy(x, zeros, "ksg1"), ["ksg1: 3. % of `target` are"]),
        (lambda: info.joint_entropy(x > 0, zeros), ["of these often 0", "3. % of `xs[0]` and `xs[1]` are"]),
        (lambda: info.mutual_information(*tails, "binned"), ["values of a column"]),
    ):
        with pytest.warns(RuntimeWarning) as caught:
            ask()
        assert len(caught) == len(names)
        for warning, name in zip(caught, names):
            assert re.search(name.replace("[", r"\["), str(warning.message))
            assert warning.filename == __file__


@pytest.mark.parametrize("estimator", ["gaussian", "gaussian_copula"])
def test_a_difference_of_infinite_informations_is_an_error(estimator):
    x, y = np.random.default_rng(0).standard_normal((2, 100))
    with pytest.raises(DataError, match="`o_information` is a difference of informations that are infinite"):
        info.o_information(x, x, y, estimator=estimator)


@pytest.mark.parametrize("option", ["local", "clip"])
def test_switches_are_truth_values(option):
    with pytest.raises(OptionError, match=f"`{option}` must be True or False, got 'no'"):
        info.mutual_information([0, 1, 1], [1, 1, 0], **{option: "no"})
