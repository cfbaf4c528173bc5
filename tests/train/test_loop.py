import json
import os
import signal
from pathlib import Path

import numba
import numpy as np
import pytest

import nbdl
from nbdl import nn, train
from nbdl.data import Data, Split
from nbdl.errors import DataError, LabelError, NumericError, SaveError, ShapeError, TapeError, UsageError

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(3, 5)) * 3


def blobs(n=90):
    y = np.arange(n) % 3
    return Split((CENTRES[y] + RNG.normal(size=(n, 5))).astype(np.float32), y)


DATA = Data("blobs", blobs(), blobs(30), 3)


def model():
    return nn.Sequential(nn.Linear(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(3))


def fit(**options):
    return nbdl.fit(
        model(), DATA, **{"optimizer": "adam", "lr": 0.02, "epochs": 4, "batch_size": 16, **options}
    )


def weights(run):
    return b"".join(a.tobytes() for a in nn.state_dict(run.net).values())


def test_it_learns_and_says_how():
    events = []
    run = fit(epochs=10, progress=lambda event, **fields: events.append((event, fields)))
    assert run.evaluate(DATA.test)["accuracy"] > 0.9
    assert [row["epoch"] for row in run.history] == list(range(1, 11))
    assert run.history[-1]["test_accuracy"] == run.evaluate(DATA.test)["accuracy"]
    assert run.steps == 10 * 6
    kinds = [e for e, _ in events if e != "compile"]
    assert kinds[0] == "start" and kinds.count("epoch") == 10
    seen = [(fields["epoch"], fields["step"]) for e, fields in events if e == "step"]
    assert seen == sorted(set(seen)) and [e for e, step in seen if step == 6] == list(range(1, 11))


def test_the_same_seed_gives_the_same_bits():
    assert weights(fit(seed=3)) == weights(fit(seed=3))
    assert weights(fit(seed=3)) != weights(fit(seed=4))


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd", "lr": 0.1, "epochs": 10},
        {"optimizer": "momentum", "lr": 0.05, "schedule": "cosine", "clip_norm": 0.5},
        {"epochs": 2, "groups": {"*.b": {"weight_decay": 0.1}}, "batch_size": 40, "dtype": "float64"},
        {"epochs": 2, "groups": {"0.*": {"frozen": True}, "*.b": {"lr_factor": 0.1}}},
    ],
)
def test_a_program_trains_as_the_tape_does(options):
    """Losses, measurements and weights; the last minibatch of an epoch is smaller than the others."""
    ours, theirs = fit(**options), fit(**options, compiled=False)
    within = 1e-9 if "dtype" in options else 1e-5
    for a, b in zip(ours.history, theirs.history, strict=True):
        for key in set(a) - {"seconds"}:
            assert a[key] == pytest.approx(b[key], rel=within)
    for name, a in nn.state_dict(ours.net).items():
        b = nn.state_dict(theirs.net)[name]
        np.testing.assert_allclose(a, b, rtol=0, atol=within * np.abs(b).max())


@pytest.mark.parametrize("threads", [2, 3])
def test_the_same_bits_for_any_number_of_threads(monkeypatch, threads):
    monkeypatch.setattr("nbdl._cores.cores", lambda: 8)
    ours, theirs = fit(threads=threads, batch_size=70), fit(threads=1, batch_size=70)
    assert weights(ours) == weights(theirs)
    assert [r["test_loss"] for r in ours.history] == [r["test_loss"] for r in theirs.history]


def test_training_goes_on_from_given_weights():
    run = fit(epochs=6)
    again = nbdl.fit(run.net, DATA, optimizer="sgd", lr=0.0, epochs=1)
    assert weights(again) == weights(run)


def test_pairs_and_regression():
    x = RNG.normal(size=(64, 2))
    run = nbdl.fit(
        nn.Sequential(nn.Linear(1)), (x, x @ [[2.0], [-3.4]] + 4.2), lr=0.1, epochs=30, batch_size=8
    )
    np.testing.assert_allclose(run.net[0].w.data, [[2], [-3.4]], atol=0.01)
    np.testing.assert_allclose(run.net[0].b.data, [4.2], atol=0.01)
    assert "test_loss" not in run.history[0]


def test_a_last_short_batch_counts_by_its_own_size():
    x, y = np.ones((5, 1), np.float32), np.arange(5, dtype=np.float32)[:, None]
    run = nbdl.fit(nn.Sequential(nn.Linear(1, init="zeros")), (x, y), lr=0.0, epochs=1, batch_size=4)
    assert run.history[0]["train_loss"] == pytest.approx(np.mean(y**2))


def test_a_run_folder_holds_everything(tmp_path):
    folder = tmp_path / "new" / "run"
    run = fit(out=folder)
    names = {p.name for p in folder.iterdir()}
    assert {"config.toml", "log.jsonl", "checkpoint.safetensors", "model.safetensors"} <= names
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert log == run.history
    net = nbdl.load(folder / "model.safetensors")
    assert (net(DATA.test.x).data == run.net(DATA.test.x).data).all()


def test_the_picture_shows_the_curves(tmp_path):
    pytest.importorskip("matplotlib")
    fit(out=tmp_path)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def small_config(**overrides):
    return train.resolve(
        "softmax_regression",
        overrides={
            "data": "digits",
            "data_options.size": 8,
            "epochs": 2,
            "batch_size": 100,
            "optimizer": "momentum",
            **overrides,
        },
    )


class StopAt:
    """Presses Ctrl-C at a step, or at the next one that is shown."""

    def __init__(self, step):
        self.step = step

    def __call__(self, event, **fields):
        if event == "step" and (fields["epoch"] - 1) * fields["steps"] + fields["step"] >= self.step:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def calls_of(monkeypatch):
    """``calls_of(n)``: from now on a call of the program runs n steps, however long they take."""
    return lambda n: monkeypatch.setattr(train._loop, "_some", lambda steps, seconds: n)


@pytest.mark.parametrize("step", [1, 7, 15, 17])
def test_stop_and_resume_gives_the_same_bits(tmp_path, calls_of, step):
    pytest.importorskip("sklearn")
    config = small_config
    whole = train.train(config(), out=tmp_path / "whole")
    calls_of(1)
    stopped = train.train(config(), out=tmp_path / "part", progress=StopAt(step))
    assert stopped.interrupted and stopped.steps == step
    resumed = train.train(None, resume=tmp_path / "part")
    assert not resumed.interrupted and weights(resumed) == weights(whole)
    drop = lambda h: [{k: v for k, v in row.items() if k != "seconds"} for row in h]  # noqa: E731
    assert drop(resumed.history) == drop(whole.history)


def test_stop_and_resume_with_dropout_and_adam(tmp_path, calls_of):
    pytest.importorskip("sklearn")
    config = train.resolve(
        "mlp",
        overrides={
            "data_options.size": 8, "epochs": 1, "batch_size": 200, "model_options.hidden": [16],
            "model_options.dropout": 0.5, "schedule": "cosine",
        },
    )  # fmt: skip
    whole = train.train(config, out=tmp_path / "whole")
    calls_of(2)
    stopped = train.train(config, out=tmp_path / "part", progress=StopAt(3))
    assert stopped.interrupted and stopped.steps == 3  # the first call is one step: it is timed
    assert weights(train.train(None, resume=tmp_path / "part")) == weights(whole)


def test_more_epochs_after_the_end(tmp_path):
    pytest.importorskip("sklearn")
    train.train(small_config(epochs=1), out=tmp_path)
    more = train.train(small_config(epochs=2), resume=tmp_path)
    assert weights(more) == weights(train.train(small_config(epochs=2), out=tmp_path / "whole"))
    more = small_config(epochs=2, threads=2)
    with pytest.warns(UserWarning, match="has all its 2 epochs: nothing is left .* larger `epochs`"):
        assert train.train(more, resume=tmp_path).config.threads == 2
    with pytest.raises(UsageError, match="made with lr"):
        train.train(small_config(lr=0.7), resume=tmp_path)
    with pytest.raises(DataError, match="holds no run to go on with"):
        train.train(None, resume=tmp_path / "nothing")


def test_divergence_stops_with_advice():
    with pytest.raises(NumericError, match=r"training diverged. Try a smaller learning rate than 1e\+20"):
        nbdl.fit(nn.Sequential(nn.Linear(1)), (RNG.normal(size=(20, 3)), RNG.normal(size=(20, 1))), lr=1e20)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_wrong_label_ends_a_run(tmp_path, compiled):
    """What was saved before stays, and the net has the weights of the step before."""
    x, y = DATA.train
    y = y.copy()
    y[-1] = 3
    with pytest.raises(LabelError, match="label"):
        fit_on(x, y, out=tmp_path, compiled=compiled)
    assert not (tmp_path / "model.safetensors").exists()


def fit_on(x, y, **options):
    return nbdl.fit(model(), Data("bad", Split(x, y), DATA.test, 3), epochs=1, batch_size=16, **options)


def test_bad_data_is_named():
    x, y = DATA.train
    with pytest.raises(LabelError, match="label"):
        nbdl.fit(model(), Data("bad", Split(x, y + 7), DATA.test, 3), epochs=1)
    with pytest.raises(DataError, match="training data are empty"):
        nbdl.fit(model(), (x[:0], y[:0]), epochs=1)
    with pytest.raises(DataError, match="90 inputs but 89 targets"):
        nbdl.fit(model(), (x, y[:-1]), epochs=1)
    with pytest.raises(UsageError, match="did you mean adam"):
        nbdl.fit(model(), DATA, optimizer="adamm")


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SaveError, match="cannot make the folder"):
        fit(out=tmp_path / "file" / "run")


def test_predict_and_evaluate():
    run = fit(epochs=1)
    prediction = train.predict(run.net, DATA.test.x.astype(float), batch_size=7)
    np.testing.assert_allclose(prediction, run.net(DATA.test.x).data, rtol=1e-6)
    result = train.evaluate(run.net, DATA.test, "softmax_cross_entropy")
    assert result["accuracy"] == train.accuracy(prediction, DATA.test.y)
    assert train.accuracy(prediction, np.eye(3)[DATA.test.y]) == result["accuracy"]
    assert train.mean_absolute_error(np.array([[1.0], [2.0]]), np.array([2.0, 4.0])) == 1.5


def test_given_weights_stay_when_a_new_layer_is_added():
    body = nn.init(nn.Sequential(nn.Linear(8)), DATA.train.x, seed=5)
    before = nn.state_dict(body)
    nbdl.fit(nn.Sequential(body, nn.ReLU(), nn.Linear(3)), DATA, lr=0.0, epochs=1)
    assert all((before[k] == v).all() for k, v in nn.state_dict(body).items())


def test_weights_that_blew_up_are_not_saved(tmp_path):
    x = RNG.normal(size=(20, 3)) * 1e3
    with pytest.raises(NumericError, match="before any update: the inputs, the targets or"):
        nbdl.fit(
            nn.Sequential(nn.Linear(1)), (x, x[:, :1] * 1e30), lr=1e30, epochs=1, batch_size=20, out=tmp_path
        )
    assert (
        not (tmp_path / "model.safetensors").exists() and not (tmp_path / "checkpoint.safetensors").exists()
    )


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path):
    fit(epochs=1, out=tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(SaveError, match="holds a run already"):
        fit(epochs=1, seed=1, out=tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_a_run_that_was_stopped_can_be_loaded(tmp_path):
    pytest.importorskip("sklearn")
    run = train.train(small_config(), out=tmp_path, progress=StopAt(4))
    net, config, _ = train.load_run(tmp_path)
    assert run.interrupted and config.model == "softmax_regression"
    x = run.data.test.x
    assert (net(x).data == run.net(x).data).all()


def test_numpy_numbers_are_numbers(tmp_path):
    net = nn.Sequential(nn.Linear(np.int64(3)))
    run = nbdl.fit(net, DATA, epochs=np.int64(1), seed=np.int32(2), batch_size=np.int64(30), out=tmp_path)
    assert (nbdl.load(tmp_path / "model.safetensors")(DATA.test.x).data == run.net(DATA.test.x).data).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"batch_size": 2.5}, "`batch_size` must be int"),
        ({"epochs": 0}, "`epochs` must be at least 1"),
        ({"threads": -1}, "`threads` must be at least 0"),
        ({"clip_norm": -1}, r"`clip_norm` must be at least 0\.0, got -1\.0"),
        ({"seed": 2**64}, r"`seed` must be an integer from 0 to 2\^63 - 1"),
        ({"loss_options": {"foo": 1}}, "loss `softmax_cross_entropy` has no option `foo`"),
        (
            {"schedule": "cosine", "schedule_options": {"warmup": "a"}},
            "option `warmup` must be like its default",
        ),
        ({"optimizer_options": {"weight_decay": "a"}}, "option `weight_decay` must be like its default"),
        ({"groups": {"*.b": 5}}, "must be a table of options"),
        ({"groups": {"*.b": {"lr_factor": "a"}}}, "`lr_factor` must be a finite number from 0, got 'a'"),
        ({"groups": {"*": {"frozen": True}}}, "nothing to train"),
    ],
)
def test_wrong_options_are_named_before_a_folder_is_made(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        fit(**options, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_inputs_and_targets_apart_are_asked_for_as_a_pair():
    x, y = RNG.normal(size=(4, 2)), np.zeros((4, 1))
    with pytest.raises(UsageError, match=r"`loss` must be the name of a loss, got ndarray. Try .*\(x, y\)"):
        nbdl.fit(nn.Sequential(nn.Linear(1)), x, y)


def test_numbers_that_are_none_are_found_in_the_data():
    x, y = RNG.normal(size=(4, 2)), np.zeros((4, 1))
    x[2, 1] = np.nan
    with pytest.raises(DataError, match=r"train inputs hold nan at index \(2, 1\)"):
        nbdl.fit(nn.Sequential(nn.Linear(1)), (x, y))
    with pytest.raises(DataError, match="train targets hold inf"):
        nbdl.fit(nn.Sequential(nn.Linear(1)), (y, y + np.inf))


def test_ignored_labels_do_not_count():
    prediction = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert train.accuracy(prediction, np.array([0, -100, 1])) == 0.5


def by_values(prediction, target):
    """A loss whose Python asks for values, which a traced tensor has not."""
    return ((prediction - np.asarray(target.numpy(), prediction.dtype)) ** 2).mean()


def wrong(prediction, target):
    raise KeyError("of the loss itself")


@pytest.fixture
def losses():
    from nbdl import registry

    fresh = registry.Registry(entries=[])
    records = fresh.plugins()[0].records
    for f in (by_values, wrong):
        records["loss", f.__name__] = nbdl.Loss(f.__name__, f)
    former = registry.use(fresh)
    yield
    registry.use(former)


PROGRAM = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: there are no programs")


@PROGRAM
def test_a_loss_that_a_program_cannot_follow_is_told_what_to_do(losses):
    data = DATA.train.x, DATA.train.x[:, :1]
    with pytest.raises(TapeError, match=r"the values of a tensor, in test_loop.py:\d+, .*compiled=False"):
        nbdl.fit(nn.Sequential(nn.Linear(1)), data, loss="by_values", epochs=1)
    nbdl.fit(nn.Sequential(nn.Linear(1)), data, loss="by_values", epochs=1, lr=0.01, compiled=False)
    with pytest.raises(KeyError, match="of the loss itself"):  # compiled or not, that is the fault
        nbdl.fit(nn.Sequential(nn.Linear(1)), data, loss="wrong", epochs=1)


class TakesArrays:
    """A net whose Python asks its input for what an array has and a tensor has not."""

    def __init__(self):
        self.layer = nn.Linear(1)

    def __call__(self, x, train=None):
        return self.layer(x.astype(np.float32).view())


@PROGRAM
@pytest.mark.filterwarnings("ignore:.*to predict the mean of the targets")
def test_a_net_that_a_program_cannot_follow_is_told_what_to_do_and_trains_so():
    data = DATA.train.x, DATA.train.x[:, :1]
    with pytest.raises(TapeError, match=r"cannot become a native program .*compiled=False"):
        nbdl.fit(TakesArrays(), data, epochs=1)
    both = Data("d", Split(*data), Split(*data), None)
    run = nbdl.fit(TakesArrays(), both, epochs=1, lr=0.01, compiled=False)
    assert train.predict(run.net, data[0]).shape == (90, 1)
    assert np.isfinite(run.evaluate(run.data.test)["loss"])


# --- targets of any form, and tables ------------------------------------------------------------------------


class Flat:
    """A net that gives (N,)."""

    def __init__(self):
        self.inner = nn.Linear(1)

    def __call__(self, x, train=None):
        return self.inner(x).reshape(-1)


LINE = RNG.normal(size=(60, 4))
VALUES = LINE @ [1.0, -2.0, 0.5, 3.0]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("make", [lambda: nn.Sequential(nn.Linear(1)), Flat])
def test_a_last_axis_of_one_makes_no_difference(make, compiled):
    """(N,) against (N, 1) is never broadcast to (N, N)."""
    options = {"epochs": 8, "batch_size": 16, "lr": 0.1, "compiled": compiled}
    runs = [nbdl.fit(make(), (LINE, y), **options) for y in (VALUES, VALUES[:, None])]
    assert weights(runs[0]) == weights(runs[1])
    assert runs[0].history[-1]["train_loss"] < 0.1
    measured = [run.evaluate(Split(LINE, y)) for run, y in zip(runs, (VALUES[:, None], VALUES))]
    assert measured[0] == measured[1] and measured[0]["loss"] < 0.1


@pytest.mark.parametrize("compiled", [True, False])
def test_targets_of_another_shape_are_named_by_the_shapes_of_the_user(compiled):
    n = "N" if compiled and train._measure.native() else "16"
    with pytest.raises(ShapeError, match=rf"prediction \({n}, 3\), got \({n},\)\. Try integer targets"):
        nbdl.fit(nn.Sequential(nn.Linear(3)), (LINE, VALUES), batch_size=16, compiled=compiled)
    with pytest.raises(ShapeError, match=r"prediction \(60, 3\), got \(60,\)"):
        net = nn.init(nn.Sequential(nn.Linear(3)), LINE)
        train.evaluate(net, Split(LINE, VALUES), "mse")


def test_labels_of_one_column_are_labels():
    x, y = DATA.train
    runs = [nbdl.fit(model(), (x, t), epochs=2, batch_size=16) for t in (y, y[:, None])]
    assert weights(runs[0]) == weights(runs[1])
    assert train.accuracy(runs[0].net(x).data, y[:, None]) == train.accuracy(runs[0].net(x).data, y)
    with pytest.raises(ShapeError, match=r"mean_absolute_error: `target` must have the shape .*\(3, 2\)"):
        train.mean_absolute_error(np.zeros((2, 3)), np.zeros((3, 2)))


@pytest.mark.parametrize("form", [np.array, list, lambda names: np.array(names, object)])
def test_text_labels(form):
    x, y = DATA.train
    names = ["cow", "ant", "bee"]
    run = nbdl.fit(
        model(), (x, form([names[i] for i in y])), optimizer="adam", lr=0.02, epochs=10, batch_size=16
    )
    assert run.preparation.labels == ("ant", "bee", "cow") and run.data.classes == 3
    found = run.predict(x)
    assert np.mean(found == np.array(names)[y]) > 0.9
    assert run.evaluate(Split(x, np.array(names)[y])) == run.evaluate(run.data.train)
    with pytest.raises(DataError, match="the label 'dog' is none"):
        run.evaluate(Split(x[:1], np.array(["dog"])))


def test_more_outputs_than_labels():
    x, y = DATA.train
    run = nbdl.fit(nn.Sequential(nn.Linear(5)), (x, np.where(y > 0, "a", "b")), epochs=1, batch_size=16)
    run.net[0].b.assign(np.array([0, 0, 0, 0, 99], np.float32))
    with pytest.raises(UsageError, match="class 4 was predicted, but there are 2 labels"):
        run.predict(x)


@pytest.mark.parametrize("axes", [(), (1,)])
def test_values_are_predicted_in_the_form_of_the_targets(axes):
    """So that ``run.predict(x) - y`` never broadcasts to (N, N)."""
    x = np.random.default_rng(0).standard_normal((40, 3))
    y = x.sum(axis=1).reshape(40, *axes)
    run = nbdl.fit(nn.Sequential(nn.Linear(1)), (x, y), epochs=1, batch_size=8)
    assert run.predict(x).shape == y.shape
    assert np.mean((run.predict(x) - y) ** 2) == pytest.approx(run.evaluate(run.data.train)["loss"], rel=1e-5)


def test_truth_values_are_labels():
    x, y = DATA.train
    run = nbdl.fit(model(), (x, y == 1), epochs=1, batch_size=16)
    assert run.config.loss == "softmax_cross_entropy" and run.predict(x).dtype == bool


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (LINE, r"got an array of shape \(60, 4\): there are no targets"),
        ((LINE,), "got tuple of 1"),
        (None, "got NoneType"),
        ((LINE, None), "one entry for each sample"),
        ((LINE, [[1.0], [2.0, 3.0]] * 30), "targets must be one array of numbers; its rows differ in length"),
        ((LINE, ["a", float("nan")] * 30), "all text or all numbers, got nan among text"),
        ((LINE, [None, 1.0] * 30), "targets must hold numbers, or labels as text, got dtype object"),
        ((LINE.astype(str), VALUES), "inputs must hold numbers, got dtype <U"),
        ((LINE * 1j, VALUES), "inputs must hold numbers, got dtype complex128"),
        ((np.ma.masked_greater(LINE, 1), VALUES), "inputs hold masked values"),
        ((LINE[:, 0], VALUES), r"inputs of shape \(60,\) do not fit the net: Linear"),
    ],
)
def test_what_is_no_data_is_named(data, message):
    with pytest.raises((DataError, ShapeError, UsageError), match=message):
        nbdl.fit(nn.Sequential(nn.Linear(1)), data)


def write_table(path, n=200):
    """Columns of unlike units, and one far from 0; the mean of the target is 100, its deviation about 5."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, 3))
    y = 100 + x @ [3.0, -4.0, 1.0] + 0.1 * rng.normal(size=n)
    columns = np.column_stack([x * [5000, 0.001, 1000] + [7000, 0, 1.6e9], y])
    path.write_text(
        "frequency,thickness,time,noise\n" + "".join(",".join(map(repr, r)) + "\n" for r in columns.tolist())
    )
    return path


@pytest.mark.parametrize("compiled", [True, False])
def test_a_table_is_standardised(tmp_path, compiled):
    """And all that is reported is in the units of its target."""
    path = write_table(tmp_path / "a.csv")
    run = nbdl.fit(
        nn.Sequential(nn.Linear(1)), str(path), lr=0.1, epochs=10, batch_size=20, compiled=compiled,
        out=tmp_path / "run",
    )  # fmt: skip
    last = run.history[-1]
    assert last["train_loss"] < 0.1 and last["test_loss"] < 0.05
    x, y = run.data.test
    assert x[:, 2].mean() > 1e9 and y.mean() > 90
    assert np.mean((run.predict(x) - y) ** 2) == pytest.approx(last["test_loss"], rel=1e-3)
    assert run.evaluate(run.data.test)["loss"] == last["test_loss"]
    net, _, preparation = train.load_run(tmp_path / "run")
    assert (preparation.values(train.predict(net, preparation.inputs(x))) == run.predict(x)).all()
    measured = train.evaluate(net, run.data.test, "mse", preparation)
    assert measured["loss"] == last["test_loss"]
    with pytest.warns(UserWarning, match="trained on standardised columns"):
        nbdl.load(tmp_path / "run" / "model.safetensors")


def test_a_table_goes_on_to_the_same_bits(tmp_path):
    path = write_table(tmp_path / "a.csv")

    def config(epochs):
        overrides = {"data": str(path), "epochs": epochs, "model_options.hidden": [8], "batch_size": 20}
        return train.resolve("mlp", overrides=overrides)

    whole = train.train(config(4), out=tmp_path / "whole")
    train.train(config(2), out=tmp_path / "part")
    again = train.train(config(4), resume=tmp_path / "part")
    assert weights(again) == weights(whole)
    for one, two in zip(again.history, whole.history):
        assert {**one, "seconds": 0} == {**two, "seconds": 0}


def test_a_net_worse_than_a_constant_is_a_warning():
    far = LINE * 1e4
    with pytest.warns(UserWarning, match="predict the mean of the targets .* Try standardised columns"):
        nbdl.fit(nn.Sequential(nn.Linear(1)), (far, VALUES), optimizer="adam", lr=0.01, epochs=1)
    with pytest.warns(UserWarning, match="Try a smaller learning rate than 300"):
        nbdl.fit(nn.Sequential(nn.Linear(1)), (LINE, VALUES), optimizer="adam", lr=300, epochs=3)
    with pytest.warns(UserWarning, match="Try more epochs than 1"):
        nbdl.fit(nn.Sequential(nn.Linear(1)), (LINE, VALUES + 50), lr=1e-4, epochs=1)
    wrong = Data("wrong", DATA.train, Split(DATA.test.x, (DATA.test.y + 1) % 3), 3)
    with pytest.warns(UserWarning, match="the most frequent class for every sample gives 0.3333"):
        nbdl.fit(model(), wrong, optimizer="adam", lr=0.02, epochs=10, batch_size=16)


def test_a_data_set_with_values_of_one_axis_has_one_output():
    """As a plugin may give it."""
    data = Data("line", Split(LINE, VALUES), Split(LINE, VALUES), None)
    step = train.compile_config(train.resolve("mlp"), data)
    assert nn.parameters(step.net)[-1].shape == (1,)


AIRFOIL = Path(__file__).parents[3] / "shared" / "data" / "airfoil_self_noise.dat"


@pytest.mark.skipif(not AIRFOIL.exists(), reason="the airfoil data are not at hand")
@pytest.mark.parametrize(("name", "most"), [("linear_regression", 30), ("mlp", 15)])
def test_airfoil_with_the_settings_of_a_model(tmp_path, name, most):
    """The mean of the targets gives 54, least squares 26 on this test part."""
    run = train.train(train.resolve(name, overrides={"data": str(AIRFOIL)}), out=tmp_path / "run")
    assert run.history[-1]["test_loss"] < most
