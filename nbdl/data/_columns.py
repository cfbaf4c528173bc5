"""Columns of a table by name, of numbers or of text: what measures of information are taken of.

Unlike the readers of data sets these keep text, and keep missing values as such. A column of a text file that
is written in whole numbers holds integers, as NumPy and pandas read it, masked where one is missing; one of
other numbers holds floats. Which of them are symbols is told where they are measured (`nbdl.info`).
"""

import difflib
import math
import re
import warnings
from typing import NamedTuple

import numpy as np

from nbdl import registry
from nbdl.data._fault import expanded, fault, look, near
from nbdl.data._load import load
from nbdl.data._npz import read_arrays
from nbdl.data._rows import MISSING, TABLES, is_number, parsed

STRAYS = 0.5  # of a column's fields: where fewer are no numbers, they are likely slips or missing values
WHOLE = re.compile(r"[+-]?[0-9]{1,18}")  # an integer that int64 has


class Column(NamedTuple):
    """One or several columns as one sample."""

    name: str
    values: np.ndarray  # (N,) or (N, D): numbers or text, masked where integers and text are missing
    discrete: bool | None = None  # what the user says: symbols, measured numbers, or nothing


class Table:
    """The columns of one file: `arrays` by name, each (N,), or (N, D) under one name; `notes` on reading.

    `strays` says of columns that are text for a few fields why they are, `absent` of those with names for
    what is missing which these are; it is a warning once they are used.
    """

    def __init__(self, path, arrays, notes=(), strays=None, absent=None):
        self.path, self.arrays, self.notes = path, arrays, list(notes)
        self.strays, self.absent = dict(strays or {}), dict(absent or {})
        self.names = [n for name, a in arrays.items() for n in _parts(name, a)]

    def column(self, text, kinds=None):
        """The `Column` called `text`: a name, a number from 0, or several with commas between them.

        `kinds` forces "discrete" or "continuous" on columns by name.
        """
        names = self.split(text)
        found = [self._said(n, (kinds or {}).get(n)) for n in names]
        if len(found) == 1:
            return found[0]
        symbols = [c.name for c in found if c.discrete or c.values.dtype.kind in "bUSO"]
        measured = [
            c.name
            for c in found
            if c.discrete is False or (c.discrete is None and c.values.dtype.kind == "f")
        ]
        if symbols and measured:
            raise fault(
                "columns taken together must be of one kind: "
                f"`{symbols[0]}` is discrete, `{measured[0]}` is continuous",
                self.path,
                f"--discrete or --continuous {','.join(names)}",
            )
        values = [c.values.reshape(len(c.values), -1) for c in found]
        if len({len(v) for v in values}) > 1:
            raise fault(
                f"columns taken together must be of one length: {', '.join(names)} have "
                f"{', '.join(str(len(v)) for v in values)} rows",
                self.path,
                "arrays with one row for each sample",
            )
        masked = any(np.ma.isMaskedArray(v) for v in values)
        together = np.ma.hstack(_alike(values)) if masked else np.hstack(_alike(values))
        said = [c.discrete for c in found if c.discrete is not None]
        return Column(",".join(names), together, said[0] if said else None)

    def split(self, text):
        """The names of the columns in a text: one name or number, or several with commas between them."""
        if text in self.arrays or text in self.names:
            return [text]
        return [self._name(part) for part in re.split(r",\s*", text.strip())]

    def _name(self, text):
        if text in self.arrays or text in self.names:
            return text
        if text.isdecimal() and int(text) < len(self.names):
            return self.names[int(text)]
        close = difflib.get_close_matches(text, [*self.arrays, *self.names], n=1)
        shown = ", ".join(self.names[:20]) + (", ..." if len(self.names) > 20 else "")
        what = f"there is no column `{text}`; there are {len(self.names)}: {shown}"
        raise fault(what, self.path, close[0] if close else "a name, or a number from 0")

    def _said(self, name, kind):
        a = self.arrays.get(name)
        if a is None:
            whole, part = re.fullmatch(r"(.*)\[(\d+)\]", name).groups()
            a = self.arrays[whole][:, int(part)]
        if a.dtype.kind not in "biufmMUSO" or a.ndim == 0:
            what = f"column `{name}` must hold numbers or text, it is {a.dtype.name} of shape {a.shape}"
            raise fault(what, self.path, "another column")
        if kind == "continuous" and a.dtype.kind in "USO":
            what = f"column `{name}` is text, it cannot be continuous: {_first_text(a)!r} is no number"
            raise fault(what, self.path, "coding it as numbers, or leaving it discrete")
        stray = self.strays.pop(name, None)
        if stray and kind is None:
            warnings.warn(stray, stacklevel=2)
        absent = self.absent.pop(name, None)
        if absent:
            warnings.warn(absent, stacklevel=2)
        return Column(name, a, None if kind is None else kind == "discrete")


def load_table(name_or_path):
    """The `Table` of a file or of a registered data set.

    Parameters
    ----------
    name_or_path : str or path
        ``.csv``, ``.tsv``, ``.dat``, ``.txt``: a header, unless the first row holds a number; a field that is
        empty or NaN is missing, and so are NA, N/A and ? in a column whose other fields are numbers.
        ``.npy``: (N,), (N, D) or named fields. ``.npz``: an array (N, D) is one column of D numbers, whose
        parts are ``name[0]`` and so on. A name of ``nbdl data list``: columns ``x`` and ``y``.

    Raises
    ------
    DataError
        For a file that is missing, damaged, without rows, or of another kind.
    """
    known = registry.default()
    if str(name_or_path) in known.names("dataset"):
        train = load(str(name_or_path)).train
        arrays = {"x": train.x.reshape(len(train.x), -1), "y": train.y}
        return Table(name_or_path, {k: _flat(a) for k, a in arrays.items()})
    path = expanded(name_or_path)
    suffix = path.suffix.lower()
    if look(path) is None:
        hint = near(path) or "a path that exists, or a name of `nbdl data list`"
        raise fault("there is no such file", path, hint)
    if suffix in TABLES:
        return parsed(path, None, _parse)
    if suffix not in (".npy", ".npz"):
        what = f"`{path.name}` is not a kind of file that columns are read from"
        raise fault(what, path, f"{', '.join(TABLES)}, .npy or .npz")
    arrays = read_arrays(path)
    if suffix == ".npy":
        a = arrays["x"]
        if a.dtype.names:
            arrays = {name: a[name] for name in a.dtype.names}
        else:
            arrays = {str(i): column for i, column in enumerate(_flat(np.atleast_1d(a), keep=True).T)}
    if not arrays or not any(a.size for a in arrays.values()):
        raise fault("it holds no samples", path, "a file with one sample a row")
    return Table(path, {name: _flat(a) for name, a in arrays.items()})


def _flat(a, keep=False):
    """(N,), or (N, D) with D > 1; always (N, D) with `keep`."""
    if a.ndim < 2 and not keep:
        return a
    a = a.reshape(len(a), math.prod(a.shape[1:]))
    return a[:, 0] if a.shape[1] == 1 and not keep else a


def _parts(name, a):
    return [name] if a.ndim < 2 else [f"{name}[{i}]" for i in range(a.shape[1])]


# --- CSV ----------------------------------------------------------------------------------------------------


def _parse(path, reader):
    rows, notes = [], []
    for row in reader:
        if not row:
            continue
        if rows and len(row) != len(rows[0]):
            what = f"this row has {len(row)} fields, the first one {len(rows[0])}"
            raise fault(what, f"{path}, line {reader.line_num}", "one field per column")
        rows.append(row)
    if rows and not any(map(is_number, rows[0])):
        names = [name.strip() for name in rows.pop(0)]
        names = [name or str(i) for i, name in enumerate(names)]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            raise fault(f"two columns are called `{twice}`", path, "a header with a name for each column")
    else:
        names = [str(i) for i in range(len(rows[0]) if rows else 0)]
        notes.append(f"{path} has no header: its columns are 0 to {len(names) - 1}")
    if not rows:
        raise fault("it has no rows", path, "a file with one sample a row")
    arrays, strays, absent = {}, {}, {}
    for name, fields in zip(names, zip(*rows)):
        fields, absent[name] = _without_na(name, [field.strip() for field in fields])
        arrays[name], strays[name] = _array(name, fields)
    return Table(path, arrays, notes, strays, absent)


def _without_na(name, fields):
    """The fields of a column, where NA is made empty if the others are numbers; and what is said of that."""
    named = [f for f in fields if f.lower() in MISSING and f.lower() not in ("", "nan")]
    others = [f for f in fields if f.lower() not in MISSING]
    if not named or not others or not all(map(is_number, others)):
        return fields, None
    text = f"column `{name}` holds numbers, and {named[0]!r} in {len(named)} of its fields: taken as missing"
    return ["" if f in named else f for f in fields], text


def _array(name, fields):
    """The fields of one column as int64, float64 or text, masked or NaN where nothing stands; and a warning
    where it is text though most fields are numbers.
    """
    missing = np.array([not f or f.lower() == "nan" for f in fields])
    if not missing.all() and all(m or WHOLE.fullmatch(f) for f, m in zip(fields, missing)):
        whole = np.array([0 if m else int(f) for f, m in zip(fields, missing)])
        return (np.ma.array(whole, mask=missing) if missing.any() else whole), None
    strays = [i for i, f in enumerate(fields) if not missing[i] and not is_number(f)]
    if not strays:
        return np.array(["nan" if m else f for f, m in zip(fields, missing)]).astype(np.float64), None
    stray = None
    if len(strays) <= STRAYS * (~missing).sum():
        stray = (
            f"column `{name}` is taken as text: {len(strays)} of its fields are no numbers, like "
            f"{fields[strays[0]]!r}. If they are missing values, leave them empty; if all are symbols: "
            f"--discrete {name}"
        )
    text = np.array(fields)
    return (np.ma.array(text, mask=missing) if missing.any() else text), stray


def _present(a):
    return a.compressed() if np.ma.isMaskedArray(a) else a


def _first_text(a):
    return next(str(v) for v in _present(a).ravel() if not is_number(str(v)))


def _alike(values):
    """Columns of numbers and of text in one array hold text; integers and floats hold floats."""
    if any(np.ma.isMaskedArray(v) for v in values) and {v.dtype.kind for v in values} >= {"f"}:
        values = [np.ma.filled(v.astype(np.float64), np.nan) if v.dtype.kind in "biuf" else v for v in values]
    text = any(v.dtype.kind in "USO" for v in values)
    return [v.astype(str) for v in values] if text else values
