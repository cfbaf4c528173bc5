"""Tables of columns: what is read, as which kind, and what is said of files that are none."""

import numpy as np
import pytest

from nbdl.data import _columns
from nbdl.data._columns import load_table
from nbdl.errors import DataError


@pytest.fixture
def written(tmp_path):
    """``written("a.csv", text)`` or ``written("a.npz", x=..., y=...)``: the path of a file."""

    def write(name, content=None, **arrays):
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content)
        elif content is not None:
            np.save(path, content)
        else:
            np.savez(path, **arrays)
        return path

    return write


def kinds(table):
    return {name: table.column(name).kind for name in table.names}


def test_csv_with_numbers_text_and_missing_values(written):
    table = load_table(written("a.csv", "size;name;n\n1.5;ann;1\n;bob;2\nNaN;;1\n-2e3;ann;\n"))
    assert table.names == ["size", "name", "n"] and table.notes == []
    size, name, n = (table.column(c) for c in table.names)
    assert (size.kind, name.kind, n.kind) == ("continuous", "discrete", "discrete")
    assert np.array_equal(size.values, [1.5, np.nan, np.nan, -2000], equal_nan=True)
    assert name.values.tolist() == ["ann", "bob", None, "ann"]  # None: masked
    assert n.values.tolist() == [1, 2, 1, None] and n.values.dtype == np.int64


def test_whole_numbers_are_symbols_where_they_recur(written):
    year, grade = np.arange(1900, 2000), np.arange(100) % 20
    text = "year,grade,flag\n" + "".join(f"{y},{g}.0,{y % 2}\n" for y, g in zip(year, grade))
    table = load_table(written("a.csv", text))
    assert kinds(table) == {"year": "continuous", "grade": "discrete", "flag": "discrete"}
    assert table.column("year").about == "numbers, 100 different"
    assert table.column("grade").about == "whole numbers, 20 different"


def test_a_truth_table_is_discrete(written):
    assert set(kinds(load_table(written("xor.csv", "a,b,c\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"))).values()) == {
        "discrete"
    }


def test_points_stand_out_of_measured_values_and_rounding_does_not(tmp_path):
    rng = np.random.default_rng(0)
    measured = rng.gamma(3.0, size=400)
    arrays = {
        "measured": measured,
        "rounded": np.round(measured, 2),
        "censored": np.minimum(measured, 6.0),
        "both": np.where(rng.random(400) < 0.2, 0.0, np.round(measured, 1)),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    table = load_table(tmp_path / "a.npz")
    found = {name: table.column(name) for name in arrays}
    assert {name: c.kind for name, c in found.items()} == {
        "measured": "continuous",
        "rounded": "continuous",
        "censored": "mixed",
        "both": "mixed",
    }
    assert [name for name, c in found.items() if c.rounded] == ["rounded"]


def test_kinds_can_be_forced(written):
    path = written("a.csv", "size,n\n" + "".join(f"{i / 4},{i % 3}\n" for i in range(100)))
    table = load_table(path)
    assert table.column("size", {"size": "discrete"}).kind == "discrete"
    assert len(np.unique(table.column("size", {"size": "discrete"}).values)) == 100
    n = table.column("n", {"n": "continuous"})
    assert n.kind == "continuous" and n.values.dtype == np.float64
    assert n.about == "whole numbers, 3 different, as you say"


def test_symbols_of_two_columns_are_the_same_symbols(written):
    """So that one can diverge from the other: what is counted are values, not their order of rank."""
    table = load_table(written("a.csv", "p,q\n1,2\n1,2\n2,1\n3,\n"))
    p, q = (table.column(c).values for c in "pq")
    assert p.tolist() == [1, 1, 2, 3] and q.tolist() == [2, 2, 1, None]


def test_without_a_header_columns_are_numbers(written):
    table = load_table(written("a.csv", "5.1,red\n4.9,blue\n"))
    assert table.names == ["0", "1"] and "has no header: its columns are 0 to 1" in table.notes[0]
    assert table.column("1").values.tolist() == ["red", "blue"]


def test_a_slip_among_numbers_is_said(written):
    rows = "".join(f"{i}.5\n" for i in range(30))
    table = load_table(written("a.csv", f"size\n{rows}n/a\n"))
    assert table.column("size").kind == "discrete"
    assert "`size` is text because of 1 fields like 'n/a'" in table.notes[0]


def test_names_numbers_and_several_columns(written):
    table = load_table(written("a.csv", 'a,b,"c,d",7\n0.5,1.5,2.5,3.5\n4.5,5.5,6.5,7.5\n'))
    assert table.names == ["0", "1", "2", "3"]  # a header has no number in it
    table = load_table(written("b.csv", 'a,b,"c,d",e\n0.5,1.5,2.5,3.5\n4.5,5.5,6.5,7.5\n'))
    assert table.column("c,d").name == "c,d" and table.column("3").name == "e"
    both = table.column("a, 3")
    assert both.name == "a,e" and both.values.tolist() == [[0.5, 3.5], [4.5, 7.5]]


def test_text_and_numbers_together_are_symbols(written):
    both = load_table(written("a.csv", "n,s\n1,x\n2,\n1,y\n")).column("n,s")
    assert both.kind == "discrete" and np.ma.getmaskarray(both.values).tolist() == [
        [False, False],
        [False, True],
        [False, False],
    ]


def test_npy(written):
    table = load_table(written("a.npy", np.array([[1.0, 0.25], [0.0, 0.5], [1.0, 0.75]])))
    assert kinds(table) == {"0": "discrete", "1": "continuous"}
    assert kinds(load_table(written("b.npy", np.arange(1000)))) == {"0": "discrete"}  # by its dtype
    named = np.array([(1, 0.5), (2, 1.5)], [("label", np.int8), ("size", np.float32)])
    assert kinds(load_table(written("c.npy", named))) == {"label": "discrete", "size": "continuous"}


def test_npz(written):
    x = np.random.default_rng(0).random((20, 2, 2))
    table = load_table(written("a.npz", x=x, y=np.arange(20) % 2, z=np.ones((20, 1), bool)))
    assert table.names == ["x[0]", "x[1]", "x[2]", "x[3]", "y", "z"]
    assert table.column("x").values.shape == (20, 4) and table.column("x[3]").values.shape == (20,)
    assert np.array_equal(table.column("x[3]").values, x[:, 1, 1])
    assert table.column("y").about == "int64, 2 different" and table.column("z").values.shape == (20,)


def test_a_registered_data_set():
    table = load_table("synthetic_regression")
    assert table.names == ["x[0]", "x[1]", "y"] and table.column("x").kind == "continuous"


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.csv", "a,b\n1,2\n3\n", "this row has 1 fields, the first one 2"),
        ("a.csv", "a,a\n1,2\n", "two columns are called `a`"),
        ("a.csv", "a,b\n", "it has no rows"),
        ("a.csv", "", "it has no rows"),
        ("a.npy", np.array([]), "it holds no samples"),
        ("a.npy", "text", "no valid NPY file"),
        ("a.md", "1 2 3", "not a kind of file that columns are read from"),
    ],
)
def test_files_that_are_no_tables(written, name, content, what):
    with pytest.raises(DataError, match=what):
        load_table(written(name, content))


def test_a_missing_file_names_the_nearest(written, tmp_path):
    written("iris.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match="no such file") as caught:
        load_table(tmp_path / "irsi.csv")
    assert any(note.endswith("iris.csv") for note in caught.value.__notes__ if note.startswith("try"))


def test_a_missing_column_names_those_that_exist(written):
    table = load_table(written("a.csv", "length,width\n1.5,2.5\n"))
    with pytest.raises(DataError, match="no column `lenght`; there are 2: length, width") as caught:
        table.column("lenght")
    assert "try: length" in caught.value.__notes__
    with pytest.raises(DataError, match="no column `2`"):
        table.column("2")


def test_columns_that_cannot_go_together(written):
    table = load_table(written("a.csv", "s,v\nx,0.5\ny,0.25\n"))
    with pytest.raises(DataError, match="`s` is discrete, `v` is continuous"):
        table.column("s,v")
    with pytest.raises(DataError, match="`s` is text, it cannot be continuous: 'x' is no number"):
        table.column("s", {"s": "continuous"})
    arrays = load_table(written("b.npz", a=np.ones(3), b=np.ones(4), c=np.ones(3, complex)))
    with pytest.raises(DataError, match="a, b have 3, 4 rows"):
        arrays.column("a,b")
    with pytest.raises(DataError, match="`c` must hold numbers or text, it is complex128"):
        arrays.column("c")


def test_the_rule_is_what_the_page_says():
    assert (_columns.FEW, _columns.RECURS) == (10, 5)
    assert (_columns.OFTEN, _columns.SHARE, _columns.POINTS, _columns.OUT) == (3, 0.01, 3, 6)
