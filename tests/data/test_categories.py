"""Tables with text, gaps and logarithms: one preparation, of the training part alone, used ever after."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.data import Data, Preparation, Split, load, load_inputs
from nbdl.errors import DataError, UsageError

HOUSE_PRICES = Path(__file__).parents[3] / "shared" / "data" / "house_prices.csv"
ROWS = [
    (f"{i}", "SLR"[i % 3], "NA" if i % 4 == 1 else f"{60 + i}", f"{np.exp(i % 7):.6f}") for i in range(30)
]
HEADER = ("id", "zone", "front", "price")


@pytest.fixture
def write(tmp_path):
    def write(rows=ROWS, header=HEADER, name="a.csv"):
        lines = [header, *rows] if header else rows
        (tmp_path / name).write_text("".join(",".join(row) + "\n" for row in lines))
        return tmp_path / name

    return write


def test_text_is_coded_and_gaps_are_kept_until_the_run(write):
    data = load(write())
    assert data.categories == ((), ("L", "R", "S"), ()) and data.columns == ("id", "zone", "front")
    x = np.concatenate([data.train.x, data.test.x])
    x = x[np.argsort(x[:, 0])]
    assert [data.categories[1][int(c)] for c in x[:, 1]] == [row[1] for row in ROWS]
    assert np.array_equal(np.isnan(x[:, 2]), np.arange(30) % 4 == 1)
    assert "1 column of 3 categories; missing numbers (8) become the mean" in data.about


def test_indicators_means_and_names(write):
    data = load(write())
    made = Preparation.of(data, "mse")
    x, raw = made.inputs(data.train.x), data.train.x
    assert made.features == ("id", "zone=L", "zone=R", "zone=S", "front")
    for code in range(3):
        assert np.array_equal(x[:, 1 + code], raw[:, 1] == code)
    there = ~np.isnan(raw[:, 2])
    mean, scale = raw[there, 2].mean(), raw[there, 2].std()
    np.testing.assert_allclose(x[there, 4], (raw[there, 2] - mean) / scale, rtol=1e-12)
    assert (x[~there, 4] == 0).all()


def test_a_missing_text_is_a_category(write):
    data = load(write([(r[0], r[1] if i % 5 else "", *r[2:]) for i, r in enumerate(ROWS)]))
    assert data.categories[1] == ("", "L", "R", "S")
    assert Preparation.of(data, "mse").features[1] == "zone=missing"


@pytest.mark.filterwarnings("ignore:the test loss is")
def test_validation_rows_never_touch_what_is_learnt(write):
    """Whatever stands in the rows that are held out, the net that is trained is the same to the bit."""
    data = load(write(), log_target=True)
    wild = np.array(data.test.x)
    wild[:, 0], wild[:, 2] = 1e9, -1e9
    wild[:, 1] = 3  # a category that training never meets
    other = replace(
        data,
        test=Split(wild, data.test.y * np.float32(1e6)),
        categories=((), (*data.categories[1], "Q"), ()),
    )
    kept = [i for i in range(len(data.train.x)) if i % 4]
    runs = []
    for d, held in ((data, slice(0, None, 4)), (other, slice(0, None, 4))):
        valid = Split(wild[:4], data.test.y[:4]) if d is other else Split(*(a[held] for a in d.train))
        d = replace(d, train=Split(*(a[kept] for a in d.train)))
        net = nn.Sequential(nn.Flatten(), nn.Linear(1))
        runs.append(nbdl.fit(net, d, lr=0.05, epochs=2, batch_size=8, validation=valid, compiled=False))
    ours, theirs = (nn.state_dict(run.net) for run in runs)
    assert all(np.array_equal(ours[k], theirs[k]) for k in ours)
    a, b = (run.preparation for run in runs)
    assert a.features == b.features and np.array_equal(a.mean, b.mean) and np.array_equal(a.scale, b.scale)
    assert np.array_equal(a.target_mean, b.target_mean) and a.target_scale == b.target_scale
    assert runs[0].history[-1]["valid_loss"] != runs[1].history[-1]["valid_loss"]


def test_an_unknown_category_is_0_everywhere(write):
    data = load(write())
    made = Preparation.of(data, "mse")
    rows = [("31", "Q", "70", "1"), ("32", "", "?", "2"), ("33", "S", "71", "3")]
    with pytest.warns(UserWarning, match="column `zone` of .* holds categories .*: missing, 'Q'"):
        x = load_inputs(write(rows, name="new.csv"), made)
    assert np.array_equal(made.inputs(x)[:, 1:4], [[0, 0, 0], [0, 0, 0], [0, 0, 1]])
    assert made.inputs(x)[1, 4] == 0


def test_columns_are_found_by_name_in_any_order(write):
    data = load(write())
    made = Preparation.of(data, "mse")
    expected = made.inputs(load_inputs(write(), made))
    order = [2, 3, 1, 0]
    turned = write([tuple(r[i] for i in order) for r in ROWS], [HEADER[i] for i in order], "turned.csv")
    assert np.array_equal(made.inputs(load_inputs(turned, made)), expected)
    other = load(turned, target="price", categories=["zone"])
    assert np.array_equal(made.agree(other, turned).train.x, data.train.x, equal_nan=True)
    with pytest.raises(DataError, match="columns that the model was trained on are missing: zone"):
        load_inputs(write([(r[0], *r[2:]) for r in ROWS], ("id", "front", "price"), "less.csv"), made)


def test_another_table_has_the_codes_of_the_run(write):
    data = load(write())
    made = Preparation.of(data, "mse")
    rows = [(r[0], "RS"[i % 2], *r[2:]) for i, r in enumerate(ROWS)]
    found = made.agree(load(write(rows, name="b.csv")), "b.csv")
    names = [data.categories[1][int(c)] for c in found.train.x[:, 1]]
    assert names == ["RS"[int(i) % 2] for i in found.train.x[:, 0]]
    numbers = [(r[0], f"{i}", *r[2:]) for i, r in enumerate(ROWS)]
    with pytest.raises(
        DataError, match="column `zone` holds numbers, the model was trained on categories"
    ) as e:
        made.agree(load(write(numbers, name="c.csv")), "c.csv")
    assert "try: the data option categories=zone" in e.value.__notes__
    text = [(r[1], *r[1:]) for r in ROWS]
    with pytest.raises(DataError, match="column `id` holds text, the model was trained on numbers"):
        made.agree(load(write(text, name="d.csv")), "d.csv")
    with pytest.raises(DataError, match="column `id` holds 'S', not a number"):
        load_inputs(write(text, name="e.csv"), made)


def test_numbers_as_categories_and_excluded_columns(write):
    data = load(write(), exclude="id", categories="front")
    assert data.columns == ("zone", "front") and len(data.categories[1]) == 23 and "" in data.categories[1]
    for option, value, message in (
        ("exclude", "price", "`exclude` holds the target"),
        ("exclude", "id,zone,front", "leaves no inputs"),
        ("categories", "zone,zone", "different columns"),
        ("log_target", 1, "true or false"),
    ):
        with pytest.raises(UsageError, match=message):
            load(write(), **{option: value})
    with pytest.raises(UsageError, match="needs standardize=true"):
        load(write(), categories="zone", standardize=False, exclude="front")


def test_text_that_does_not_recur_is_no_category(write):
    with pytest.raises(DataError, match="column `zone` holds 'name0', not a number") as error:
        load(write([(r[0], f"name{i}", *r[2:]) for i, r in enumerate(ROWS)]))
    assert error.value.__notes__[1] == "try: the data option exclude=zone, or categories=zone"


def test_an_empty_column_is_0_and_said(write):
    with pytest.warns(
        UserWarning, match="nothing stands in column front of .*: the net sees 0. Try exclude=fro"
    ):
        data = load(write([(*r[:2], "", r[3]) for r in ROWS]))
    made = Preparation.of(data, "mse")
    assert (made.inputs(data.train.x)[:, -1] == 0).all() and np.isfinite(made.mean).all()


def test_logarithms_of_targets(write):
    data = load(write(), log_target=True)
    made = Preparation.of(data, "mse")
    y = data.train.y
    np.testing.assert_allclose(made.values(made.targets(y).astype(np.float32)), y, rtol=1e-5)
    np.testing.assert_allclose(made.targets(y).std(), 1, rtol=1e-6)
    with pytest.raises(DataError, match="must be above 0, got -1"):
        made.targets(np.array([[2.0], [-1.0]]))
    with pytest.raises(DataError, match="logarithms need targets above 0, the smallest is -3"):
        load(write([*ROWS, ("1", "S", "2", "-3.5")]), log_target=True)
    with pytest.raises(UsageError, match="values to predict"):
        load(write(), target="zone", log_target=True)


def test_figures_are_of_the_logarithms_and_predictions_are_not(write):
    data = load(write(), log_target=True)
    net = nn.Sequential(nn.Flatten(), nn.Linear(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such prices cannot be learnt
        run = nbdl.fit(net, data, lr=0.05, epochs=3, batch_size=8, compiled=False)
    prediction = run.predict(data.test.x)
    assert prediction.shape == data.test.y.shape and (prediction > 0).all()
    errors = np.log(prediction) - np.log(data.test.y)
    np.testing.assert_allclose(run.history[-1]["test_loss"], np.mean(errors**2), rtol=1e-4)


def test_a_document_brings_back_categories(write):
    made = Preparation.of(data := load(write(), log_target=True), "mse")
    document = made.document()
    again = Preparation.read(json.loads(json.dumps(document)), "f")
    assert np.array_equal(again.inputs(data.test.x), made.inputs(data.test.x))
    assert again.features == made.features and again.log_target
    old = {k: v for k, v in document.items() if k not in ("categories", "known", "log_target")}
    assert Preparation.read(old, "f").categories == ()
    for change in (
        {"categories": [[]]},
        {"known": [[], [7], []]},
        {"categories": [[], [1, 2, 3], []]},
        {"known": 3},
        {"log_target": 1},
    ):
        with pytest.raises(DataError, match="f is damaged"):
            Preparation.read({**document, **change}, "f")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"standardize": False}, "`categories` need `standardize`"),
        ({"categories": ((),)}, r"an entry for each column of x, got 1 for \(3, 2\)"),
        ({"categories": ((), ("a",))}, "column 1 of x must hold numbers of its categories, -1 to 0, got 1"),
        ({"categories": (("a", "b"), ())}, "column 0 of x must hold .* got 0.5"),
    ],
)
def test_categories_that_do_not_belong_to_the_columns(change, message):
    x, y = np.array([[0.5, 0], [1.5, 1], [2.5, 1]]), np.float32([[1], [3], [5]])
    data = Data("t", Split(x, y), Split(x[:0], y[:0]), None, standardize=True, categories=((), ("a", "b")))
    with pytest.raises(DataError, match=message):
        nbdl.fit(nn.Sequential(nn.Linear(1)), replace(data, **change), epochs=1, compiled=False)


def test_gaps_of_arrays_are_let_in_only_where_columns_are_standardised():
    x, y = np.array([[1.0, 2], [3, np.nan], [5, 6]]), np.float32([[1], [3], [5]])
    data = Data("t", Split(x, y), Split(x[:0], y[:0]), None, standardize=True)
    net = nn.Sequential(nn.Linear(1))
    assert nbdl.fit(net, data, lr=0.1, epochs=60, compiled=False).history[-1]["train_loss"] < 0.1
    with pytest.raises(DataError, match=r"train inputs hold nan at index \(1, 1\)"):
        nbdl.fit(nn.Sequential(nn.Linear(1)), replace(data, standardize=False), epochs=1, compiled=False)
    x[0, 0] = np.inf
    with pytest.raises(DataError, match=r"train inputs hold inf at index \(0, 0\)"):
        nbdl.fit(nn.Sequential(nn.Linear(1)), data, epochs=1, compiled=False)


@pytest.mark.skipif(not HOUSE_PRICES.exists(), reason="the house prices are not at hand")
def test_the_house_prices_as_the_book_prepares_them():
    """Its 331 columns are of both files and have one for a missing text of every column."""
    data = load(HOUSE_PRICES, exclude="Id", log_target=True)
    made = Preparation.of(data, "mse")
    x = made.inputs(data.train.x)
    assert data.train.x.shape == (1168, 79) and x.shape == (1168, len(made.features)) and x.shape[1] > 290
    assert np.isfinite(x).all() and np.isfinite(made.inputs(data.test.x)).all()
    groups = np.array([f.partition("=")[0] for f in made.features])
    assert (x[:, groups == "MSZoning"].sum(axis=1) == 1).all()
    assert "Alley=missing" in made.features
