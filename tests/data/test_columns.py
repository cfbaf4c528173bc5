"""Tables of columns: what is read, as which kind, and what is said of files that are none."""

import warnings

import numpy as np
import pytest

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


def dtypes(table):
    return {name: table.column(name).values.dtype.kind for name in table.names}


def test_csv_with_numbers_text_and_missing_values(written):
    table = load_table(written("a.csv", "size;name;n\n1.5;ann;1\n;bob;2\nNaN;;1\n-2e3;ann;\n"))
    assert table.names == ["size", "name", "n"] and table.notes == []
    size, name, n = (table.column(c) for c in table.names)
    assert np.array_equal(size.values, [1.5, np.nan, np.nan, -2000], equal_nan=True)
    assert name.values.tolist() == ["ann", "bob", None, "ann"]  # None: masked
    assert n.values.tolist() == [1, 2, 1, None] and n.values.dtype == np.int64


def test_columns_are_read_as_numpy_reads_them(written):
    """What a measure makes of a file is what it makes of the arrays that anyone reads from it."""
    rows = "".join(f"{1900 + i},{i % 20}.0,{i / 3!r},{-i},{10**18 + i}\n" for i in range(100))
    path = written("a.csv", "year,grade,share,below,wide\n" + rows)
    table, read = load_table(path), np.genfromtxt(path, delimiter=",", names=True, dtype=None)
    assert dtypes(table) == {"year": "i", "grade": "f", "share": "f", "below": "i", "wide": "f"}
    for name in ("year", "grade", "share", "below"):
        values = table.column(name).values
        assert values.dtype == read[name].dtype and np.array_equal(values, read[name])


def test_kinds_can_be_said(written):
    path = written("a.csv", "size,n\n" + "".join(f"{i / 4},{i % 3}\n" for i in range(100)))
    table = load_table(path)
    assert table.column("size").discrete is None
    assert table.column("size", {"size": "discrete"}).discrete is True
    assert table.column("n", {"n": "continuous"}).discrete is False
    both = table.column("n,size", {"n": "continuous"})
    assert both.discrete is False and both.values.shape == (100, 2)


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
    table = load_table(written("a.csv", f"size\n{rows}none\n"))
    with pytest.warns(UserWarning, match=r"`size` is taken as text: 1 of its fields are no .*, like 'none'"):
        assert dtypes(table) == {"size": "U"}


def test_columns_that_are_text_for_some_fields_warn_only_when_used(written):
    """Also where a third of the values is missing; not of other columns, nor where symbols are asked for."""
    rows = "".join(f"{i},{i if i % 3 else 'none'},{i if i % 5 else 'none'}\n" for i in range(30))
    table = load_table(written("a.csv", f"whole,third,fifth\n{rows}"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table.column("whole")
        table.column("fifth", {"fifth": "discrete"})
        assert not table.notes
    with pytest.warns(UserWarning, match="`third` is taken as text: 10 of its fields"):
        table.column("third")


def test_names_numbers_and_several_columns(written):
    table = load_table(written("a.csv", 'a,b,"c,d",7\n0.5,1.5,2.5,3.5\n4.5,5.5,6.5,7.5\n'))
    assert table.names == ["0", "1", "2", "3"]  # a header has no number in it
    table = load_table(written("b.csv", 'a,b,"c,d",e\n0.5,1.5,2.5,3.5\n4.5,5.5,6.5,7.5\n'))
    assert table.column("c,d").name == "c,d" and table.column("3").name == "e"
    both = table.column("a, 3")
    assert both.name == "a,e" and both.values.tolist() == [[0.5, 3.5], [4.5, 7.5]]


def test_text_and_numbers_together_are_symbols(written):
    both = load_table(written("a.csv", "n,s\n1,x\n2,\n1,y\n")).column("n,s")
    assert both.values.dtype.kind == "U" and np.ma.getmaskarray(both.values).tolist() == [
        [False, False],
        [False, True],
        [False, False],
    ]


def test_integers_and_floats_together_are_numbers(written):
    both = load_table(written("a.csv", "n,v\n1,0.5\n,1.5\n3,\n")).column("n,v")
    assert np.array_equal(both.values, [[1, 0.5], [np.nan, 1.5], [3, np.nan]], equal_nan=True)


def test_npy(written):
    table = load_table(written("a.npy", np.array([[1.0, 0.25], [0.0, 0.5], [1.0, 0.75]])))
    assert dtypes(table) == {"0": "f", "1": "f"}
    assert dtypes(load_table(written("b.npy", np.arange(1000)))) == {"0": "i"}
    named = np.array([(1, 0.5), (2, 1.5)], [("label", np.int8), ("size", np.float32)])
    assert dtypes(load_table(written("c.npy", named))) == {"label": "i", "size": "f"}


def test_npz(written):
    x = np.random.default_rng(0).random((20, 2, 2))
    table = load_table(written("a.npz", x=x, y=np.arange(20) % 2, z=np.ones((20, 1), bool)))
    assert table.names == ["x[0]", "x[1]", "x[2]", "x[3]", "y", "z"]
    assert table.column("x").values.shape == (20, 4) and table.column("x[3]").values.shape == (20,)
    assert np.array_equal(table.column("x[3]").values, x[:, 1, 1])
    assert table.column("y").values.dtype == np.int64 and table.column("z").values.shape == (20,)


def test_a_registered_data_set():
    table = load_table("synthetic_regression")
    assert table.names == ["x[0]", "x[1]", "y"] and table.column("x").values.ndim == 2


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


def test_na_is_missing_among_numbers_and_a_symbol_in_text(written):
    table = load_table(written("a.csv", "size,n,code\n1.5,NA,NA\nNA,2,no\n,n/a,yes\n"))
    with pytest.warns(
        UserWarning, match="`size` holds numbers, and 'NA' in 1 of its fields: taken as missing"
    ):
        size = table.column("size", {"size": "continuous"})
    assert np.array_equal(size.values, [1.5, np.nan, np.nan], equal_nan=True)
    with pytest.warns(UserWarning, match="column `n` holds numbers, and 'NA' in 2"):
        assert table.column("n").values.tolist() == [None, 2, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert table.column("code").values.tolist() == ["NA", "no", "yes"]
        table.column("size")  # said once
