"""CSV files: headers, delimiters, targets, and every kind of broken table."""

from pathlib import Path

import numpy as np
import pytest

from nbdl.data import load
from nbdl.errors import DataError, UsageError

TABLE = "size,rooms,price\n" + "".join(f"{i},{i % 3},{i * 1.5}\n" for i in range(10))


@pytest.fixture
def write(tmp_path):
    def write(text, name="a.csv"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return write


def test_regression(write):
    data = load(write(TABLE))
    assert (data.name, data.classes) == ("a", None)
    assert data.train.x.shape == (8, 2) and data.test.y.shape == (2, 1)
    assert data.train.y.dtype == np.float32
    assert np.array_equal(data.train.x[:, :1] * 1.5, data.train.y)
    assert data.standardize and data.train.x.dtype == np.float64
    assert load(write(TABLE), standardize=False).train.x.dtype == np.float32


def test_target_by_name_and_index(write):
    path = write(TABLE)
    for target in ("rooms", 1, -2):
        data = load(path, target=target)
        assert data.classes == 3 and data.train.y.dtype == np.int64
        assert np.array_equal(data.train.x[:, 0] % 3, data.train.y)
    assert load(path, target="rooms", task="regression").classes is None


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.partition("\n")[2],  # no header
        lambda t: t.replace(",", ";"),
        lambda t: t.replace(",", "\t"),
        lambda t: t.replace("\n", "\r\n"),
        lambda t: "\ufeff" + t + "\n\n",
        lambda t: t.replace("size", '"size, in ""square"" metres"'),
        lambda t: t.rstrip("\n"),
    ],
)
def test_forms(write, change):
    expected, data = load(write(TABLE)), load(write(change(TABLE), "b.csv"))
    assert np.array_equal(expected.train.x, data.train.x) and np.array_equal(expected.test.y, data.test.y)


def test_delimiter_option(write):
    assert load(write(TABLE.replace(",", "|")), delimiter="|").train.x.shape == (8, 2)
    with pytest.raises(UsageError, match="one character"):
        load(write(TABLE), delimiter="||")


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("", "no rows", ""),
        ("a,b\n", "no rows", ""),
        ("a\n1\n2\n", "two columns at least", ""),
        ("a,b\n1,2\n3\n", "1 fields, the first one 2", ", line 3"),
        ("a,b\n1,2\n3,4,5\n", "3 fields, the first one 2", ", line 3"),
        ("a,b\n1,2\nred,4\n", "column `a` holds 'red'", ", line 3, column `a`"),
        ("a,b\n1,2\n\n3,\n", "column `b` has an empty field", ", line 4, column `b`"),
        ("1,2\n3,nan\n", "column `1` holds 'nan'", ", line 2, column `1`"),
        ("1,2\ninf,3\n", "column `0` holds 'inf'", ", line 2, column `0`"),
        ("1,2\n1_000,3\n", "column `0` holds '1_000'", ", line 2, column `0`"),
        ("a,b\n1e200,2\n1,3\n", "beyond float32", ""),
        ("a,b\n1,2\n", "one sample", ""),
        ('a,b\n"1,2\n', "no valid CSV file", ""),
        (b"a,b\n\xff\xfe,2\n", "not a text file", ""),
    ],
)
def test_bad_tables(write, text, message, where):
    path = write(text)
    with pytest.raises(DataError, match=message) as error:
        load(path)
    assert error.value.__notes__[0] == f"where: {path}{where}"


def test_bad_targets(write):
    path = write(TABLE)
    with pytest.raises(DataError, match="no column `pric`") as error:
        load(path, target="pric")
    assert "try: target=price" in error.value.__notes__
    for target in (3, -4):
        with pytest.raises(DataError, match="there are 3"):
            load(path, target=target)
    with pytest.raises(UsageError, match="target"):
        load(path, target=1.5)


def test_mutations_raise_only_data_errors(write):
    rng = np.random.default_rng(3)
    letters = b'0123456789.,;\n\r\t"eE+-x _\x00\xff'
    refused = 0
    for _ in range(300):
        data = bytearray(TABLE.encode())
        for _ in range(rng.integers(1, 5)):
            data[rng.integers(len(data))] = letters[rng.integers(len(letters))]
        if rng.random() < 0.2:
            data = data[: rng.integers(len(data))]
        try:
            load(write(bytes(data)))
        except DataError:
            refused += 1
    assert refused > 100


# --- labels, delimiters, columns ----------------------------------------------------------------------------


def plants(label, delimiter=",", header=True, n=30):
    rows = [[f"{i / 8}", f"{i % 5}", label(i % 3)] for i in range(n)]
    rows = [["petal", "sepal", "species"], *rows] if header else rows
    return "".join(delimiter.join(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("label", "labels"),
    [
        (lambda i: ["setosa", "versicolor", "virginica"][i], ("setosa", "versicolor", "virginica")),
        (lambda i: ["no", "yes"][i % 2], ("no", "yes")),
        (lambda i: ["none", "mild"][i % 2], ("mild", "none")),
        (lambda i: str(bool(i)), ("False", "True")),
        (lambda i: f"{i}.0", ()),
        (lambda i: f"{i + 1}.0", (1, 2, 3)),
        (lambda i: str(i + 1), (1, 2, 3)),
        (lambda i: str(i - 1), (-1, 0, 1)),
        (lambda i: str(2 * i), (0, 2, 4)),
        (lambda i: str(10**9 + i), (10**9, 10**9 + 1, 10**9 + 2)),
    ],
)
@pytest.mark.parametrize("header", [True, False])
def test_labels_of_any_kind_are_coded(write, label, labels, header):
    data = load(write(plants(label, header=header)), test_fraction=0.5)
    assert data.labels == labels and data.classes == (len(labels) or 3)
    y = np.concatenate([data.train.y, data.test.y])
    x = np.concatenate([data.train.x, data.test.x])
    assert len(y) == 30 and y.dtype == np.int64
    names = [str(n) for n in labels] or ["0", "1", "2"]
    told = [label(round(8 * petal) % 3).removesuffix(".0") for petal in x[:, 0]]
    assert [names[i] for i in y] == told


def test_whole_numbers_that_do_not_recur_are_values(write):
    """Amounts are not taken for as many classes; `task` says it otherwise."""
    text = "".join(f"{i},{1000 * i}\n" for i in range(40))
    data = load(write(text))
    assert data.classes is None and "target `1`, values" in data.about
    with pytest.raises(DataError, match="class labels must recur: there are 40 different ones"):
        load(write(text), task="classification")
    assert load(write(plants(str)), task="regression").classes is None


def test_text_that_does_not_recur_is_no_label(write):
    with pytest.raises(DataError, match="column `species` is no class: it holds 30 different texts in 30"):
        load(write("a,species\n" + "".join(f"{i},name{i}\n" for i in range(30))))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.dat", "a.txt"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", " ", "   "])
def test_the_delimiter_is_found(write, name, delimiter):
    expected = load(write(plants(lambda i: "abc"[i])))
    data = load(write(plants(lambda i: "abc"[i], delimiter), name))
    assert np.array_equal(data.train.x, expected.train.x) and data.labels == ("a", "b", "c")
    assert data.columns == ("petal", "sepal") and data.target == "species"


def test_aligned_columns(write):
    text = "".join(f"  {i:8.3f}   {i % 7:5d}  {i / 3:9.4f} \n" for i in range(20))
    assert load(write(text, "a.dat")).train.x.shape == (16, 2)


@pytest.mark.parametrize("delimiter", [",", " ", "\t"])
def test_comments_and_a_header_behind_a_mark(write, tmp_path, delimiter):
    """As `numpy.savetxt` writes them."""
    x = np.column_stack([np.arange(20.0), np.arange(20) % 7 / 3, np.arange(20) / 3])
    np.savetxt(tmp_path / "a.dat", x, delimiter=delimiter, header=delimiter.join("abc"))
    data = load(tmp_path / "a.dat")
    assert data.columns == ("a", "b") and len(data.train.x) == 16
    text = "# measured by night, on two instruments\n" + (tmp_path / "a.dat").read_text().split("\n", 1)[1]
    data = load(write(text.replace("\n", "\n# a remark\n", 5), "b.dat"))
    assert data.columns == () and len(data.train.x) == 16
    with pytest.raises(DataError, match="holds 'x'") as error:
        load(write("# one\n1,2\n# two\n3,x\n" + "5,6.5\n" * 20))
    assert ", line 4, column `1`" in error.value.__notes__[0]


def test_decimal_commas_are_named(write):
    with pytest.raises(DataError, match=r"2 columns hold text \(0, 1\)") as error:
        load(write("".join(f"{i},5;{i},25;{i}.5\n" for i in range(20))))
    assert error.value.__notes__[1] == "try: decimal points in place of decimal commas"


def test_truth_values_are_inputs(write):
    data = load(write("a,b,y\n" + "".join(f"{i},{bool(i % 2)},{i / 2}\n" for i in range(20))))
    assert np.array_equal(data.train.x[:, 1], data.train.x[:, 0] % 2)
    with pytest.raises(DataError, match="column `b` holds 'True', not a number"):
        load(write("a,b,y\n" + "".join(f"{i},{i if i != 7 else True},{i / 2}\n" for i in range(20))))


HOUSES = "id,zone,front,alley,year,price\n" + "".join(
    f"{i},{'RS'[i % 2]}L,{'NA' if i % 9 == 7 else 60 + i},{['Grvl', ''][i % 2]},{1910 + i},{1e3 * i}\n"
    for i in range(40)
)


def test_all_columns_that_nets_cannot_take_are_named(write):
    path = write(HOUSES)
    with pytest.raises(DataError, match=r"2 columns hold text \(zone, alley\) and 1 lack numbers") as error:
        load(path, standardize=False)
    assert "(`front` in line 9)" in str(error.value)
    assert error.value.__notes__ == [f"where: {path}", "try: the data option inputs=id,year"]
    for inputs in ("id,year", "[id, year]", ["id", "year"], [0, -2]):
        data = load(path, inputs=inputs)
        assert data.columns == ("id", "year") and data.train.x.shape == (32, 2)
    assert load(path, inputs="year").train.x.shape == (32, 1)
    with pytest.raises(UsageError, match="`inputs` holds the target `price`"):
        load(path, inputs="id,price")
    with pytest.raises(DataError, match="there is no column `yaer`") as error:
        load(path, inputs="id,yaer")
    assert "try: inputs=year" in error.value.__notes__
    for inputs in ([], "id,id", 1.5):
        with pytest.raises(UsageError, match="`inputs`"):
            load(path, inputs=inputs)


@pytest.mark.parametrize("empty", ["", "NA", "nan", "?", "N/A"])
def test_a_missing_target_is_named_by_line(write, empty):
    text = plants(lambda i: "abc"[i]).replace("0.25,2,c\n", f"0.25,2,{empty}\n")
    with pytest.raises(DataError, match=r"column `species` (has an empty field|holds)") as error:
        load(path := write(text))
    assert error.value.__notes__[0] == f"where: {path}, line 4, column `species`"


def test_gaps_alone_are_named(write):
    path = write(
        "a,b,c,y\n" + "".join(f"{i},{i if i % 5 else ''},{i if i % 7 else 'NA'},{i / 3}\n" for i in range(40))
    )
    with pytest.raises(DataError, match=r"2 columns lack numbers \(`b` in line 2, `c` in line 2\)") as error:
        load(path, standardize=False)
    assert error.value.__notes__[1] == "try: the data option inputs=a"


def test_a_slip_in_a_column_of_numbers_is_no_label(write):
    text = "".join(f"{i},{i / 3 if i != 5 else '1.6o'}\n" for i in range(40))
    with pytest.raises(DataError, match=r"column `1` holds '1\.6o', not a number"):
        load(write(text))


def test_a_first_row_with_numbers_is_no_header(write):
    """It is not lost: text labels stand in a file without a header too."""
    data = load(write(plants(lambda i: "abc"[i], header=False)))
    assert len(data.train.x) + len(data.test.x) == 30 and data.columns == ()
    assert "which has no header: target `2`, 3 classes (a, b, c)" in data.about


def test_columns_of_one_name_are_refused(write):
    with pytest.raises(DataError, match="two columns are called `a`"):
        load(write("a,a,b\n1,2,3\n"))


HOUSE_PRICES = Path(__file__).parents[3] / "shared" / "data" / "house_prices.csv"


@pytest.mark.skipif(not HOUSE_PRICES.exists(), reason="the house prices are not at hand")
def test_house_prices():
    """Text columns and gaps: all are named, and the columns that are offered can be trained on."""
    with pytest.raises(DataError, match=r"43 columns hold text .* and 3 lack numbers") as error:
        load(HOUSE_PRICES, standardize=False)
    offered = error.value.__notes__[1].removeprefix("try: the data option inputs=")
    data = load(HOUSE_PRICES, inputs=offered)
    assert data.train.x.shape == (1168, 34) and data.classes is None and data.target == "SalePrice"
