import json
import os
import signal

import numpy as np
import pytest

import nbdl
from nbdl import nn, train
from nbdl.data import Data, Split
from nbdl.errors import DataError, LabelError, NumericError, SaveError, UsageError

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
    with pytest.raises(UsageError, match="made with lr"):
        train.train(small_config(lr=0.7), resume=tmp_path)
    with pytest.raises(DataError, match="no run that could be resumed"):
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
    with pytest.raises(NumericError, match="training diverged"):
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
    net, config = train.load_run(tmp_path)
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
        ({"seed": 2**64}, "`seed` must be below"),
        ({"loss_options": {"foo": 1}}, "loss `softmax_cross_entropy` has no option `foo`"),
        (
            {"schedule": "cosine", "schedule_options": {"warmup": "a"}},
            "option `warmup` must be like its default",
        ),
        ({"optimizer_options": {"weight_decay": "a"}}, "option `weight_decay` must be like its default"),
        ({"groups": {"*.b": 5}}, "must be a table of options"),
    ],
)
def test_wrong_options_are_named_before_a_folder_is_made(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        fit(**options, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


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
