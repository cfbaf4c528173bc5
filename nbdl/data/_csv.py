"""CSV files and their kin: one sample a row, one column of targets; a header is optional."""

import dataclasses
import difflib
import shlex
import warnings

import numpy as np

from nbdl.data._categories import DECIMAL_COMMA, read_categories
from nbdl.data._data import check_task, from_arrays
from nbdl.data._fault import fault
from nbdl.data._rows import SLIPS, read_rows
from nbdl.data._targets import recur
from nbdl.errors import UsageError

SHOWN = 12  # names of columns in a message


def csv(
    path, target=-1, inputs=None, test_fraction=0.2, seed=0, task=None, delimiter=None, standardize=True,
    exclude=(), categories=(), log_target=False,
):  # fmt: skip
    """Read a table from a text file.

    Parameters
    ----------
    path : Path
    target : str or int
        The column of the targets, by name or by index from 0; the last one by default.
    inputs : list or str, optional
        The columns of the inputs, by names or indices, also as text with commas between them; all others by
        default.
    test_fraction, seed : float, int
        The share of rows for testing, and the seed of its choice.
    task : {"classification", "regression"}, optional
        What the targets are. Without it text and whole numbers that recur are class labels, other numbers are
        values.
    delimiter : str, optional
        By default tab, semicolon or comma if all of the first lines hold it equally often, else blanks.
    standardize : bool
        Whether training gives each column a mean of 0 and a deviation of 1, puts the mean in place of missing
        numbers, and makes indicators of columns of text whose texts recur. Else all must be numbers.
    exclude : list or str, optional
        Columns that are no inputs.
    categories : list or str, optional
        Columns that are taken as categories, whatever they hold.
    log_target : bool
        The logarithm of the target is learnt, and losses are of it; predictions are in units of the target.
    """
    check_task(task)
    found = {}

    def keep(names):
        found["target"] = _column(path, target, names)
        return [found["target"]]

    rows = read_rows(path, delimiter, keep)
    column = found["target"]
    if len(rows.names) < 2:
        raise fault(
            "two columns at least are needed, inputs and target",
            path,
            "the data option delimiter=';' or the like",
        )
    if inputs is None:
        chosen = [i for i in range(len(rows.names)) if i != column]
    else:
        chosen = _columns(path, inputs, rows, column, "inputs")
    out = _columns(path, exclude, rows, column, "exclude") if exclude not in ((), []) else []
    chosen = [i for i in chosen if i not in out]
    if not chosen:
        raise UsageError("data option `exclude` leaves no inputs: {}", exclude)
    forced = _columns(path, categories, rows, column, "categories") if categories not in ((), []) else []
    if forced and not standardize:
        raise UsageError("data option `categories` needs standardize=true")
    texts = read_categories(path, delimiter, rows, chosen, forced) if standardize is True else {}
    check_columns(path, rows, [i for i in chosen if i not in texts], gaps=standardize is True)
    place = f"{path}, column `{rows.names[column]}`"
    y, task = _targets(path, rows, column, task, place)
    about = (
        f"{len(y)} rows of {path}{'' if rows.header else ', which has no header'}: target "
        f"`{rows.names[column]}`"
    )
    names = (tuple(rows.names[i] for i in chosen), rows.names[column]) if rows.header else ((), "")
    x, places = rows.values[:, chosen], (path, place)
    for at, i in enumerate(chosen):
        if i in texts:
            x[:, at] = texts[i][1]
    data = from_arrays(path.stem, x, y, places, test_fraction, seed, task, about, standardize, names)
    listed = tuple(texts[i][0] if i in texts else () for i in chosen) if texts else ()
    about = data.about + _prepared(path, rows, chosen, texts)
    _check_log(log_target, data, place)
    metrics = ("rmse",) if data.classes is None else ()
    return dataclasses.replace(data, categories=listed, log_target=log_target, metrics=metrics, about=about)


def _prepared(path, rows, chosen, texts):
    """What was understood of the columns of inputs, to be said of the data; a warning names empty ones."""
    gaps = {i: rows.odd[i].missing for i in chosen if i in rows.odd and i not in texts}
    empty = [rows.names[i] for i, n in gaps.items() if n == len(rows.lines)]
    if empty:
        what = f"column{'s' if len(empty) > 1 else ''} {_shown(empty)} of {path}"
        warnings.warn(
            f"nothing stands in {what}: the net sees 0. Try exclude={','.join(empty)}", stacklevel=5
        )
    many, names = "s" * (len(texts) != 1), sum(len(names) for names, _ in texts.values())
    said = f"; {len(texts)} column{many} of {names} categor{'y' if names == 1 else 'ies'}"
    filled = f"; missing numbers ({sum(gaps.values())}) become the mean of their column"
    return said * bool(texts) + filled * bool(gaps)


def _check_log(log_target, data, place):
    if not isinstance(log_target, bool):
        raise UsageError("data option `log_target` must be true or false, got {!r}", log_target)
    if not log_target:
        return
    if data.classes is not None:
        raise UsageError("data option `log_target` needs values to predict, these are classes")
    least = min(split.y.min(initial=np.inf) for split in (data.train, data.test))
    if not least > 0:
        what = f"logarithms need targets above 0, the smallest is {least:g}"
        raise fault(what, place, "leaving out log_target, or such rows")


def check_columns(path, rows, chosen, choose=True, gaps=False):
    """Raise `DataError` if one of the chosen columns holds anything but numbers: all of them are named.

    With `choose` those that do not are offered; with `gaps` missing numbers are let in.
    """
    odd = {i: rows.odd[i] for i in chosen if i in rows.odd and (rows.odd[i].texts or not gaps)}
    if not odd:
        return
    names, n = rows.names, len(rows.lines)
    text = [names[i] for i, o in odd.items() if o.texts > SLIPS * (n - o.missing)]
    if len(odd) == 1 and not text:
        ((i, o),) = odd.items()
        field = o.first_text if gaps else o.first
        raise _one(path, names[i], *field, "filling it in, or removing the row")
    fine = [names[i] for i in chosen if i not in odd]
    hint = "coding them as numbers"
    if fine and choose:
        option, named = ("exclude", [names[i] for i in odd]) if gaps else ("inputs", fine)
        hint = f"the data option {option}={shlex.quote(','.join(named))}"
        if gaps and text:
            hint += f", or categories={shlex.quote(','.join(text))}"
    if text and all(DECIMAL_COMMA.fullmatch(o.first_text[1].strip()) for o in odd.values() if o.texts):
        hint = "decimal points in place of decimal commas"
    if len(odd) == 1:
        ((i, o),) = odd.items()
        raise _one(path, names[i], *o.first_text, hint)
    said = []
    if text:
        said.append(f"{len(text)} columns hold text ({_shown(text)})")
    others = [f"`{names[i]}` in line {o.first[0]}" for i, o in odd.items() if names[i] not in text]
    if others:
        said.append(f"{len(others)}{'' if text else ' columns'} lack numbers ({_shown(others)})")
    raise fault(f"nets take numbers, but {' and '.join(said)}", path, hint)


def _one(path, name, line, text, hint, what="not a number"):
    said = f"holds {text!r}, {what}" if text.strip() else "has an empty field"
    return fault(f"column `{name}` {said}", f"{path}, line {line}, column `{name}`", hint)


def _targets(path, rows, column, task, place):
    """The targets as text, or as numbers; and what they are, if that is said or follows."""
    values, odd, name = rows.values[:, column], rows.odd.get(column), rows.names[column]
    if odd is None:
        if task is None:
            whole = (values == np.floor(values)).all() and recur(values)
            task = "classification" if whole else "regression"
        return values, task
    if odd.missing or task == "regression" or odd.texts <= SLIPS * len(values):
        line, text = odd.first_missing or odd.first_text
        what = "a missing value" if odd.missing else "not a number"
        raise _one(path, name, line, text, "removing such rows, or the data option target=NAME", what)
    labels = rows.kept[column]
    if not recur(labels):
        what = f"column `{name}` is no class: it holds {len(set(labels))} different texts"
        raise fault(f"{what} in {len(values)} rows", place, "the data option target=NAME")
    return np.array(labels), "classification"


def _column(path, column, names, option="target"):
    width = len(names)
    if isinstance(column, str):
        if column in names:
            return names.index(column)
        near = difflib.get_close_matches(column, names, n=1)
        hint = f"{option}={near[0]}" if near else f"one of {', '.join(names[:20])}"
        raise fault(f"there is no column `{column}`", path, hint)
    if not isinstance(column, int) or isinstance(column, bool):
        raise UsageError("data option `{}` must be a column's name or index, got {!r}", option, column)
    if not -width <= column < width:
        raise fault(
            f"there is no column {column}: there are {width}", path, f"an index from 0 to {width - 1}"
        )
    return column % width


def _columns(path, given, rows, target, option):
    """The numbers of the columns that an option names, in a list or as text with commas between them."""
    if isinstance(given, str):
        given = [name.strip() for name in given.strip("[]").split(",")]
    if not isinstance(given, (list, tuple)):
        given = [given]
    if not given or len(set(given)) < len(given):
        raise UsageError("data option `{}` must hold one or more different columns, got {}", option, given)
    found = [_column(path, c, rows.names, option) for c in given]
    if target in found:
        raise UsageError("data option `{}` holds the target `{}`", option, rows.names[target])
    return found


def _shown(names):
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
