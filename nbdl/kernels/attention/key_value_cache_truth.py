"""The truth of `next_places` and `cache_rows`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError


def next_places(seen, count, room):
    return seen.astype(np.int64) + np.arange(count)


def next_places_cases(rng):
    seen = np.array([[0.0], [5.0], [2.0]])
    options = {"count": 2, "room": 8}
    return [
        Case("3 samples", (seen,), options, grad=False),
        Case("the last ones", (seen[1:2],), {"count": 3, "room": 8}, grad=False),
        Case("none", (seen,), {"count": 0, "room": 5}, grad=False),
        Case("no samples", (seen[:0],), options, grad=False),
        Bad("a full cache", (seen,), {"count": 4, "room": 8}, OptionError, "room", values=True),
        Bad("fewer than none", (seen,), {"count": -1, "room": 8}, OptionError, "count", values=True),
        Bad("a fraction", (seen + 0.5,), options, OptionError, "seen", values=True),
        Bad("negative", (seen - 1,), options, OptionError, "seen", values=True),
        Bad("NaN", (seen * np.nan,), options, OptionError, "seen", values=True),
        Bad("infinite", (seen + np.inf,), options, OptionError, "seen", values=True),
        Bad("a row", (seen.T,), options, ShapeError, "seen"),
        Bad("one axis", (seen[:, 0],), options, ShapeError, "seen"),
        Bad("integers", (seen.astype(int),), options, DtypeError, "seen"),
    ]


def cache_rows(cache, rows, places):
    y = cache.copy()
    for n, t in np.ndindex(places.shape):
        y[n, :, int(places[n, t])] = rows[n, :, t]
    return y


def cache_rows_cases(rng):
    cache, rows = rng.standard_normal((3, 2, 6, 5)), rng.standard_normal((3, 2, 2, 5))
    places = np.array([[0, 1], [4, 5], [3, 2]])
    return [
        Case("3 samples, 2 heads", (cache, rows, places), grad=False),
        Case("a row for each", (cache, rows[:, :, :1], places[:, 1:]), grad=False),
        Case("twice in one place", (cache, rows, places * 0), grad=False),
        Case("what is not read", (np.where(cache > 1, np.nan, cache), rows, places), grad=False),
        Case("no rows", (cache, rows[:, :, :0], places[:, :0]), grad=False),
        Case("no samples", (cache[:0], rows[:0], places[:0]), grad=False),
        Bad("behind the end", (cache, rows, places + 1), {}, LabelError, "places"),
        Bad("before the start", (cache, rows, places - 1), {}, LabelError, "places"),
        Bad("rows of other heads", (cache, rows[:, :1], places), {}, ShapeError, "rows"),
        Bad("rows of other features", (cache, rows[..., :4], places), {}, ShapeError, "rows"),
        Bad("fewer places", (cache, rows, places[:, :1]), {}, ShapeError, "places"),
        Bad("places of floats", (cache, rows, places * 1.0), {}, DtypeError, "places"),
        Bad("a cache of 3 dimensions", (cache[0], rows, places), {}, ShapeError, "cache"),
        Bad("half of the rows", (cache, half(rows), places), {}, DtypeError, "rows"),
    ]
