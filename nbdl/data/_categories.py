r"""Columns of categories: text of a table as places in a list of names, and these as indicators (one-hot).

.. math:: x_{n,c} = 1 \text{ if row } n \text{ holds category } c \text{ of the training part, else } 0

A category that the training part does not hold has no indicator: all of its column are 0. A missing field is
a category of its own, `NOTHING`.
"""

import re
import warnings

import numpy as np

from nbdl.data._fault import fault
from nbdl.data._rows import MISSING, read_rows
from nbdl.data._targets import recur

NOTHING = ""  # what a missing field is called
MOSTLY = 0.5  # of the fields of a column: more than so many that are text make it one of categories
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
SHOWN = 5  # names in a message


def misfit(data):
    """What is wrong with the `categories` of a `Data`, or ""."""
    x = data.train.x
    if not data.categories:
        return ""
    if not data.standardize:
        return "`categories` need `standardize`, which makes indicators of them"
    if np.ndim(x) != 2 or len(data.categories) != x.shape[1]:
        shape = getattr(x, "shape", "several arrays")
        return f"`categories` must have an entry for each column of x, got {len(data.categories)} for {shape}"
    for i, names in enumerate(data.categories):
        for part in (data.train.x, data.test.x) if names else ():
            codes = part[:, i]
            odd = codes[~((codes == np.floor(codes)) & (codes >= -1) & (codes < len(names)))]
            if odd.size:
                most = len(names) - 1
                return f"column {i} of x must hold numbers of its categories, -1 to {most}, got {odd[0]:g}"
    return ""


def likely(rows, column):
    """Whether a column of `Rows` holds text, and none that is a slip or a number with a decimal comma."""
    odd = rows.odd.get(column)
    if odd is None or not odd.texts or DECIMAL_COMMA.fullmatch(odd.first_text[1].strip()):
        return False
    return odd.texts > MOSTLY * (len(rows.lines) - odd.missing)


def read_categories(path, delimiter, rows, chosen, forced=()):
    """The columns of categories among the `chosen` of a file: names and codes (N,) of each, by its number.

    They are those that are `forced`, and those of text whose texts recur, as labels do.
    """
    wanted = [i for i in chosen if i in forced or likely(rows, i)]
    if not wanted:
        return {}
    found, kept = {}, read_rows(path, delimiter, lambda names: wanted).kept
    for i, fields in kept.items():
        fields = np.array([name_of(text) for text in fields], object)
        if i in forced or recur(fields):
            names = tuple(sorted(set(fields.tolist())))
            found[i] = names, coded(fields, names)
    return found


def name_of(text):
    """The category that a field of text stands for."""
    text = text.strip()
    return NOTHING if text.lower() in MISSING else text


def coded(fields, names):
    """The places of fields (N,) in a list of names, as float64; -1 for one that is not there."""
    place = {name: i for i, name in enumerate(names)}
    return np.array([place.get(name, -1) for name in fields], np.float64)


def in_codes_of(ours, theirs, xs, names, where):
    """Tables (N, D), with their categories by column, with codes in our categories; new ones are named.

    `DataError` for a column that has categories in one of both and numbers in the other.
    """
    xs = [np.array(x, np.float64) for x in xs]
    for i, (name, known, found) in enumerate(zip(names, ours, theirs)):
        if bool(known) != bool(found):
            what, other = ("text", "numbers") if found else ("numbers", "categories")
            hint = f"the data option categories={name}" if known else f"numbers in column `{name}`"
            raise fault(f"column `{name}` holds {what}, the model was trained on {other}", where, hint)
        if known != found:
            met = {found[int(c)] for x in xs for c in np.unique(x[:, i]) if c >= 0}
            warn_of_unknown(sorted(met - set(known)), name, where)
            place = np.array([*coded(found, known), -1.0])
            for x in xs:
                x[:, i] = place[x[:, i].astype(np.int64)]
    return xs


def warn_of_unknown(names, column, where):
    """Say which categories of a column a model does not know."""
    if names:
        shown = ", ".join(repr(n) if n else "missing" for n in names[:SHOWN])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        warnings.warn(
            f"column `{column}` of {where} holds categories that the model was not trained on: {shown}{more}"
            ". It sees 0 for them",
            stacklevel=4,
        )


def held(codes):
    """The codes that a column (N,) of the training part holds, in order: each has an indicator."""
    found = np.unique(codes)
    return tuple(int(c) for c in found if c >= 0)


def spread(x, scaled, categories, known):
    """What a net sees of a table: of columns of categories a column of 0 and 1 for each known code of x."""
    parts = [
        (x[:, i, None] == np.array(codes, np.float64)).astype(np.float64) if names else scaled[:, i, None]
        for i, (names, codes) in enumerate(zip(categories, known))
    ]
    return np.concatenate(parts, axis=1)


def features(columns, categories, known):
    """What the columns are called that a net sees."""
    return tuple(
        feature
        for column, names, codes in zip(columns, categories, known)
        for feature in ([f"{column}={names[c] or 'missing'}" for c in codes] if names else [column])
    )
