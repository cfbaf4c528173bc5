"""Runs on integers, on several arrays by name, and on nets that give several: what goes in comes out."""

import numpy as np
import pytest

import nbdl
from nbdl import nn, registry, train
from nbdl.data import Data, Split
from nbdl.errors import DataError, DtypeError, ShapeError, UsageError
from nbdl.tape import as_tensor

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 5, (60, 6))
NEXT = (IDS + 1) % 5


class OneHot:
    """Takes integers alone."""

    def __init__(self, symbols):
        self.symbols = symbols

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if x.dtype.kind not in "iu":
            raise DtypeError("OneHot: `x` must hold integers, got {}", x.dtype)
        same = x.reshape(*x.shape, 1) == np.arange(self.symbols)
        return nbdl.where(same, np.float32(1), np.float32(0))


def tokens():
    return nn.Sequential(OneHot(5), nn.Linear(5))


class Two:
    """Three inputs by name, two results."""

    def __init__(self):
        self.hot, self.scores, self.values = OneHot(5), nn.Linear(4), nn.Linear(4)

    def __call__(self, ids, mask, noise, train=None):
        kept = nbdl.where(as_tensor(mask), self.values(noise), 0)
        return {"scores": self.scores(self.hot(ids)), "kept": kept}


def two_losses(prediction, target):
    labels = nn.softmax_cross_entropy(prediction["scores"], target["labels"])
    return labels + nn.mse(prediction["kept"], target["values"])


def kept_share(prediction, target):
    """Sees what the loss sees."""
    return float(np.mean((prediction["kept"] != 0) == target["seen"]))


@pytest.fixture
def two():
    """The data and the fit of a net of several arrays."""
    fresh = registry.Registry(entries=[])
    records = fresh.plugins()[0].records
    records["loss", "two"] = nbdl.Loss("two", two_losses, metrics=("kept_share",))
    records["metric", "kept_share"] = nbdl.Metric("kept_share", kept_share)
    mask = RNG.random((60, 4)) > 0.5
    x = {"ids": IDS, "mask": mask, "noise": RNG.standard_normal((60, 3))}
    y = {"labels": NEXT % 4, "values": RNG.standard_normal((60, 4)), "seen": mask}
    former = registry.use(fresh)
    yield lambda x=x, y=y, **options: nbdl.fit(
        Two(), (x, y), **{"loss": "two", "optimizer": "adam", "lr": 0.05, "batch_size": 16, **options}
    )
    registry.use(former)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("dtype", [np.int64, np.int16, np.uint8])
def test_token_ids_stay_integers(compiled, dtype):
    run = nbdl.fit(
        tokens(), (IDS.astype(dtype), NEXT), optimizer="adam", lr=0.1, epochs=12, batch_size=16,
        compiled=compiled,
    )  # fmt: skip
    assert run.data.train.x.dtype == dtype and run.data.classes == 5
    assert (run.predict(IDS) == NEXT).all() and run.evaluate(run.data.train)["accuracy"] == 1
    assert run.history[-1]["train_loss"] < 0.7
    assert train.predict(run.net, IDS).shape == (60, 6, 5)
    measured = train.evaluate(run.net, Split(IDS, NEXT), "softmax_cross_entropy")
    assert measured == run.evaluate(run.data.train)
    with pytest.raises(DtypeError, match=r"integer.*float"):
        run.predict(IDS + 0.0)


def test_text_labels_of_positions():
    names = np.array(["e", "a", "d", "c", "b"])
    run = nbdl.fit(tokens(), (IDS, names[NEXT]), optimizer="adam", lr=0.1, epochs=12, batch_size=16)
    assert run.preparation.labels == ("a", "b", "c", "d", "e")
    assert (run.predict(IDS) == names[NEXT]).all()
    assert run.evaluate(Split(IDS, names[NEXT])) == run.evaluate(run.data.train)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool])
def test_integer_features_train_a_net_of_floats_as_floats_do(compiled, dtype):
    x = (IDS % 2).astype(dtype)
    make = lambda: nn.Sequential(nn.Linear(8), nn.ReLU(), nn.Linear(5))  # noqa: E731
    options = {"epochs": 2, "batch_size": 16, "compiled": compiled}
    runs = [nbdl.fit(make(), (a, NEXT[:, 0]), **options) for a in (x, x.astype(np.float32))]
    assert runs[0].data.train.x.dtype == np.float32
    assert (runs[0].net[0].w.data == runs[1].net[0].w.data).all()
    assert (runs[0].predict(x) == runs[1].predict(x)).all()
    assert train.evaluate(runs[0].net, Split(x, NEXT[:, 0]), "softmax_cross_entropy") == runs[1].evaluate(
        runs[1].data.train
    )


def test_a_net_of_floats_that_casts_nothing_gets_floats():
    """Pooling takes floats alone and casts nothing: integers are tried first."""
    net = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2))
    x = RNG.integers(0, 9, (20, 1, 4, 4))
    for compiled in (True, False):
        run = nbdl.fit(net, (x, np.arange(20) % 2), epochs=1, batch_size=8, lr=0.01, compiled=compiled)
        assert run.data.train.x.dtype == np.float32 and run.predict(x).shape == (20,)
    assert train.predict(net, x).shape == (20, 2)


@pytest.mark.parametrize("compiled", [True, False])
def test_several_arrays_by_name(two, compiled):
    run = two(epochs=8, compiled=compiled)
    losses = [row["train_loss"] for row in run.history]
    assert losses[-1] < 0.8 * losses[0]
    found = run.predict(run.data.train.x)
    assert {k: a.shape for k, a in found.items()} == {"scores": (60, 6, 4), "kept": (60, 4)}
    assert (found["kept"] == train.predict(run.net, run.data.train.x)["kept"]).all()
    assert not found["kept"][~run.data.train.x["mask"]].any()
    measured = run.evaluate(run.data.train)
    assert measured["kept_share"] == 1 and measured["loss"] < losses[0]
    with pytest.raises(
        UsageError, match=r"`x` must be \['ids', 'mask', 'noise'\], as in the training data, got"
    ):
        run.predict({"ids": IDS})
    with pytest.raises(UsageError, match=r"in the training data, got one array"):
        run.predict(IDS)


def test_a_program_of_several_arrays_trains_as_the_tape_does(two):
    ours, theirs = two(epochs=3, dtype="float64"), two(epochs=3, dtype="float64", compiled=False)
    for name, a in nn.state_dict(ours.net).items():
        np.testing.assert_allclose(a, nn.state_dict(theirs.net)[name], rtol=0, atol=1e-12)
    for a, b in zip(ours.history, theirs.history):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-12)


def test_a_run_of_several_arrays_in_a_folder(two, tmp_path):
    run = two(epochs=1, out=tmp_path)
    net = nbdl.load(tmp_path / "model.safetensors", into=Two())
    ours, theirs = train.predict(net, run.data.train.x), run.predict(run.data.train.x)
    assert (ours["scores"] == theirs["scores"]).all()
    assert train.evaluate(net, run.data.train, "two") == run.evaluate(run.data.train)


def test_what_is_wrong_is_named_as_the_user_names_it(two):
    x, y = {"ids": IDS, "mask": IDS > 2, "noise": RNG.standard_normal((60, 3))}, {"labels": NEXT}
    broken = {**x, "noise": np.where(IDS[:, :3] == 1, np.nan, 0.5)}
    with pytest.raises(DataError, match=r"train inputs `noise` hold nan at index \(\d+, \d\)"):
        two(x=broken)
    with pytest.raises(DataError, match=r"`train inputs` must hold the same .* 60 in `ids`, 9 in `mask`"):
        two(x={**x, "mask": x["mask"][:9]})
    with pytest.raises(DataError, match="inputs `ids` must hold numbers, got dtype <U"):
        two(x={**x, "ids": IDS.astype(str)})
    with pytest.raises(DataError, match="train data: 60 inputs but 9 targets"):
        two(y={"labels": NEXT[:9]})
    with pytest.raises(UsageError, match=r"targets of several names \(labels\) need a `loss`"):
        two(y=y, loss=None)
    with pytest.raises(ShapeError, match="must have one entry for each sample"):
        nbdl.fit(Two(), Data("d", Split({**x, "mask": np.array(1)}, y), Split(x, y), None), loss="two")


# --- measuring part by part ---------------------------------------------------------------------------------

X = RNG.standard_normal((1300, 7))
LABELS = X[:, :4].argmax(axis=1)


def by_hand(net, loss, y, **options):
    prediction = train.predict(net, X)
    with nbdl.no_grad():
        return prediction, registry_loss(loss)(prediction, y, **options).item()


def registry_loss(name):
    from nbdl.records import resolve

    return resolve(registry.default().get("loss", name).compute)


@pytest.mark.parametrize(
    ("loss", "y", "options"),
    [
        ("softmax_cross_entropy", LABELS, {}),
        ("softmax_cross_entropy", np.where(LABELS == 3, -100, LABELS), {}),
        ("softmax_cross_entropy", np.where(np.arange(1300) < 900, -100, LABELS), {}),
        ("softmax_cross_entropy", LABELS, {"ignore_index": 2, "label_smoothing": 0.1}),
        ("softmax_cross_entropy", LABELS, {"weight": [0.1, 5.0, 1.0, 0.0]}),
        ("softmax_cross_entropy", np.abs(X[:, :4]), {}),
        ("softmax_cross_entropy", LABELS, {"reduction": "sum"}),
        ("softmax_cross_entropy", LABELS, {"reduction": "mean"}),
        ("mse", X[:, :4], {}),
        ("mse", X[:, :4], {"half": True}),
        ("info_nce", X[:, :4], {}),
    ],
)
def test_parts_give_the_mean_over_what_counts(monkeypatch, loss, y, options):
    """As all predictions at once do, which only a loss that is no mean over samples is given."""
    net = nn.init(nn.Sequential(nn.Linear(4)), X, dtype="float64")
    prediction, expected = by_hand(net, loss, y, **options)
    sizes = []
    value = registry_loss(loss)
    monkeypatch.setattr(
        train._measure,
        "code",
        lambda c: spy(value, sizes) if c == f"nbdl.nn:{loss}" else nbdl.records.resolve(c),
    )
    measured = train.evaluate(net, Split(X, y), loss, **options)
    assert measured["loss"] == pytest.approx(expected, rel=1e-12)
    whole = loss == "info_nce" or options.get("reduction") == "sum"
    assert sum(sizes) <= 1300 and (max(sizes) == 1300 if whole else max(sizes) <= 512)
    if loss == "softmax_cross_entropy":
        assert measured["accuracy"] == pytest.approx(train.accuracy(prediction, y), rel=1e-12)


def spy(function, sizes):
    def spied(prediction, target, **options):
        sizes.append(len(prediction))
        return function(prediction, target, **options)

    return spied


def test_no_more_than_a_part_of_the_predictions_is_held(monkeypatch):
    monkeypatch.setattr(train._measure, "HELD", 4 * 4 * 10)  # bytes: ten samples of four numbers
    net = nn.init(nn.Sequential(nn.Linear(4)), X)
    seen = [(rows.stop - rows.start, len(found)) for rows, found in train._measure.parts(net, X)]
    assert seen == [(10, 10)] * 130
    run = nbdl.fit(net, Data("d", Split(X, LABELS), Split(X, LABELS), 4), lr=0.1, epochs=5)
    assert run.predict(X).shape == (1300,)
    assert run.evaluate(run.data.test)["loss"] == run.history[-1]["test_loss"]


def test_no_label_that_counts_is_what_the_loss_says_of_it():
    net = nn.init(nn.Sequential(nn.Linear(4)), X)
    with pytest.raises(nbdl.errors.LabelError):
        train.evaluate(net, Split(X, np.full(1300, -100)), "softmax_cross_entropy")
    with pytest.raises(DataError, match="1300 inputs but 1299 targets"):
        train.evaluate(net, Split(X, LABELS[1:]), "softmax_cross_entropy")


def test_perplexity_is_reported_where_the_data_ask_for_it():
    data = Data("d", Split(IDS, NEXT), Split(IDS, NEXT), 5, metrics=("perplexity",))
    run = nbdl.fit(tokens(), data, optimizer="adam", lr=0.1, epochs=2, batch_size=16)
    for row in run.history:
        assert row["train_perplexity"] == pytest.approx(np.exp(row["train_loss"]))
        assert row["test_perplexity"] == pytest.approx(np.exp(row["test_loss"]))
    figures = train.evaluate(run.net, data.test, "softmax_cross_entropy", metrics=data.metrics)
    assert figures["perplexity"] == run.history[-1]["test_perplexity"]
    smooth = nbdl.fit(tokens(), data, loss_options={"label_smoothing": 0.1}, epochs=1, batch_size=16)
    assert "test_perplexity" not in smooth.history[0]  # of another loss exp is none
    assert train.perplexity(1e4) == np.inf
    with pytest.raises(nbdl.errors.PluginError, match='`of` must be "prediction" or "loss"'):
        nbdl.Metric("m", lambda loss: loss, of="lass")
