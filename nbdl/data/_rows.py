"""Tables in text files: the delimiter, the header, and the rows as numbers.

Nothing of a file is guessed without a rule: the delimiter is the first of tab, semicolon, comma that all of
the first lines hold equally often, else blanks; a header is a first row without any number. Lines that begin
with # are comments, but for a first one with as many fields as the next line: that is the header.
"""

import csv as csv_module
import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from math import isfinite, nan

import numpy as np

from nbdl.data._fault import fault, reading
from nbdl.errors import UsageError

TABLES = (".csv", ".tsv", ".dat", ".txt")
MISSING = ("", "nan", "na", "n/a", "?")  # lower case; "none" may well be a class
TRUTH = {"false": 0.0, "true": 1.0}
SLIPS = 0.1  # of a column's fields: so few that are not numbers are likely to be a slip
LOOKED_AT = 20  # lines, to find the delimiter


@dataclass
class Oddity:
    """The fields of a column that are no numbers, and the first missing one and the first other one."""

    missing: int = 0
    texts: int = 0
    truths: int = 0
    first_missing: tuple = ()  # line number, field
    first_text: tuple = ()

    def note(self, line, text):
        """Count a field; returns the number that stands for it."""
        word = text.strip().lower()
        if word in MISSING:
            self.missing, self.first_missing = self.missing + 1, self.first_missing or (line, text)
            return nan
        self.texts, self.first_text = self.texts + 1, self.first_text or (line, text)
        self.truths += word in TRUTH
        return TRUTH.get(word, nan)

    @property
    def first(self):
        return min(found for found in (self.first_missing, self.first_text) if found)


@dataclass
class Rows:
    """A table: `values` (N, D) float64, NaN where `odd` says that a field of a column is no number.

    `kept` holds the fields of some columns as text, by the number of the column; `lines` their line numbers.
    """

    names: list
    header: bool
    values: np.ndarray
    odd: dict = field(default_factory=dict)  # column -> Oddity
    kept: dict = field(default_factory=dict)
    lines: array = field(default_factory=lambda: array("q"))


def is_table(path):
    """Whether a path is that of a table in a text file, by its ending."""
    return str(path).lower().endswith(TABLES)


def read_rows(path, delimiter=None, keep=lambda names: ()):
    """The `Rows` of a file; ``keep(names)`` says which columns to keep as text too, by their numbers."""
    return parsed(path, delimiter, lambda path, reader: _read(path, reader, keep))


def read_header(path, delimiter=None):
    """The names of the columns of a file, None where it has no header."""

    def first(path, reader):
        row = next((row for row in reader if row), [])
        return _names(row) if _is_header(row) else None

    return parsed(path, delimiter, first)


def parsed(path, delimiter, parse):
    """What ``parse(path, reader)`` makes of the rows; `DataError` for what is no table of text."""
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        raise UsageError("data option `delimiter` must be one character, got {!r}", delimiter)
    hint = "checking its quotes and its delimiter"
    with reading(path, "CSV file", hint, passing=(UsageError,)):  # of options
        try:
            with open(path, newline="", encoding="utf-8-sig") as file:
                top = [line for line in (file.readline() for _ in range(LOOKED_AT)) if line.strip()]
                bare = [line for line in top if not line.startswith("#")]
                delimiter = delimiter or _delimiter(bare)
                header = _fields(top[0].lstrip("# "), delimiter) if top else 0
                named = bool(bare) and header == _fields(bare[0], delimiter)
                file.seek(0)
                lines = _lines(file, delimiter, named)
                return parse(path, csv_module.reader(lines, delimiter=delimiter, strict=True))
        except UnicodeDecodeError as error:
            raise fault("it is not a text file in UTF-8", path, "saving the table as CSV, UTF-8") from error


def _lines(file, delimiter, named):
    """The lines of a table, an empty one for each comment; `named`: the first one is the header anyway."""
    for line in file:
        if line.startswith("#") and not named:
            yield "\n"
            continue
        if line.strip():
            line, named = line.lstrip("# ") if named else line, False
        yield re.sub(r"\s+", " ", line).strip() + "\n" if delimiter == " " else line


def _fields(line, delimiter):
    return len(line.split() if delimiter == " " else line.split(delimiter))


def _delimiter(lines):
    bare = [re.sub(r'"[^"]*"', "", line.strip("\r\n")) for line in lines]
    for mark in "\t;,":
        if len({line.count(mark) for line in bare}) == 1 and mark in bare[0]:
            return mark
    fields = Counter(len(line.split()) for line in bare)
    most = max(",;\t", key=bare[0].count) if bare else ","
    return most if not bare or most in bare[0] or fields.most_common(1)[0][0] < 2 else " "


def _read(path, reader, keep):
    rows, values, words = None, array("d"), {}
    for row in reader:
        if not row:
            continue
        if rows is None:
            header = _is_header(row)
            names = _names(row) if header else [str(i) for i in range(len(row))]
            twice = next((n for n in names if names.count(n) > 1), None)
            if twice is not None:
                raise fault(f"two columns are called `{twice}`", path, "a name for each column")
            rows = Rows(names, header, None)
            rows.kept = {i: [] for i in keep(names)}
            if header:
                continue
        line = reader.line_num
        if len(row) != len(rows.names):
            what = f"this row has {len(row)} fields, the first one {len(rows.names)}"
            raise fault(what, f"{path}, line {line}", "one field per column")
        try:
            numbers = list(map(float, row))
        except ValueError:
            numbers = [number(text) for text in row]
        if not all(map(isfinite, numbers)) or any("_" in text for text in row):
            for i, text in enumerate(row):
                if not isfinite(numbers[i]) or "_" in text:
                    numbers[i] = rows.odd.setdefault(i, Oddity()).note(line, text)
        for i, fields in rows.kept.items():
            word = row[i].strip()
            fields.append(words.setdefault(word, word))  # one object for all fields that are alike
        rows.lines.append(line)
        values.extend(numbers)
    if not values:
        raise fault("it has no rows of numbers", path, "a file with one sample a row")
    rows.values = np.frombuffer(values, np.float64).reshape(-1, len(rows.names))
    for i in [i for i, odd in rows.odd.items() if odd.truths == len(rows.lines) and i not in rows.kept]:
        del rows.odd[i]  # a column of truth values is one of 0 and 1
    return rows


def _is_header(row):
    return not any(map(is_number, row))


def _names(row):
    return [name.strip() or str(i) for i, name in enumerate(row)]


def number(text):
    """The number that a field holds, else NaN."""
    return float(text) if is_number(text) else nan


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python reads 1_000 as a number, no other program does
