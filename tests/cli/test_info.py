"""`nbdl info`: columns, measures, what is tested, matrices, lags, pictures, and what is said of mistakes."""

import json
import re

import click
import numba
import numpy as np
import pytest

from nbdl import info, registry
from nbdl.cli import _info, _output
from nbdl.info import _picture

pytestmark = [
    pytest.mark.skipif(
        numba.config.DISABLE_JIT, reason="the JIT is disabled: estimates take minutes in plain Python"
    ),
    pytest.mark.filterwarnings("ignore:.* rows are few"),  # of symbols, on purpose
]


@pytest.fixture
def table(tmp_path):
    """plants.csv with two measured columns and two of symbols, and its columns as arrays."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 120)
    length = kind + rng.standard_normal(120)
    width = length / 2 + rng.standard_normal(120)
    names = np.array(["fern", "moss", "oak"])[kind]
    rows = zip(length.tolist(), width.tolist(), names, rng.integers(0, 2, 120))
    text = "length,width,kind,wet\n" + "".join(f"{a!r},{b!r},{c},{d}\n" for a, b, c, d in rows)
    (tmp_path / "plants.csv").write_text(text)
    wet = np.array([int(line[-1]) for line in text.splitlines()[1:]])
    return {"length": length, "width": width, "kind": kind, "wet": wet}


def result(run, *arguments):
    """The JSON of a call that succeeds."""
    got = run("info", *arguments, "--format", "json")
    assert got.exit_code == 0, got.stderr
    return json.loads(got.stdout)


# --- values -------------------------------------------------------------------------------------------------


def test_a_result_says_how_it_was_understood(run, table):
    got = run("info", "mutual_information", "plants.csv", "-x", "kind", "-y", "wet", "--base", "bits")
    value = info.mutual_information(table["kind"], table["wet"], base=2)
    lines = [" ".join(line.split()) for line in got.stdout.splitlines()]
    assert lines == [
        f"mutual information {value:.6g} bits",
        "estimator ml",
        "rows 120",
        "x kind: discrete (text, 3 different)",
        "y wet: discrete (whole numbers, 2 different)",
    ]


@pytest.mark.parametrize(
    ("arguments", "measure", "names"),
    [
        (["entropy", "-x", "kind"], info.entropy, ["kind"]),
        (["joint_entropy", "-x", "kind", "-y", "wet"], info.joint_entropy, ["kind", "wet"]),
        (["conditional_entropy", "-x", "2", "-y", "3"], info.conditional_entropy, ["kind", "wet"]),
        (["kl_divergence", "-x", "wet", "-y", "wet"], info.kl_divergence, ["wet", "wet"]),
        (["total_correlation", "-x", "kind", "-x", "wet"], info.total_correlation, ["kind", "wet"]),
        (
            ["normalized_mutual_information", "-x", "kind", "-y", "wet"],
            info.normalized_mutual_information,
            ["kind", "wet"],
        ),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_measures_get_their_columns(run, table, arguments, measure, names):
    found = result(run, arguments[0], "plants.csv", *arguments[1:])
    assert found["value"] == pytest.approx(measure(*(table[n] for n in names)), abs=1e-12)
    assert [s["column"] for s in found["samples"].values()] == names


def test_several_columns_are_one_variable(run, table):
    found = result(
        run,
        "mutual_information",
        "plants.csv",
        "-x",
        "length,width",
        "-y",
        "length",
        "--estimator",
        "gaussian",
    )
    assert found["value"] is None and found["samples"]["x"]["about"].startswith(
        "2 columns"
    )  # inf: one is the other
    found = result(run, "entropy", "plants.csv", "-x", "length", "-x", "width", "--estimator", "gaussian")
    both = np.column_stack([table["length"], table["width"]])
    assert found["value"] == pytest.approx(info.entropy(both, "gaussian"))


@pytest.mark.parametrize("text", ["2", "bits", "e", "10", "3.5"])
def test_bases(run, table, text):
    found = result(run, "entropy", "plants.csv", "-x", "kind", "--base", text)
    base = {"2": 2, "10": 10, "3.5": 3.5}.get(text, text)
    assert found["value"] == pytest.approx(info.entropy(table["kind"], base=base))
    units = {"2": "bits", "bits": "bits", "e": "nats", "10": "dits", "3.5": "base 3.5"}
    assert found["unit"] == units[text]


def test_options_reach_the_estimator(run, table):
    found = result(
        run, "mutual_information", "plants.csv", "-x", "length", "-y", "width",
        "--estimator", "binned", "--set", "bins=5", "--set", "binning=mass",
    )  # fmt: skip
    expected = info.mutual_information(table["length"], table["width"], "binned", bins=5, binning="mass")
    assert found["value"] == pytest.approx(expected) and found["estimator"] == "binned"
    found = result(
        run, "mutual_information", "plants.csv", "-x", "kind", "-y", "wet", "--estimator", "nsb", "--k", "4,2"
    )
    assert found["value"] == info.mutual_information(table["kind"], table["wet"], "nsb", k=(4, 2))


def test_weights_are_a_column(run, tmp_path):
    (tmp_path / "counts.csv").write_text("a,b,n\nx,u,5\nx,v,1\ny,v,3\n")
    found = result(run, "mutual_information", "counts.csv", "-x", "a", "-y", "b", "--weights", "n")
    a, b = np.repeat([0, 0, 1], [5, 1, 3]), np.repeat([0, 1, 1], [5, 1, 3])
    assert found["value"] == pytest.approx(info.mutual_information(a, b))


def test_kinds_are_forced(run, table):
    found = result(
        run, "entropy", "plants.csv", "-x", "wet", "--continuous", "wet", "--estimator", "gaussian"
    )
    assert found["value"] == pytest.approx(info.entropy(table["wet"].astype(float), "gaussian"))
    found = result(run, "entropy", "plants.csv", "-x", "length", "--discrete", "length", "--base", "2")
    assert found["value"] == pytest.approx(np.log2(120))


def test_missing_values(run, tmp_path):
    (tmp_path / "a.csv").write_text("s,t\nx,u\n,u\nx,v\ny,NaN\ny,v\n")
    arguments = ["info", "mutual_information", "a.csv", "-x", "s", "-y", "t"]
    got = run(*arguments)
    assert got.exit_code == 3 and "1 rows with missing values, the first is row 1" in got.stderr
    assert "where: a.csv: `x` is s: discrete" in got.stderr and "try: --nan-policy omit" in got.stderr
    found = result(run, *arguments[1:], "--nan-policy", "omit")
    assert found["value"] == pytest.approx(info.mutual_information([0, 0, 1], [0, 1, 1]))
    assert result(run, *arguments[1:], "--nan-policy", "propagate")["value"] is None


@pytest.mark.parametrize(
    "text, error, hint",
    [
        ("", "it has no rows", "a file with one sample a row"),
        ("s,t\n", "it has no rows", "a file with one sample a row"),
        ("s,t\nx,\ny,\nx,\n", "in every row a value is missing, of `y`", "other columns"),
    ],
    ids=["empty", "names alone", "no value"],
)
def test_files_without_samples(run, tmp_path, text, error, hint):
    (tmp_path / "a.csv").write_text(text)
    got = run("info", "mutual_information", "a.csv", "-x", "s", "-y", "t", "--nan-policy", "omit")
    assert got.exit_code == 3 and f"error: {error}" in got.stderr and f"try: {hint}" in got.stderr


def test_columns_of_one_value(run, tmp_path):
    (tmp_path / "a.csv").write_text("s,t,u\n" + "".join(f"x,1.5,{i / 7}\n" for i in range(9)))
    for x, y in ("su", "tu", "st"):
        assert result(run, "mutual_information", "a.csv", "-x", x, "-y", y)["value"] == 0


def test_files_of_arrays(run, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 2)), rng.integers(0, 3, 50)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    np.save(tmp_path / "a.npy", x)
    found = result(run, "entropy", "a.npz", "-x", "x", "--estimator", "gaussian")
    assert found["value"] == info.entropy(x, "gaussian")
    assert result(run, "entropy", "a.npz", "-x", "y")["value"] == info.entropy(y)
    found = result(run, "mutual_information", "a.npy", "--estimator", "gaussian")  # as many as it takes
    assert found["value"] == pytest.approx(info.mutual_information(x[:, 0], x[:, 1], "gaussian"))


# --- tests, lags, matrices ----------------------------------------------------------------------------------


def test_p_value_and_interval(run, table):
    arguments = ["mutual_information", "plants.csv", "-x", "length", "-y", "width", "--estimator", "gaussian"]
    found = result(run, *arguments, "--permutations", 99, "--bootstrap", 50, "--seed", 3)
    pair = table["length"], table["width"]
    test = info.permutation_test("mutual_information", *pair, estimator="gaussian", permutations=99, seed=3)
    interval = info.bootstrap("mutual_information", *pair, estimator="gaussian", resamples=50, seed=3)
    assert (found["value"], found["p_value"]) == (pytest.approx(test.estimate), test.p_value)
    assert found["interval"] == pytest.approx([interval.low, interval.high]) and found["permutations"] == 99
    text = run("info", *arguments, "--permutations", 99, "--bootstrap", 50, "--seed", 3).stdout
    assert f"p-value             {test.p_value:.4g}, from 99 permutations" in text
    assert "95 % interval" in text and "from 50 resamples" in text


def test_p_values_by_formula(run, table):
    found = result(run, "mutual_information", "plants.csv", "-x", "kind", "-y", "wet", "--permutations", 0)
    test = info.g_test(table["kind"], table["wet"])
    assert (found["p_value"], found["test"], found["dof"]) == (test.p_value, "g_test", 2)
    assert found["value"] == pytest.approx(test.information) and "permutations" not in found
    arguments = ["conditional_mutual_information", "plants.csv", "-x", "kind", "-y", "wet", "-z", "wet"]
    assert result(run, *arguments, "--permutations", 0)["p_value"] == 1
    arguments = ["mutual_information", "plants.csv", "-x", "length", "-y", "width", "--estimator", "gaussian"]
    found = result(run, *arguments, "--permutations", 0)
    test = info.f_test(table["length"], table["width"])
    assert found["p_value"] == test.p_value and found["dof"] == list(test.dof)
    text = run("info", *arguments, "--permutations", 0).stdout
    assert f"p-value             {test.p_value:.4g}, by the F-test, 1 and 118 degrees of freedom" in text
    found = result(
        run, "mutual_information", "plants.csv", "--pairwise", "-x", "kind,wet", "--permutations", 0
    )
    assert found["p_values"][0][1] == info.g_test(table["kind"], table["wet"]).p_value


@pytest.mark.parametrize("count", [0, 19])
def test_p_values_of_lags(run, table, count):
    """Each is that of the rows that the lag puts side by side, the same times of y for all lags."""
    arguments = ["mutual_information", "plants.csv", "-x", "kind", "-y", "wet", "--lags", "-1:1"]
    found = result(run, *arguments, "--permutations", count)
    x, y = table["kind"], table["wet"]
    for lag, value, p in zip((-1, 0, 1), found["values"], found["p_values"]):
        rows = x[1 - lag : x.size - 1 - lag], y[1:-1]
        assert value == pytest.approx(info.mutual_information(*rows))
        by_hand = (
            info.permutation_test("mutual_information", *rows, permutations=19)
            if count
            else info.g_test(*rows)
        )
        assert p == by_hand.p_value
    arguments = ["transfer_entropy", "plants.csv", "-x", "kind", "-y", "wet", "--lags", "1:2"]
    found = result(run, *arguments, "--set", "history=2", "--permutations", count)
    assert found["values"][1] == pytest.approx(info.transfer_entropy(x, y, history=2, lag=2))
    text = run("info", *arguments, "--set", "history=2", "--permutations", count).stdout
    assert ("p-value, by the G-test" if count == 0 else "p-value, from 19 permutations") in text


def test_lags(run, table):
    arguments = ["mutual_information", "plants.csv", "-x", "length", "-y", "width", "--estimator", "gaussian"]
    found = result(run, *arguments, "--lags", "-1:2")
    expected = info.lagged("mutual_information", table["length"], table["width"], range(-1, 3), "gaussian")
    assert found["lags"] == [-1, 0, 1, 2] and found["values"] == pytest.approx(expected)
    text = run("info", *arguments, "--lags", "-1:2").stdout
    assert re.search(r"^lag  mutual information, nats\n-1   ", text, re.MULTILINE)


def test_transfer_entropy_with_a_condition(run, table):
    arguments = ["transfer_entropy", "plants.csv", "-x", "kind", "-y", "wet", "-z", "wet"]
    found = result(run, *arguments, "--set", "history=2")
    expected = info.transfer_entropy(table["kind"], table["wet"], given=table["wet"], history=2)
    assert found["value"] == pytest.approx(expected, abs=1e-12) and found["estimator"] == "ml"
    assert list(found["samples"]) == ["source", "target", "given"]


def test_regularity_of_one_series(run, table):
    for measure in ("permutation_entropy", "sample_entropy", "spectral_entropy"):
        got = result(run, measure, "plants.csv", "-x", "length", "--base", "2")
        assert got["value"] == getattr(info, measure)(table["length"], base=2)
        assert got["unit"] == "bits" and "estimator" not in got
    got = result(run, "permutation_entropy", "plants.csv", "-x", "length", "--set", "normalize=true")
    assert got["value"] == info.permutation_entropy(table["length"], normalize=True) and got["unit"] == ""
    got = result(run, "lempel_ziv_complexity", "plants.csv", "-x", "kind")
    assert got["value"] == info.lempel_ziv_complexity(table["kind"]) and got["unit"] == ""


def test_trials_are_a_column(run, table):
    data = ["plants.csv", "-x", "length", "-y", "width", "--estimator", "gaussian", "--trials", "wet"]
    x, y, options = table["length"], table["width"], {"estimator": "gaussian", "trials": table["wet"]}
    got = result(run, "transfer_entropy", *data)
    assert got["value"] == info.transfer_entropy(x, y, **options)
    got = result(run, "mutual_information", *data, "--lags", "0:1")
    assert got["values"] == info.lagged("mutual_information", x, y, [0, 1], **options).tolist()
    got = result(run, "transfer_entropy", *data, "--permutations", "9")
    test = info.permutation_test("transfer_entropy", x, y, permutations=9, **options)
    assert (got["value"], got["p_value"]) == (test.estimate, test.p_value)


@pytest.mark.parametrize(
    "measure", ["conditional_entropy", "adjusted_mutual_information", "kl_divergence", "total_correlation"]
)
def test_p_values_of_other_measures(run, table, measure):
    got = result(run, measure, "plants.csv", "-x", "kind", "-y", "wet", "--permutations", "19")
    test = info.permutation_test(measure, table["kind"], table["wet"], permutations=19)
    assert got["p_value"] == test.p_value
    if measure != "kl_divergence":  # that is infinite, which JSON has no number for
        assert got["value"] == pytest.approx(test.estimate, abs=1e-12)
    got = run("info", measure, "plants.csv", "-x", "kind", "-y", "wet", "--permutations", "0")
    if measure in ("kl_divergence", "total_correlation"):
        assert got.exit_code == 2 and "has no formula for a p-value" in got.stderr
    else:
        assert got.exit_code == 0 and "by the G-test" in got.stdout


def test_pairwise(run, table):
    found = result(run, "mutual_information", "plants.csv", "--pairwise", "-x", "kind", "-x", "wet")
    both = [table["kind"], table["wet"]]
    matrix = np.array(found["matrix"], float)
    assert matrix[0, 1] == matrix[1, 0] == info.mutual_information(*both) and np.isnan(np.diag(matrix)).all()
    assert found["estimators"] == ["ml"]
    got = run("info", "mutual_information", "plants.csv", "--pairwise", "-x", "length,width", "--estimator",
              "gaussian", "--permutations", 19)  # fmt: skip
    assert got.exit_code == 0 and "p-values, from 19 permutations each" in got.stdout
    assert (
        got.stdout.split("\n\n")[0].splitlines()[1].split()
        == "0 length continuous numbers, 120 different".split()
    )


def test_pairwise_of_both_kinds(run, table):
    found = result(run, "mutual_information", "plants.csv", "--pairwise", "--permutations", 19)
    matrix = np.array(found["matrix"], float)  # nan: infinite, a continuous column with itself
    assert np.array_equal(matrix, matrix.T, equal_nan=True)
    pair = (table[n] for n in ("length", "width"))
    assert matrix[0, 1] == pytest.approx(info.mutual_information(*pair))
    assert len(found["estimators"]) == 3 and np.array(found["p_values"], float)[0, 1] == 0.05


def gappy(tmp_path):
    """Two whole columns, one that is 98 % empty, one that is all empty, a year and who counts."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 2000))
    z = np.where(np.arange(2000) % 54 == 0, x, np.nan)  # 38 values
    lines = [f"{a:.9f},{b:.9f},{'' if np.isnan(c) else c},,{i % 7},{int(i % 4 > 0)}" for i, (a, b, c) in
             enumerate(zip(x, y, z))]  # fmt: skip
    (tmp_path / "g.csv").write_text("\n".join(["x,y,rare,none,day,ok", *lines]) + "\n")
    return np.round(x, 9), np.round(y, 9), z


def test_rows_are_those_that_are_used(run, tmp_path):
    """Of a value, a scan and a matrix, in JSON and in words; not those of the file."""
    gappy(tmp_path)
    options = ["--estimator", "gaussian", "--nan-policy", "omit"]
    pair = ["mutual_information", "g.csv", "-x", "x", "-y", "rare", *options]
    assert result(run, *pair)["rows"] == 38
    assert re.search(r"^rows +38$", run("info", *pair).stdout, re.MULTILINE)
    found = result(run, *pair, "--lags", "0:2")
    assert found["rows"] == 37 and found.get("rows_of_lags", [37] * 3) == [37, 37, 37]
    found = result(run, "transfer_entropy", "g.csv", "-x", "x", "-y", "y", *options, "--set", "history=3")
    assert found["rows"] == 1997
    found = result(run, "kl_divergence", "g.csv", "-x", "x", "-y", "rare", *options)
    assert found["rows"] == 2000
    matrix = ["mutual_information", "g.csv", "--pairwise", "-x", "x,y,rare", *options]
    found = result(run, *matrix)
    assert found["rows"] == 38 and found["rows_of_pairs"][0] == [None, 2000, 38]
    assert "; 38 to 2000 rows; by gaussian" in run("info", *matrix).stdout
    assert result(run, *matrix[:3], "-x", "x,y", *options)["rows"] == 2000


@pytest.mark.parametrize("more", [[], ["--permutations", "9"]], ids=["values", "tests"])
def test_a_column_without_values_leaves_the_matrix_of_the_others(run, tmp_path, more):
    x, y, _ = gappy(tmp_path)
    arguments = [
        "mutual_information",
        "g.csv",
        "--pairwise",
        "--estimator",
        "gaussian",
        "--nan-policy",
        "omit",
    ]
    kinds = ["--continuous", "none,day,ok,rare"]
    got = run("info", *arguments, *kinds, *more, "--format", "json")
    assert got.exit_code == 0, got.stderr
    found = json.loads(got.stdout)
    assert found["matrix"][3] == [None] * 6 and found["rows"] == 0
    assert found["matrix"][0][1] == pytest.approx(info.mutual_information(x, y, "gaussian"), abs=1e-9)
    assert "warning: " in got.stderr and "`none`" in got.stderr
    without = [*arguments, "--exclude", "none", "--exclude", "day,ok"]
    got = run("info", *without, "--continuous", "rare", *more, "--format", "json")
    found = json.loads(got.stdout)
    assert [c["column"] for c in found["columns"]] == ["x", "y", "rare"] and "warning" not in got.stderr


def test_excluded_columns_are_no_variables(run, tmp_path, table):
    arguments = ["total_correlation", "plants.csv", "--discrete", "length,width", "--exclude", "length,width"]
    found = result(run, *arguments)
    assert [c["column"] for c in found["samples"].values()] == ["kind", "wet"]
    assert found["value"] == pytest.approx(info.mutual_information(table["kind"], table["wet"]))
    found = result(run, "mutual_information", "plants.csv", "--exclude", "length", "--exclude", "width")
    assert list(found["samples"]) == ["x", "y"]
    got = run("info", "mutual_information", "plants.csv", "--pairwise", "--exclude", "length,width,wet")
    assert got.exit_code == 2 and "two columns at least, got 1" in got.stderr


def test_a_matrix_given_a_condition(run, table):
    arguments = ["mutual_information", "plants.csv", "--pairwise", "-z", "wet"]
    found = result(run, *arguments, "--estimator", "gaussian", "--continuous", "wet", "-x", "length,width")
    z = table["wet"].astype(float)
    expected = info.conditional_mutual_information(table["length"], table["width"], z, "gaussian")
    assert found["matrix"][0][1] == pytest.approx(expected, abs=1e-12)
    assert found["given"]["column"] == "wet" and found["measure"] == "mutual_information"
    found = result(run, *arguments, "--discrete", "length", "-x", "length,kind", "--permutations", 0)
    test = info.g_test(np.unique(table["length"], return_inverse=True)[1], table["kind"], table["wet"])
    assert found["p_values"][0][1] == pytest.approx(test.p_value)
    assert "given wet: discrete" in run("info", *arguments, "-x", "kind,wet").stdout
    assert "wet" not in [
        c["column"] for c in result(run, *arguments, "--discrete", "length,width")["columns"]
    ]
    got = run("info", "v_measure", "plants.csv", "--pairwise", "-x", "kind,wet", "-z", "wet")
    assert (
        got.exit_code == 2 and "-z with mutual_information or transfer_entropy, not with `v_m" in got.stderr
    )
    found = result(run, "transfer_entropy", "plants.csv", "--pairwise", "-x", "kind,wet", "-z", "wet")
    expected = info.transfer_entropy(table["kind"], table["wet"], given=table["wet"])
    assert found["matrix"][0][1] == pytest.approx(expected, abs=1e-12)


def test_lags_given_a_condition(run, table):
    arguments = ["plants.csv", "-x", "length", "-y", "width", "-z", "wet", "--continuous", "wet"]
    options = ["--estimator", "gaussian", "--lags", "-1:1", "--permutations", 0]
    found = result(run, "mutual_information", *arguments, *options)
    z = table["wet"].astype(float)
    expected = info.lagged(
        "mutual_information", table["length"], table["width"], range(-1, 2), "gaussian", given=z
    )
    assert found["values"] == pytest.approx(expected) and len(found["p_values"]) == 3
    assert list(found["samples"]) == ["x", "y", "given"] and found["rows"] == 118


def test_a_mask_is_a_column_of_rows_that_count(run, tmp_path):
    x, y, _ = gappy(tmp_path)
    mask = np.arange(2000) % 4 > 0
    options = ["--estimator", "gaussian", "--mask", "ok"]
    found = result(run, "mutual_information", "g.csv", "-x", "x", "-y", "y", *options)
    assert found["rows"] == 1500
    assert found["value"] == pytest.approx(info.mutual_information(x[mask], y[mask], "gaussian"), abs=1e-9)
    found = result(run, "mutual_information", "g.csv", "--pairwise", "--exclude", "none,rare,day", *options)
    assert [c["column"] for c in found["columns"]] == ["x", "y"] and found["rows"] == 1500
    assert found["matrix"][0][1] == pytest.approx(
        info.mutual_information(x[mask], y[mask], "gaussian"), abs=1e-9
    )
    found = result(run, "transfer_entropy", "g.csv", "-x", "x", "-y", "y", *options)
    assert found["rows"] == 1000  # two of three neighbours, of each four
    found = result(run, "transfer_entropy", "g.csv", "-x", "x", "-y", "y", "--lags", "1:2", *options)
    expected = info.lagged("transfer_entropy", x, y, [1, 2], "gaussian", mask=mask)
    assert found["values"] == pytest.approx(expected, abs=1e-9)
    got = run("info", "entropy", "g.csv", "-x", "x", "--mask", "day")
    assert got.exit_code == 3 and "--mask is a column of 1 and 0, or of true and false, got '2'" in got.stderr


def test_tables_fit_the_screen(run, tmp_path):
    rng = np.random.default_rng(0)
    names = [f"a_column_with_quite_a_long_name_{i}" for i in range(31)]
    rows = ["\n".join([",".join(names), *(",".join(map(str, r)) for r in rng.integers(0, 3, (50, 31)))])]
    (tmp_path / "wide.csv").write_text("\n".join(rows))
    got = run("info", "mutual_information", "wide.csv", "--pairwise", "--permutations", 0).stdout
    assert max(map(len, got.splitlines())) <= 80
    blocks = got.split("\n\n")
    cells = [line.split()[1:] for line in blocks[2].splitlines()[1:]]
    assert len(cells) == 31 and got.count("0.0") > 100
    assert all(len(block.splitlines()) in (1, 32) for block in blocks)
    value = run("info", "mutual_information", "wide.csv", "-x", ",".join(names[:9]), "-y", names[9]).stdout
    assert max(map(len, value.splitlines())) <= 80


def test_warnings_of_a_matrix_name_the_columns(run, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", one=rng.integers(0, 900, 1000), two=rng.integers(0, 900, 1000))
    options = ["--pairwise", "--permutations", 0, "--estimator", "ml"]
    got = run("info", "mutual_information", "a.npz", *options)
    assert "warning: `one` and `two`: g_test: few rows, " in got.stderr
    x = np.round(rng.standard_normal((100, 2)), 1)
    np.savez(tmp_path / "b.npz", age=x[:, 0], size=x[:, 1])
    options = ["--pairwise", "--estimator", "ksg1", "--set", "noise=0.0"]
    for more in ([], ["--permutations", 3]):
        got = run("info", "mutual_information", "b.npz", *options, *more)
        assert re.search("% of `(age|size)` are values", got.stderr) and "`x`" not in got.stderr


def test_p_values_are_not_zero(run, tmp_path):
    """Sparse tables of independent columns have large ones; where one is small, it says below what."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 660, 2000)
    np.savez(tmp_path / "a.npz", x=x, y=rng.integers(0, 2, 2000), same=x % 2)
    arguments = ["mutual_information", "a.npz", "--pairwise", "--permutations", 0, "--estimator", "ml"]
    p = result(run, *arguments)["p_values"]
    assert p[0][1] > 0.01 and p[0][2] < 1e-9
    text = run("info", *arguments).stdout
    assert "<.001" in text and "0.000" not in text.split("p-values")[1]


def test_colours_are_not_taken_by_two_pairs():
    a = np.random.default_rng(0).random((12, 12))
    a = a + a.T
    assert _picture.limits(a) == (a.min(), a.max(), "neither")
    a[0, 1] = a[1, 0] = 50
    low, high, extend = _picture.limits(a)
    assert (low, extend) == (a.min(), "max") and high < 2.1
    a[3, 4], a[5, 6] = np.inf, np.nan
    assert _picture.limits(a)[2] == "max"
    assert _picture.limits(a[:2, :2])[1] == 50  # of few, each counts
    assert _picture.limits(np.full((2, 2), np.nan)) == (0, 1, "neither")


def texts(figure):
    return [t.get_text() for axes in figure.axes for t in axes.texts]


@pytest.mark.parametrize("n", [2, 31, 60])
def test_a_heat_map_grows_with_its_numbers(n, monkeypatch):
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib")
    drawn = []
    monkeypatch.setattr(_picture, "_png", lambda figure, title: drawn.append((figure, title)))
    a = np.random.default_rng(0).random((n, n)) - 0.001
    a[0, 1] = np.inf if n == 2 else 0.0
    _picture.heat_map(a, [f"c{i}" for i in range(n)], "nats", "measure: file")
    (figure, title) = drawn[0]
    assert title == "measure: file"
    assert len(texts(figure)) == (n * n - n if n <= _picture.WRITTEN else 0)
    width, height = figure.get_size_inches()
    assert n > _picture.WRITTEN or min(width, height) > _picture.CELL * n
    assert max(width, height) < 30 and "-0.00" not in texts(figure)


def test_pictures_say_what_they_show(run, table, monkeypatch):
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib")
    titles = []
    monkeypatch.setattr(_picture, "_png", lambda figure, title: titles.append(title) or b"")
    run("info", "mutual_information", "plants.csv", "--pairwise", "-x", "kind,wet", "--plot", "m.png")
    run(
        "info",
        "mutual_information",
        "plants.csv",
        "-x",
        "kind",
        "-y",
        "wet",
        "--lags",
        "0:3",
        "--plot",
        "l.png",
    )
    assert titles == [
        "mutual information: plants.csv\n120 rows; by ml",
        "mutual information: plants.csv\nkind before wet; 117 rows; by ml",
    ]


def test_pictures(run, table, tmp_path):
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib")
    got = run("info", "mutual_information", "plants.csv", "--pairwise", "-x", "kind,wet", "--plot", "m.png")
    assert got.exit_code == 0 and got.stderr.endswith("picture: m.png\n")
    arguments = [
        "mutual_information",
        "plants.csv",
        "-x",
        "kind",
        "-y",
        "wet",
        "--lags",
        "0:3",
        "--plot",
        "l.png",
    ]
    assert run("info", *arguments).exit_code == 0
    for name in ("m.png", "l.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_one_sided_measures_have_two_halves(run, table):
    found = result(run, "conditional_entropy", "plants.csv", "--pairwise", "-x", "kind,wet")
    kind, wet = table["kind"], table["wet"]
    expected = info.conditional_entropy(kind, wet), info.conditional_entropy(wet, kind)
    assert (found["matrix"][0][1], found["matrix"][1][0]) == pytest.approx(expected)


# --- values that recur --------------------------------------------------------------------------------------


def same_numbers(run, tmp_path, measure, columns, **options):
    """The answer of the command line and what Python makes of the arrays that NumPy reads from the file."""
    lines = zip(*(np.asarray(c).tolist() for c in columns.values()))
    rows = "".join(",".join(map(repr, line)) + "\n" for line in lines)
    (tmp_path / "t.csv").write_text(",".join(columns) + "\n" + rows)
    arguments = [word for flag, name in zip(("-x", "-y", "-z"), columns) for word in (flag, name)]
    got = run("info", measure, "t.csv", *arguments, "--format", "json")
    assert got.exit_code == 0, got.stderr
    as_they_are = np.genfromtxt(tmp_path / "t.csv", delimiter=",", names=True, dtype=None)
    floats = np.loadtxt(tmp_path / "t.csv", delimiter=",", skiprows=1)
    found, compute = json.loads(got.stdout), getattr(info, measure)
    assert found["value"] == compute(*(as_they_are[n] for n in columns)) == compute(*floats.T)
    return found, got.stderr


GAUSSIANS = [[1, 0], [0.6, 0.8]] @ np.random.default_rng(0).standard_normal((2, 768))
INTEGERS = np.random.default_rng(1).integers
LABELS = INTEGERS(0, 3, 768)


@pytest.mark.filterwarnings("ignore:.*taken as|.*spread over|.*of these often")
@pytest.mark.parametrize(
    ("x", "y", "true", "kinds", "estimator"),
    [
        (INTEGERS(70, 200, 768), INTEGERS(20, 80, 768), 0, "cc", "ksg1"),
        (INTEGERS(0, 5000, 768), LABELS, 0, "cd", "ross"),
        (1_700_000_000 + INTEGERS(1, 99, 768).cumsum(), LABELS, 0, "cd", "ross"),
        (np.arange(768), LABELS, 0, "cd", "ross"),
        (*np.rint(15 * GAUSSIANS), 0.223, "cc", "ksg1"),
        (*np.round(GAUSSIANS, 1), 0.223, "cc", "ksg1"),
        (INTEGERS(0, 4, 768) / 10, INTEGERS(0, 6, 768) / 7, 0, "dd", "ml"),
        (LABELS, 2 - LABELS, np.log(3), "dd", "ml"),
        (np.maximum(GAUSSIANS[0], 0), GAUSSIANS[1], 0.177, "cc", "gao"),
        (*GAUSSIANS, 0.223, "cc", "ksg1"),
    ],
    ids=["ages", "below 5000", "times", "rows", "whole", "rounded", "few", "labels", "zeros", "measured"],
)
def test_one_number_from_python_and_the_command_line(run, tmp_path, x, y, true, kinds, estimator):
    found, _ = same_numbers(run, tmp_path, "mutual_information", {"x": x, "y": y})
    assert found["value"] == pytest.approx(true, abs=0.08) and found["estimator"] == estimator
    assert "".join(s["kind"][0] for s in found["samples"].values()) == kinds


@pytest.mark.filterwarnings("ignore:.*taken as|.*spread over")
@pytest.mark.parametrize("measure", ["conditional_mutual_information", "transfer_entropy", "kl_divergence"])
def test_one_number_of_other_measures(run, tmp_path, measure):
    columns = dict(zip("xy", np.rint(15 * GAUSSIANS).astype(int)))
    if measure == "conditional_mutual_information":
        columns["z"] = LABELS
    same_numbers(run, tmp_path, measure, columns)


@pytest.mark.filterwarnings("ignore:.*taken as")
def test_a_choice_is_printed_with_its_reason(run, tmp_path):
    columns = {"glucose": INTEGERS(70, 200, 768), "label": LABELS}
    found, said = same_numbers(run, tmp_path, "mutual_information", columns)
    assert found["samples"]["x"]["kind"] == "continuous"
    assert "different, too few rows" in found["samples"]["x"]["about"]
    assert "--discrete COL is for symbols, --continuous COL for measured numbers" in said
    arguments = ["mutual_information", "t.csv", "-x", "glucose", "-y", "label"]
    got = result(run, *arguments, "--discrete", "glucose")
    assert got["value"] == info.mutual_information(*columns.values(), discrete=(True, None)) > 0.1
    assert got["samples"]["x"] == {
        "column": "glucose", "kind": "discrete", "about": "as said, whole numbers, 129 different"
    }  # fmt: skip
    got = run("info", *arguments, "--continuous", "glucose", "--format", "json")
    assert json.loads(got.stdout)["value"] == found["value"] and "warning" not in got.stderr


def test_rounded_values_are_spread(run, tmp_path):
    """Without, the estimate is that of a grid, and too large."""
    x, y = np.round(GAUSSIANS[:, :200], 1)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    arguments = ["mutual_information", "a.npz", "-x", "x", "-y", "y"]
    found = result(run, *arguments)
    assert abs(found["value"] - 0.223) < 0.15 and found["estimator"] == "ksg1"
    assert found["samples"]["x"]["about"].endswith("rounded, spread over their steps")
    got = run("info", *arguments, "--set", "noise=0.0", "--format", "json")
    assert json.loads(got.stdout)["value"] > 1.2 * found["value"] and got.stderr.count("warning: ") == 2
    assert result(run, *arguments, "--permutations", 19)["value"] == found["value"]


def test_labels_of_a_file_of_floats(run, tmp_path):
    """Those that are said to be discrete too, by a measure that has no option for it."""
    np.savez(tmp_path / "a.npz", a=LABELS.astype(float), b=np.round(GAUSSIANS[0]) + 0.5)
    arguments = ["normalized_mutual_information", "a.npz", "-x", "a", "-y", "b"]
    expected = info.normalized_mutual_information(LABELS, np.round(GAUSSIANS[0]).astype(int))
    found = result(run, *arguments)
    assert found["value"] == pytest.approx(expected) and found["samples"]["y"]["kind"] == "discrete"
    assert result(run, *arguments, "--discrete", "b")["value"] == pytest.approx(expected)
    np.savez(tmp_path / "a.npz", a=LABELS.astype(float), b=GAUSSIANS[0])
    assert result(run, *arguments, "--discrete", "b", "--permutations", 9)["p_value"] == 1


def test_weights_of_integers_with_a_missing_one_are_refused(run, tmp_path):
    (tmp_path / "a.csv").write_text("a,n\nx,1\ny,\nx,3\n")
    got = run("info", "entropy", "a.csv", "-x", "a", "--weights", "n")
    assert got.exit_code == 3 and "`weights` must be finite" in got.stderr


def test_scales_do_not_matter(run, tmp_path):
    """In metres and in millimetres: distances are comparable only once the scales are."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(300)
    y = 0.8 * x + 0.6 * rng.standard_normal(300)
    np.savez(tmp_path / "a.npz", x=x, y=y, large=1000 * y)
    near, far = (
        result(run, "mutual_information", "a.npz", "-x", "x", "-y", n)["value"] for n in ("y", "large")
    )
    assert near == pytest.approx(far)
    arguments = ["mutual_information", "a.npz", "-x", "x", "-y", "large", "--set", "standardize=false"]
    assert result(run, *arguments)["value"] < far / 2


def test_points_in_a_continuous_column_get_an_estimator_for_them(run, tmp_path):
    rng = np.random.default_rng(0)
    x = np.where(rng.random(200) < 0.4, 0.0, rng.exponential(size=200))
    np.savez(tmp_path / "a.npz", rain=x, flow=x + 0.1 * rng.standard_normal(200), z=rng.random(200))
    arguments = ["a.npz", "-x", "rain", "-y", "flow"]
    found = result(run, "mutual_information", *arguments)
    assert found["estimator"] == "gao" and found["samples"]["x"]["about"].endswith("; of these often 0")
    known = result(run, "conditional_mutual_information", *arguments, "-z", "z")
    assert known["estimator"] == "mesner_shalizi"
    assert result(run, "mutual_information", *arguments, "--estimator", "gaussian")["estimator"] == "gaussian"


def test_only_the_first_warnings_are_shown(run, tmp_path):
    x = np.round(np.random.default_rng(0).standard_normal((100, 4)), 1)
    np.save(tmp_path / "a.npy", x)
    got = run(
        "info", "mutual_information", "a.npy", "--pairwise", "--estimator", "ksg1", "--set", "noise=0.0"
    )
    assert got.stderr.count("warning: ") == 3 and "more warnings like these" in got.stderr


# --- the list, and help -------------------------------------------------------------------------------------


def test_list_has_every_measure_and_estimator(run):
    found = result(run, "--list")
    known = registry.default()
    assert [m["name"] for m in found["measures"]] == known.names("measure")
    assert [e["name"] for e in found["estimators"]] == known.names("estimator")
    text = run("info", "--list").stdout
    assert re.search(r"^conditional_mutual_information +-x -y -z$", text, re.MULTILINE)
    assert re.search(r"^ml +discrete +every measure$", text, re.MULTILINE)


def test_help_names_measures_that_exist(run):
    block = _info.info.help.split("\b\n")[1]
    measures = [line.split()[0] for line in block.splitlines()[1:-1] if line.strip()][:-1]
    known = {*registry.default().names("measure"), "information_bottleneck"}  # which is no one number
    assert len(measures) > 5 and set(measures) <= known
    for line in _info.info.help.split("\b\n")[2].splitlines():
        words = line.split()
        if words:
            with click.Context(_info.info) as context:
                _info.info.make_context("info", words[2:], parent=context)


def test_registry_entries_are_what_the_function_takes():
    """Flags of the command line follow from `inputs`: it must be the parameters, in their order."""
    import inspect

    from nbdl.records import resolve

    known = registry.default()
    for name in known.names("measure"):
        record = known.get("measure", name)
        parameters = list(inspect.signature(resolve(record.compute)).parameters.values())
        if record.inputs[0].startswith("*"):
            assert parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
        else:
            assert tuple(p.name for p in parameters[: len(record.inputs)]) == record.inputs


# --- mistakes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "arguments", "what"),
    [
        (2, [], "a measure and a file are needed"),
        (2, ["entropy"], "a measure and a file are needed"),
        (2, ["entropi", "plants.csv", "-x", "kind"], "unknown measure `entropi`; did you mean entropy"),
        (
            2,
            ["entropy", "plants.csv"],
            "`entropy` needs -x; the columns of plants.csv are length, width, kind",
        ),
        (2, ["entropy", "plants.csv", "-x", "kind", "-y", "wet"], "`entropy` takes -x, got -y too"),
        (2, ["mutual_information", "plants.csv", "-x", "kind"], "`mutual_information` needs -x and -y"),
        (2, ["entropy", "plants.csv", "-x", "kind", "--estimator", "mle"], "unknown estimator `mle`"),
        (
            2,
            ["entropy", "plants.csv", "-x", "kind", "--estimator", "vasicek"],
            "`vasicek` is for continuous data",
        ),
        (2, ["entropy", "plants.csv", "-x", "kind", "--base", "1"], "`base` must be a number > 0 but 1"),
        (2, ["entropy", "plants.csv", "-x", "kind", "--base", "bit"], "`base` must be a number > 0 but 1"),
        (2, ["entropy", "plants.csv", "-x", "kind", "--set", "a=1"], "has no option `a`"),
        (2, ["entropy", "plants.csv", "-x", "kind", "--k", "many"], "--k is an integer"),
        (2, ["entropy", "plants.csv", "-x", "kind", "--k", "2"], "`k` must be an integer, at least the 3"),
        (2, ["v_measure", "plants.csv", "-x", "kind", "-y", "wet", "--base", "2"], "takes no --base"),
        (
            2,
            ["entropy", "plants.csv", "-x", "kind", "--permutations", "9"],
            "`entropy` has no p-value",
        ),
        (2, ["entropy", "plants.csv", "-x", "kind", "--plot", "a.png"], "picture of a matrix, of lags or of"),
        (2, ["entropy", "plants.csv", "--pairwise", "--plot", "a.pdf"], "a .png file, got `a.pdf`"),
        (2, ["entropy", "plants.csv", "--pairwise", "--plot", "no/a.png"], "no folder no"),
        (2, ["entropy", "plants.csv", "--pairwise"], "--pairwise needs a measure of two samples"),
        (2, ["mutual_information", "plants.csv", "--pairwise", "-y", "wet"], "it takes no -y"),
        (2, ["mutual_information", "plants.csv", "--pairwise", "--lags", "0:2"], "--permutations alone"),
        (2, ["mutual_information", "plants.csv", "--lags", "0:2", "--bootstrap", "9"], "--lags goes with"),
        (
            2,
            ["mutual_information", "plants.csv", "-x", "kind", "-y", "width", "--permutations", "0"],
            "estimator `ross` has no formula for a p-value",
        ),
        (
            2,
            [
                "mutual_information",
                "plants.csv",
                "-x",
                "kind",
                "-y",
                "wet",
                "--weights",
                "width",
                "--permutations",
                "9",
            ],
            "`weights` are for one estimate",
        ),
        (2, ["mutual_information", "plants.csv", "-x", "kind", "-y", "wet", "--lags", "5"], "--lags are A:B"),
        (2, ["entropy", "plants.csv", "-x", "kind", "--lags", "0:2"], "--lags needs a measure of two series"),
        (3, ["entropy", "plants.csv", "-x", "hight"], "there is no column `hight`; there are 4: length"),
        (
            3,
            ["entropy", "plant.csv", "-x", "kind"],
            "there is no such file\n  where: plant.csv\n  try: plants.csv",
        ),
        (3, ["entropy", "plants.csv", "-x", "kind", "--continuous", "kind"], "`kind` is text, it cannot be"),
        (3, ["entropy", "plants.csv", "-x", "kind,length"], "columns taken together must be of one kind"),
        (
            3,
            ["normalized_mutual_information", "plants.csv", "-x", "length", "-y", "wet"],
            "`x` must be discrete",
        ),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else str(v)[:20],
)
def test_mistakes(run, table, code, arguments, what):
    got = run("info", *arguments)
    assert got.exit_code == code and got.stdout == "", got.stderr
    assert what in got.stderr and re.search(r"^  try: ", got.stderr, re.MULTILINE)
    assert len([line for line in got.stderr.splitlines() if not line.startswith("compiling")]) <= 3


def test_an_infinite_value_names_its_column(run, tmp_path):
    (tmp_path / "a.csv").write_text("v,w\n0.5,1.5\ninf,2.5\n0.25,3.5\n")
    got = run("info", "mutual_information", "a.csv", "--estimator", "gaussian")
    assert got.exit_code == 3
    assert got.stderr.startswith("error: `x` must be finite, got inf\n  where: a.csv: `x` is v: continuous")


def test_whole_numbers_are_not_called_discrete_where_they_may_be_measured(run, tmp_path):
    rows = "".join(f"{i},{i * i % 97}\n" for i in range(60))
    (tmp_path / "a.csv").write_text(f"v,w\n{rows}")
    got = run("info", "mutual_information", "a.csv", "--estimator", "ksg1", "--k", "500")
    assert "`x` is v: whole numbers (int64), `y` is w: whole numbers (int64)" in got.stderr


def test_without_matplotlib(run, table, monkeypatch):
    monkeypatch.setattr(_output.importlib.util, "find_spec", lambda name: None)
    got = run("info", "mutual_information", "plants.csv", "--pairwise", "--plot", "a.png")
    assert got.exit_code == 2 and 'try: pip install "nbdl[plot]"' in got.stderr
