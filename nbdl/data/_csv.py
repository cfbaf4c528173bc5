"""CSV files: one sample a row, one column of targets, numbers throughout; a header is optional."""

import csv as csv_module
import difflib
from array import array
from math import isfinite

import numpy as np

from nbdl.data._data import check_task, from_arrays
from nbdl.data._fault import fault, reading
from nbdl.errors import UsageError


def csv(path, target=-1, test_fraction=0.2, seed=0, task=None, delimiter=None):
    """Read a CSV file.

    Parameters
    ----------
    path : Path
    target : str or int
        The column of the targets, by name or by index from 0; the last one by default.
    test_fraction, seed : float, int
        The share of rows for testing, and the seed of its choice.
    task : {"classification", "regression"}, optional
        What the targets are; without it a column written in integers holds class labels.
    delimiter : str, optional
        By default whichever of comma, semicolon and tab the first line has most of.
    """
    check_task(task)
    table, names, integers = read_table(path, delimiter)
    column = _column(path, target, names, table.shape[1])
    if table.shape[1] < 2:
        raise fault(
            "two columns at least are needed, inputs and target", path, "the option delimiter=';' or the like"
        )
    if task is None:
        task = "classification" if integers[column] else "regression"
    x, y = np.delete(table, column, axis=1), table[:, column]
    places = (path, f"{path}, column `{names[column]}`")
    return from_arrays(path.stem, x, y, places, test_fraction, seed, task, f"rows of {path}")


def read_table(path, delimiter=None):
    """All rows as a float64 array (N, D), the columns' names, and which columns are written in integers."""
    return parsed(path, delimiter, _parse)


def parsed(path, delimiter, parse):
    """What ``parse(path, reader)`` makes of the rows; `DataError` for what is no CSV file."""
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        raise UsageError("data option `delimiter` must be one character, got {!r}", delimiter)
    with reading(path, "CSV file", "checking its quotes and its delimiter"):
        try:
            with open(path, newline="", encoding="utf-8-sig") as file:
                first = file.readline()
                file.seek(0)
                delimiter = delimiter or max(",;\t", key=first.count)
                return parse(path, csv_module.reader(file, delimiter=delimiter, strict=True))
        except UnicodeDecodeError as error:
            raise fault("it is not a text file in UTF-8", path, "saving the table as CSV, UTF-8") from error


def _parse(path, reader):
    names, integers, values = None, [], array("d")
    for row in reader:
        if not row:
            continue
        if names is None:
            header = not all(map(is_number, row))
            names = [n.strip() for n in row] if header else [str(i) for i in range(len(row))]
            integers = [True] * len(row)
            if header:
                continue
        where = f"{path}, line {reader.line_num}"
        if len(row) != len(names):
            raise fault(
                f"this row has {len(row)} fields, the first one {len(names)}", where, "one field per column"
            )
        try:
            numbers = list(map(float, row))
        except ValueError:
            numbers = [float(field) if is_number(field) else None for field in row]
        for name, field, number in zip(names, row, numbers) if not _clean(row, numbers) else ():
            if number is None or "_" in field or not isfinite(number):
                what = f"holds {field!r}, not a number" if field.strip() else "has an empty field"
                raise fault(
                    f"column `{name}` {what}",
                    f"{where}, column `{name}`",
                    "coding it as numbers, or removing it",
                )
        integers = [i and f.strip().lstrip("+-").isdigit() for i, f in zip(integers, row)]
        values.extend(numbers)
    if not values:
        raise fault("it has no rows of numbers", path, "a file with one sample a row")
    return np.frombuffer(values, np.float64).reshape(-1, len(names)), names, integers


def _clean(row, numbers):
    return None not in numbers and all(map(isfinite, numbers)) and not any("_" in field for field in row)


def is_number(field):
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field  # Python reads 1_000 as a number, no other program does


def _column(path, target, names, width):
    if isinstance(target, str):
        if target in names:
            return names.index(target)
        near = difflib.get_close_matches(target, names, n=1)
        hint = f"target={near[0]}" if near else f"one of {', '.join(names[:20])}"
        raise fault(f"there is no column `{target}`", path, hint)
    if not isinstance(target, int) or isinstance(target, bool):
        raise UsageError("data option `target` must be a column's name or index, got {!r}", target)
    if not -width <= target < width:
        raise fault(
            f"there is no column {target}: there are {width}", path, f"an index from 0 to {width - 1}"
        )
    return target % width
